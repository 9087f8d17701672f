"""Which generator's Markdown a page is written in, and what that dialect adds to CommonMark."""

from __future__ import annotations

import re
from dataclasses import dataclass

from groundwork.ingestion.parse.options import Site
from groundwork.ingestion.parse.slugs import Rule

_HUGO = re.compile(r"\{\{[<%]\s*/?\s*[\w/.-]{1,100}(?:\s[^\n{]{0,500}?)?[%>]\}\}")
_HUGO_PAGE = re.compile(r"(?:^|/)content/|(?:^|/)_index\.md$")
_MDX = re.compile(
    r"""^(?:import\s[^\n]*['"];?[ \t]*$|export\s+(?:const|default|function)\b|</?[A-Z]\w*[\s>/])"""
    r"|^[ \t]*:{3,}(?:note|tip|info|caution|danger|warning|important)\b",
    re.MULTILINE,
)
_MKDOCS = re.compile(r"^(?:!!!|\?\?\?\+?) \w|^={3}[+!]? \"[^\"\n]+\"[ \t]*$", re.MULTILINE)
_MYST = re.compile(
    r"^[ \t]*(?:`{3,}|:{3,})\{[\w:-]+\}|^\([\w.:/ -]+\)=[ \t]*$|\{(?:ref|doc|py:\w+|term)\}`",
    re.MULTILINE,
)
_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^`\n{]*\n.*?^[ \t]*\1", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a page's source may hold besides CommonMark, tables, strikethrough and footnotes."""

    site: Site
    rule: Rule

    @property
    def shortcodes(self) -> bool:
        """Hugo's {{< name >}} and {{% name %}}."""
        return self.site == "hugo"

    @property
    def mdx(self) -> bool:
        """JSX, import and export lines, {/* comments */}, and no indented code."""
        return self.site == "docusaurus"

    @property
    def indented_blocks(self) -> bool:
        """`!!! note "Title"` and `=== "Tab"` over an indented body."""
        return self.site == "mkdocs"

    @property
    def directives(self) -> bool:
        """MyST: ```{name} fences, (label)= lines, % comments."""
        return self.site == "sphinx"

    @property
    def colon_fences(self) -> bool:
        """:::note … :::."""
        return self.site in {"docusaurus", "sphinx"}

    @property
    def definition_lists(self) -> bool:
        """A term, then lines that begin with a colon."""
        return self.site in {"hugo", "mkdocs", "sphinx"}


def dialect_of(page: str, text: str, site: Site, front_matter: str) -> Dialect:
    """The dialect of the site where it is known, else of what the page itself shows.

    `front_matter` is the syntax of the page's front matter: TOML is Hugo's. What stands in code blocks is
    no sign: documentation about Hugo quotes shortcodes.
    """
    found = _detect(page, text, front_matter) if site == "auto" else site
    return Dialect(found, "github" if found == "auto" else found)


def _detect(page: str, text: str, front_matter: str) -> Site:
    if page.lower().endswith(".mdx"):
        return "docusaurus"
    prose = _FENCED.sub("", text)
    if front_matter == "toml" or _HUGO.search(prose):
        return "hugo"
    for site, pattern in _BY_SIGN:
        if pattern.search(prose):
            return site
    return "hugo" if front_matter and _HUGO_PAGE.search(page) else "github"


_BY_SIGN: tuple[tuple[Site, re.Pattern[str]], ...] = (
    ("docusaurus", _MDX),
    ("sphinx", _MYST),
    ("mkdocs", _MKDOCS),
)
