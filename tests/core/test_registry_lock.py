"""Who moves a line is alone, whether all are on one machine or have nothing in common but MLflow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from groundwork.core.errors import Conflict, Unavailable
from groundwork.core.registry.mlflow_client import open_client
from groundwork.core.registry.mlflow_lock import ModelLock, file_lock
from groundwork.core.registry.open import place_of
from groundwork.core.settings import Settings
from tests.mlflow_tables import give_tables

Lock = Callable[..., AbstractContextManager[None]]
NAME = "groundwork-lock.groundwork.ocr.cards"


@pytest.fixture
def client(tmp_path: Path, mlflow_tables: Path) -> Any:
    settings = Settings(home=give_tables(mlflow_tables, tmp_path))
    return open_client(place_of(settings), settings.home / "mlflow")


def model_lock(client: Any, **seconds: float) -> AbstractContextManager[None]:
    return ModelLock(client, "sqlite:///x", "groundwork.ocr.cards", "ocr/cards", **seconds).held()


class Dying:
    """A client whose store goes away while a lock is held."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.gone = False

    def __getattr__(self, name: str) -> Any:
        if self.gone:
            raise ConnectionError("the store is gone")
        return getattr(self._client, name)


@pytest.fixture(params=["file", "model"])
def lock(request: pytest.FixtureRequest, tmp_path: Path) -> Lock:
    """One line's lock; each call is another mover."""
    if request.param == "file":
        return lambda **seconds: file_lock(tmp_path / "line.lock", "ocr/cards", **seconds)
    client = request.getfixturevalue("client")
    return lambda **seconds: model_lock(client, **seconds)


def alone_in_turn(lock: Lock, movers: int) -> int:
    """How many got in, each alone."""
    inside: list[int] = []
    done: list[int] = []

    def move(n: int) -> None:
        with lock(wait_seconds=120.0):
            inside.append(n)
            time.sleep(0.01)
            assert inside == [n]
            inside.remove(n)
            done.append(n)

    threads = [threading.Thread(target=move, args=(n,)) for n in range(movers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done)


def test_movers_are_alone_each_in_turn(lock: Lock) -> None:
    assert alone_in_turn(lock, 5) == 5


def test_who_waits_for_long_is_told(lock: Lock) -> None:
    said = "somebody else moves releases of ocr/cards"
    with lock(), pytest.raises(Conflict, match=said), lock(wait_seconds=0.1):
        pass
    with lock(wait_seconds=0.1):
        pass


def test_an_error_opens_the_lock(lock: Lock) -> None:
    with pytest.raises(Unavailable, match="the index"), lock():
        raise Unavailable("the index does not answer")
    with lock(wait_seconds=0.1):
        pass


def test_a_lock_whose_holder_died_is_broken_by_one_of_those_who_wait(client: Any) -> None:
    client.create_registered_model(NAME, tags={"token": "dead", "beat": "17"})

    def lock(**seconds: float) -> AbstractContextManager[None]:
        return model_lock(client, stale_seconds=3.0, beat_seconds=0.1, **seconds)

    assert alone_in_turn(lock, 4) == 4
    broken = client.search_registered_models("name LIKE 'groundwork-lock%'")
    assert [model.name for model in broken] == ["groundwork-lock-broken.dead"]


def test_a_holder_renews_its_lock_and_opens_nobody_else_s(client: Any) -> None:
    with model_lock(client, beat_seconds=0.01):
        until = time.monotonic() + 60
        while int(client.get_registered_model(NAME).tags["beat"]) < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
        # Somebody took it for dead, and another has it now.
        client.rename_registered_model(NAME, "elsewhere")
        client.create_registered_model(NAME, tags={"token": "another's", "beat": "0"})
    assert client.get_registered_model(NAME).tags["token"] == "another's"


def test_what_was_done_under_a_lock_is_done_even_if_it_cannot_be_given_back(client: Any) -> None:
    dying = Dying(client)
    with model_lock(dying, beat_seconds=60):
        dying.gone = True
    assert client.get_registered_model(NAME).tags["beat"] == "0"
    # Whoever comes next breaks it.
    with model_lock(client, stale_seconds=0.1):
        pass
