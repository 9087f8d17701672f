"""Each image's exact command runs with its user, a read-only root and only its own packages."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from groundwork.core.settings import EmbedderSettings, Settings
from tests.deploy.image_files import ROLES, ROOT, stages
from tests.serving.handbook import publish

# Refuses to import what the image does not install.
_GATE = """
import sys
_allowed = frozenset({allowed!r})
_known = frozenset({known!r})
class _Gate:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in _known and top not in _allowed:
            raise ModuleNotFoundError(f"the image has no {{top}}", name=top)
sys.meta_path.insert(0, _Gate())
"""


def _names(path: Path) -> set[str]:
    found = re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?(?:==|\s*$)", path.read_text(), re.MULTILINE
    )
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found}


def gate(role: str, folder: Path) -> Path:
    """A folder for PYTHONPATH that keeps the role to its packages."""
    wanted = _names(ROOT / "requirements" / "roles" / f"{role}.txt") | {"groundwork"}
    tops = packages_distributions()
    normal = {top: {re.sub(r"[-_.]+", "-", d).lower() for d in held} for top, held in tops.items()}
    allowed = sorted(top for top, held in normal.items() if held & wanted)
    folder.mkdir(exist_ok=True)
    text = _GATE.format(allowed=allowed, known=sorted(normal))
    (folder / "sitecustomize.py").write_text(text)
    return folder


def test_every_role_is_small_pinned_and_without_rights() -> None:
    found = stages()
    for role in ROLES:
        stage = found[role]
        assert stage.user == "10001:10001", role
        assert stage.command[0] in {"groundwork", "mlflow"}
        assert stage.health, role
        assert "PYTHONDONTWRITEBYTECODE" in stage.env
    text = "\n".join(line for stage in found.values() for line in stage.lines)
    assert ":latest" not in text
    assert not re.search(r"COPY .*(\.env|\.git)\b", text)
    service = _names(ROOT / "requirements/roles/service.txt")
    assert service.isdisjoint({"torch", "transformers", "kfp", "feast", "evidently", "pandas"})
    assert _names(ROOT / "requirements/roles/mlflow.txt").isdisjoint({"torch", "kfp", "vllm"})


def test_roles_have_the_versions_of_the_lock() -> None:
    lock = dict(
        re.findall(
            r"^([\w.-]+)==(\S+)", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE
        )
    )
    for role in ROLES:
        text = (ROOT / f"requirements/roles/{role}.txt").read_text()
        own = dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))
        odd = {name: version for name, version in own.items() if lock.get(name, version) != version}
        assert not odd, role


@contextmanager
def running(
    role: str, home: Path, tmp_path: Path, environment: dict[str, str], port: int
) -> Iterator[Path]:
    """The role's command as its image runs it: user 10001, nothing writable but its state. Yields its log."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("setpriv") is None:
        pytest.skip("needs root, unshare and setpriv to take rights away")
    stage = stages()[role]
    home.mkdir(exist_ok=True)
    for path in (home, *home.rglob("*")):
        os.chown(path, 10001, 10001)
    program = str(Path(sys.executable).with_name(stage.command[0]))
    log = tmp_path / f"{role}.log"
    kept = {
        key: value
        for key, value in stage.env.items()
        if key not in {"PATH", "GROUNDWORK_EMBEDDER__MODEL", "TIKTOKEN_CACHE_DIR"}
    }
    variables = {
        **kept,
        "PYTHONPATH": str(ROOT / "nowhere"),
        "GROUNDWORK_HOME": "/mnt",
        "HOME": "/mnt",
        "TMPDIR": "/mnt",
        **environment,
    }
    script = _ALONE.format(home=home, python=sys.base_prefix, gate=gate(role, tmp_path / "gate"))
    exports = " ".join(f"{key}={value}" for key, value in variables.items() if key != "PYTHONPATH")
    command = " ".join([program, *stage.command[1:]])
    line = f"{script}\ncd /mnt && exec setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs env -i PATH=/usr/bin:/bin PYTHONPATH=/mnt/gate {exports} {command}"
    shutil.copytree(tmp_path / "gate", home / "gate", dirs_exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["unshare", "--mount", "bash", "-ec", line],
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(port, process, log)
        yield log
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


# The interpreter may lie in root's home, which nobody else can enter: it is put where they can, in this namespace only.
_ALONE = """
mount --bind {home} /mnt
if [[ {python} == /root/* ]]; then
    mkdir -p /mnt/.python && mount --bind {python} /mnt/.python
    mount -t tmpfs -o mode=755 tmpfs /root
    mkdir -p {python} && mount --move /mnt/.python {python}
fi
mount -o remount,bind,ro /
"""


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-3000:])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _encodings() -> Path:
    spec = find_spec("llama_index.core")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "_static" / "tiktoken_cache"


def test_the_service_answers_from_its_image(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = Settings(home=home, embedder=EmbedderSettings(engine="hashing"))
    publish(settings, tmp_path / "handbook", "first")
    port = free_port()
    environment = {
        "GROUNDWORK_SERVICE__HOST": "127.0.0.1",
        "GROUNDWORK_SERVICE__PORT": str(port),
        "GROUNDWORK_EMBEDDER__ENGINE": "hashing",
        "GROUNDWORK_RETRIEVAL__THRESHOLD": "0.0",
        "GROUNDWORK_INDEX__DEFAULT": "handbook",
        "GROUNDWORK_REGISTRY__SERVE": "settings",
        "GROUNDWORK_REGISTRY__REGISTER_LIVE": "false",
        # The image has a copy of this folder.
        "TIKTOKEN_CACHE_DIR": str(_encodings()),
    }
    with running("service", home, tmp_path, environment, port) as log:
        base = f"http://127.0.0.1:{port}"
        asked = httpx.post(
            f"{base}/v1/ask", json={"question": "How is the limit of pump 7 set?"}, timeout=60
        )
        assert asked.status_code == 200, log.read_text()[-3000:]
        assert asked.json()["citations"]
        for path in ("/healthz", "/metrics", "/", "/costs", "/openapi.json"):
            assert httpx.get(f"{base}{path}", timeout=30).status_code == 200, path
    assert "Traceback" not in log.read_text(), log.read_text()[-3000:]
