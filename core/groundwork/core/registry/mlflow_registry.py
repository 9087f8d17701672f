"""The registry on MLflow.

A line is a registered model, a release one version of it. The version appears in one call, after its files: a kill before
leaves a run that nobody finds. What decides the release stands in one of the version's tags, so that finding it reads no file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from groundwork.core.errors import Conflict
from groundwork.core.registry.base import (
    CHAMPION,
    Candidate,
    Event,
    Line,
    Registered,
)
from groundwork.core.registry.files import contents, digests_of, write_files
from groundwork.core.registry.mlflow_client import (
    figures,
    is_missing,
    is_there,
    open_client,
    speaking,
)
from groundwork.core.registry.mlflow_history import History
from groundwork.core.registry.mlflow_lock import ModelLock, file_lock
from groundwork.core.registry.mlflow_prompts import Prompts
from groundwork.core.registry.mlflow_versions import (
    FILES,
    ID,
    PREFIX,
    RELEASE,
    Versions,
    line_of,
    model_name,
)
from groundwork.core.registry.references import matching

if TYPE_CHECKING:
    from groundwork.core.registry.open import Place

_FOLDER = "release"
_PROMPTS = "groundwork.prompts"
_NOTE = "groundwork.note."
_PAGE = 100
_LONGEST_CARD = 5_000
# What was read of a line is good for so long.
_FRESH_SECONDS = 0.05


class MlflowRegistry:
    """See `base.Registry`."""

    def __init__(self, client: Any, place: Place) -> None:
        self._client = client
        self._place = place
        self._history = History(client, place)
        self._prompts = Prompts(client)
        self._versions = Versions(client, place)
        self._models: dict[Line, tuple[float, tuple[dict[str, str], dict[str, str]]]] = {}
        # Depth of locks held: whoever moves aliases reads what is true now.
        self._alone = 0
        # SQLite takes one writer at a time; threads of one process wait here instead of there.
        self._writing = threading.RLock()

    @classmethod
    def open(cls, place: Place, home: Path) -> MlflowRegistry:
        """Raises Unavailable."""
        return cls(open_client(place, home), place)

    def register(self, candidate: Candidate) -> Registered:
        """See `Registry.register`."""
        with self._speaking(), self._writing:
            self._make(candidate.line)
            with self.exclusive(candidate.line):
                known = self._versions.named(candidate.id, candidate.line)
                if known:
                    release = self._versions.read(known, {})[0]
                    fresh = {k: v for k, v in candidate.metrics.items() if k not in release.metrics}
                    self.add_metrics(release, fresh)
                else:
                    self._add(candidate)
            return self.find(candidate.id, candidate.line)

    def find(self, reference: str, line: Line | None = None) -> Registered:
        """See `Registry.find`. What names one release is asked for as such; anything else needs the whole line."""
        with self._speaking():
            wanted = self.aliases(line).get(reference, reference) if line is not None else reference
            found = self._versions.named(wanted, line)
            if len(found) == 1:
                of = line_of(found[0].name)
                return self._versions.read(found, self.aliases(of) if of else {})[0]
            lines = [line] if line is not None else self.lines()
            return matching(reference, line, [one for each in lines for one in self.releases(each)])

    def lines(self) -> list[Line]:
        """See `Registry.lines`."""
        with self._speaking():
            found, token = [], None
            while True:
                page = self._client.search_registered_models(
                    filter_string=f"name LIKE '{PREFIX}%'", max_results=_PAGE, page_token=token
                )
                found += [line_of(model.name) for model in page if model.latest_versions]
                token = page.token
                if not token:
                    return sorted((line for line in found if line is not None), key=str)

    def releases(self, line: Line) -> list[Registered]:
        """See `Registry.releases`."""
        with self._speaking():
            return self._versions.read(self._versions.of(line), self.aliases(line))

    def aliases(self, line: Line) -> dict[str, str]:
        """See `Registry.aliases`."""
        return self._model(line)[0]

    def tags(self, line: Line) -> dict[str, str]:
        """See `Registry.tags`."""
        return self._model(line)[1]

    def point(self, line: Line, alias: str, release: str | None) -> None:
        """See `Registry.point`. An alias is a version's number for MLflow; its release is noted beside it."""
        with self._speaking(), self._writing:
            self._models.clear()
            name = model_name(line)
            if release is None:
                self._client.delete_registered_model_alias(name, alias)
                return
            version = self._versions.one(line, release)
            self._forget_ids(name)
            # The note first: whoever reads between the two finds the former release, whole.
            self._client.set_registered_model_tag(name, f"{ID}.{version.version}", release)
            self._client.set_registered_model_alias(name, alias, version.version)
            if alias == CHAMPION and _PROMPTS in version.tags:
                self._prompts.point(orjson.loads(version.tags[_PROMPTS]), line)

    def tag(self, line: Line, key: str, value: str | None) -> None:
        """See `Registry.tag`."""
        with self._speaking(), self._writing:
            self._models.clear()
            name = model_name(line)
            if value is not None:
                self._make(line)
                self._client.set_registered_model_tag(name, _NOTE + key, value)
            elif key in self.tags(line):
                self._client.delete_registered_model_tag(name, _NOTE + key)

    @contextmanager
    def exclusive(self, line: Line) -> Iterator[None]:
        """See `Registry.exclusive`."""
        with self._writing, self._lock_of(line):
            self._alone += 1
            try:
                yield
            finally:
                self._alone -= 1
                self._models.clear()

    def files(self, release: Registered, into: Path) -> Path:
        """See `Registry.files`."""
        version = self._versions.one(release.line, release.id)

        def read(name: str) -> bytes:
            with self._speaking():
                return self._read(version.run_id, name)

        return write_files(release, into, read)

    def add_metrics(self, release: Registered, metrics: Mapping[str, float]) -> None:
        """See `Registry.add_metrics`."""
        with self._speaking(), self._writing:
            run = self._versions.one(release.line, release.id).run_id
            self._client.log_batch(run, metrics=figures(metrics))

    def add_file(self, release: Registered, name: str, content: bytes) -> None:
        """See `Registry.add_file`."""
        with self._speaking(), self._writing:
            version = self._versions.one(release.line, release.id)
            digests = orjson.loads(version.tags[FILES])
            new = digests_of({name: content})
            if name in digests:
                if digests[name] != new[name]:
                    raise Conflict(f"{release.id} has a file {name} already", field="file")
                return
            self._write(version.run_id, {name: content})
            self._client.set_model_version_tag(
                version.name, version.version, FILES, orjson.dumps({**digests, **new}).decode()
            )

    def record(self, line: Line, event: Event) -> None:
        """See `Registry.record`."""
        with self._speaking(), self._writing:
            self._history.add(line, event)

    def history(self, line: Line) -> list[Event]:
        """See `Registry.history`."""
        with self._speaking():
            return self._history.read(line)

    def close(self) -> None:
        """MLflow's stores are shared by the process and stay open."""

    def _lock_of(self, line: Line) -> AbstractContextManager[None]:
        name = model_name(line)
        if self._place.locks is not None:
            return file_lock(self._place.locks / f"{name}.lock", str(line))
        return ModelLock(self._client, self._place.url, name, str(line)).held()

    def _forget_ids(self, name: str) -> None:
        """Notes of versions that no alias points at any more; else each look at the line would become slower."""
        model = self._client.get_registered_model(name)
        used = {f"{ID}.{version}" for version in model.aliases.values()}
        for key in model.tags:
            if key.startswith(f"{ID}.") and key not in used:
                self._client.delete_registered_model_tag(name, key)

    def _add(self, candidate: Candidate) -> None:
        line, files = candidate.line, contents(candidate)
        name = model_name(line)
        run = self._client.create_run(
            self._versions.experiment(line),
            run_name=candidate.id,
            tags={"groundwork.line": str(line)},
        )
        run_id = run.info.run_id
        self._write(run_id, files)
        self._client.log_batch(run_id, metrics=figures(candidate.metrics))
        self._client.set_terminated(run_id)
        tags = {
            ID: candidate.id,
            RELEASE: orjson.dumps(
                {"content": candidate.content, "lineage": asdict(candidate.lineage)}
            ).decode(),
            FILES: orjson.dumps(digests_of(files)).decode(),
        }
        prompts = self._prompts.register(files, candidate.id)
        if prompts:
            tags[_PROMPTS] = orjson.dumps(prompts).decode()
        self._client.create_model_version(
            name,
            source=f"{run.info.artifact_uri}/{_FOLDER}",
            run_id=run_id,
            tags=tags,
            # The whole card is one of the files.
            description=candidate.card[:_LONGEST_CARD] or None,
            await_creation_for=0,
        )

    def _make(self, line: Line) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.get_registered_model(model_name(line))
        except MlflowException as error:
            if not is_missing(error):
                raise
            try:
                self._client.create_registered_model(
                    model_name(line), tags={"groundwork.line": str(line)}
                )
            except MlflowException as again:
                if not is_there(again):
                    raise

    def _model(self, line: Line) -> tuple[dict[str, str], dict[str, str]]:
        """Aliases and notes, in one call: who looks at a line asks for both within a moment."""
        held = self._models.get(line)
        if held is not None and time.monotonic() - held[0] < _FRESH_SECONDS and not self._alone:
            return held[1]
        found = self._read_model(line)
        self._models[line] = (time.monotonic(), found)
        return found

    def _read_model(self, line: Line) -> tuple[dict[str, str], dict[str, str]]:
        from mlflow.exceptions import MlflowException

        with self._speaking():
            try:
                model = self._client.get_registered_model(model_name(line))
            except MlflowException as error:
                if is_missing(error):
                    return {}, {}
                raise
            ids = {
                alias: model.tags.get(f"{ID}.{number}") or self._id_of(model.name, number)
                for alias, number in model.aliases.items()
            }
            notes = {
                key.removeprefix(_NOTE): value
                for key, value in model.tags.items()
                if key.startswith(_NOTE)
            }
            return {alias: found for alias, found in ids.items() if found}, notes

    def _id_of(self, name: str, number: str) -> str:
        """From the version itself, for somebody else may just have tidied up the line's notes."""
        tags: Mapping[str, str] = self._client.get_model_version(name, number).tags
        return tags.get(ID, "")

    def _write(self, run_id: str, files: Mapping[str, bytes]) -> None:
        import tempfile

        if not files:
            return
        with tempfile.TemporaryDirectory() as temporary:
            for name, content in files.items():
                (Path(temporary) / name).write_bytes(content)
            self._client.log_artifacts(run_id, temporary, artifact_path=_FOLDER)

    def _read(self, run_id: str, name: str) -> bytes:
        import tempfile

        with tempfile.TemporaryDirectory() as temporary:
            path = self._client.download_artifacts(run_id, f"{_FOLDER}/{name}", temporary)
            return Path(path).read_bytes()

    def _speaking(self) -> Any:
        return speaking(self._place.url)
