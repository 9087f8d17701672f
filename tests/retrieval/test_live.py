from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from groundwork.core.errors import IndexMissing, Unavailable
from groundwork.retrieval.index.base import LIVE, IndexStore
from groundwork.retrieval.live import LiveReaders


class Reader:
    def __init__(self, index: str, version: str) -> None:
        self.index = index
        self.version = version
        self.closed = 0

    def read(self) -> str:
        if self.closed:
            raise AssertionError(f"{self.version} was read after it was closed")
        return self.version

    def close(self) -> None:
        self.closed += 1


class Store:
    def __init__(self) -> None:
        self.live: dict[str, str] = {"docs": "v1"}
        self.opened: list[Reader] = []
        self.looks = 0
        self.before_open: Callable[[], None] = lambda: None

    def alias(self, index: str, alias: str = LIVE) -> str | None:
        self.looks += 1
        return self.live.get(index)

    def open(self, index: str, version: str | None = None) -> Reader:
        self.before_open()
        self.opened.append(Reader(index, version or self.live[index]))
        return self.opened[-1]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def readers(store: Store, clock: Clock) -> LiveReaders:
    return LiveReaders(cast("IndexStore", store), 1.0, clock)


def read(readers: LiveReaders, index: str = "docs") -> str:
    with readers.lease(index) as reader:
        return cast("Reader", reader).read()


def test_a_version_is_opened_once_for_everybody(readers: LiveReaders, store: Store) -> None:
    assert [read(readers) for _ in range(5)] == ["v1"] * 5
    assert len(store.opened) == 1
    assert store.looks == 1


def test_a_promotion_is_seen_when_the_time_has_come(
    readers: LiveReaders, store: Store, clock: Clock
) -> None:
    assert read(readers) == "v1"
    store.live["docs"] = "v2"
    clock.now = 0.99
    assert read(readers) == "v1"
    clock.now = 1.0
    assert read(readers) == "v2"
    assert [reader.closed for reader in store.opened] == [1, 0]


def test_an_unchanged_alias_keeps_the_reader(
    readers: LiveReaders, store: Store, clock: Clock
) -> None:
    for now in range(5):
        clock.now = float(now)
        assert read(readers) == "v1"
    assert len(store.opened) == 1
    assert store.looks == 5


def test_a_lease_outlives_a_promotion(readers: LiveReaders, store: Store, clock: Clock) -> None:
    with readers.lease("docs") as reader:
        first = cast("Reader", reader)
        store.live["docs"] = "v2"
        clock.now = 5.0
        assert read(readers) == "v2"
        assert first.read() == "v1"
    assert first.closed == 1
    assert read(readers) == "v2"


def test_a_missing_index_says_how_to_make_it(readers: LiveReaders, store: Store) -> None:
    with pytest.raises(IndexMissing, match="groundwork ingest SOURCE --index handbook"):
        read(readers, "handbook")
    store.live["handbook"] = "h1"
    assert read(readers, "handbook") == "h1"


def test_a_failure_to_open_is_not_remembered(readers: LiveReaders, store: Store) -> None:
    def fail() -> None:
        raise Unavailable("the engine does not answer")

    store.before_open = fail
    with pytest.raises(Unavailable):
        read(readers)
    store.before_open = lambda: None
    assert read(readers) == "v1"


def test_indexes_do_not_disturb_each_other(
    readers: LiveReaders, store: Store, clock: Clock
) -> None:
    store.live["other"] = "o1"
    assert read(readers) == "v1"
    assert read(readers, "other") == "o1"
    store.live["docs"] = "v2"
    clock.now = 2.0
    assert read(readers, "other") == "o1"
    assert read(readers) == "v2"
    assert [reader.closed for reader in store.opened] == [1, 0, 0]


def test_closing_waits_for_leases(readers: LiveReaders, store: Store) -> None:
    with readers.lease("docs") as reader:
        readers.close()
        assert cast("Reader", reader).read() == "v1"
    assert [each.closed for each in store.opened] == [1]


def test_searches_go_on_with_the_old_version_while_one_thread_opens_the_next(
    readers: LiveReaders, store: Store, clock: Clock
) -> None:
    assert read(readers) == "v1"
    opening, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        opening.set()
        assert go_on.wait(5)

    store.before_open = slow
    store.live["docs"] = "v2"
    clock.now = 2.0
    with ThreadPoolExecutor(1) as threads:
        slowly = threads.submit(read, readers)
        assert opening.wait(5)
        assert read(readers) == "v1"
        go_on.set()
        assert slowly.result(5) == "v2"
    assert read(readers) == "v2"
    assert [reader.closed for reader in store.opened] == [1, 0]


def test_threads_that_search_during_promotions_see_no_error_and_no_mixture(store: Store) -> None:
    ticks = iter(range(10**9))
    # Every look at the clock is a second later: each search looks at the alias anew.
    readers = LiveReaders(cast("IndexStore", store), 1.0, lambda: float(next(ticks)))
    searchers, distinct = 8, 20
    begin = threading.Barrier(searchers + 1)

    def search() -> list[str]:
        seen: list[str] = []
        begin.wait(5)
        while len(set(seen)) < distinct:
            with readers.lease("docs") as reader:
                opened = cast("Reader", reader)
                during = {opened.read() for _ in range(20)}
            assert len(during) == 1
            seen += during
        return seen

    with ThreadPoolExecutor(searchers) as pool:
        searches = [pool.submit(search) for _ in range(searchers)]
        begin.wait(5)
        promoted = 1
        while not all(search.done() for search in searches):
            promoted += 1
            store.live["docs"] = f"v{promoted}"
            assert read(readers)
        for each in searches:
            numbers = [int(version[1:]) for version in each.result()]
            assert numbers == sorted(numbers), "a search went back to a version that was replaced"
    assert read(readers) == f"v{promoted}"
    readers.close()
    assert {reader.closed for reader in store.opened} == {1}
