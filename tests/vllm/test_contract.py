"""The contract of engines, kept by a real vLLM server."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.vllm.server import ROOT, VllmServer

pytestmark = pytest.mark.vllm


def test_the_contract_of_engines_holds(vllm: VllmServer) -> None:
    # In a process of its own: that suite takes the server's address from the environment when it is collected.
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "real", "tests/contracts/test_engine.py"],
        cwd=ROOT,
        check=False,
        env={**os.environ, "GROUNDWORK_TEST_ENGINE_URL": vllm.url},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-6000:]
    assert " passed" in ran.stdout
