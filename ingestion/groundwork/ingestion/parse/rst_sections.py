"""Section titles of reStructuredText and the anchors that Sphinx gives them."""

from __future__ import annotations

import re

from groundwork.ingestion.parse.base import DocumentBuilder, Slugger, slugify
from groundwork.ingestion.parse.rst_inline import Inline
from groundwork.ingestion.parse.rst_lines import Lines

# One punctuation character, repeated: an adornment or, alone, a transition.
_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1*$")
# Blocks that go before a title with an underline.
_OTHER_BLOCKS = re.compile(r"[-*+] |\.\. |\|(?: |$)|>>> |__ |:[^:`]+: ")
# `text <address>`_ makes a target of its text; with two underscores it does not.
_MENTION = re.compile(
    r"(?<![\w`\\:])`(?P<link>[^`<>]{1,500}?)\s*<[^<>`]{1,1000}>`_(?![_\w])"
    r"|\[(?:\d+|#[\w-]*|\*|[A-Za-z][\w.-]*)\]_(?!\w)"
)
_MIN_ADORNMENT = 4  # docutils takes a shorter one only where it is as long as the title


class Sections:
    """Finds titles; the order in which their adornments first appear makes the levels.

    `labels` are the `.. _label:` targets since the last block: they name what follows.
    """

    def __init__(self, builder: DocumentBuilder, slugger: Slugger) -> None:
        self.labels: list[str] = []
        self._builder = builder
        self._slugger = slugger
        self._styles: list[str] = []

    def label(self, name: str) -> None:
        """A target in front of a section or block."""
        if self.claim(name):
            self.labels.append(slugify(name, "sphinx"))

    def claim(self, name: str) -> bool:
        """Something named `name` takes its id, or the next number where that is taken; true for the former."""
        anchor = slugify(name, "sphinx")
        if self._slugger.is_taken(anchor):
            self._slugger.skip_serial()
            return False
        self._slugger.reserve(anchor)
        return True

    def mention(self, source: str) -> None:
        """Footnote references and named links in a paragraph take ids, too."""
        if "_" not in source:
            return
        for match in _MENTION.finditer(source):
            if match["link"]:
                self.claim(match["link"])
            else:
                self._slugger.skip_serial()

    def read(self, lines: Lines, number: int, after: int, inline: Inline) -> int | None:
        """The line behind the title or transition on line `number`, None where there is neither."""
        text = lines.content(number)
        adornment = _ADORNMENT.match(text)
        below = lines.content(number + 1) if number + 1 < after else ""
        if adornment and below and _fits(text, below) and _is_line(lines, number + 2, after, text):
            self._start(text[0] * 2, below, inline)
            return number + 3
        if _OTHER_BLOCKS.match(text):
            return None
        underlined = _is_line(lines, number + 1, after, below) and _ADORNMENT.match(below)
        if underlined and _fits(below, text) and not (adornment and len(text) >= _MIN_ADORNMENT):
            self._start(below[0], text, inline)
            return number + 2
        alone = adornment and len(text) >= _MIN_ADORNMENT and lines.blank(number + 1)
        return number + 1 if alone else None

    def _start(self, style: str, source: str, inline: Inline) -> None:
        self.mention(source)
        title = inline.plain(source)
        if style not in self._styles:
            self._styles.append(style)
        level = self._styles.index(style) + 1
        label = self.labels[-1] if self.labels else ""
        anchor = slugify(title, "sphinx")
        if anchor and anchor in self.labels:
            # The label took the id that the title would have got.
            self._slugger.skip_serial()
        elif label and self._slugger.is_taken(anchor):
            # A second section of that name gets a number; the label is certain.
            self._slugger.skip_serial()
            anchor = label
        else:
            anchor = self._slugger.slug(title)
        self.labels.clear()
        self._builder.start_section(anchor, title, level)


def _is_line(lines: Lines, number: int, after: int, text: str) -> bool:
    """Whether `text` stands on the line, at the margin."""
    return number < after and lines.indent[number] == 0 and lines.content(number) == text


def _fits(adornment: str, title: str) -> bool:
    return len(adornment) >= min(_MIN_ADORNMENT, len(title))
