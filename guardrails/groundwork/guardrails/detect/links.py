"""Web addresses in a text, and the host that a browser would go to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from groundwork.guardrails.detect.patterns import GAP

_LINK = re.compile(
    rf"(?:(?<![A-Za-z0-9+.-])(?:https?|ftp|wss?|file)\s?:[/\\]{{1,}}|(?<=\]\()[/\\]{{2}}|(?<=[\"'=])[/\\]{{2}}(?=[\w-]+\.\w)"
    rf"|(?<![\w./@-])www\.|(?<![A-Za-z0-9])(?:javascript|vbscript|data):(?=\S))"
    rf"(?P<rest>[^{GAP}<>\"`]*)",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"(?:javascript|vbscript|data):", re.IGNORECASE)
# What ends a sentence or closes a bracket around the link is no part of it.
_TAIL = re.compile(r"[.,;:!?'*_~|\\\]}]+\Z")


@dataclass(frozen=True, slots=True)
class Link:
    """A web address at `start`:`end` of a text. `host` is "" where it runs code or carries data instead."""

    start: int
    end: int
    url: str
    host: str
    image: bool


def links(text: str) -> Iterator[Link]:
    """Every web address in `text`, also one inside another."""
    match = _LINK.search(text)
    while match is not None:
        url = _trimmed(match[0])
        if url:
            start = match.start()
            yield Link(start, start + len(url), url, host_of(url), _is_image(text, start))
        match = _LINK.search(text, match.start() + 1)


def host_of(url: str) -> str:
    """The host as browsers read it: backslashes are slashes, what stands before an @ is a user, names are lower case."""
    if _SCHEME.match(url):
        return ""
    rest = re.sub(r"^[A-Za-z]+:", "", url.strip()).replace("\\", "/").lstrip("/")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    host = host.partition(":")[0].rstrip(".").lower()
    return host.removeprefix("www.") if url.lower().startswith("www.") else host


def is_under(host: str, allowed: frozenset[str]) -> bool:
    """Whether a host is one of these; "*.example.com" allows example.com and everything below it."""
    if host in allowed or f"*.{host}" in allowed:
        return True
    labels = host.split(".")
    return any(f"*.{'.'.join(labels[n:])}" in allowed for n in range(1, len(labels)))


def _trimmed(url: str) -> str:
    while True:
        shorter = _TAIL.sub("", url)
        # A closing bracket belongs to the link only if it was opened in it.
        if shorter.endswith(")") and shorter.count(")") > shorter.count("("):
            shorter = shorter[:-1]
        if shorter == url:
            return url
        url = shorter


def _is_image(text: str, start: int) -> bool:
    """Whether a browser would load it by itself. A Markdown text too long to look back over counts as an image's."""
    before = text[max(0, start - 60) : start]
    if before.endswith("]("):
        opening = re.search(r"(!?)\[[^\[\]]*\]\(\Z", before)
        return opening is None or bool(opening[1])
    return re.search(r"<(?!a\b)[a-z]+\b[^<>]*=[\"']?\Z", before, re.IGNORECASE) is not None
