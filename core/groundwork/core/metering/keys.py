"""API keys: shown once, kept as a digest, checked in the database at every request.

A key is `gw_<id>_<secret>`: the id is public and finds the row, the secret has 256 random bits, so that a fast digest is as
good as a slow one. Looking at the database each time makes a revocation hold at once, in all processes.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import math
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql

from groundwork.core.errors import InvalidInput, NotFound, Unauthenticated, Unavailable
from groundwork.core.metering.callers import API, SCOPES, Caller
from groundwork.core.metering.database import reading, writing
from groundwork.core.metering.directory import ensure_known
from groundwork.core.metering.events import note_event
from groundwork.core.metering.postings import day_start, now_ms
from groundwork.core.metering.standing import iso
from groundwork.core.metering.tables import keys

_log = logging.getLogger("groundwork.access")

PREFIX = "gw_"
_KEY = re.compile(r"gw_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
# How long the first key may take to be asked for in a process that did not make it.
_SURE_SECONDS = 1.0
_NOBODY = b"\0" * 32
_NAME = re.compile(r"[\w.@:/+-][\w.@:/+ -]{0,127}")


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to be. `expires_at` is in milliseconds since 1970; None is never."""

    name: str = ""
    team: str = ""
    user: str = ""
    project: str = ""
    scopes: tuple[str, ...] = ("ask", "search")
    expires_at: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def check(self) -> None:
        """Raises InvalidInput."""
        unknown = set(self.scopes) - set(SCOPES)
        if unknown or not self.scopes:
            raise InvalidInput(
                f"scopes are {', '.join(SCOPES)}; {', '.join(sorted(unknown)) or 'none'} was given",
                field="scopes",
            )
        for field in ("name", "team", "user", "project"):
            check_name(getattr(self, field), field)
        for field in ("requests_per_minute", "tokens_per_minute"):
            limit = getattr(self, field)
            if limit is not None and not 0 < limit < 2**31:
                raise InvalidInput("a limit is above 0", field=field)
        if self.expires_at is not None and self.expires_at <= now_ms():
            raise InvalidInput("a key cannot expire in the past", field="expires")


class Keys:
    """The keys in the ledger's database."""

    def __init__(self, engine: sql.Engine, offline_seconds: float = 0.0) -> None:
        """While the database is absent, what was true at most `offline_seconds` ago is believed."""
        self._engine = engine
        self._any = False
        self._offline_seconds = offline_seconds
        self._none_at = -math.inf
        self._seen: dict[str, tuple[float, bytes, Caller]] = {}

    def create(self, new: NewKey, actor: str) -> tuple[str, str]:
        """Make a key; returns its id and the key itself, which nobody can see again. Raises InvalidInput."""
        new.check()
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        row = {
            "id": key_id,
            "digest": _digest(key_id, secret),
            "name": new.name,
            "team": new.team,
            "user_id": new.user,
            "project": new.project,
            "scopes": " ".join(scope for scope in SCOPES if scope in new.scopes),
            "requests_per_minute": new.requests_per_minute,
            "tokens_per_minute": new.tokens_per_minute,
            "created_at": now_ms(),
            "expires_at": new.expires_at,
        }
        with writing(self._engine) as connection:
            connection.execute(sql.insert(keys).values(row))
            ensure_known(connection, team=new.team, user=new.user, project=new.project)
            detail = {"key": key_id, "team": new.team, "scopes": row["scopes"]}
            note_event(connection, actor, "key.created", detail)
        self._any = True
        return key_id, f"{PREFIX}{key_id}_{secret}"

    def revoke(self, key_id: str, actor: str) -> bool:
        """From now on the key is refused, everywhere. Whether it was valid until now. Raises NotFound."""
        with writing(self._engine) as connection:
            row = connection.execute(sql.select(keys.c.id).where(keys.c.id == key_id)).first()
            if row is None:
                raise NotFound(f"no key {key_id}; groundwork keys list has them", field="id")
            live = sql.update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None))
            revoked = connection.execute(live.values(revoked_at=now_ms())).rowcount == 1
            if revoked:
                note_event(connection, actor, "key.revoked", {"key": key_id})
        return revoked

    def exist(self) -> bool:
        """Whether a key was ever made, revoked ones too: without any, this machine's own user is let in."""
        if self._any:
            return True
        try:
            with reading(self._engine) as connection:
                self._any = connection.execute(sql.select(keys.c.id).limit(1)).first() is not None
        except Unavailable:
            if not self._is_recent(self._none_at):
                raise
            return False
        self._none_at = time.monotonic()
        return self._any

    def surely_none(self) -> bool:
        """Whether it was seen within the last second that no key was ever made; asks nobody."""
        return not self._any and time.monotonic() - self._none_at < _SURE_SECONDS

    def all(self) -> list[dict[str, Any]]:
        """What is known of every key but its secret, newest first."""
        columns = [column for column in keys.c if column.name != "digest"]
        query = sql.select(*columns).order_by(keys.c.created_at.desc(), keys.c.id)
        with reading(self._engine) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def authenticate(self, key: str, channel: str = API) -> Caller:
        """Whose key this is. Raises Unauthenticated, and logs the refusal without the secret."""
        match = _KEY.fullmatch(key)
        if match is None:
            raise _refused("not a key of this service", "malformed")
        key_id, secret = match.groups()
        digest = _digest(key_id, secret)
        try:
            with reading(self._engine) as connection:
                query = sql.select(keys).where(keys.c.id == key_id)
                found = connection.execute(query).mappings().first()
        except Unavailable:
            seen = self._seen.get(key_id)
            if seen is None or not self._is_recent(seen[0]):
                raise
            if not hmac.compare_digest(seen[1], digest):
                raise
            return seen[2]
        caller = _checked(found, key_id, digest, channel)
        if self._offline_seconds:
            self._seen[key_id] = (time.monotonic(), digest, caller)
        return caller

    def _is_recent(self, at: float) -> bool:
        return time.monotonic() - at < self._offline_seconds


def _checked(found: sql.RowMapping | None, key_id: str, digest: bytes, channel: str) -> Caller:
    # Compared also where there is nothing to compare with, so that time does not tell which ids exist.
    known = bytes(found["digest"]) if found is not None else _NOBODY
    if not hmac.compare_digest(known, digest) or found is None:
        raise _refused("not a valid key", key_id)
    if found["revoked_at"] is not None:
        raise _refused("this key was revoked", key_id)
    if found["expires_at"] is not None and found["expires_at"] <= now_ms():
        raise _refused("this key has expired", key_id)
    return Caller(
        key_id=key_id,
        team=found["team"],
        user=found["user_id"],
        project=found["project"],
        channel=channel,
        scopes=frozenset(found["scopes"].split()),
        requests_per_minute=found["requests_per_minute"],
        tokens_per_minute=found["tokens_per_minute"],
    )


def check_name(name: str, field: str) -> None:
    """Raises InvalidInput for what is no name; "" is none."""
    if name and not _NAME.fullmatch(name):
        raise InvalidInput(
            "a name has letters, digits, blanks and . @ : / + - _, at most 128", field=field
        )


def parse_expiry(text: str | None) -> int | None:
    """`90d`, or a UTC day such as 2027-01-31, as ms since 1970; None is never. Raises InvalidInput."""
    if text is None:
        return None
    days = re.fullmatch(r"(\d{1,5})d", text)
    if days is not None:
        return now_ms() + int(days[1]) * 86_400_000
    try:
        return day_start(text)
    except ValueError:
        raise InvalidInput(
            f"{text!r} is neither a number of days such as 90d nor a date", field="expires"
        ) from None


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A key as the API and the command line show it; `state` is valid, revoked or expired."""
    now = now_ms()
    state = "valid"
    if row["expires_at"] is not None and row["expires_at"] <= now:
        state = "expired"
    if row["revoked_at"] is not None:
        state = "revoked"
    return {
        "id": row["id"],
        "name": row["name"],
        "team": row["team"],
        "user": row["user_id"],
        "project": row["project"],
        "scopes": row["scopes"].split(),
        "state": state,
        "requests_per_minute": row["requests_per_minute"],
        "tokens_per_minute": row["tokens_per_minute"],
        "created_at": iso(row["created_at"]),
        "expires_at": iso(row["expires_at"]) if row["expires_at"] is not None else None,
    }


def _digest(key_id: str, secret: str) -> bytes:
    # Keyed with the id: equal secrets of two keys would not look equal.
    return hashlib.blake2b(
        secret.encode(), digest_size=32, key=key_id.encode(), person=b"groundwork-key"
    ).digest()


def _refused(why: str, key_id: str) -> Unauthenticated:
    _log.warning("refused key %s: %s", key_id, why)
    return Unauthenticated(
        f"{why}; send a valid one as Authorization: Bearer or x-api-key", field="key"
    )
