"""The models. Each is fitted by scipy and answers with numpy alone; `families` names them."""

from __future__ import annotations

from groundwork.classic.recommender.models.als import Als
from groundwork.classic.recommender.models.base import Model
from groundwork.classic.recommender.models.ease import Ease
from groundwork.classic.recommender.models.neighbours import Neighbours
from groundwork.classic.recommender.models.popularity import Popularity

FAMILIES: dict[str, type[Model]] = {
    model.family: model for model in (Popularity, Neighbours, Ease, Als)
}

__all__ = ["FAMILIES", "Als", "Ease", "Model", "Neighbours", "Popularity"]
