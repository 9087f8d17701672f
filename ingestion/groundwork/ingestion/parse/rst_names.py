"""What the names of directives say about what they hold."""

from __future__ import annotations

CODE = frozenset(
    {
        "code-block",
        "code",
        "sourcecode",
        "code-tab",
        "parsed-literal",
        "prompt",
        "doctest",
        "testcode",
    }
    | {
        "ipython",
        "jupyter-execute",
        "productionlist",
        "mermaid",
        "graphviz",
        "digraph",
        "uml",
        "math",
    }
)
LANGUAGES = {
    "doctest": "python",
    "testcode": "python",
    "ipython": "python",
    "jupyter-execute": "python",
    "math": "latex",
    "mermaid": "mermaid",
    "graphviz": "dot",
}
DROPPED = frozenset(
    {
        "toctree",
        "include",
        "literalinclude",
        "image",
        "contents",
        "sectnum",
        "index",
        "testsetup",
        "testcleanup",
    }
    | {
        "bibliography",
        "tabularcolumns",
        "sectionauthor",
        "codeauthor",
        "moduleauthor",
        "default-role",
        "role",
    }
    | {
        "default-domain",
        "title",
        "target-notes",
        "restructuredtext-test-directive",
        "inheritance-diagram",
    }
    | {
        "video",
        "youtube",
        "todolist",
        "autosectionlabel",
        "rst-class",
        "cssclass",
        "header",
        "footer",
    }
)
# The argument is a path, an option of the layout, or a condition; the body is text.
BODY_ONLY = frozenset(
    {
        "figure",
        "only",
        "ifconfig",
        "container",
        "compound",
        "tabs",
        "tab-set",
        "grid",
        "hlist",
        "glossary",
    }
    | {
        "epigraph",
        "highlights",
        "pull-quote",
        "div",
        "code-section",
        "autosummary",
        "table-wrapper",
    }
)
VERSIONS = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "deprecated-removed": "Deprecated since version",
    "versionremoved": "Removed in version",
}
TITLED = frozenset(
    {"rubric", "centered", "tab", "tab-item", "admonition", "topic", "sidebar", "card"}
)
# What begins beside the name is the first paragraph of the body.
ADMONITIONS = frozenset(
    {
        "note",
        "warning",
        "tip",
        "important",
        "hint",
        "caution",
        "danger",
        "error",
        "attention",
        "seealso",
        "todo",
    }
    | {"info", "success", "question"}
)
TABLES = frozenset({"list-table", "csv-table", "flat-table"})
