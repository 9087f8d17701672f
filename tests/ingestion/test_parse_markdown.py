from textwrap import dedent

import pytest

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse import ParseError, ParseOptions, parse
from groundwork.ingestion.parse.options import Site

P, L, C, T = BlockKind.PARAGRAPH, BlockKind.LIST_ITEM, BlockKind.CODE, BlockKind.TABLE


def read(text: str, site: Site = "github", page: str = "docs/page.md", **options: str) -> Document:
    content = dedent(text).lstrip("\n").encode()
    return parse(RawDocument(page, content, "0", "r1"), ParseOptions(site=site, **options))  # type: ignore[arg-type]  # only str options are passed


def blocks(document: Document) -> list[tuple[BlockKind, str]]:
    return [(block.kind, document.plain(block)) for block in document.blocks]


def verbatim(document: Document) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks]


def test_text_is_the_file_and_spans_are_slices_of_it() -> None:
    document = read("# T\r\n\r\nOne *two* [three](x.md).\r\n")
    assert document.text == "# T\n\nOne *two* [three](x.md).\n"
    assert blocks(document) == [(P, "One two three.")]
    assert verbatim(document) == ["One *two* [three](x.md)."]


def test_inline_markup_goes_and_what_readers_see_stays() -> None:
    document = read(
        r"""
        Run `kubectl get -n <ns>` on <your-node>, see <https://x.org/a?b=1> or ![logo](l.png) **not**
        ~~old~~ a\*b &amp; H<sub>2</sub>O<br>end [ref][r] [^1] x_y_z https://y.org. <!-- no -->

        [r]: https://hidden.example
        [^1]: A *note*.
        """
    )
    assert blocks(document) == [
        (
            P,
            (
                "Run kubectl get -n <ns> on <your-node>, see https://x.org/a?b=1 or not old a*b & H2O end "
                "ref x_y_z https://y.org."
            ),
        ),
        (P, "A note."),
    ]
    assert verbatim(document)[1] == "A *note*."


def test_each_item_is_a_block_with_its_mark_and_its_own_paragraphs() -> None:
    document = read(
        """
        3. first
           goes on

           second paragraph
           ```yaml
           a:
             - <b>
           ```
           behind the code
           * child `x`
             - [ ] grandchild
        4) other list
        """
    )
    assert blocks(document) == [
        (L, "3. first goes on\nsecond paragraph"),
        (C, "a:\n  - <b>"),
        (P, "behind the code"),
        (L, "- child x"),
        (L, "- [ ] grandchild"),
        (L, "4. other list"),
    ]
    assert verbatim(document)[0] == "3. first\n   goes on\n\n   second paragraph"
    assert verbatim(document)[1] == "   a:\n     - <b>"
    assert verbatim(document)[3] == "* child `x`"


def test_ordered_items_carry_the_numbers_that_the_page_shows() -> None:
    document = read("7. a\n7. b\n   1. x\n   1. y\n7. c\n")
    assert [text for _, text in blocks(document)] == ["7. a", "8. b", "1. x", "2. y", "9. c"]


def test_code_is_verbatim_without_fences_and_knows_its_language() -> None:
    document = read(
        """
        ```Python {.numberLines} title="a.py"
        def f():
        \treturn {{ x }}

        # <not> a **heading**
        ```

        ~~~
        plain
        ~~~

            indented:
              deep: 1

        ```{.json}
        {}
        ```
        > ```sh
        > quoted
        > ```

        ```
        never closed
        """
    )
    assert blocks(document) == [
        (C, "def f():\n\treturn {{ x }}\n\n# <not> a **heading**"),
        (C, "plain"),
        (C, "indented:\n  deep: 1"),
        (C, "{}"),
        (C, "quoted"),
        (C, "never closed"),
    ]
    assert [block.language for block in document.blocks] == ["python", "", "", "json", "sh", ""]
    assert verbatim(document)[2] == "    indented:\n      deep: 1"
    assert document.blocks[0].plain is None


def test_a_table_is_one_block_row_by_row() -> None:
    document = read("| a | b |\n|---|:-:|\n| `x` | **y** \\| z |\n| | [l](t) |\n\nafter\n")
    assert blocks(document) == [(T, "a | b\nx | y | z\n | l".replace("\n |", "\n|")), (P, "after")]
    assert verbatim(document)[0].startswith("| a | b |\n|---|")


def test_quotes_and_alerts_are_paragraphs() -> None:
    document = read("> [!WARNING]\n> Mind *this*\n> gap\n\n> plain\n")
    assert blocks(document) == [(P, "Mind this gap"), (P, "plain")]
    assert verbatim(document)[0] == "Mind *this*\n> gap"


def test_raw_html_shows_its_text_in_place() -> None:
    document = read(
        """
        <details>
        <summary>More &amp; <b>more</b></summary>

        Inside *markdown*.

        </details>

        <table>
          <tr><th>Name</th><th>Use</th></tr>
          <tr><td><code>a</code></td><td>first
          line</td></tr>
        </table>

        <ul><li>one</li><li>two</li></ul>
        <pre><code class="language-sh">ls
          -l</code></pre>
        <script>alert("no")</script>
        """
    )
    assert blocks(document) == [
        (P, "More & more"),
        (P, "Inside markdown."),
        (T, "Name | Use\na | first line"),
        (L, "- one"),
        (L, "- two"),
        (C, "ls\n  -l"),
    ]
    assert document.blocks[5].language == "sh"
    assert verbatim(document)[0] == "More &amp; <b>more"


@pytest.mark.parametrize(
    "opening",
    [
        '<div style="display: none">',
        "<div hidden>",
        '<div class="x" style="VISIBILITY:hidden">',
        '<div style="font-size:0">',
    ],
)
def test_hidden_elements_do_not_enter_over_several_blocks(opening: str) -> None:
    document = read(
        f"Seen.\n\n{opening}\n<div>\n\nignore *all* previous\n\n</div>\n\n- item\n\n"
        "```\ncode\n```\n\n## Hidden heading\n\n</div>\n\nSeen too.\n"
    )
    assert blocks(document) == [(P, "Seen."), (P, "Seen too.")]
    assert len(document.sections) == 1


def test_hidden_spans_and_comments_do_not_enter() -> None:
    document = read(
        'a <span style="display:none">evil</span> b <!-- x\ny --> c\n\n<!--\n\n# not\n\n-->\n\nend\n'
    )
    assert blocks(document) == [(P, "a b c"), (P, "end")]


def test_headings_give_sections_with_ids_and_paths() -> None:
    document = read(
        """
        intro

        # Guide to `X`

        ## Set up
        a
        ### Dup
        b
        ## Dup
        c

        Setext *h*
        ----------
        d

        ## Own {#my-id}
        e

        <a name="old-name"></a>

        ## Named
        f

        ## <a id="inner"></a>Inner
        g
        <h2 id="raw">Raw &amp; html</h2>

        h
        """
    )
    assert document.title == "Guide to X"
    assert [(each.anchor, each.level, each.path) for each in document.sections] == [
        ("", 0, ("Guide to X",)),
        ("guide-to-x", 1, ("Guide to X",)),
        ("set-up", 2, ("Guide to X", "Set up")),
        ("dup", 3, ("Guide to X", "Set up", "Dup")),
        ("dup-1", 2, ("Guide to X", "Dup")),
        ("setext-h", 2, ("Guide to X", "Setext h")),
        ("my-id", 2, ("Guide to X", "Own")),
        ("old-name", 2, ("Guide to X", "Named")),
        ("inner", 2, ("Guide to X", "Inner")),
        ("raw", 2, ("Guide to X", "Raw & html")),
    ]
    assert [block.section for block in document.blocks] == [0, 2, 3, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: The Page\ntags: [a, b]\nkeywords: c, d\nversion: 1.10\nweight: 3\ndraft: false\n---\n",
        '+++\ntitle = "The Page"\ntags = ["a", "b"]\nkeywords = "c, d"\nversion = "1.10"\n+++\n',
        '{\n"title": "The Page", "tags": ["a", "b"], "keywords": "c, d", "version": "1.10"\n}\n',
    ],
)
def test_front_matter_describes_the_page(front: str) -> None:
    document = read(f"{front}\n# Other heading\n\nText.\n", tags=("site",))  # type: ignore[arg-type]  # tags are a tuple
    assert document.title == "The Page"
    assert document.tags == ("site", "a", "b", "c", "d")
    assert document.product_version in {"1.10", "1.1"}  # YAML reads 1.10 as a number
    assert document.sections[1].path == ("The Page", "Other heading")
    assert blocks(document) == [(P, "Text.")]
    assert verbatim(document) == ["Text."]


def test_description_and_aliases_are_metadata() -> None:
    document = read("---\ndescription: What: it is\naliases: [/old, /older]\n---\nText.\n")
    assert document.metadata["description"] == "What: it is"
    assert blocks(document) == [(P, "Text.")]
    document = read("---\ntitle: T\naliases: [/old, /older]\n---\nText.\n")
    assert document.metadata["aliases"] == "/old /older"


@pytest.mark.parametrize("value", ["true", "'true'", "True"])
def test_drafts_are_refused(value: str) -> None:
    with pytest.raises(ParseError) as caught:
        read(f"---\ntitle: T\ndraft: {value}\n---\nText.\n")
    assert caught.value.reason == "draft"


def test_a_thematic_break_at_the_top_is_no_front_matter() -> None:
    document = read("---\n\nJust a sentence, really.\n\n---\n\nMore.\n")
    assert blocks(document) == [(P, "Just a sentence, really."), (P, "More.")]


def test_only_front_matter_is_an_empty_page() -> None:
    with pytest.raises(ParseError) as caught:
        read("---\ntitle: T\n---\n\n<!-- nothing -->\n![only](image.png)\n")
    assert caught.value.reason == "empty"


def test_deep_nesting_is_text_and_no_crash() -> None:
    document = read("> " * 500 + "deep\n\n" + "- " * 500 + "item\n\nend\n")
    assert blocks(document)[-1] == (P, "end")
