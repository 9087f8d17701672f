"""What is watched of each kind of release. Whoever serves a model records these."""

from __future__ import annotations

from groundwork.core.monitoring.drift.table import Feature
from groundwork.core.registry.base import ASSISTANT, INJECTION, OCR, RECOMMENDER

QUESTIONS = (
    Feature("question", "embedding", "what is asked"),
    Feature("length", "number", "words of a question"),
    Feature("best_score", "number", "similarity of the best passage"),
    Feature("confidence", "number", "confidence that the documentation answers"),
    Feature("outcome", "category", "how answers end"),
    Feature("rail", "category", "the rail that stopped a question"),
    Feature("answer_length", "number", "characters of an answer"),
    Feature("cost", "number", "cost of an answer in picodollars"),
)

IMAGES = (
    Feature("image", "embedding", "what images look like"),
    Feature("brightness", "number", "brightness of images"),
    Feature("contrast", "number", "contrast of images"),
    Feature("sharpness", "number", "sharpness of images"),
    Feature("pixels", "number", "size of images in megapixels"),
    Feature("confidence", "number", "confidence of what was read"),
    Feature("characters", "number", "characters read"),
    Feature("outcome", "category", "how readings end"),
)

RATINGS = (
    Feature("rating", "number", "ratings given"),
    Feature("history", "number", "how much is known of who asks"),
    Feature("score", "number", "score of the best recommendation"),
    Feature("popularity", "number", "popularity of what is recommended"),
    Feature("genre", "category", "genre of the first recommendation"),
    Feature("strategy", "category", "how recommendations were made"),
    Feature("clicked", "category", "whether a recommendation was followed"),
)

TEXTS = (
    Feature("text", "embedding", "what is judged"),
    Feature("score", "number", "score of the classifier"),
    Feature("length", "number", "characters judged"),
)

FEATURES = {ASSISTANT: QUESTIONS, OCR: IMAGES, RECOMMENDER: RATINGS, INJECTION: TEXTS}
"""By kind of release."""
