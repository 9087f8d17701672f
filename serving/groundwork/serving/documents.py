"""Reading documents in the service: which release reads, what it costs, what is watched of it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from groundwork.classic.ocr.loader import OcrLoader
from groundwork.classic.ocr.model import BUNDLED, RELEASE
from groundwork.classic.ocr.pictures import Limits, open_pages
from groundwork.classic.ocr.predict import open_reader
from groundwork.classic.ocr.reader import Reader
from groundwork.classic.ocr.reading import Reading
from groundwork.classic.ocr.signals import image_signals
from groundwork.core.errors import PayloadTooLarge
from groundwork.core.metering.accounts import Accounts, Expected, Ticket
from groundwork.core.metering.callers import Caller
from groundwork.core.metering.postings import Posting
from groundwork.core.metering.prices import OCR
from groundwork.core.metering.tally import PAGES, Tally
from groundwork.core.registry.base import OCR as KIND
from groundwork.core.registry.base import Line
from groundwork.core.registry.follow import Follower
from groundwork.core.registry.followers import Followers
from groundwork.core.settings import Settings
from groundwork.core.telemetry import Trace

if TYPE_CHECKING:
    from PIL.Image import Image


class Signals(Protocol):
    """Where figures of requests go that drift is watched by. Never raises and never blocks for long."""

    def add(self, part: str, release: str, values: dict[str, Any], /) -> None:
        """Of one page."""
        ...


class NoSignals:
    """Nobody watches."""

    def add(self, part: str, release: str, values: dict[str, Any], /) -> None:
        """Dropped."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How documents are to be read: `find_card` looks for a card first; `draw` and `explain` want pictures back."""

    find_card: bool = True
    draw: bool = False
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page's reading. `document` counts from 0; the pictures are there where they were asked for."""

    document: int
    number: int
    reading: Reading
    drawn: Image | None = None
    saliency: Image | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What was answered and charged."""

    id: str
    release: str
    pages: tuple[Page, ...]
    ticket: Ticket
    posting: Posting


@dataclass(frozen=True, slots=True)
class Documents:
    """Blocks while it works: call it from a thread."""

    follower: Follower[Reader]
    accounts: Accounts
    limits: Limits
    # The name that the price book knows the engine by.
    model: str
    signals: Signals = field(default_factory=NoSignals)

    def read(self, documents: Sequence[bytes], wish: Wish, caller: Caller, trace: Trace) -> Read:
        """Raises InvalidInput, PayloadTooLarge, UnsupportedMediaType, Unavailable, and what `Accounts.admit` raises."""
        with trace.stage("open"):
            opened = [open_pages(raw, self.limits) for raw in documents]
        count = sum(len(pages) for pages in opened)
        if count > self.limits.max_pages:
            raise PayloadTooLarge(
                f"a request has at most {self.limits.max_pages} pages; this one has {count}",
                field="body",
            )
        request_id = "ocr-" + secrets.token_hex(12)
        ticket = self.accounts.admit(
            request_id, caller, Expected(self.model, 0, 0, ((PAGES, count),))
        )
        try:
            with self.follower.lease(caller.key_id or request_id, request_id) as held:
                with trace.stage("ocr"):
                    pages = tuple(
                        self._page(held.value, n, number, picture, wish)
                        for n, pictures in enumerate(opened)
                        for number, picture in enumerate(pictures)
                    )
                release = held.release or held.value.release
                self._watch(opened, pages, release)
        except BaseException:
            self.accounts.drop(request_id, ticket)
            raise
        return Read(request_id, release, pages, ticket, self._charge(ticket, release, count, trace))

    def _page(self, reader: Reader, document: int, number: int, picture: Image, wish: Wish) -> Page:
        reading = reader.read(picture, find_card=wish.find_card)
        drawn = salient = None
        if wish.draw:
            from groundwork.classic.ocr.predict import draw

            drawn = draw(picture, reading)
        if wish.explain:
            from groundwork.classic.ocr.saliency import saliency

            salient = saliency(picture, reading, reader.lines_engine)
        return Page(document, number, reading, drawn, salient)

    def _watch(
        self, opened: Sequence[Sequence[Image]], pages: Sequence[Page], release: str
    ) -> None:
        pictures = [picture for each in opened for picture in each]
        for picture, page in zip(pictures, pages, strict=True):
            self.signals.add("", release, image_signals(picture, page.reading))

    def _charge(self, ticket: Ticket, release: str, count: int, trace: Trace) -> Posting:
        tally = Tally()
        tally.add(OCR, self.model, PAGES, count)
        return self.accounts.charge(ticket, tally, trace, model=self.model, release=release)


def line_of_documents(settings: Settings) -> Line:
    """Whose champion reads."""
    return Line(KIND, settings.ocr.name)


def open_documents(
    settings: Settings, accounts: Accounts, followers: Followers, signals: Signals | None = None
) -> Documents:
    """With the models that ship until the registry names others. Raises ConfigurationError."""
    chosen, line = settings.ocr, line_of_documents(settings)
    # A package may come without weights; then a release of the registry is needed.
    shipped = open_reader(settings) if (BUNDLED / RELEASE).is_file() else None
    return Documents(
        follower=followers.follow(line, OcrLoader(settings), shipped),
        accounts=accounts,
        limits=Limits(chosen.max_bytes, chosen.max_pixels, chosen.max_pages),
        model="ocr" if chosen.engine == "groundwork" else chosen.engine,
        signals=signals or NoSignals(),
    )
