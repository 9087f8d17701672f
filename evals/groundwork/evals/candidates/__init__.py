"""Questions that may become golden ones: made from an index, or drawn from what was asked, and reviewed by a person."""
