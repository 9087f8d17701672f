from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.answers import Usage
from groundwork.core.metering.accounts import Accounts, land
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.flights import SLOTS, Flight, Flights, _read
from groundwork.core.metering.postings import Request, request_of
from groundwork.core.metering.prices import EMBED, GENERATE, embedded_book
from groundwork.core.metering.tally import INPUT, OUTPUT, Tally
from groundwork.core.settings import Settings

CALLER = Caller(key_id="k1", team="search")

CHILD = """
import sys, time
from pathlib import Path
from groundwork.core.answers import Usage
from groundwork.core.metering.flights import Flights
from groundwork.core.metering.tally import Tally
from tests.core.test_flights import request
flights = Flights(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    tally = Tally()
    flights.begin(request(number), tally)
    tally.add("embed", "all-MiniLM-L6-v2", "input_tokens", 7)
    for written in range(number + 1):
        tally.tokens("generate", "extractive", Usage(prompt_tokens=20, completion_tokens=written))
    if number % 3 == 0:
        flights.end(request(number).id)
print("flying", flush=True)
time.sleep(60)
"""


def request(number: int) -> Request:
    return request_of(f"ans-{number}", CALLER, Usage(), "cancelled", at=1_790_000_000_000)


def orphans(folder: Path) -> list[Flight]:
    with Flights(folder).orphans() as found:
        return found


def killed(folder: Path, requests: int) -> None:
    """A process with so many requests under way, killed."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(requests)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"flying\n"
    assert orphans(folder) == []
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=10)


@given(counts=st.lists(st.integers(0, 10**9), min_size=1, max_size=5))
def test_parts_of_a_tally_count_in_the_whole(counts: list[int]) -> None:
    whole, seen = Tally(), list[int]()
    whole.watch(lambda tally: seen.append(tally.usage(GENERATE).completion_tokens))
    for count in counts:
        whole.part().tokens(GENERATE, "m", Usage(completion_tokens=count))
    assert whole.usage(GENERATE).completion_tokens == seen[-1] == sum(counts)
    assert [line.quantity for line in whole.lines()] == ([sum(counts)] if sum(counts) else [])


def test_what_a_killed_process_had_used_is_found_once(tmp_path: Path) -> None:
    killed(tmp_path, 10)
    found = {flight.request.id: flight for flight in orphans(tmp_path)}
    assert sorted(found) == [f"ans-{number}" for number in range(10) if number % 3]
    for number in (1, 2, 4, 5, 7, 8):
        flight = found[f"ans-{number}"]
        assert flight.request == request(number)
        assert flight.tally.usage(GENERATE) == Usage(20, number)
        assert flight.tally.usage(EMBED).prompt_tokens == 7
    assert orphans(tmp_path) == []


def test_it_is_charged_unless_it_reached_the_journal(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    accounts = Accounts.open(settings, embedded_book())
    killed(settings.home / "journal", 3)
    assert land(accounts.flights, accounts.ledger, accounts.prices) == 2
    row = accounts.ledger.request("ans-2")
    assert row is not None
    assert (row["team"], row["outcome"], row["completion_tokens"]) == ("search", "cancelled", 2)
    assert row["picodollars"] == 7 * 242 + 44 * (20 + 2)
    # The same requests, found again: they are in the ledger.
    killed(settings.home / "journal", 3)
    assert land(accounts.flights, accounts.ledger, accounts.prices) == 0
    accounts.close()


def test_a_torn_write_leaves_the_one_before(tmp_path: Path) -> None:
    killed(tmp_path, 2)
    (path,) = tmp_path.glob("*.flights")
    content = bytearray(path.read_bytes())
    newest = max(
        (int.from_bytes(content[place : place + 8], "little"), place)
        for place in range(0, len(content), 2048)
    )
    content[newest[1] + 40] ^= 0xFF
    path.write_bytes(content)
    (flight,) = orphans(tmp_path)
    assert [line.meter for line in flight.tally.lines()] == [INPUT, INPUT]


def test_there_is_room_for_so_many_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flights = Flights(tmp_path)
    for number in range(SLOTS + 1):
        flights.begin(request(number), Tally())
    assert "ans-1024 is not kept" in caplog.text
    flights.end("ans-0")
    tally = Tally()
    flights.begin(request(SLOTS + 1), tally)
    tally.add(GENERATE, "m", OUTPUT, 1)
    for number in range(SLOTS + 2):
        flights.end(f"ans-{number}")
    flights.close()
    assert list(tmp_path.iterdir()) == []


def test_a_tally_that_goes_on_after_the_end_writes_nothing(tmp_path: Path) -> None:
    flights, tally = Flights(tmp_path), Tally()
    flights.begin(request(0), tally)
    flights.end("ans-0")
    tally.add(GENERATE, "m", OUTPUT, 1)
    other = Tally()
    flights.begin(request(1), other)
    tally.add(GENERATE, "m", OUTPUT, 1)
    (path,) = tmp_path.glob("*.flights")
    assert [flight.request.id for flight in _read(path)] == ["ans-1"]
    flights.end("ans-1")
    flights.close()
