"""Recommendations in the service: which release answers, from whose features, what it costs, what is kept of it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from groundwork.classic.recommender.features.records import Profile
from groundwork.classic.recommender.kept import Kept, Recommendations, missing
from groundwork.classic.recommender.recommend import Recommended, Wish, recommend
from groundwork.classic.recommender.release import line_of
from groundwork.classic.recommender.serve import (
    NoSignals,
    Recommender,
    RecommenderLoader,
    Signals,
    data_signals,
    prediction_signals,
)
from groundwork.core.errors import NotFound, Unavailable
from groundwork.core.metering.accounts import Accounts, Expected, Ticket
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.postings import Posting
from groundwork.core.metering.prices import RECOMMEND
from groundwork.core.metering.tally import REQUESTS, Tally
from groundwork.core.registry.follow import Follower
from groundwork.core.registry.followers import Followers
from groundwork.core.settings import Settings
from groundwork.core.telemetry import Trace

_log = logging.getLogger("groundwork.recommender")

MODEL = "recommender"
_EXPECTED = Expected(MODEL, 0, 0, ((REQUESTS, 1),))


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants what: a user that is known or not, or ratings (film, stars), or both, or neither."""

    user: int | None
    ratings: tuple[tuple[int, float], ...]
    wish: Wish


@dataclass(frozen=True, slots=True)
class Given:
    """What was answered, charged and kept."""

    id: str
    release: str
    found: Recommended
    ticket: Ticket
    posting: Posting


@dataclass(frozen=True, slots=True)
class Recommending:
    """Blocks while it works: call it from a thread."""

    follower: Follower[Recommender]
    kept: Recommendations
    accounts: Accounts
    signals: Signals = field(default_factory=NoSignals)

    def answer(self, asked: Asked, caller: Caller, trace: Trace) -> Given:
        """Raises NotFound where no recommender was ever trained, Unavailable, and what `Accounts.admit` raises."""
        request_id = "rec-" + secrets.token_hex(12)
        ticket = self.accounts.admit(request_id, caller, _EXPECTED)
        try:
            key = None if asked.user is None else f"user/{asked.user}"
            self._must_be_trained()
            with self.follower.lease(key, request_id) as held, trace.stage("recommend"):
                found = self._recommend(held.value, held.release, asked)
                release = held.release
        except BaseException:
            self.accounts.drop(request_id, ticket)
            raise
        tally = Tally()
        tally.add(RECOMMEND, MODEL, REQUESTS, 1)
        posting = self.accounts.charge(ticket, tally, trace, model=MODEL, release=release)
        self._keep(Kept(request_id, asked.user, release, _films(found)))
        return Given(request_id, release, found, ticket, posting)

    def react(self, recommendation: str, film: int, stars: float | None, caller: Caller) -> int:
        """Keep what a person did with a film; returns its place in the list. Raises NotFound, InvalidInput, Unavailable."""
        if not self.accounts.may_see(caller, recommendation):
            raise missing(recommendation)
        place = self.kept.react(recommendation, film, stars)
        release = self.kept.get(recommendation).release
        values: dict[str, float | str] = {"place": float(place)}
        if stars is not None:
            values["stars"] = stars
        self.signals.add("reaction", release, values)
        return place

    def close(self) -> None:
        """Release connections; what is loaded is the follower's."""
        self.kept.close()

    def _must_be_trained(self) -> None:
        status = self.follower.status()
        if not status.champion and not status.wanted and self.follower.wait(0.0):
            raise untrained()

    def _recommend(self, held: Recommender, release: str, asked: Asked) -> Recommended:
        profile = None if asked.user is None else held.features.profile(asked.user)
        found = recommend(held.ranker, profile, asked.ratings, asked.wish)
        self.signals.add("prediction", release, prediction_signals(found))
        self.signals.add("data", release, _data(profile, asked.ratings))
        return found

    def _keep(self, kept: Kept) -> None:
        try:
            self.kept.save(kept)
        except Unavailable as error:
            # It is paid for and on its way; only clicks on it will find nothing.
            if not self.accounts.answer_offline:
                raise
            _log.warning("recommendation %s is not kept: %s", kept.id, error.detail)


def untrained() -> NotFound:
    """There is no release to ask."""
    return NotFound(
        "no recommender is trained; run: groundwork train recommender --data FOLDER",
        field="recommender",
    )


def open_recommending(
    settings: Settings, accounts: Accounts, followers: Followers, signals: Signals | None = None
) -> Recommending:
    """What the settings name. Nothing is loaded before the registry was looked at. Raises Unavailable."""
    line = line_of(settings.recommender.name)
    return Recommending(
        follower=followers.follow(line, RecommenderLoader(settings.recommender.features)),
        kept=Recommendations(settings.ledger_url),
        accounts=accounts,
        signals=signals or NoSignals(),
    )


def _films(found: Recommended) -> tuple[int, ...]:
    return tuple(pick.film for pick in found.picks)


def _data(profile: Profile | None, ratings: Sequence[tuple[int, float]]) -> dict[str, float | str]:
    if profile is not None and not ratings:
        return data_signals(profile.rated, profile.stars)
    return data_signals(len(ratings), [stars for _, stars in ratings])
