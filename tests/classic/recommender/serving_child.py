"""Answers from a tiny ranker, as the service does. Run in a process of its own, to see what that imports."""

from __future__ import annotations

import numpy as np

from groundwork.classic.recommender.matrix import Vocabulary
from groundwork.classic.recommender.models.ease import Dual, Ease, transposed
from groundwork.classic.recommender.models.sparse import Rows
from groundwork.classic.recommender.rank import Ranker
from groundwork.classic.recommender.ratings import Films
from groundwork.classic.recommender.recommend import Wish, recommend


def answer() -> None:
    """Three films, two people, one of whom asks for reasons."""
    ids = np.array([1, 2, 3, 4], dtype=np.int64)
    films = Films(ids, ("A", "B", "C", "D"), np.full(4, 1990, np.int16), np.ones(4, np.uint32))
    people = Rows(np.array([0, 2, 4]), np.array([0, 1, 1, 2], np.int32), np.ones(4, np.float32), 3)
    dual = Dual(people, transposed(people), np.eye(2, dtype=np.float32), np.ones(3, np.float32))
    borrowed = Rows(np.array([0, 1]), np.array([2], np.int32), np.ones(1, np.float32), 3)
    share = np.array([0.5, 1.0, 0.5], dtype=np.float32)
    made = Ranker(films, Vocabulary(ids[:3]), "seen", Ease(dual, None), share, 0.1, borrowed)
    ranker = Ranker.from_bytes(made.to_bytes())
    found = recommend(ranker, None, [(1, 5.0)], Wish(explain=True))
    assert [pick.film for pick in found.picks] == [2, 3, 4]
    assert found.picks[0].because[0].film == 1
    assert found.picks[2].cold
