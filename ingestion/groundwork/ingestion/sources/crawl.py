"""The frontier of a crawl: what to fetch next, and which addresses are one page."""

from __future__ import annotations

from collections import Counter

from groundwork.ingestion.sources.base import SourceOptions
from groundwork.ingestion.sources.fetch import Fetched
from groundwork.ingestion.sources.html_links import PageLinks, read_links
from groundwork.ingestion.sources.selection import compile_globs
from groundwork.ingestion.sources.urls import Link, Scope, is_asset, link, suffix

_HTML = frozenset({"text/html", "application/xhtml+xml"})


class Crawl:
    """Breadth first from `pages`, each level sorted; with `follow` False just these pages.

    `ignored` counts links that were not followed: by suffix, or "(outside)", "(depth)", "(excluded)".
    `cut_off` says whether `max_pages` left pages unread.
    """

    def __init__(
        self, pages: list[Link], scope: Scope, options: SourceOptions, *, follow: bool
    ) -> None:
        self.scope = scope
        self.follow = follow
        self.ignored: Counter[str] = Counter()
        self.cut_off = False
        self._options = options
        self._include = compile_globs(options.include)
        self._exclude = compile_globs((*options.default_excludes, *options.exclude))
        self._front = pages[0] if follow else None
        self._level = [page for page in pages if page is self._front or self._admits(page)]
        self._next: dict[str, Link] = {}
        self._depth = 0
        self._fetched = 0
        self._known = {page.key for page in self._level}
        self._dropped: set[str] = set()

    def next_batch(self, size: int) -> list[Link]:
        """The next pages to fetch, all of one level; [] at the end."""
        if not self._level:
            self._level = sorted(self._next.values(), key=lambda each: each.page)
            self._next = {}
            self._depth += 1
        room = self._options.max_pages - self._fetched
        self.cut_off = room <= 0 and bool(self._level)
        batch = self._level[: min(size, room)] if room > 0 else []
        self._level = self._level[len(batch) :]
        self._fetched += len(batch)
        return batch

    def settle(self, asked: Link, fetched: Fetched) -> Link | None:
        """The identity of a fetched page; None where it is another page's duplicate."""
        identity = self._redirected(asked, fetched)
        if identity is None:
            return None
        if fetched.media_type not in _HTML or not self.scope.holds(fetched.url):
            return identity
        found = read_links(fetched.body, fetched.url)
        if self.follow:
            self._extend(found)
        return self._canonical(identity, found)

    def _redirected(self, asked: Link, fetched: Fetched) -> Link | None:
        """The page that the final URL stands for; None where that one is known by itself."""
        final = link(fetched.url)
        if final is None or final.key == asked.key or not self.scope.holds(final.key):
            return asked
        if final.key in self._known:
            self._dropped.add(asked.key)
            return None
        self._known.add(final.key)
        return final

    def _canonical(self, identity: Link, found: PageLinks) -> Link | None:
        """The page under the address that it calls its own; None where that page is known by itself.

        Ignored are addresses outside, a duplicate's (two pages that name each other must not both
        vanish), and the front page's: templates that name it on every page are a well-known mistake.
        """
        canonical = found.canonical
        if canonical is None or canonical.key == identity.key or canonical.key in self._dropped:
            return identity
        root = canonical.page == "/" or (self._front and canonical.key == self._front.key)
        if root or not self.scope.holds(canonical.key):
            return identity
        if canonical.key in self._known:
            self._dropped.add(identity.key)
            return None
        self._known.add(canonical.key)
        return canonical

    def _extend(self, found: PageLinks) -> None:
        """Put the page's links on the next level."""
        for target in found.links:
            if target.key in self._known or not self._admits(target):
                continue
            if self._depth >= self._options.max_depth:
                self.ignored["(depth)"] += 1
                continue
            self._known.add(target.key)
            self._next[target.key] = target

    def _admits(self, target: Link) -> bool:
        """Whether a page may be one of this source's."""
        path = target.page.partition("?")[0].removeprefix("/")
        if not self.scope.holds(target.key):
            self.ignored["(outside)"] += 1
        elif is_asset(target.key):
            self.ignored[suffix(target.key)] += 1
        elif (self._exclude and self._exclude.fullmatch(path)) or (
            self._include and not self._include.fullmatch(path)
        ):
            self.ignored["(excluded)"] += 1
        else:
            return True
        return False
