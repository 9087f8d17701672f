"""What the release commands are composed of: the registry, what was measured, what goes live along with a release."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundwork.cli.compose import open_index_store, open_services
from groundwork.core.errors import Conflict, GroundworkError, NotFound
from groundwork.core.registry.base import ASSISTANT, CHAMPION, MEASURED, Line, Registered, Registry

if TYPE_CHECKING:
    from groundwork.core.registry.gate import Measured, Verdict
    from groundwork.core.registry.promotion import Carrier
    from groundwork.core.settings import Settings
    from groundwork.evals.store import RunFolder


@contextmanager
def opened_registry(settings: Settings) -> Iterator[Registry]:
    """Closed afterwards. Raises Unavailable."""
    from groundwork.core.registry.open import open_registry

    registry = open_registry(settings)
    try:
        yield registry
    finally:
        registry.close()


def actor() -> str:
    """Who moves releases from this command line: the user of the system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def line_given(settings: Settings, line: str | None) -> Line:
    """The line that was named, else the default index's. Raises InvalidInput."""
    return Line.parse(line) if line else Line(ASSISTANT, settings.index.default)


@contextmanager
def carrying(settings: Settings, registry: Registry, line: Line) -> Iterator[Carrier]:
    """What has to happen when a release of this line goes live; its check loads it as the service does."""
    if line.kind != ASSISTANT:
        yield _carrier_of_model(settings, registry, line)
        return
    from groundwork.serving.releases.carrier import IndexCarrier
    from groundwork.serving.releases.load import AssistantLoader

    with open_services(settings) as services, tempfile.TemporaryDirectory() as temporary:
        if services.parts is None:
            raise AssertionError("built services have parts")
        loader = AssistantLoader(settings, services.parts, services.assistant.guard)

        def load(release: Registered) -> None:
            loader.close(loader.load(release, registry.files(release, Path(temporary))))

        yield IndexCarrier(services.index_store, load)


@contextmanager
def carrying_back(settings: Settings, registry: Registry, line: Line) -> Iterator[Carrier]:
    """The same for a release that has answered before: of an assistant's it is only checked that its index version is there.

    A rollback is wanted at once; loading an assistant takes seconds, and services do it in any case.
    """
    if line.kind != ASSISTANT:
        yield _carrier_of_model(settings, registry, line)
        return
    from groundwork.serving.releases.carrier import IndexCarrier

    with open_index_store(settings) as store:
        yield IndexCarrier(store)


def _carrier_of_model(settings: Settings, registry: Registry, line: Line) -> Carrier:
    from groundwork.classic.trainers import open_trainer
    from groundwork.cli.training import equipment

    return open_trainer(line.kind, equipment(settings)).carrier(registry)


def publish_live(settings: Settings, index: str, version: str, why: str) -> str | None:
    """Make a release of this version of an index and promote it; its id, or None where releases are not written down.

    What went wrong is said on standard error: the version is live in the index by then, and the command can be given again.
    """
    from groundwork.core.registry.promotion import Reason
    from groundwork.serving.releases.publish import publish

    chosen = settings.registry
    if not chosen.register_live and chosen.serve != "champion":
        return None
    try:
        with open_services(settings) as services, opened_registry(settings) as registry:
            if services.parts is None:
                raise AssertionError("built services have parts")
            parts, assistant = services.parts, services.assistant
            reason = Reason(actor(), why)
            return publish(registry, settings, parts, assistant, index, version, reason).id
    except GroundworkError as error:
        click.echo(
            f"groundwork: no release was made of {index}@{version}: {error.detail}; again with: "
            f"groundwork index promote {version} --index {index}",
            err=True,
        )
        return None


def versions_in_use(settings: Settings, index: str) -> frozenset[str]:
    """Index versions that a champion, a challenger or the previous champion answers from. Raises Unavailable."""
    if not has_registry(settings):
        return frozenset()
    with opened_registry(settings) as registry:
        line = Line(ASSISTANT, index)
        named = set(registry.aliases(line).values())
        found = (registry.find(one, line).content["index_version"] for one in named)
        return frozenset(str(version) for version in found)


def has_registry(settings: Settings) -> bool:
    """Whether there can be a release: the embedded registry comes into being with the first."""
    return settings.registry.url is not None or (settings.home / "mlflow" / "mlflow.db").is_file()


def verdict_on(
    settings: Settings, registry: Registry, release: Registered, run: str | None
) -> Verdict:
    """What the gate says of a release against the champion of its line. Raises Conflict where one was not measured."""
    from groundwork.core.registry.gate import GateSettings, judge

    champion_id = registry.aliases(release.line).get(CHAMPION)
    champion = None
    if champion_id is not None and champion_id != release.id:
        champion = registry.find(champion_id, release.line)
    if release.line.kind == ASSISTANT:
        ours, theirs = _evaluated(settings, release, champion, run)
    else:
        ours = _kept_measure(registry, release)
        theirs = _kept_measure(registry, champion) if champion else None
    return judge(ours, theirs, GateSettings.read(kind=release.line.kind))


def _evaluated(
    settings: Settings, release: Registered, champion: Registered | None, run: str | None
) -> tuple[Measured, Measured | None]:
    from groundwork.evals.store import Runs

    runs = Runs(settings.home)
    ours = runs.finished(run) if run else _newest(runs.all(), release.id, None)
    if ours is None:
        raise Conflict(_unmeasured(release), field="release")
    if ours.run.release != release.id:
        raise Conflict(
            f"run {ours.run.id} measured {ours.run.release}, not {release.id}", field="run"
        )
    theirs = None
    if champion is not None:
        theirs = _newest(runs.all(), champion.id, ours.run.set_digest)
        if theirs is None:
            raise Conflict(f"{_unmeasured(champion)} (the champion)", field="release")
    return _of_run(ours), None if theirs is None else _of_run(theirs)


def _newest(runs: list[RunFolder], release: str, set_digest: str | None) -> RunFolder | None:
    for folder in runs:
        run = folder.run
        fits = run.release == release and run.finished_at is not None
        if fits and set_digest in {None, run.set_digest}:
            return folder
    return None


def _of_run(folder: RunFolder) -> Measured:
    from groundwork.core.registry.gate import Measured

    return Measured.of_rows(folder.run.id, folder.rows(), folder.run.invalid)


def _unmeasured(release: Registered) -> str:
    return (
        f"{release.id} was not measured on the same questions; "
        f"groundwork eval run --release {release.id} --index {release.line.name}"
    )


def _kept_measure(registry: Registry, release: Registered) -> Measured:
    from groundwork.core.registry.measured import from_json

    if MEASURED not in release.digests:
        raise NotFound(
            f"{release.id} has no {MEASURED}; train it again with groundwork train "
            f"{release.line.kind}",
            field="release",
        )
    with tempfile.TemporaryDirectory() as temporary:
        folder = registry.files(release, Path(temporary))
        return from_json((folder / MEASURED).read_bytes())
