"""Markdown and MDX: CommonMark, GFM, and the dialects of the site generators."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from groundwork.core.documents import Document, RawDocument
from groundwork.ingestion.parse.base import DocumentBuilder, Slugger, decode
from groundwork.ingestion.parse.dialect import Dialect, dialect_of
from groundwork.ingestion.parse.front_matter import apply_front_matter, read_front_matter
from groundwork.ingestion.parse.markdown_headings import Headings
from groundwork.ingestion.parse.markdown_html import Hidden
from groundwork.ingestion.parse.markdown_inline import InlineReader
from groundwork.ingestion.parse.markdown_source import Source
from groundwork.ingestion.parse.markdown_walk import Walker
from groundwork.ingestion.parse.options import ParseOptions

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.ruler import RuleOptionsType

_MAX_NESTING = 60  # quotes and lists nested deeper are read as text; recursion has to end somewhere


def parse_markdown(raw: RawDocument, options: ParseOptions) -> Document:
    """A page of Markdown. Its anchors and its address follow the generator that publishes it.

    Raises ParseError: encoding, binary, draft or empty.
    """
    text = decode(raw.content)
    front = read_front_matter(text)
    dialect = dialect_of(raw.page, text[front.end :], options.site, front.syntax)
    builder = DocumentBuilder(raw, options)
    builder.site = dialect.site
    apply_front_matter(builder, front)
    read_markdown(builder, text, (front.end, len(text)), dialect, Slugger(dialect.rule))
    return builder.build(text)


def read_markdown(
    builder: DocumentBuilder,
    text: str,
    span: tuple[int, int],
    dialect: Dialect,
    slugger: Slugger,
) -> None:
    """Add the sections and blocks of `text[span]`, which begins a line, to `builder`."""
    parser = _parser(dialect)
    env: dict[str, Any] = {}
    source = Source(text, span)
    tokens = parser.parse(source.text, env)
    hidden = Hidden()
    inline = InlineReader(parser, env, dialect, hidden)
    headings = Headings(builder, dialect, slugger)
    Walker(builder, source, headings, inline, hidden).walk(tokens)


@lru_cache(maxsize=8)
def _parser(dialect: Dialect) -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.deflist import deflist_plugin
    from mdit_py_plugins.footnote import footnote_plugin

    parser = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING})
    parser.enable(["table", "strikethrough"])
    footnote_plugin(parser, inline=False, move_to_end=False, always_match_refs=False)
    if dialect.definition_lists:
        deflist_plugin(parser)
    if dialect.mdx:
        parser.disable("code")
    _add_block_rules(parser, dialect)
    # Inline markup is read block by block in the walk, where the markers are known and taken out.
    parser.core.ruler.disable(["inline", "text_join"])
    return parser


def _add_block_rules(parser: MarkdownIt, dialect: Dialect) -> None:
    from markdown_it.rules_block import blockquote, list_block

    from groundwork.ingestion.parse import markdown_containers as containers
    from groundwork.ingestion.parse import markdown_mdx as mdx
    from groundwork.ingestion.parse import markdown_rules as rules

    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    nesting: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote"]}
    parser.block.ruler.at("list", rules.limited(list_block), nesting)
    parser.block.ruler.at("blockquote", rules.limited(blockquote), interrupts)
    before_code = "code" if not dialect.mdx else "fence"
    if dialect.shortcodes:
        parser.block.ruler.before(before_code, "shortcode", rules.shortcode_line, interrupts)
    if dialect.mdx:
        parser.block.ruler.before(before_code, "esm", mdx.esm_lines, {"alt": []})
        parser.block.ruler.before(before_code, "jsx_comment", mdx.comment_lines, interrupts)
        parser.block.ruler.before(before_code, "jsx", mdx.tag_lines, interrupts)
    if dialect.directives:
        parser.block.ruler.before("fence", "directive", containers.directive, interrupts)
        parser.block.ruler.before("fence", "label", containers.label_line, interrupts)
    if dialect.colon_fences:
        parser.block.ruler.before("fence", "colons", mdx.colon_line, interrupts)
    if dialect.indented_blocks:
        parser.block.ruler.before(before_code, "indented", containers.indented_block, interrupts)
