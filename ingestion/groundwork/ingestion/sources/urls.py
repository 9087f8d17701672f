"""URLs of one website: normal forms, what lies within its bounds, and what is no page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from yarl import URL

from groundwork.core.errors import InvalidInput

# Campaign tags of mail, advertising and analytics tools; they never choose the content.
_TRACKING = re.compile(
    r"utm_\w+|gclid|dclid|gbraid|wbraid|fbclid|msclkid|yclid|twclid|mc_[ce]id|_ga|_gl|_hs\w+|igshid",
    re.IGNORECASE,
)
_INDEX = re.compile(r"/index\.x?html?$", re.IGNORECASE)
_ASSET = re.compile(
    r"\.(7z|apk|avif?|bin|bmp|bz2|css|csv|deb|dmg|eot|exe|gif|gz|ico|inv|iso|jar|jpe?g|m?js|json|map|mov|mp[34]"
    r"|msi|ogg|otf|png|pkg|rar|rpm|rss|so|svg|tar|tgz|tiff?|ttf|wasm|wav|webm|webmanifest|webp|whl|woff2?|xml|xz"
    r"|zip|zst)"
)


@dataclass(frozen=True, slots=True)
class Link:
    """A page's address. `key` is its normal form, `url` what to ask the server for."""

    key: str
    url: str

    @property
    def page(self) -> str:
        """The page's identity within its site: path and significant query."""
        return URL(self.key, encoded=True).raw_path_qs


def link(address: str, base: str | None = None) -> Link | None:
    """The link that an address means on the page `base`; None for what is no http(s) page.

    Both forms lose fragment and tracking parameters; the key also loses a trailing index.html, so that
    /docs/ and /docs/index.html are one page.
    """
    try:
        url = URL(address.strip())
        if base is not None:
            url = URL(base).join(url)
        if url.scheme not in {"http", "https"} or not url.host:
            return None
        url = _plain(url)
        key = url.with_path(_INDEX.sub("/", url.raw_path), encoded=True, keep_query=True)
    except ValueError:
        return None
    return Link(str(key), str(url))


def _plain(url: URL) -> URL:
    """The URL without credentials, fragment and tracking parameters."""
    query = [(key, value) for key, value in url.query.items() if not _TRACKING.fullmatch(key)]
    if len(query) != len(url.query):  # else the query keeps the spelling that the site gave it
        url = url.with_query(query)
    return url.with_user(None).with_fragment(None)


def origin(url: str) -> str:
    """Scheme, host and port; URLs with equal origins are served by the same site."""
    return str(URL(url).origin())


def suffix(url: str) -> str:
    """The lower-case suffix of the path's last segment, "" where there is none."""
    return PurePosixPath(URL(url).path.rpartition("/")[2]).suffix.lower()


def is_asset(url: str) -> bool:
    """Whether the suffix says that this is an image, archive, style or other file without text."""
    return _ASSET.fullmatch(suffix(url)) is not None


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a website that is read: one origin, and the paths that start with `prefix`."""

    origin: str
    prefix: str

    @classmethod
    def of(cls, start: str) -> Scope:
        """The scope of a start page or sitemap: its folder, or what lies below a path without suffix."""
        path = URL(start).raw_path
        last = path.rpartition("/")[2]
        if last and "." not in last:
            return cls(origin(start), path + "/")
        return cls(origin(start), path[: len(path) - len(last)])

    def holds(self, url: str) -> bool:
        """Whether the URL lies within the scope."""
        path = URL(url).raw_path
        return origin(url) == self.origin and (path + "/").startswith(self.prefix)


def parse_start(spec: str) -> tuple[Link, tuple[str, str] | None]:
    """The address to start at, and the user and password that stood in it.

    Raises InvalidInput where it is no http(s) URL.
    """
    found = link(spec)
    if found is None:
        raise InvalidInput(
            "A website is given as http://… or https://… with a host.", field="source"
        )
    url = URL(spec.strip())
    return found, (url.user, url.password or "") if url.user else None
