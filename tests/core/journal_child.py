"""Records requests until it is killed; says each id once its charges cannot be lost any more.

Usage: python journal_child.py DATABASE_URL JOURNAL_FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from groundwork.core.metering.journal import Journal
from groundwork.core.metering.ledger import Ledger
from groundwork.core.metering.postings import Line, Posting, Request, now_ms
from groundwork.core.metering.recorder import Recorder


def main(url: str, folder: str) -> None:
    recorder = Recorder(Ledger.open(url), Journal(Path(folder)))
    recorder.start()
    n = 0
    while True:
        request = Request(f"ans-{n}", now_ms(), "answered", team="search")
        recorder.record(Posting(request, (Line("generate", "output_tokens", "m", n, 44 * n, 44),)))
        # The answer's end is sent here.
        sys.stdout.write(f"{request.id}\n")
        sys.stdout.flush()
        n += 1


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
