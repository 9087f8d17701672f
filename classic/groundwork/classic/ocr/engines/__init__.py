"""Engines that read line crops: ours, RapidOCR, Tesseract; one setting chooses."""
