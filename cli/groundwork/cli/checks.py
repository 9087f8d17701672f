"""The checks behind `groundwork doctor`: each tries what a setting points at."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from groundwork.cli.compose import open_index_store
from groundwork.core.errors import GroundworkError
from groundwork.core.settings import Settings


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was tried, whether it answered, and one sentence about it."""

    name: str
    ok: bool
    detail: str


def all_checks(settings: Settings) -> list[CheckResult]:
    """Every check, in the order in which things depend on each other."""
    checks: dict[str, Callable[[Settings], str]] = {
        "python": _python,
        "home": _home,
        "embedder": _embedder,
        "index": _index,
        "ledger": _ledger,
        "registry": _registry,
        "service": _service,
    }
    if settings.slack.enabled:
        checks["slack"] = _slack
    results = [_tried(name, check, settings) for name, check in checks.items()]
    return results + _engines(settings)


def _tried(name: str, check: Callable[[Settings], str], settings: Settings) -> CheckResult:
    try:
        return CheckResult(name, ok=True, detail=check(settings))
    except GroundworkError as error:
        return CheckResult(name, ok=False, detail=error.detail)
    except OSError as error:
        return CheckResult(name, ok=False, detail=str(error))


def _slack(settings: Settings) -> str:
    from groundwork.serving.slack.app import whose_token

    return asyncio.run(whose_token(settings))


def _python(_settings: Settings) -> str:
    return f"{sys.version.split()[0]} at {sys.prefix}"


def _home(settings: Settings) -> str:
    settings.home.mkdir(parents=True, exist_ok=True)
    probe = settings.home / ".doctor"
    probe.write_text("ok")
    probe.unlink()
    return f"{settings.home} is writable"


def _embedder(settings: Settings) -> str:
    from groundwork.retrieval.embed.factory import create_embedder

    embedder = create_embedder(settings)
    vector = embedder.embed(["Does the embedder answer?"])[0]
    return f"{embedder.identity} answers with {vector.shape[0]} dimensions"


def _index(settings: Settings) -> str:
    where = settings.index.url or f"Qdrant Edge at {settings.indexes}"
    with open_index_store(settings) as store:
        names = store.names()
        live = {name: store.alias(name) for name in names}
    shown = ", ".join(f"{name}@{version or 'nothing live'}" for name, version in live.items())
    return f"{where}: {shown or 'no index yet (groundwork ingest SOURCE)'}"


def _ledger(settings: Settings) -> str:
    from sqlalchemy import make_url

    from groundwork.serving.store import AnswerStore

    store = AnswerStore(settings.ledger_url)
    try:
        store.ping()
    finally:
        store.close()
    return f"{make_url(settings.ledger_url).render_as_string(hide_password=True)} answers"


def _registry(settings: Settings) -> str:
    from groundwork.cli.releases import has_registry, opened_registry
    from groundwork.core.registry.base import CHAMPION
    from groundwork.core.registry.mlflow_client import shown
    from groundwork.core.registry.open import place_of

    where = f"MLflow at {shown(place_of(settings).url)}"
    if not has_registry(settings):
        return f"{where}: made with the first release (groundwork ingest SOURCE)"
    with opened_registry(settings) as registry:
        lines = {str(line): registry.aliases(line).get(CHAMPION) for line in registry.lines()}
    champions = ", ".join(f"{line}@{release or 'no champion'}" for line, release in lines.items())
    return f"{where}: {champions or 'no release yet (groundwork ingest SOURCE)'}"


def _engines(settings: Settings) -> list[CheckResult]:
    """One check for each configured engine; none where answers are extractive."""
    names = settings.generator.engines
    return [_tried(f"engine {name}", partial(_engine, name), settings) for name in names]


def _engine(name: str, settings: Settings) -> str:
    from groundwork.serving.engine.base import EngineInfo
    from groundwork.serving.engine.client import HttpEngine

    engine = HttpEngine(name, settings.generator.engines[name])

    async def ask() -> EngineInfo:
        try:
            return await engine.ping()
        finally:
            await engine.close()

    info = asyncio.run(ask())
    window = f"a window of {info.window:,} tokens" if info.window else "a window it does not report"
    hint = "" if info.window else f" (set context_tokens of the engine {name})"
    return f"{engine.transport.url} serves {info.model} with {window}{hint}"


def _service(settings: Settings) -> str:
    from groundwork.serving.app import check_bind, keys_exist

    check_bind(settings, has_keys=keys_exist(settings))
    return f"may bind {settings.service.host}:{settings.service.port}"
