"""What every parser takes, and the error every parser may raise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from groundwork.core.errors import InvalidInput

# Part of an index version's configuration: raise it when the same file parses to other blocks.
PARSER_VERSION = "1"

Site = Literal["auto", "hugo", "docusaurus", "sphinx", "mkdocs", "github"]
Reason = Literal[
    "empty", "encoding", "binary", "malformed", "encrypted", "unsupported", "draft", "navigation"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """What holds for all pages of a source.

    `url_base` is where the site is published ("https://docs.example.com/v2"), None for no links. `site`
    is the generator that publishes it: it decides the dialect, the heading anchors and the addresses;
    "auto" decides page by page. `product_version` and `tags` are given to pages that name none or in
    addition to theirs.
    """

    url_base: str | None = None
    site: Site = "auto"
    product_version: str | None = None
    tags: tuple[str, ...] = ()


class ParseError(InvalidInput):
    """A file that cannot become a document.

    `reason` is a stable code: empty (no text in it), encoding, binary, malformed, encrypted, unsupported
    (no parser reads this kind), draft (its author says it is not to be published) or navigation (an index
    of links, no content).
    """

    code = "unreadable-document"
    title = "Document cannot be read"

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail, field="source")
        self.reason: Reason = reason
