"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field

from groundwork.core.errors import Forbidden

ASK = "ask"
SEARCH = "search"
INGEST = "ingest"
RECOMMEND = "recommend"
OCR = "ocr"
COSTS = "costs"
ADMIN = "admin"
# `admin` holds all others.
SCOPES = (ASK, SEARCH, RECOMMEND, OCR, INGEST, COSTS, ADMIN)

API = "api"
CLI = "cli"
SLACK = "slack"


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose account a request goes. "" is not known. Holds no secret, so it may be logged."""

    key_id: str = ""
    team: str = ""
    user: str = ""
    project: str = ""
    channel: str = API
    scopes: frozenset[str] = field(default_factory=frozenset)
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    @classmethod
    def local(cls, channel: str = API) -> Caller:
        """Whoever sits at this machine while there are no keys: may do everything, belongs to no team."""
        return cls(channel=channel, scopes=frozenset(SCOPES))

    def may(self, scope: str) -> bool:
        """Whether the caller has this scope."""
        return scope in self.scopes or ADMIN in self.scopes

    def require(self, scope: str) -> None:
        """Raises Forbidden where the caller may not."""
        if not self.may(scope):
            raise Forbidden(
                f"this key has not the scope {scope}; use one that has, or ask for it", field="key"
            )

    def subjects(self) -> list[tuple[str, str]]:
        """What budgets may be set for: (scope, subject), where known."""
        named = [
            ("key", self.key_id),
            ("user", self.user),
            ("team", self.team),
            ("project", self.project),
        ]
        return [(scope, subject) for scope, subject in named if subject]
