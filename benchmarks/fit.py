"""Fit the confidence: python -m benchmarks fit prints the constants of retrieval/confidence.py.

Logistic regression on the half of the questions that `Labelled.half` calls "fit"; groups count equally, so that a
large set does not drown a small one. The other half and left-out indexes are printed beside it.
"""

from __future__ import annotations

import hashlib

import numpy as np

from benchmarks.data import SETS, far_off, neighbours
from benchmarks.setup import open_retriever, prepare_sets
from groundwork.core.settings import Settings
from groundwork.retrieval.confidence import WEIGHTS
from groundwork.retrieval.retrieve import Retriever

NAMES = tuple(WEIGHTS)


def main(settings: Settings) -> None:
    """Fit, and print weights and shares."""
    from sklearn.linear_model import LogisticRegression

    questions = prepare_sets(settings)
    rows: list[tuple[str, str, int, bool, list[float]]] = []
    with open_retriever(settings) as retriever:
        for chosen in SETS:
            texts = [each.text for each in questions[chosen.name]]
            rows += _rows(retriever, chosen.name, chosen.index, texts, 1)
            rows += _rows(retriever, f"far>{chosen.index}", chosen.index, far_off(), 0)
        rows += _rows(retriever, "postgres>kubeflow", "kubeflow", neighbours(), 0)
        rows += _rows(retriever, "postgres>mlflow", "mlflow", neighbours()[::3], 0)
        faq = [each.text for each in questions["python-faq"]]
        for index in ("kubeflow", "mlflow"):
            rows += _rows(retriever, f"faq>{index}", index, faq, 0)
    group = np.array([row[0] for row in rows])
    label = np.array([row[2] for row in rows])
    fitted = np.array([row[3] for row in rows])
    values = np.array([row[4] for row in rows])
    weight = np.zeros(len(rows))
    for name in set(group):
        mine = fitted & (group == name)
        peers = {each for each in set(group) if label[group == each][0] == label[group == name][0]}
        weight[mine] = 1000 / mine.sum() / len(peers)
    model = LogisticRegression(C=1.0, max_iter=5000)
    model.fit(values[fitted], label[fitted], sample_weight=weight[fitted])
    print(f"INTERCEPT = {model.intercept_[0]:.2f}")
    for name, coefficient in zip(NAMES, model.coef_[0], strict=True):
        print(f"{name}: {coefficient:.2f}")
    score = model.predict_proba(values)[:, 1]
    for half, rows_of in (("fit", fitted), ("held-out", ~fitted)):
        for name in sorted(set(group)):
            answered = (score[rows_of & (group == name)] >= 0.5).mean()
            print(f"{half:9} {name:20} answered {100 * answered:.1f} %")


def _rows(
    retriever: Retriever, group: str, index: str, texts: list[str], label: int
) -> list[tuple[str, str, int, bool, list[float]]]:
    rows = []
    for text in texts:
        signals = retriever.retrieve(text, index).signals
        fit = hashlib.sha256(text.encode()).digest()[0] % 2 == 0
        rows.append((group, index, label, fit, [signals[name] for name in NAMES]))
    return rows
