"""robots.txt by RFC 9309: groups, longest match, the wildcards * and $; and Crawl-delay and Sitemap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

# A longer delay would mean that a site of a thousand pages takes a working day; it is cut to this.
MAX_CRAWL_DELAY = 60.0
MAX_BYTES = 500 * 1024  # what a crawler has to read of the file, RFC 9309, 2.5


@dataclass(frozen=True, slots=True)
class _Rule:
    """One Allow or Disallow line."""

    allow: bool
    path: str

    def matches(self, path: str) -> bool:
        """Whether the rule covers the path (with its query)."""
        first, *others = re.split(r"\*+", self.path.removesuffix("$"))
        if not path.startswith(first):
            return False
        position = len(first)
        anchored = self.path.endswith("$")
        last = others.pop() if others and anchored else None
        for piece in others:
            found = path.find(piece, position)
            if found < 0:
                return False
            position = found + len(piece)
        if last is not None:
            return path.endswith(last) and len(path) - len(last) >= position
        return not anchored or position == len(path)


@dataclass(slots=True)
class _Group:
    agents: list[str] = field(default_factory=list)
    rules: list[_Rule] = field(default_factory=list)
    crawl_delay: float | None = None


@dataclass(frozen=True, slots=True)
class Robots:
    """What one crawler may do on one origin. `crawl_delay` is in seconds, None where none is asked for."""

    rules: tuple[_Rule, ...] = ()
    crawl_delay: float | None = None
    sitemaps: tuple[str, ...] = ()

    def allows(self, path: str) -> bool:
        """Whether the path (with its query) may be fetched: the longest rule decides, Allow wins ties."""
        canonical = _canonical(path)
        found = [rule for rule in self.rules if rule.matches(canonical)]
        return max(((len(rule.path), rule.allow) for rule in found), default=(0, True))[1]


def _canonical(path: str) -> str:
    """Paths are compared with percent-encoding undone, but for the slash that is no separator."""
    return "%2F".join(unquote(piece) for piece in re.split("%2f", path, flags=re.IGNORECASE))


def parse_robots(content: bytes, user_agent: str) -> Robots:
    """The rules for the crawler with this User-Agent header; those for * where none names it."""
    lines = list(_lines(content[:MAX_BYTES].decode("utf-8-sig", "replace")))
    groups = _groups(lines)
    token = user_agent.partition("/")[0].strip().lower()
    mine = [group for group in groups if token in group.agents]
    mine = mine or [group for group in groups if "*" in group.agents]
    delays = [group.crawl_delay for group in mine if group.crawl_delay is not None]
    return Robots(
        tuple(rule for group in mine for rule in group.rules),
        min(max(delays), MAX_CRAWL_DELAY) if delays else None,
        tuple(value for key, value in lines if key == "sitemap" and value),
    )


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Key in lower case and value of each line that has them."""
    for line in text.splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield key.strip().lower(), value.strip()


def _groups(lines: list[tuple[str, str]]) -> list[_Group]:
    """Consecutive User-agent lines open a group; the rules up to the next ones are theirs."""
    groups: list[_Group] = []
    opening = False
    for key, value in lines:
        if key == "user-agent":
            if not opening:
                groups.append(_Group())
            groups[-1].agents.append(value.partition("/")[0].strip().lower())
            opening = True
        elif key in {"allow", "disallow", "crawl-delay"} and groups:
            _add(groups[-1], key, value)
            opening = False
    return groups


def _add(group: _Group, key: str, value: str) -> None:
    if key != "crawl-delay":
        if value:  # an empty Disallow forbids nothing
            group.rules.append(_Rule(key == "allow", _canonical(value)))
        return
    if re.fullmatch(r"\d{1,6}(\.\d+)?", value):
        group.crawl_delay = float(value)
