"""Who calls: the key of a request, checked in the ledger's database each time."""

from __future__ import annotations

import asyncio
import logging

from starlette.datastructures import Headers
from starlette.requests import Request

from groundwork.core.errors import Forbidden, Unauthenticated
from groundwork.core.metering.accounts import Accounts
from groundwork.core.metering.callers import Caller

_log = logging.getLogger("groundwork.access")


def accounts_of(request: Request) -> Accounts:
    """Keys, budgets and the ledger; the composition root sets it as `app.state.accounts`."""
    accounts: Accounts = request.app.state.accounts
    return accounts


async def caller_of(request: Request, scope: str) -> Caller:
    """Whose request this is, where they have the scope; kept, so that asking again asks nobody.

    Raises Unauthenticated, Forbidden or Unavailable.
    """
    state = request.scope.setdefault("state", {})
    caller: Caller | None = state.get("caller")
    if caller is None:
        accounts, key = accounts_of(request), presented_key(request.headers)
        if accounts.keys.surely_none():
            caller = Caller.local()
        else:
            caller = await asyncio.to_thread(accounts.caller, key)
        state["caller"] = caller
    try:
        caller.require(scope)
    except Forbidden:
        _log.warning("key %s has not the scope %s", caller.key_id, scope)
        raise
    return caller


def presented_key(headers: Headers) -> str | None:
    """The key of `Authorization: Bearer` or `x-api-key`; None where there is none.

    Raises Unauthenticated for another scheme, and where the two differ.
    """
    authorization = headers.get("authorization", "").strip()
    named = headers.get("x-api-key", "").strip() or None
    if not authorization:
        return named
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated(
            "send the key as Authorization: Bearer KEY, or as x-api-key", field="key"
        )
    if named is not None and named != key.strip():
        raise Unauthenticated("Authorization and x-api-key hold different keys", field="key")
    return key.strip()
