"""The guard that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from groundwork.core.settings import Settings
from groundwork.guardrails.guard import Guard
from groundwork.guardrails.policy import Policy, load_policy, parse_policy
from groundwork.guardrails.rails.base import InjectionClassifier, Judge, Parts
from groundwork.retrieval.embed.base import Embedder
from groundwork.retrieval.passages import Passage

_NO_RAILS = "version: 1\nname: none\nrails: []\n"


def create_guard(
    settings: Settings,
    *,
    classifier: InjectionClassifier | None = None,
    judge: Judge | None = None,
    embedder: Embedder | None = None,
    known_hosts: Callable[[str], frozenset[str]] | None = None,
) -> Guard:
    """The guard with the policy in force, or one that checks nothing where rails are switched off.

    Raises ConfigurationError that names the policy file's line where it does not hold together.
    """
    parts = Parts(classifier, judge, Support(embedder), known_hosts)
    return Guard(policy_in_force(settings), parts)


def policy_in_force(settings: Settings) -> Policy:
    """The policy that the settings name. Raises ConfigurationError."""
    if not settings.rails.enabled:
        return parse_policy(_NO_RAILS, "rails switched off")
    return load_policy(settings.rails.policy)


class Support:
    """How well passages support a sentence: 1 where it is quoted, else the best of `retrieval.support`.

    Without an embedder words alone decide.
    """

    def __init__(self, embedder: Embedder | None) -> None:
        self._embedder = embedder

    def __call__(self, sentence: str, passages: Sequence[Passage]) -> float:
        """Between 0 and 1; 0 without passages."""
        from groundwork.retrieval.support import THRESHOLD, support, support_by_words

        if any(sentence in passage.chunk.text for passage in passages):
            return 1.0
        # What words alone support well enough, as quotes without their markup are, needs no embedding.
        least = max((support_by_words(sentence, each).score for each in passages), default=0.0)
        if least >= THRESHOLD:
            return least
        vector = self._embedder.embed([sentence])[0] if self._embedder and passages else None
        return max((support(sentence, vector, each).score for each in passages), default=0.0)
