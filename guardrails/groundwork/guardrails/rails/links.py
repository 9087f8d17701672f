"""The links rail: addresses that the documentation does not lead to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundwork.guardrails.detect.links import host_of, is_under, links
from groundwork.guardrails.rails.base import Context, Finding, Options, Parts, Rail

# Where examples point (RFC 2606) and the reader's own machine.
_HARMLESS = frozenset({
    "localhost", "*.localhost", "127.0.0.1", "0.0.0.0", "[::1]",  # noqa: S104 -- a name in a text, nothing is bound
    "*.example.com", "*.example.org", "*.example.net", "*.example", "*.test", "*.invalid",
})  # fmt: skip


class LinksOptions(Options):
    """Which hosts may be linked to, besides those of the index's pages and of the answer's passages; "*.example.com" takes in all below it."""

    allow: tuple[str, ...] = ()
    # Let through a link that stands in the answer's passages, letter for letter, unless it is an image.
    allow_from_passages: bool = True


class Links(Rail):
    """Finds links to unknown hosts, and such as carry code or data. Redacting takes the link out and leaves its text."""

    name = "links"
    stages = frozenset({"output"})
    reach = "match"
    Options = LinksOptions

    def __init__(self, options: Any, parts: Parts) -> None:
        super().__init__(options, parts)
        self._allowed = _HARMLESS | {host.lower() for host in options.allow}

    def check(self, text: str, context: Context) -> Sequence[Finding]:
        """One finding for each such link."""
        found = []
        allowed: frozenset[str] | None = None
        for link in links(text):
            if allowed is None:
                allowed = self._allowed | self._hosts(context)
            if link.host and is_under(link.host, allowed):
                continue
            if not link.image and self._is_published(link.url, context):
                continue
            # In Markdown a target may not hold spaces.
            target = text[: link.start].endswith("](")
            replacement = "#link-removed" if target else "[link removed]"
            found.append(Finding("link", link.start, link.end, 1.0, replacement))
        return found

    def _hosts(self, context: Context) -> frozenset[str]:
        known = self.parts.known_hosts
        hosts = known(context.index) if known is not None else frozenset()
        return hosts | {host_of(each.chunk.url) for each in context.passages if each.chunk.url}

    def _is_published(self, url: str, context: Context) -> bool:
        return self.options.allow_from_passages and any(
            url in passage.chunk.text for passage in context.passages
        )
