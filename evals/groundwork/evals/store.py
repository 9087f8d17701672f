"""Runs on disk: one folder each, under `GROUNDWORK_HOME/evals`, with `run.json` and one line a question."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from groundwork.core.errors import Conflict, InvalidInput, NotFound
from groundwork.evals.rows import Row

LATEST = "latest"
RUN = "run.json"
ROWS = "rows.jsonl"
# Of a run's id: 20260131-235959.
_SECOND = 15


@dataclass(frozen=True, slots=True)
class Run:
    """What a run measured, and with what. `finished_at` is None while questions are missing; times are UTC ISO 8601.

    `judge` names the judge and the version of its prompts, "" without one. `invalid` says why the run counts for
    nothing, if so.
    """

    id: str
    suite: str
    set_digest: str
    questions: int
    index: str
    index_version: str
    release: str
    seed: int
    started_at: str
    finished_at: str | None = None
    judge: str = ""
    invalid: str = ""
    format: int = 1

    def same_work(self, other: Run) -> bool:
        """Whether rows of one fit into the other."""
        mine, theirs = (
            (one.set_digest, one.index, one.index_version, one.release, one.judge)
            for one in (self, other)
        )
        return mine == theirs


class RunFolder:
    """One run's folder. Rows are appended and flushed one by one, so that a killed run can go on."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def run(self) -> Run:
        """Raises NotFound where there is no such run, InvalidInput where its file cannot be read."""
        try:
            return Run(**orjson.loads((self.path / RUN).read_bytes()))
        except FileNotFoundError:
            raise NotFound(f"there is no evaluation run {self.path.name}", field="run") from None
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"{self.path / RUN}: {error}", field="run") from None

    def rows(self) -> list[Row]:
        """All complete lines, in order; a line that a kill cut off is none."""
        path = self.path / ROWS
        content = path.read_bytes() if path.is_file() else b""
        lines = content.split(b"\n")[:-1]
        try:
            return [Row.from_json(line) for line in lines]
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInput(f"{path}: a line cannot be read: {error}", field="run") from None

    def begin(self, run: Run) -> None:
        """Make the folder."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._write(run)

    def mend(self) -> None:
        """Cut off what a kill left of a line, so that the next row begins on its own."""
        path = self.path / ROWS
        if path.is_file():
            content = path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content:
                with path.open("r+b") as file:
                    file.truncate(len(whole))

    def append(self, row: Row) -> None:
        """Keep one row."""
        with (self.path / ROWS).open("ab") as file:
            file.write(row.to_json() + b"\n")

    def finish(self, at: str, invalid: str = "") -> Run:
        """All questions have a row."""
        run = replace(self.run, finished_at=at, invalid=invalid)
        self._write(run)
        return run

    def write(self, name: str, text: str) -> Path:
        """A file beside the rows, such as the report."""
        target = self.path / name
        target.write_text(text, encoding="utf-8")
        return target

    def _write(self, run: Run) -> None:
        fresh = self.path / f".{RUN}.new"
        data: dict[str, Any] = asdict(run)
        fresh.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")
        fresh.replace(self.path / RUN)


class Runs:
    """All runs of a home."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "evals"

    def all(self) -> list[RunFolder]:
        """Newest first; ids begin with their second, and where that is the same the folder's file decides."""
        found = [(path.parent.name[:_SECOND], path) for path in self.folder.glob(f"*/{RUN}")]
        newest = sorted(found, key=lambda one: (one[0], one[1].stat().st_mtime_ns), reverse=True)
        return [RunFolder(path.parent) for _, path in newest]

    def open(self, name: str) -> RunFolder:
        """A run by its id, its folder's path, or `latest` (the newest that is finished). Raises NotFound."""
        if name == LATEST:
            for one in self.all():
                if one.run.finished_at is not None:
                    return one
            raise NotFound("no evaluation run is finished; run: groundwork eval run", field="run")
        given = Path(name)
        folder = RunFolder(given if (given / RUN).is_file() else self.folder / Path(name).name)
        _ = folder.run
        return folder

    def finished(self, name: str) -> RunFolder:
        """The same, of a run that has all its rows. Raises Conflict where it has not."""
        folder = self.open(name)
        run = folder.run
        if run.finished_at is None:
            raise Conflict(
                f"run {run.id} is not finished; groundwork eval run --resume {run.id} goes on with it",
                field="run",
            )
        return folder

    def of(self, release: str, like: Run) -> RunFolder | None:
        """The newest finished run of a release on the same questions of the same index."""
        for one in self.all():
            other = one.run
            same = (other.set_digest, other.index) == (like.set_digest, like.index)
            if same and other.release == release and other.finished_at and other.id != like.id:
                return one
        return None

    def before(self, run: Run) -> RunFolder | None:
        """The newest finished run of the same set on the same index that began before this one."""
        for one in self.all():
            other = one.run
            earlier = other.finished_at is not None and other.started_at < run.started_at
            if earlier and (other.set_digest, other.index) == (run.set_digest, run.index):
                return one
        return None
