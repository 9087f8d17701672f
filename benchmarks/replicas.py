"""Replicas of the service as processes that share a database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.served import free_port

_START_SECONDS = 120.0
_STOP_SECONDS = 30.0


class Replica:
    """One process of the service, with a home of its own; indexes are shared."""

    def __init__(self, home: Path, port: int, environment: dict[str, str]) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.up = False
        self.killed = False
        self._home = home
        self._environment = {
            **os.environ,
            **environment,
            "GROUNDWORK_HOME": str(home),
            "GROUNDWORK_SERVICE__PORT": str(port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def pair(cls, folder: Path, models: Path, ledger: str, **more: str) -> list[Replica]:
        """Two that share indexes, models and the database."""
        environment = {
            "GROUNDWORK_LEDGER__URL": ledger,
            "GROUNDWORK_LIMITS__BACKEND": "database",
            "GROUNDWORK_REGISTRY__SERVE": "settings",
            "GROUNDWORK_REGISTRY__REGISTER_LIVE": "false",
            **more,
        }
        (folder / "indexes").mkdir(parents=True)
        models.mkdir(parents=True, exist_ok=True)
        made = []
        for n in range(2):
            home = folder / f"replica-{n}"
            home.mkdir()
            (home / "indexes").symlink_to(folder / "indexes")
            (home / "models").symlink_to(models)
            made.append(cls(home, free_port(), environment))
        return made

    @property
    def pid(self) -> int:
        """Of the process."""
        return 0 if self._process is None else self._process.pid

    @property
    def journal(self) -> Path:
        """The folder of charges that the database has not taken yet."""
        return self._home / "journal"

    def run(self, program: str, *arguments: str) -> str:
        """A command with the replica's settings. Raises RuntimeError."""
        done = subprocess.run(
            [program, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stderr[-1000:]}")
        return done.stdout

    def key(self, program: str, team: str, *options: str) -> str:
        """A key for the team."""
        said = self.run(
            program, "keys", "create", "--name", team, "--team", team, *options, "--json"
        )
        token: str = json.loads(said)["key"]
        return token

    def start(self, program: str) -> None:
        """Until it is ready. Raises RuntimeError."""
        log = self._home / "service.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [program, "up"], env=self._environment, stdout=out, stderr=out
            )
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            # An address of loopback that this module has made.
            with suppress(URLError, OSError), urlopen(f"{self.root}/readyz", timeout=5) as answer:  # noqa: S310
                if answer.status == 200:
                    self.up = True
                    return
            time.sleep(0.1)
        raise RuntimeError(f"the replica did not start: {log.read_text()[-2000:]}")

    def kill(self) -> None:
        """Without warning."""
        self.up, self.killed = False, True
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """As a cluster does: it ends what it has in flight."""
        self.up = False
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
            return
        self._process.kill()
