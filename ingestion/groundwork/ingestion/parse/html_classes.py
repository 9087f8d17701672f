"""What generators and hand-written sites call the parts of a page: class names, ids and roles.

Names are compared in lower case and as whole class tokens.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache

from lxml import etree

# The container of a page's own text, surest first. Each rank is tried before the next.
MAIN_CLASSES = (
    # One generator's own name: Docusaurus, MkDocs Material, Docsy, GitHub, pydata, Starlight, VitePress,
    # Read the Docs, GitBook, Doxygen's page of one file.
    frozenset({
        "theme-doc-markdown", "md-content__inner", "td-content", "markdown-body", "bd-article",
        "sl-markdown-content", "vp-doc", "rst-content", "markdown-section",
    }),
    # Names that layouts share.
    frozenset({
        "body", "document", "content", "main-content", "page-content", "markdown", "article",
        "contents", "contentcontainer", "post-content", "entry-content", "doc-content", "post", "docs-content",
    }),
    # DocBook's elements, which its stylesheets write as class names.
    frozenset({
        "book", "part", "preface", "chapter", "appendix", "article", "reference", "refentry", "glossary",
        "bibliography", "index", "sect1", "sect2", "section", "set",
    }),
)  # fmt: skip
MAIN_IDS = frozenset({
    "content", "main", "main-content", "maincontent", "doc-content", "page-content", "article",
    "primary", "readme", "bodycontent", "mw-content-text",
})  # fmt: skip


class Role(Enum):
    """What an element is within the content, by its class."""

    NONE = auto()
    SECTION = auto()  # a heading inside belongs to it: Sphinx before 4, DocBook, Javadoc
    BOX = auto()  # a note or warning
    LABEL = auto()  # the title of one, no heading even where it is written as one
    SIGNATURE = auto()  # of a function, method or field
    OUTPUT = auto()  # what a notebook's cell printed
    LINES = auto()  # each element in it is one line


_ROLES = (
    (Role.SECTION, re.compile(
        r"section|sect[1-6]|simplesect|refsect[1-6]|refsection|refentry|chapter|appendix|preface|part|article"
        r"|glossary|bibliography|refnamediv|refsynopsisdiv|detail")),
    (Role.LABEL, re.compile(
        r"admonition-title|alert-heading|alert-title|markdown-alert-title|callout-title"
        r"|admonitionheading\S*|starlight-aside__title")),
    (Role.SIGNATURE, re.compile(
        r"member-signature|memproto|tsd-signature|doc-signature|item-decl|func_signature|methodsynopsis"
        r"|funcsynopsis|fieldsynopsis|code-header")),
    (Role.BOX, re.compile(
        r"admonition|markdown-alert|alert|callout|note|tip|hint|important|caution|warning|danger|attention|seealso"
        r"|theme-admonition|starlight-aside")),
    (Role.OUTPUT, re.compile(r"output_area|nboutput|cell_output|output_text|output")),
    (Role.LINES, re.compile(r"line-block")),
)  # fmt: skip


def role_of(element: etree._Element) -> Role:
    """The element's role, NONE for most."""
    classes = element.get("class")
    return _role(classes.lower()) if classes else Role.NONE


@lru_cache(maxsize=4096)
def _role(classes: str) -> Role:
    tokens = classes.split()
    return next(
        (role for role, names in _ROLES if any(names.fullmatch(token) for token in tokens)),
        Role.NONE,
    )


# Never a page's own text.
NOISE_CLASSES = frozenset({
    # permalinks and what themes lay over code
    "headerlink", "hash-link", "header-anchor", "heading-anchor", "anchorjs-link", "permalink",
    "td-heading-self-link", "doc-anchor", "sl-anchor-link", "copybtn", "copy-button", "copy-btn",
    "btn-clipboard", "clipboard-copy", "copy-code-button", "buttongroup", "toolbar-item", "md-clipboard",
    "viewcode-link", "viewcode-back", "srclink", "src-link", "source-link", "sourcelink",
    # line numbers
    "linenos", "lineno", "linenodiv", "linenumbers", "line-numbers-rows", "gutter", "rouge-gutter",
    "hljs-ln-numbers", "lnt", "code-line-number", "blob-num",
    # navigation
    "navheader", "navfooter", "related", "sphinxsidebar", "sphinxsidebarwrapper", "breadcrumbs",
    "breadcrumb", "wy-breadcrumbs", "theme-doc-breadcrumbs", "navpath", "nav-path", "rst-footer-buttons",
    "rst-versions", "pagination", "pagination-nav", "pager", "prev-next-area", "prev-next-footer",
    "prev-next-bottom", "page-nav", "nav-links", "bottom-nav", "top-nav", "sub-nav", "topnav", "bottomnav",
    "subnav", "navlist", "skip-nav", "skip-link", "skipnav", "md-sidebar", "md-header", "md-footer",
    "md-tabs", "md-skip", "sidebar-nav", "site-nav", "navbar", "offcanvas", "mobile-nav", "wy-nav-side",
    "bd-sidebar-primary", "bd-sidebar-secondary", "td-sidebar", "td-sidebar-nav", "td-sidebar-toc",
    "theme-doc-sidebar-container", "theme-doc-footer", "back-to-top", "backtotop", "version-switcher",
    "theme-doc-version-badge", "theme-doc-version-banner",
    # lists of what the page has
    "toc", "toctree-wrapper", "table-of-contents", "tableofcontents", "page-toc", "localtoc", "tocify",
    "theme-doc-toc-mobile", "theme-doc-toc-desktop", "on-this-page", "td-toc", "toc-container",
    "list-of-tables", "list-of-figures", "list-of-examples", "list-of-equations", "indexdiv-quicklinks",
    # around the text
    "edit-this-page", "theme-edit-this-page", "edit-page", "edit-link", "edit-on-github", "editlink",
    "md-content__button", "md-source-file", "md-feedback", "td-page-meta", "page-metadata", "last-updated",
    "theme-last-updated", "feedback", "feedback--question", "page-feedback", "was-this-helpful",
    "cookie-banner", "cookie-consent", "cookie-notice", "cookieconsent", "cc-window", "cc-banner",
    "searchbox", "search-box", "inline-search", "search-form", "announcement", "announcementbar",
    "share-buttons", "social-share", "sharing", "newsletter", "site-footer", "site-header",
    "page-footer", "reading-time", "mw-editsection", "navbox", "catlinks",
    # for screen readers only, by the usual stylesheets
    "sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "screenreader-only",
    "cdk-visually-hidden", "assistive-text", "katex-mathml", "mjx-assistive-mml",
})  # fmt: skip
NOISE_IDS = frozenset({
    "navbar", "navigation", "sidebar", "side-nav", "nav-path", "site-navigation", "toc", "searchbox",
    "mobile-nav", "cookie-banner", "cookie-consent", "onetrust-consent-sdk", "msearchselectwindow",
    "msearchresultswindow", "breadcrumbs", "skip-link", "back-to-top", "copy-path", "mw-navigation",
    "cookie-notice",
})  # fmt: skip
NOISE_ROLES = frozenset({
    "navigation", "banner", "contentinfo", "search", "dialog", "alertdialog", "menu", "menubar", "tablist",
    "toolbar", "tooltip",
})  # fmt: skip
# Noise only where they are mostly links: the same names are used for content.
SUSPECT_CLASS = re.compile(
    r"(?:^|\s)(?:contents|toc\S*|\S*-toc|menu\S*|sidebar\S*|nav|nav-\S+|\S+-nav|search\S*|footer\S*|header"
    r"|next|prev|previous|tags|related-\S+|see-also-links|summary|links|social\S*|promo\S*|banner\S*|meta)"
    r"(?:\s|$)"
)
# Headings' links to themselves, as printed.
PERMALINK_TEXTS = frozenset(
    {"", "¶", "#", "§", "∞", "◆", "⚓", "🔗", "\uf0c1", "link", "permalink", "anchor"}
)
# Ids of a page's frame: they exist, but a link to them says nothing.
FRAME_IDS = MAIN_IDS | {
    "page", "wrapper", "container", "root", "app", "body", "docContent", "__docusaurus", "top", "site",
    "layout", "main-wrapper",
}  # fmt: skip
