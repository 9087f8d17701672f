"""Text of others inside Slack's markup: it pings nobody, and no link shows another target than its own."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_MAX_URL = 2000
_MAX_LABEL = 300
# Slack reads these names behind an @ as a call to everybody where it parses plain text.
_EVERYBODY = re.compile(r"@(?=(?:here|channel|everyone|group)\b)", re.IGNORECASE)
_WORD_JOINER = "\u2060"
# What a person would read as an address.
_ADDRESS = re.compile(r"(?:https?://)?((?:[\w-]+\.)+[a-z]{2,})", re.IGNORECASE)
_HOST = re.compile(r"[\w.-]+|[0-9a-f:.]*:[0-9a-f:.]*")
# Characters that turn the direction of text around, or cannot be seen, make a label look like another.
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


def escape(text: str) -> str:
    """Text as Slack shows it: no mention, channel or link comes out of it."""
    return _EVERYBODY.sub("@" + _WORD_JOINER, escape_code(text))


def escape_code(text: str) -> str:
    """The same for code, whose characters stay what they are."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def link(url: str, label: str) -> str:
    """A link where the URL is one of the web; where its label names another host, the URL is shown itself."""
    shown = _HIDDEN.sub("", " ".join(label.split()))[:_MAX_LABEL]
    if not is_web(url):
        return escape(shown or url)
    target = _target(url)
    if not shown or _names_other_host(shown, url):
        return f"<{target}>"
    return f"<{target}|{escape(shown)}>"


def is_web(url: str) -> bool:
    """Whether this is an http(s) URL that Slack can take."""
    if len(url) > _MAX_URL or not url.lower().startswith(("http://", "https://")):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    # A name before an @ looks like the host and is none.
    return "@" not in parts.netloc and _HOST.fullmatch(parts.hostname or "") is not None


def _target(url: str) -> str:
    cleaned = "".join(
        char
        if char.isprintable() and char not in ' |<>"`'
        else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
        for char in url
    )
    return cleaned.replace("&", "&amp;")


def _names_other_host(label: str, url: str) -> bool:
    host = (urlsplit(url).hostname or "").lower()
    if "://" in label and not label.lower().startswith(("http://", "https://")):
        return True
    named = _ADDRESS.match(label.strip())
    return named is not None and named[1].lower().removeprefix("www.") != host.removeprefix("www.")


_MARKUP = re.compile(r"<([^<>]*)>")


def plain(text: str, bot: str = "") -> str:
    """What a person wrote, without Slack's markup; mentions of the bot itself go."""

    def read(match: re.Match[str]) -> str:
        inside, _, label = match[1].partition("|")
        if inside.startswith("@"):
            return "" if inside == f"@{bot}" else "@someone"
        if inside.startswith("#"):
            return f"#{label}" if label else "#channel"
        if inside.startswith("!"):
            return label or "@" + inside[1:].partition("^")[0]
        return f"{label} ({inside})" if label and label not in inside else inside

    read_text = _MARKUP.sub(read, text)
    return read_text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()
