from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from groundwork.cli.checks import all_checks
from groundwork.core.settings import EngineSettings, GeneratorSettings, load
from groundwork.core.settings import Settings as AllSettings
from tests.serving.engine_world import closed_port


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The double in a process of its own, as benchmarks start it."""
    command = [sys.executable, "-m", "groundwork.serving.engine.double", "--port", "0"]
    with subprocess.Popen(
        [*command, "--script", '{"window": 4096}'], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip()
        process.terminate()


def settings(home: Path, **generator: object) -> AllSettings:
    return load(
        home=home,
        embedder={"engine": "hashing"},
        generator=GeneratorSettings.model_validate(generator),
    )


def engine_checks(settings: AllSettings) -> dict[str, tuple[bool, str]]:
    return {
        check.name: (check.ok, check.detail)
        for check in all_checks(settings)
        if check.name.startswith("engine")
    }


def test_each_engine_has_a_line(tmp_path: Path, served: str) -> None:
    more = {
        "small": EngineSettings(url=closed_port()),
        "other": EngineSettings(url=served, model="x"),
    }
    checks = engine_checks(settings(tmp_path, url=served, more=more))
    assert list(checks) == ["engine default", "engine small", "engine other"]
    assert checks["engine default"] == (
        True,
        f"{served} serves double with a window of 4,096 tokens",
    )
    assert checks["engine small"][0] is False
    assert "cannot be reached" in checks["engine small"][1]
    assert checks["engine other"][0] is False
    assert "does not serve x; it lists: double" in checks["engine other"][1]


def test_without_engines_there_is_nothing_to_check(tmp_path: Path) -> None:
    assert engine_checks(settings(tmp_path)) == {}


def test_the_double_is_controlled_over_http(served: str) -> None:
    with httpx.Client(base_url=served.removesuffix("/v1")) as client:
        before = client.get("/control").json()["requests"]
        client.post("/control", json={"text": "Set from outside.", "window": 4096})
        body = {"model": "double", "messages": [{"role": "user", "content": "What?"}]}
        answer = client.post("/v1/chat/completions", json=body).json()
        assert answer["choices"][0]["message"]["content"] == "Set from outside."
        assert client.get("/control").json() == {"running": 0, "requests": before + 1, "left": 0}
        metrics = client.get("/metrics").text
        assert 'vllm:num_requests_running{model_name="double"} 0.0' in metrics
        assert client.post("/control", json={"faults": ["no such fault"]}).status_code == 400
