"""ragas beside the versions that the lock chose: it imports, and it calls nobody."""

import subprocess
import sys

_ALONE = """
import socket

def refuse(*_):
    raise AssertionError("ragas tried to connect")

socket.socket.connect = refuse
socket.getaddrinfo = refuse

from groundwork.core.settings import quiet_libraries
quiet_libraries()

import asyncio
from ragas._analytics import do_not_track
from ragas.metrics.collections import NonLLMStringSimilarity, RougeScore

assert do_not_track()
for metric in (RougeScore(), NonLLMStringSimilarity()):
    result = asyncio.run(metric.ascore(reference="the port is 8080", response="the port is 8080"))
    assert result.value == 1.0, result
"""


def test_ragas_imports_and_scores_without_a_network_or_telemetry() -> None:
    # "1" is what other libraries understand; ragas would go on tracking.
    environment = {"RAGAS_DO_NOT_TRACK": "1", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    ran = subprocess.run(
        [sys.executable, "-c", _ALONE], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
