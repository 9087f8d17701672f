"""No test reaches beyond this machine."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from tests.mlflow_tables import mlflow_tables
from tests.postgres import postgres_server

__all__ = ["mlflow_tables", "postgres_server"]


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and isinstance(address, tuple):
            host = str(address[0])
            try:
                local = ipaddress.ip_address(host.partition("%")[0]).is_loopback
            except ValueError:
                local = host == "localhost"
            if not local:
                pytest.fail(f"a test tried to connect to {host}")
        connect(self, address)  # type: ignore[arg-type]  # whatever the caller gave

    monkeypatch.setattr(socket.socket, "connect", guarded)
