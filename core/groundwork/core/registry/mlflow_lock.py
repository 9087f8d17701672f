"""One mover of a line at a time, across processes and machines, with nothing but MLflow.

A lock is a registered model of a name of its own: MLflow makes a name once, whatever store it has. Whoever dies with a lock
leaves it behind; it counts for nothing after a while.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from groundwork.core.errors import Conflict
from groundwork.core.registry.mlflow_client import is_missing, is_there

_PREFIX = "groundwork-lock."
_WAIT_SECONDS = 20.0
_PAUSE_SECONDS = 0.05
# Longer than anything that is done under it.
_STALE_SECONDS = 120.0


class ModelLock:
    """The lock of one line."""

    def __init__(self, client: Any, model: str, shown: str) -> None:
        self._client = client
        self._name = _PREFIX + model
        self._shown = shown

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises Conflict where somebody else holds it for long."""
        token = self._take()
        try:
            yield
        finally:
            self._drop(token)

    def _take(self) -> str:
        token = secrets.token_hex(8)
        until = time.monotonic() + _WAIT_SECONDS
        while not self._made(token):
            if time.monotonic() > until:
                raise Conflict(
                    f"somebody else moves releases of {self._shown}; try again", field="line"
                )
            self._break_stale()
            time.sleep(_PAUSE_SECONDS)
        return token

    def _made(self, token: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(self._name, tags={"token": token})
        except MlflowException as error:
            if is_there(error):
                return False
            raise
        return True

    def _break_stale(self) -> None:
        model = self._find()
        if model is None:
            return
        age = time.time() - model.creation_timestamp / 1000
        if age > _STALE_SECONDS:
            self._drop(model.tags.get("token", ""))

    def _drop(self, token: str) -> None:
        from mlflow.exceptions import MlflowException

        model = self._find()
        if model is None or model.tags.get("token", "") != token:
            # Ours was stale and broken; the lock is another's now.
            return
        try:
            self._client.delete_registered_model(self._name)
        except MlflowException as error:
            if not is_missing(error):
                raise

    def _find(self) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_registered_model(self._name)
        except MlflowException as error:
            if is_missing(error):
                return None
            raise
