"""One backup: its parts, and the list that makes it whole.

    <url>/<id>/ledger, mlflow, mlflow-artifacts.tar, home.tar, index-<name>-<version>…, backup.json

`backup.json` is written last: a backup without it is none. Parts are restored only after every one of them has the digest that
stands there.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from groundwork.cli.backups import databases, moved
from groundwork.cli.compose import open_index_store
from groundwork.cli.releases import versions_in_use
from groundwork.core import storage
from groundwork.core.errors import Conflict, InvalidInput, NotFound, SourceError
from groundwork.core.progress import Progress
from groundwork.core.registry.open import place_of
from groundwork.core.registry.revision import code_revision
from groundwork.core.settings import Settings
from groundwork.retrieval import archives
from groundwork.retrieval.index.base import LIVE, PREVIOUS

LIST = "backup.json"
LEDGER, MLFLOW, ARTIFACTS, HOME = "ledger", "mlflow", "mlflow-artifacts.tar", "home.tar"
# What of the home is neither made again nor a part of its own.
_KEPT = ("journal", "evals", "quarantine", "data", "monitoring", "models/injection")


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a backup."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Index:
    """A version of an index in a backup; `aliases` of live and previous that pointed at it."""

    name: str
    version: str
    file: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds. `artifacts` is where MLflow's files lay; times are UTC ISO 8601."""

    id: str
    created_at: str
    code: str
    home: str
    artifacts: str
    parts: tuple[Part, ...]
    indexes: tuple[Index, ...]
    notes: tuple[str, ...] = field(default=())
    format: int = 1

    @property
    def bytes(self) -> int:
        """All parts together."""
        return sum(part.bytes for part in self.parts)

    @classmethod
    def read(cls, url: str) -> Backup:
        """The list of a backup. Raises NotFound, InvalidInput."""
        try:
            data: dict[str, Any] = orjson.loads(storage.get(storage.join(url, LIST)))
            parts = tuple(Part(**each) for each in data.pop("parts"))
            indexes = tuple(
                Index(**{**each, "aliases": tuple(each["aliases"])}) for each in data.pop("indexes")
            )
            return cls(
                **{**data, "parts": parts, "indexes": indexes, "notes": tuple(data["notes"])}
            )
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInput(f"{storage.shown(url)}/{LIST}: {error}", field="url") from None


def create(settings: Settings, url: str, progress: Progress) -> Backup:
    """Take a backup into a new folder below `url`. A part that fails leaves a folder without a list, which is no backup."""
    now = datetime.now(UTC)
    name = now.strftime("%Y%m%dT%H%M%S%fZ")
    target = storage.join(url, name)
    with tempfile.TemporaryDirectory() as temporary:
        taking = _Taking(target, Path(temporary), progress)
        # Releases first: an index version that they name cannot be collected before it is copied.
        place, notes = place_of(settings), []
        if place.url.startswith(("http://", "https://")):
            notes.append(
                "the registry is a server's: its database and artifacts have a backup of their own"
            )
        else:
            taking.database(MLFLOW, place.url)
            notes += taking.artifacts(place.artifacts or "")
        indexes = taking.indexes(settings)
        taking.database(LEDGER, settings.ledger_url)
        taking.home(settings.home)
    backup = Backup(
        id=name,
        created_at=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        code=code_revision(),
        home=str(settings.home),
        artifacts=place.artifacts or "",
        parts=tuple(taking.parts),
        indexes=indexes,
        notes=tuple(notes),
    )
    storage.put(
        storage.join(target, LIST), orjson.dumps(asdict(backup), option=orjson.OPT_INDENT_2)
    )
    return backup


def backups(url: str) -> list[Backup]:
    """All that are whole, newest first."""
    found = [entry.name for entry in storage.listing(url) if entry.name.endswith(f"/{LIST}")]
    return [
        Backup.read(storage.join(url, name.removesuffix(f"/{LIST}")))
        for name in sorted(found)[::-1]
    ]


def find(url: str, name: str | None) -> tuple[str, Backup]:
    """The folder of a backup and its list, by default the newest. Raises NotFound that says what there is."""
    there = backups(url)
    for each in there:
        if name in {None, each.id}:
            return storage.join(url, each.id), each
    known = ", ".join(each.id for each in there[:5]) or "none"
    raise NotFound(
        f"no backup {name or ''} at {storage.shown(url)}; there is {known}", field="backup"
    )


def verify(url: str, backup: Backup, progress: Progress) -> None:
    """Read every part and compare. Raises SourceError that names what is damaged or gone."""
    progress.stage("verify", total=len(backup.parts), unit="files")
    for part in backup.parts:
        try:
            digest = storage.digest(storage.join(url, part.file))
        except NotFound:
            raise SourceError(f"backup {backup.id} is not whole: {part.file} is gone") from None
        if digest != part.sha256:
            raise SourceError(f"backup {backup.id} is damaged: {part.file} has changed")
        progress.advance()


def restore(settings: Settings, url: str, backup: Backup, progress: Progress) -> None:
    """Bring everything back into a home and databases that are empty. Raises Conflict, SourceError."""
    _require_empty(settings)
    verify(url, backup, progress)
    files = {part.file for part in backup.parts}
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)

        def fetched(name: str) -> Path:
            storage.fetch(storage.join(url, name), work / name)
            return work / name

        progress.stage("restore")
        databases.load(settings.ledger_url, fetched(LEDGER))
        if MLFLOW in files:
            _restore_registry(
                settings,
                backup,
                fetched(MLFLOW),
                fetched(ARTIFACTS) if ARTIFACTS in files else None,
            )
        _unpack(fetched(HOME), settings.home)
    _restore_indexes(settings, url, backup.indexes, progress)


class _Taking:
    """Makes parts, one after the other, and remembers them."""

    def __init__(self, target: str, work: Path, progress: Progress) -> None:
        self._target = target
        self._work = work
        self._progress = progress
        self.parts: list[Part] = []

    def database(self, name: str, url: str) -> None:
        self._progress.stage(name)
        local = self._work / name
        databases.dump(url, local)
        self._add(name, local)

    def artifacts(self, url: str) -> list[str]:
        if not storage.is_local(url):
            return [f"artifacts at {storage.shown(url)} are kept there: give that storage versions"]
        folder = storage.local_path(url)
        self._progress.stage(ARTIFACTS)
        self._add(
            ARTIFACTS, _packed(self._work / ARTIFACTS, folder, ["."] if folder.is_dir() else [])
        )
        return []

    def home(self, home: Path) -> None:
        self._progress.stage(HOME)
        names = [name for name in _KEPT if (home / name).exists()]
        self._add(HOME, _packed(self._work / HOME, home, names))

    def indexes(self, settings: Settings) -> tuple[Index, ...]:
        found = []
        with open_index_store(settings) as store:
            for name in store.names():
                aliases = {alias: store.alias(name, alias) for alias in (LIVE, PREVIOUS)}
                there = {info.version for info in store.versions(name)}
                wanted = ({*aliases.values()} | versions_in_use(settings, name)) & there
                for version in sorted(one for one in wanted if one is not None):
                    file = f"index-{name}-{version}.tar.gz"
                    made = archives.export(
                        store,
                        name,
                        version,
                        storage.join(self._target, file),
                        self._work,
                        self._progress,
                    )
                    self.parts.append(Part(file, made.digest, made.bytes))
                    pointing = tuple(alias for alias, at in aliases.items() if at == version)
                    found.append(Index(name, version, file, pointing))
        return tuple(found)

    def _add(self, name: str, local: Path) -> None:
        url = storage.join(self._target, name)
        storage.put(url, local)
        self.parts.append(Part(name, storage.digest(str(local)), local.stat().st_size))
        local.unlink()


def _require_empty(settings: Settings) -> None:
    home = settings.home
    for name in ("indexes", "mlflow", "journal"):
        if (home / name).exists() and any((home / name).iterdir()):
            raise Conflict(
                f"{home / name} is not empty; restore into a home that is new (GROUNDWORK_HOME)",
                field="home",
            )


def _restore_registry(
    settings: Settings, backup: Backup, dump: Path, artifacts: Path | None
) -> None:
    place = place_of(settings)
    if place.url.startswith(("http://", "https://")):
        raise Conflict("the registry is a server's; restore it there", field="registry.url")
    databases.load(place.url, dump)
    if artifacts is not None and place.artifacts is not None and storage.is_local(place.artifacts):
        _unpack(artifacts, storage.local_path(place.artifacts))
        if databases.is_sqlite(place.url):
            moved.tell(databases.sqlite_path(place.url), backup.artifacts, place.artifacts)


def _restore_indexes(
    settings: Settings, url: str, indexes: Sequence[Index], progress: Progress
) -> None:
    work = settings.caches / "archives"
    with open_index_store(settings) as store:
        for each in indexes:
            archives.restore(store, storage.join(url, each.file), work, progress)
        # The previous one first: promoting the live one makes it so.
        for alias in (PREVIOUS, LIVE):
            for each in indexes:
                if alias in each.aliases:
                    store.promote(each.name, each.version)


def _packed(target: Path, folder: Path, names: Sequence[str]) -> Path:
    with tarfile.open(target, "w") as tar:
        for name in names:
            tar.add(folder / name, arcname=name)
    return target


def _unpack(source: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(source) as tar:
        # Nothing leaves the folder, whatever the archive says.
        tar.extractall(folder, filter="data")
