import json
from typing import Any

import pytest

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse import ParseError, ParseOptions, parse
from groundwork.ingestion.parse.notebook import MAX_OUTPUT_CHARS
from groundwork.ingestion.parse.options import Site

P, L, C, OUT = BlockKind.PARAGRAPH, BlockKind.LIST_ITEM, BlockKind.CODE, BlockKind.OUTPUT


def blocks(document: Document) -> list[tuple[BlockKind, str]]:
    return [(block.kind, document.plain(block)) for block in document.blocks]


def read_text(text: str) -> Document:
    return parse(RawDocument("notes/read_me.txt", text.encode(), "0", "r1"), ParseOptions())


def test_plain_text_is_paragraphs_items_and_set_off_code() -> None:
    document = read_text(
        "A heading\n=========\n\nSome prose that\n  wraps *as is* <kept>.\n\n- one\n  more\n- two\n"
        "3) three\n\n    $ run\n      --x\n\nname     value\nother    thing\n\n-----\n"
    )
    assert blocks(document) == [
        (P, "A heading ========="),
        (P, "Some prose that wraps *as is* <kept>."),
        (L, "- one more"),
        (L, "- two"),
        (L, "3. three"),
        (C, "    $ run\n      --x"),
        (C, "name     value\nother    thing"),
    ]
    assert document.title == "Read me"
    first = document.blocks[1]
    assert document.text[first.start : first.end] == "Some prose that\n  wraps *as is* <kept>."


def code(source: str | list[str], *outputs: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": metadata}


def markdown(source: str | list[str], **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source, "metadata": metadata}


def stream(text: str | list[str]) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def shown(**data: Any) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "data": {key.replace("_", "/", 1): value for key, value in data.items()},
    }


def notebook(*cells: dict[str, Any], language: str = "python") -> dict[str, Any]:
    return {
        "cells": list(cells),
        "metadata": {"kernelspec": {"language": language}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def read(found: object, site: Site = "sphinx") -> Document:
    raw = RawDocument("docs/source/nb.ipynb", json.dumps(found).encode(), "0", "r1")
    return parse(raw, ParseOptions(site=site, url_base="https://x.org"))


def test_cells_become_blocks_in_their_order() -> None:
    document = read(
        notebook(
            markdown(["# The Title\n", "\n", "Text *here*:\n", "- [ ] item\n"]),
            code(["x = 1\n", "\n", "print(x)\n"], stream("1\n")),
            markdown("## Load the Data\n\n```sh\nls\n```"),
            code("%%bash\nls -l"),
            {"cell_type": "raw", "source": "not shown"},
        )
    )
    assert blocks(document) == [
        (P, "Text here:"),
        (L, "- [ ] item"),
        (C, "x = 1\n\nprint(x)"),
        (OUT, "1"),
        (C, "ls"),
        (C, "%%bash\nls -l"),
    ]
    assert [b.language for b in document.blocks if b.kind is C] == ["python", "sh", "bash"]
    assert document.title == "The Title"
    assert document.sections[2].anchor == "Load-the-Data"
    assert document.sections[2].path == ("The Title", "Load the Data")
    assert [block.section for block in document.blocks] == [1, 1, 1, 1, 2, 2]
    assert document.url == "https://x.org/nb.html"
    assert "not shown" not in document.text
    first = document.blocks[0]
    assert document.text[first.start : first.end] == "Text *here*:"


def test_headings_follow_the_site_that_publishes_the_notebook() -> None:
    cells = notebook(markdown("## Load the Data\n\na"), markdown("## Load the Data\n\nb"))
    assert [s.anchor for s in read(cells, "docusaurus").sections] == [
        "",
        "load-the-data",
        "load-the-data-1",
    ]


def test_outputs_are_text_only_cut_and_clean() -> None:
    document = read(
        notebook(
            code(
                "run()",
                stream("\x1b[31mred\x1b[0m\n 10%\r 50%\r100%\n"),
                shown(text_html="<b>no</b>", text_plain="   a  b\n0  1  2"),
                shown(image_png="aGk=", text_plain="<Figure size 640x480>"),
                shown(text_html="<p>", text_plain="<IPython.core.display.HTML object>"),
                {
                    "output_type": "error",
                    "ename": "ValueError",
                    "evalue": "bad",
                    "traceback": ["\x1b[0mlong"],
                },
            ),
            code("loop()", stream("line of output\n" * 1000)),
        )
    )
    outputs = [document.plain(block) for block in document.blocks if block.kind is OUT]
    assert outputs[0] == "red\n100%\n   a  b\n0  1  2\nValueError: bad"
    assert 0 < len(outputs[1]) <= MAX_OUTPUT_CHARS
    assert set(outputs[1].split("\n")) == {"line of output"}


def test_cells_that_the_published_page_hides_do_not_enter() -> None:
    document = read(
        notebook(
            markdown("Shown."),
            markdown("Hidden.", tags=["remove-cell"]),
            code("hidden = 1", tags=["hide-cell"]),
            code("secret()", stream("visible output"), tags=["remove-input"]),
            code("visible()", stream("secret output"), tags=["remove-output"]),
            code("also_hidden()", nbsphinx="hidden"),
        )
    )
    assert blocks(document) == [(P, "Shown."), (OUT, "visible output"), (C, "visible()")]


def test_format_3_and_other_kernels_are_read() -> None:
    old = {
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": "Old title"},
                    {"cell_type": "code", "input": ["y <- 1"], "outputs": []},
                ]
            }
        ],
        "metadata": {"language_info": {"name": "R"}},
        "nbformat": 3,
    }
    document = read(old)
    assert document.title == "Old title"
    assert [(b.kind, b.language) for b in document.blocks] == [(C, "r")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{not json", "malformed"),
        (b"[1, 2]", "malformed"),
        (b'{"cells": 3}', "malformed"),
        (b'{"nbformat": 4}', "malformed"),
        (b'{"cells": [3, {"cell_type": "code"}, {"cell_type": "markdown", "source": 4}]}', "empty"),
        (b"[" * 100_000, "malformed"),
    ],
)
def test_broken_notebooks_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(RawDocument("a.ipynb", content, "0", "r1"), ParseOptions())
    assert caught.value.reason == reason
