"""What is watched of each kind of release. Whoever serves a model records these."""

from __future__ import annotations

from collections.abc import Mapping

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

# Of the ratings that a recommendation was made from.
RATINGS = (
    Feature("rated", "number", "ratings of who asks"),
    Feature("mean_stars", "number", "mean stars given"),
    Feature("liked_share", "number", "share of four stars and more"),
)
RECOMMENDED = (
    Feature("basis", "category", "whose ratings decided"),
    Feature("best_score", "number", "score of the best recommendation"),
    Feature("mean_score", "number", "mean score of recommendations"),
    Feature("mean_year", "number", "mean year of what is recommended"),
)
REACTIONS = (
    Feature("place", "number", "place of what was followed"),
    Feature("stars", "number", "stars given to what was recommended"),
)

TEXTS = (
    Feature("text", "embedding", "what is judged"),
    Feature("score", "number", "score of the classifier"),
    Feature("length", "number", "characters judged"),
)

FEATURES: Mapping[str, Mapping[str, tuple[Feature, ...]]] = {
    ASSISTANT: {"": QUESTIONS},
    OCR: {"": IMAGES},
    RECOMMENDER: {"data": RATINGS, "prediction": RECOMMENDED, "reaction": REACTIONS},
    INJECTION: {"": TEXTS},
}
"""By kind of release and part; a kind that is watched as a whole has the part ""."""
