"""Long answers in pieces that Slack takes: at blocks, then lines, then sentences and words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from groundwork.serving.slack.mrkdwn import FENCE, Stretch

# A section block takes 3,000 characters.
SECTION = 2900
_FENCES = len(f"{FENCE}\n\n{FENCE}")
# A link, an entity or one character: none of them may be cut.
_ATOM = re.compile(r"<[^<>]*>|&(?:amp|lt|gt);|.", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")


def sections(parts: Sequence[Stretch], limit: int = SECTION) -> list[str]:
    """Texts of at most `limit` characters each, as few as hold everything in order."""
    packed: list[str] = []
    for piece in (piece for part in parts for piece in _pieces(part, limit)):
        if packed and len(packed[-1]) + len(piece) + 2 <= limit:
            packed[-1] += f"\n\n{piece}"
        else:
            packed.append(piece)
    return packed


def _pieces(part: Stretch, limit: int) -> Iterator[str]:
    if part.code:
        for code in _cut(part.text, limit - _FENCES, ("\n",)):
            yield f"{FENCE}\n{code}\n{FENCE}"
    else:
        yield from _cut(part.text, limit, ("\n", _SENTENCE, " "))


def _cut(text: str, limit: int, seams: tuple[str | re.Pattern[str], ...]) -> Iterator[str]:
    """`text` cut at the coarsest seam that makes pieces small enough."""
    if len(text) <= limit:
        yield text
        return
    if not seams:
        yield from _hard(text, limit)
        return
    seam, rest = seams[0], seams[1:]
    glue = seam if isinstance(seam, str) else " "
    # What stands between brackets is one thing; only seams outside of links are seams.
    pieces = text.split(seam) if isinstance(seam, str) else seam.split(text)
    gathered = ""
    for piece in _whole(pieces, glue):
        if gathered and len(gathered) + len(glue) + len(piece) <= limit:
            gathered += glue + piece
            continue
        if gathered:
            yield gathered
        gathered = piece
        if len(piece) > limit:
            *done, gathered = _cut(piece, limit, rest)
            yield from done
    if gathered:
        yield gathered


def _whole(pieces: Sequence[str], glue: str) -> Iterator[str]:
    """The pieces, those that share a link put together again."""
    waiting = ""
    for piece in pieces:
        waiting = f"{waiting}{glue}{piece}" if waiting else piece
        if waiting.count("<") == waiting.count(">"):
            yield waiting
            waiting = ""
    if waiting:
        yield waiting


def _hard(text: str, limit: int) -> Iterator[str]:
    gathered = ""
    for atom in _ATOM.findall(text):
        if len(gathered) + len(atom) > limit:
            yield gathered
            gathered = ""
        gathered += atom
    if gathered:
        yield gathered
