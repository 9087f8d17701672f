"""Running git so that neither a repository nor a ref can make it do anything but read."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from groundwork.core.errors import SourceError
from groundwork.ingestion.sources.git_spec import without_credentials

COMMAND_SECONDS = 60
FETCH_SECONDS = 900

# Command-line settings win over the repository's own. Hooks, file-system monitors and pagers of a foreign
# repository must not run; a fetch slower than 1 kB/s for a minute is given up.
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.pager=cat",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
)
_ANSWERS_NOBODY = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
}


class Git:
    """The git command on one repository.

    `protocols` are the transports it may use, none for a repository that is only read: a partial clone
    would otherwise fetch what it lacks by whatever command its own configuration names. `environment`
    adds to PATH and HOME, without GIT_* variables. `label` names the repository in errors.
    """

    def __init__(
        self,
        repository: Path,
        *,
        label: str,
        environment: Mapping[str, str],
        protocols: Sequence[str] = (),
    ) -> None:
        executable = shutil.which("git")
        if executable is None:
            raise SourceError("Reading a git repository needs the command git; install it.")
        self._label = label
        # safe.directory: reading somebody else's repository is the point, and nothing of it is run.
        settings = (*_SETTINGS, f"safe.directory={repository.as_posix()}")
        options = [part for setting in settings for part in ("-c", setting)]
        self._prefix = [executable, *options, "-C", os.fspath(repository)]
        extra = {k: v for k, v in environment.items() if not k.upper().startswith("GIT_")}
        self._environment = {
            "PATH": os.pathsep.join((str(Path(executable).parent), os.defpath)),
            "HOME": str(Path.home()),
            **extra,
            **_ANSWERS_NOBODY,
            "GIT_ALLOW_PROTOCOL": ":".join(protocols) or "none",
        }

    def run(self, *arguments: str, timeout: float = COMMAND_SECONDS) -> bytes:
        """Standard output of one command. Raises SourceError with git's own last line otherwise."""
        try:
            done = subprocess.run(
                [*self._prefix, *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                start_new_session=True,  # without a terminal ssh cannot ask for a password
                timeout=timeout,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            lines = error.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
            said = without_credentials(
                next((x for x in lines if x.startswith("fatal:")), lines[-1])
            )
            raise SourceError(f"git cannot read {self._label}: {said}", field="source") from None
        except subprocess.TimeoutExpired:
            raise SourceError(
                f"git did not finish with {self._label} in {timeout:.0f} seconds.", field="source"
            ) from None
        except OSError as error:
            raise SourceError(f"git cannot be run: {error}.") from error
        return done.stdout

    @contextmanager
    def blobs(self) -> Iterator[BlobReader]:
        """A reader of objects by their hashes; one process serves them all."""
        process = subprocess.Popen(
            [*self._prefix, "cat-file", "--batch"],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with process:
            if process.stdin is None or process.stdout is None:
                raise SourceError("git cannot be run: no pipes.")
            try:
                yield BlobReader(process.stdin, process.stdout)
            finally:
                process.kill()


class BlobReader:
    """Speaks the protocol of `git cat-file --batch`."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self._requests = requests
        self._answers = answers

    def read(self, object_id: str) -> bytes | None:
        """The object's content, or None where the repository does not have it."""
        try:
            self._requests.write(f"{object_id}\n".encode("ascii"))
            self._requests.flush()
        except OSError:
            return None
        header = self._answers.readline().split()
        if len(header) != 3 or header[1] != b"blob":
            return None
        size = int(header[2])
        content = self._answers.read(size + 1)  # a newline follows the content
        return content[:size] if len(content) == size + 1 else None
