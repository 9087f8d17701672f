"""Hugo shortcodes: the markers go, what they show stays.

{{% alert title="Note" %}} text {{% /alert %}}      the title and the text
{{< tab header="x" lang="bash" >}} code {{< /tab >}} the header and a code block
{{< glossary_tooltip text="pods" term_id="pod" >}}  "pods"
{{% version %}}                                      nothing: its value is not in the source
"""

from __future__ import annotations

import re

# Parameters hold no other shortcode, so that a search never runs past the next one that opens.
_PLAIN = r"(?:[^\"`\\{]|\\.|\{(?!\{[<%]))"
SHORTCODE = re.compile(
    r"\{\{(?P<kind>[<%])(?P<escaped>/\*)?\s*(?P<close>/\s*)?(?P<name>[\w/.-]{1,100})?"
    rf"(?P<args>(?:\"(?:{_PLAIN}|`){{0,1000}}\"|`(?:{_PLAIN}|\"){{0,1000}}`|{_PLAIN}){{0,1000}}?)[%>]\}}\}}",
    re.DOTALL,
)
_SPACED = re.compile(r"(?P<space>[ \t]?)" + SHORTCODE.pattern, re.DOTALL)
_COMMENT = re.compile(r"\{\{[<%]\s*comment\s*[%>]\}\}[^{]{0,2000}\{\{[<%]\s*/\s*comment\s*[%>]\}\}")
_EMPTY_CODE = re.compile(r"[ \t]?(?<!`)``(?!`)")
# An opening delimiter whose shortcode ends on a later line.
OPENS = re.compile(r"\s*\{*\{\{[<%]")
_ATTRIBUTE = re.compile(
    r"([\w-]+)\s*=\s*(?:\"((?:\\.|[^\"\\])*)\"|'([^']*)'|`([^`]*)`|([^\s\"'>]+))"
)
_QUOTED = re.compile(r"\"((?:\\.|[^\"\\])*)\"|`([^`]*)`|(\S+)")
# In reading order of preference: what readers see as the heading of an alert, card or tab.
_TITLE_KEYS = ("title", "header", "heading", "label", "summary", "name", "caption")
_NAMED_BY_NAME = frozenset({"tab", "details", "accordion", "expand", "step", "dropdown"})
# Their attributes are for the player or the picture, not for the reader.
_MEDIA = frozenset(
    {"figure", "youtube", "vimeo", "img", "image", "imgproc", "gist", "tweet", "param"}
)
# {{% heading "whatsnext" %}} of the Docsy sites names an entry of the site's translations.
_HEADINGS = {"whatsnext": "What's next", "prerequisites": "Before you begin", "cleanup": "Clean up"}
# Their body is program text or a diagram's source, or no text at all.
_CODE_NAMES = frozenset({"highlight", "mermaid", "code"})
DROPPED_BODIES = frozenset({"comment"})


def attributes(args: str) -> dict[str, tuple[int, int]]:
    """The named parameters, as spans of `args`."""
    found = {}
    for match in _ATTRIBUTE.finditer(args):
        group = next(number for number in (2, 3, 4, 5) if match[number] is not None)
        found[match[1].lower()] = match.span(group)
    return found


def without_shortcodes(content: str) -> str:
    """Inline source with what its shortcodes show; one that shows nothing leaves no double blank."""
    shown = _SPACED.sub(_spaced_text, _COMMENT.sub("", content))
    # A code span around nothing but a shortcode is empty now.
    return _EMPTY_CODE.sub("", shown)


def _spaced_text(match: re.Match[str]) -> str:
    text = inline_text(match)
    return match["space"] + text if text else ""


def title_span(match: re.Match[str]) -> tuple[int, int] | None:
    """Where the visible title of an opening shortcode stands, if it has one."""
    name = (match["name"] or "").rpartition("/")[2]
    if match["close"] or match["escaped"] or name in _MEDIA:
        return None
    named = attributes(match["args"])
    keys = _TITLE_KEYS if name in _NAMED_BY_NAME else _TITLE_KEYS[:5]
    for key in keys:
        start, end = named.get(key, (0, 0))
        if match["args"][start:end].strip():
            return match.start("args") + start, match.start("args") + end
    return None


def code_language(match: re.Match[str]) -> str | None:
    """The language where the shortcode's body is code, None where it is Markdown."""
    name = (match["name"] or "").rpartition("/")[2]
    if match["close"] or match["escaped"]:
        return None
    named = attributes(match["args"])
    if name in _CODE_NAMES:
        positional = _QUOTED.search(match["args"])
        value = next((part for part in positional.groups() if part), "") if positional else ""
        return "mermaid" if name == "mermaid" else value.partition("=")[0]
    for key in ("codelang", "lang", "language"):
        if key in named and name.startswith("tab"):
            start, end = named[key]
            return match["args"][start:end]
    return None


def inline_text(match: re.Match[str]) -> str:
    """What a shortcode inside a line shows."""
    if match["escaped"]:
        return match.group().lstrip().replace("/*", "").replace("*/", "")
    if match["close"]:
        return ""
    name = (match["name"] or "").rpartition("/")[2]
    named = attributes(match["args"])
    if "text" in named:
        start, end = named["text"]
        return match["args"][start:end]
    if name == "heading":
        key = match["args"].strip().strip("\"'`")
        return _HEADINGS.get(key, key[:1].upper() + key[1:])
    span = title_span(match)
    if span is not None and name not in _MEDIA:
        return match.string[slice(*span)]
    return ""


def shows_nothing(line: str) -> bool:
    """Whether a line holds shortcodes and nothing else.

    A stray brace around one is a slip that the published page shows, and no text.
    """
    rest, found = SHORTCODE.subn("", line)
    return found > 0 and not rest.strip().strip("{}").strip()
