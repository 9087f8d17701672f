from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.core.errors import Conflict, Unavailable
from groundwork.core.metering.database import open_engine
from groundwork.core.metering.journal import Journal
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.postings import Line, Posting, Request
from groundwork.core.metering.recorder import Recorder

CHILD = Path(__file__).with_name("journal_child.py")


def posting(n: int, unit: int = 44) -> Posting:
    line = Line("generate", "output_tokens", "m", n, n * unit, unit)
    return Posting(Request(f"ans-{n}", 1_795_168_800_123, "answered", team="search"), (line,))


def orphaned(folder: Path) -> list[Posting]:
    with Journal(folder).orphans() as orphans:
        return [one for orphan in orphans for one in orphan.postings]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


class Absent(Ledger):
    """A database that answers only when it is told to."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger.engine)
        self.answers = threading.Event()
        self.asked = threading.Event()

    def post(self, *postings: Posting) -> int:
        self.asked.set()
        if not self.answers.is_set():
            raise Unavailable("the ledger is on holiday")
        return super().post(*postings)


@pytest.mark.parametrize("times", [1, 2])
def test_killed_between_answer_and_charge_nothing_is_lost_and_nothing_is_charged_twice(
    ledger_url: str, folder: Path, times: int
) -> None:
    said: set[str] = set()
    for _ in range(times):
        child = subprocess.Popen(
            [sys.executable, str(CHILD), ledger_url, str(folder)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        said |= {child.stdout.readline().decode().strip() for _ in range(40)}
        child.send_signal(signal.SIGKILL)
        said |= {line.decode().strip() for line in child.stdout if line.endswith(b"\n")}
        child.stdout.close()
        child.wait()
    ledger = Ledger.open(ledger_url)
    recorder = Recorder(ledger, Journal(folder))
    recorder.recover()
    for identity in said:
        rows = ledger.charges_of(identity)
        assert [row["quantity"] for row in rows] == [int(identity.removeprefix("ans-"))]
    before = ledger.total()
    assert recorder.recover() == 0
    assert ledger.total() == before
    assert list(folder.glob("*.journal")) == []
    recorder.close()
    ledger.close()


def test_what_is_recorded_is_posted_and_the_file_goes(ledger: Ledger, folder: Path) -> None:
    recorder = Recorder(ledger, Journal(folder))
    recorder.start()
    for n in range(50):
        recorder.record(posting(n))
    assert recorder.flush(30)
    assert ledger.total() == sum(posting(n).picodollars for n in range(50))
    assert recorder.behind_seconds == 0
    recorder.close()
    assert list(folder.iterdir()) == []


def test_charges_wait_while_the_database_is_absent(ledger: Ledger, folder: Path) -> None:
    absent = Absent(ledger)
    recorder = Recorder(absent, Journal(folder), "journal")
    recorder.start()
    recorder.record(posting(1))
    assert absent.asked.wait(30)
    recorder.admit()
    assert recorder.behind_seconds > 0
    absent.answers.set()
    assert recorder.flush(30)
    assert ledger.total() == 44
    recorder.close()


def test_the_policy_refuse_lets_nobody_in_while_the_database_is_behind(
    ledger: Ledger, folder: Path
) -> None:
    absent = Absent(ledger)
    recorder = Recorder(absent, Journal(folder), "refuse", slow_seconds=0.0)
    recorder.admit()
    recorder.start()
    recorder.record(posting(1))
    with pytest.raises(Unavailable, match="on_unavailable is refuse") as caught:
        recorder.admit()
    assert caught.value.retry_after is not None
    absent.answers.set()
    assert recorder.flush(30)
    recorder.admit()
    recorder.close()


def test_a_process_that_ends_in_time_leaves_what_it_could_not_post(
    ledger: Ledger, folder: Path
) -> None:
    recorder = Recorder(Absent(ledger), Journal(folder))
    recorder.start()
    recorder.record(posting(3))
    recorder.close(seconds=0.01)
    assert orphaned(folder) == [posting(3)]


def test_a_request_charged_otherwise_is_kept_aside_and_does_not_stop_the_others(
    ledger: Ledger, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.post(posting(1))
    recorder = Recorder(ledger, Journal(folder))
    for one in (posting(1, unit=45), posting(2), posting(3)):
        recorder.record(one)
    with caplog.at_level(logging.ERROR):
        recorder.start()
        assert recorder.flush(30)
    recorder.close()
    assert ledger.total() == 44 + 88 + 132
    assert Posting.from_json((folder / "refused.jsonl").read_bytes()) == posting(1, unit=45)
    assert "charges of request ans-1 were refused" in caplog.text
    with pytest.raises(Conflict):
        ledger.post(posting(1, unit=45))


@pytest.mark.parametrize(
    "poison",
    [
        Posting(Request("bad", 0, "answered", prompt_tokens=1, cached_tokens=2), ()),
        Posting(Request("bad", 0, "answered"), (Line("s", "m", "x", 2, 5, 2),)),
    ],
)
def test_what_no_database_takes_does_not_stop_the_others(
    ledger: Ledger, folder: Path, poison: Posting
) -> None:
    recorder = Recorder(ledger, Journal(folder))
    for one in (posting(1), poison, posting(2)):
        recorder.record(one)
    recorder.start()
    assert recorder.flush(30)
    recorder.close()
    assert ledger.total() == 44 + 88
    assert Posting.from_json((folder / "refused.jsonl").read_bytes()) == poison


def test_a_journal_in_use_is_nobodys_orphan(folder: Path) -> None:
    journal = Journal(folder)
    journal.append(posting(1))
    assert orphaned(folder) == []
    journal.close()
    assert orphaned(folder) == [posting(1)]


@settings(deadline=None, max_examples=60)
@given(cut=st.integers(0, 700), flip=st.integers(0, 700))
def test_a_torn_end_is_no_damage_and_a_flipped_bit_is(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder)
    journal.append(posting(1))
    journal.append(posting(2))
    journal.close()
    path = next(folder.glob("*.journal"))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    torn = whole[: min(cut, len(whole))]
    path.write_bytes(torn)
    with Journal(folder).orphans() as orphans:
        (orphan,) = list(orphans)
    assert orphan.damaged == ()
    assert len(orphan.postings) == torn.count(b"\n")
    place = flip % (first - 1)
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    journal = Journal(folder)
    with journal.orphans() as orphans:
        (orphan,) = list(orphans)
        assert orphan.postings[-1] == posting(2)
        assert posting(1) not in orphan.postings
        assert len(orphan.damaged) >= 1
        journal.done(orphan)
    assert [kept.suffix for kept in folder.iterdir()] == [".damaged"]


@pytest.mark.parametrize("sync_first", [False, True])
def test_threads_share_one_file(folder: Path, sync_first: bool) -> None:
    journal = Journal(folder, sync_first=sync_first)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(journal.append, [posting(n) for n in range(100)]))
    assert journal.pending == 100
    assert len(list(folder.iterdir())) == 1
    journal.close()
    assert sorted(one.request.id for one in orphaned(folder)) == sorted(
        f"ans-{n}" for n in range(100)
    )


def test_a_large_file_is_emptied_when_all_of_it_is_posted(folder: Path) -> None:
    journal = Journal(folder)
    long = Line("generate", "output_tokens", "m", 0, 0, note="x" * (1 << 19))
    for n in range(3):
        journal.append(Posting(Request(f"ans-{n}", 0, "answered"), (long,)))
    journal.settled(2)
    assert next(folder.iterdir()).stat().st_size >= 1 << 20
    journal.settled(1)
    assert next(folder.iterdir()).stat().st_size == 0
    journal.append(posting(1))
    journal.close()
    assert orphaned(folder) == [posting(1)]


def test_a_journal_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="journal of charges"):
        Journal(tmp_path / "file").append(posting(1))


def test_opening_makes_nothing(folder: Path, tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'l.sqlite'}")
    Recorder(Ledger(engine), Journal(folder)).close()
    assert not folder.exists()
