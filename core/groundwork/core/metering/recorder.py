"""From the answer to the ledger: into the journal at once, into the database beside.

`record` returns when the charges are in the journal. A thread posts them in batches; while the database is slow or absent they
wait in the journal, and what another process left there when it died is posted by whoever finds it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from groundwork.core.errors import Conflict, InvalidInput, Unavailable
from groundwork.core.metering.journal import Journal
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.postings import Posting

_log = logging.getLogger("groundwork.ledger")

_BATCH = 200
# A batch of ten costs little more than one, and leaves the interpreter to the answers meanwhile.
_GATHER_SECONDS = 0.05
# More than this is waiting: the database is not coming back soon, and memory is finite.
MAX_WAITING = 50_000
_RECOVER_EVERY_SECONDS = 30.0
_FIRST_RETRY_SECONDS = 0.2
_LAST_RETRY_SECONDS = 10.0
_STOP_SECONDS = 15.0

OnUnavailable = Literal["journal", "refuse"]


class Recorder:
    """Journal first, database beside. `start` begins the thread and posts what was left behind."""

    def __init__(
        self,
        ledger: Ledger,
        journal: Journal,
        on_unavailable: OnUnavailable = "journal",
        slow_seconds: float = 5.0,
        beside: Callable[[], object] = lambda: None,
    ) -> None:
        """`beside` is called now and then on the posting thread: what else the database wants done."""
        self._ledger = ledger
        self._journal = journal
        self._refuses = on_unavailable == "refuse"
        self._slow_seconds = slow_seconds
        self._beside = beside
        self._waiting: deque[tuple[float, Posting]] = deque()
        self._change = threading.Condition()
        self._closing = False
        # How many wait for everything to be posted: nothing is gathered meanwhile.
        self._hurried = 0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to post."""
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    @property
    def behind_seconds(self) -> float:
        """How long the oldest charge has been waiting for the database; 0 where none is."""
        with self._change:
            return time.monotonic() - self._waiting[0][0] if self._waiting else 0.0

    def admit(self) -> None:
        """Raises Unavailable where the policy is `refuse` and the database is behind, or where too much waits."""
        behind = self.behind_seconds
        if self._refuses and behind > self._slow_seconds:
            raise Unavailable(
                f"the ledger has not answered for {behind:.0f} s, and ledger.on_unavailable is refuse",
                field="ledger.on_unavailable",
                retry_after=_LAST_RETRY_SECONDS,
            )
        if len(self._waiting) >= MAX_WAITING:
            raise Unavailable(
                f"{MAX_WAITING} requests are waiting to be charged; the ledger has to come back first",
                field="ledger.url",
                retry_after=60.0,
            )

    def record(self, posting: Posting) -> None:
        """Returns when the charges outlive this process. Raises Unavailable.

        Whether the ledger can take them shows later: an answer that is written must not fail for its bill.
        """
        self._journal.append(posting)
        with self._change:
            self._waiting.append((time.monotonic(), posting))
            # Waking the thread for each would make it fight the answers for the interpreter.
            if len(self._waiting) in {1, _BATCH}:
                self._change.notify_all()

    def waiting(self, request_id: str) -> Posting | None:
        """A posting that the database has not taken yet."""
        with self._change:
            found = (posting for _, posting in self._waiting if posting.request.id == request_id)
            return next(found, None)

    def flush(self, seconds: float) -> bool:
        """Wait until everything is posted; whether it was in time."""
        with self._change:
            self._hurried += 1
            self._change.notify_all()
            try:
                return self._change.wait_for(lambda: not self._waiting, seconds)
            finally:
                self._hurried -= 1

    def recover(self) -> int:
        """Post what dead processes left in their journals; returns how many charges were missing.

        Raises Unavailable; then they stay where they are.
        """
        posted = 0
        with self._journal.orphans() as orphans:
            for orphan in orphans:
                posted += self._post(orphan.postings)
                self._journal.done(orphan)
        if posted:
            _log.warning("posted %d charges that a process had left in its journal", posted)
        return posted

    def close(self, seconds: float = 5.0) -> None:
        """Post what is waiting, for so long at most; the rest stays in the journal for the next start."""
        if self._thread is not None:
            self.flush(seconds)
            with self._change:
                self._closing = True
                self._change.notify_all()
            # It only waits for the database now, which answers or fails within this.
            self._thread.join(_STOP_SECONDS)
        self._journal.close()

    def _run(self) -> None:
        recovered_at = -_RECOVER_EVERY_SECONDS
        retry = _FIRST_RETRY_SECONDS
        while not self._closing:
            try:
                if time.monotonic() - recovered_at >= _RECOVER_EVERY_SECONDS:
                    self.recover()
                    self._beside()
                    recovered_at = time.monotonic()
                self._post_waiting()
                retry = _FIRST_RETRY_SECONDS
            except (Unavailable, SQLAlchemyError, OSError) as error:
                _log.warning("charges wait in the journal: %s", error)
                with self._change:
                    self._change.wait_for(lambda: self._closing, retry)
                retry = min(2 * retry, _LAST_RETRY_SECONDS)

    def _post_waiting(self) -> None:
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._closing, _RECOVER_EVERY_SECONDS)
            self._change.wait_for(self._batch_is_full, _GATHER_SECONDS)
            batch = [self._waiting[n][1] for n in range(min(_BATCH, len(self._waiting)))]
        if not batch:
            return
        self._journal.sync()
        self._post(batch)
        self._journal.settled(len(batch))
        with self._change:
            for _ in batch:
                self._waiting.popleft()
            self._change.notify_all()

    def _batch_is_full(self) -> bool:
        return self._closing or self._hurried > 0 or len(self._waiting) >= _BATCH

    def _post(self, postings: tuple[Posting, ...] | list[Posting]) -> int:
        try:
            return self._ledger.post(*postings)
        except (Conflict, InvalidInput, IntegrityError, DataError) as error:
            if len(postings) == 1:
                self._journal.refuse(postings[0], str(error))
                return 0
            # One wrong request must not keep the others waiting.
            return sum(self._post([posting]) for posting in postings)
