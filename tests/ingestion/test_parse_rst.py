from textwrap import dedent

import pytest

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse import ParseError, ParseOptions, parse

P, L, C, T, S = (
    BlockKind.PARAGRAPH,
    BlockKind.LIST_ITEM,
    BlockKind.CODE,
    BlockKind.TABLE,
    BlockKind.SIGNATURE,
)


def read(text: str) -> Document:
    raw = RawDocument("docs/source/a.rst", dedent(text).lstrip("\n").encode(), "0", "r1")
    return parse(raw, ParseOptions(url_base="https://x.org"))


def blocks(document: Document) -> list[tuple[BlockKind, str]]:
    return [(block.kind, document.plain(block)) for block in document.blocks]


def verbatim(document: Document) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks]


def anchors(document: Document) -> list[str]:
    return [section.anchor for section in document.sections]


def test_sections_nest_by_their_adornments() -> None:
    document = read(
        """
        :orphan:
        :keywords: a, b

        =========
        The Title
        =========

        intro

        First `thing`
        -------------
        one

        Deep
        ~~~~
        two

        ----

        Second
        ------
        three
        """
    )
    assert document.title == "The Title"
    assert [(each.level, each.path) for each in document.sections] == [
        (0, ("The Title",)),
        (1, ("The Title",)),
        (2, ("The Title", "First thing")),
        (3, ("The Title", "First thing", "Deep")),
        (2, ("The Title", "Second")),
    ]
    assert anchors(document) == ["", "the-title", "first-thing", "deep", "second"]
    assert blocks(document) == [(P, "intro"), (P, "one"), (P, "two"), (P, "three")]
    assert document.metadata["orphan"] == ""
    assert document.tags == ("a", "b")
    assert document.url == "https://x.org/a.html"


def test_anchors_are_ids_that_sphinx_gives_the_sections() -> None:
    document = read(
        """
        .. _my-label:

        Title
        =====
        See `Linked Name <https://x.org>`_ and [1]_.

        .. _title-2:

        Title
        =====
        a

        Linked Name
        ===========
        b

        .. _same name:

        Same Name
        =========
        c

        Title
        =====
        d

        .. [1] A footnote.
        """
    )
    # docutils gives id1 to the footnote's reference, id2 to the second "Title" (its label is certain), id3
    # to "Linked Name", whose id the link took, id4 to "Same Name", whose id its label took.
    assert anchors(document) == ["", "title", "title-2", "id3", "same-name", "id5"]


def test_inline_markup_shows_its_text() -> None:
    document = read(
        r"""
        Call :py:func:`~mlflow.start_run`, :func:`log`, :ref:`the guide <guide-label>`, :doc:`/a/b`, :sup:`1`
        ``literal *kept* <your-name>`` *emph* **strong** `interpreted` `link text <https://x.org>`_ `anon
        <https://y.org>`__ |product| name_ snake_case_ a\*b https://z.org/a_b_ x*y*z [1]_ [CIT2020]_ `Func`:class: :unknown:`kept`
        :class:`!mlflow.Model`.

        .. |product| replace:: The *Product*
        .. _name: https://hidden.example
        .. _`CIT2020`: https://hidden.example
        """
    )
    assert blocks(document) == [
        (
            P,
            (
                "Call start_run, log, the guide, /a/b, 1 literal *kept* <your-name> emph strong interpreted "
                "link text anon The Product name snake_case_ a*b https://z.org/a_b_ x*y*z [CIT2020] Func kept "
                "mlflow.Model."
            ),
        )
    ]
    assert verbatim(document)[0].endswith(":class:`!mlflow.Model`.")


def test_lists_nest_and_hold_code() -> None:
    document = read(
        """
        3. first
           goes on

           second paragraph

           .. code-block:: yaml
              :linenos:

              a:
                - <b>

           behind

           * child
             wraps

             - grandchild
        #. automatic

        A. Einstein wrote
        this sentence.

        (b) in brackets
        """
    )
    assert blocks(document) == [
        (L, "3. first goes on\nsecond paragraph"),
        (C, "a:\n  - <b>"),
        (P, "behind"),
        (L, "- child wraps"),
        (L, "- grandchild"),
        (L, "- automatic"),
        (P, "A. Einstein wrote this sentence."),
        (L, "b. in brackets"),
    ]
    assert verbatim(document)[1] == "      a:\n        - <b>"
    assert document.blocks[1].language == "yaml"


def test_literal_blocks_keep_their_indentation() -> None:
    document = read(
        """
        .. highlight:: sh

        Like this::

            $ ls
              -l *not emph*

            last

        Alone: ::

          x

        ::

            y

        Quoted::

        > a
        > b

        >>> 1 + 1
        2

        | line one
        | line *two*
        """
    )
    assert blocks(document) == [
        (P, "Like this:"),
        (C, "$ ls\n  -l *not emph*\n\nlast"),
        (P, "Alone:"),
        (C, "x"),
        (C, "y"),
        (P, "Quoted:"),
        (C, "> a\n> b"),
        (C, ">>> 1 + 1\n2"),
        (P, "line one line two"),
    ]
    assert [b.language for b in document.blocks if b.kind is C] == [
        "sh",
        "sh",
        "sh",
        "sh",
        "python",
    ]
    assert verbatim(document)[1].startswith("    $ ls\n      -l")


def test_tabs_in_code_stay() -> None:
    raw = b"Make::\n\n\tall:\n\t\techo $(X)\n"
    document = parse(RawDocument("a.rst", raw, "0", "r1"), ParseOptions())
    assert blocks(document) == [(P, "Make:"), (C, "all:\n\techo $(X)")]


def test_directives_are_read_by_their_name() -> None:
    document = read(
        """
        .. note:: Begins *here*
           and goes on.

           More.

        .. warning::
           :class: big

           - item

        .. tip::
           Text beside nothing.

        .. versionadded:: 2.1
        .. deprecated:: 3.0
           Use *that*.
        .. admonition:: Custom *title*

           body
        .. tabs::

           .. tab:: Python

              .. code-block:: python
                 :caption: The caption
                   goes on

                 x = 1

           .. code-tab:: sh Shell

              ls
        .. rubric:: Small heading
        .. figure:: a.png
           :width: 10

           The caption.
        .. unknown-thing:: Some words
           :option: x

           Its body.
        .. seealso:: :doc:`other`
        """
    )
    assert blocks(document) == [
        (P, "Begins here and goes on."),
        (P, "More."),
        (L, "- item"),
        (P, "Text beside nothing."),
        (P, "New in version 2.1"),
        (P, "Deprecated since version 3.0: Use that."),
        (P, "Custom title"),
        (P, "body"),
        (P, "Python"),
        (P, "The caption goes on"),
        (C, "x = 1"),
        (P, "Shell"),
        (C, "ls"),
        (P, "Small heading"),
        (P, "The caption."),
        (P, "Some words"),
        (P, "Its body."),
        (P, "other"),
    ]


def test_what_is_not_shown_is_dropped() -> None:
    document = read(
        """
        .. toctree::
           :maxdepth: 2

           a
           b
        .. include:: /etc/passwd
        .. literalinclude:: /etc/passwd
        .. image:: a.png
           :alt: not visible
        .. contents:: Table
        .. a comment
           on two lines
        ..
           and one more
        .. index:: x
        .. raw:: latex

           hidden
        .. raw:: html

           <div class="card"><p>Shown &amp; kept</p><span hidden>no</span></div>

        End.
        """
    )
    assert blocks(document) == [(P, "Shown & kept"), (P, "End.")]


def test_api_objects_are_signatures_with_their_ids() -> None:
    document = read(
        """
        .. automodule:: pkg.mod
           :members:

        .. py:function:: load(path, *, mode="r")
                         pkg.mod.load_all(paths)

           Reads it.

           :param str path: where *it* is
           :param mode: how
           :returns: the thing
           :raises OSError: if not

        .. class:: Model

           .. method:: predict(x: list[int],
                               y)

              Predicts.

        .. envvar:: HOME_DIR
        .. option:: --verbose, -v

           Says more.
        """
    )
    found = [(b.anchor, document.plain(b)) for b in document.blocks if b.kind is S]
    assert found == [
        ("module-pkg.mod", "pkg.mod"),
        ("pkg.mod.load", 'load(path, *, mode="r")'),
        ("pkg.mod.load_all", "pkg.mod.load_all(paths)"),
        ("pkg.mod.Model", "Model"),
        ("pkg.mod.Model.predict", document.plain(document.blocks[9])),
        ("envvar-HOME_DIR", "HOME_DIR"),
        (None, "--verbose, -v"),
    ]
    assert document.plain(document.blocks[9]).split() == ["predict(x:", "list[int],", "y)"]
    assert [text for kind, text in blocks(document) if kind is not S] == [
        "Reads it.",
        "path (str): where it is",
        "mode: how",
        "Returns: the thing",
        "OSError: if not",
        "Predicts.",
        "Says more.",
    ]


@pytest.mark.parametrize(
    "table",
    [
        """
        +----------+-----------+
        | Name     | Use       |
        +==========+===========+
        | ``a``    | first     |
        |          | line      |
        +----------+-----------+
        | b        | *second*  |
        +----------+-----------+
        """,
        """
        =====  ==========
        Name   Use
        =====  ==========
        ``a``  first
               line
        b      *second*
        =====  ==========
        """,
        """
        .. list-table::
           :header-rows: 1

           * - Name
             - Use
           * - ``a``
             - first
               line
           * - b
             - *second*
        """,
        """
        .. csv-table::
           :header: Name, Use

           "``a``", "first line"
           b, *second*
        """,
    ],
)
def test_tables_are_one_block_row_by_row(table: str) -> None:
    document = read(dedent(table).strip() + "\n\nafter\n")
    expected = "Name | Use\na | first line\nb | second"
    assert blocks(document) == [(T, expected), (P, "after")]


def test_a_grid_table_may_span_columns_and_hold_code() -> None:
    document = read(
        """
        +-----------------------+-----+
        | .. code-block:: sh    | b   |
        |                       |     |
        |    ls -l              |     |
        +-----------------------+-----+
        | both columns here           |
        +-----------------------+-----+
        """
    )
    assert blocks(document) == [(T, "ls -l | b\nboth columns here")]


def test_definitions_quotes_and_fields_are_text() -> None:
    document = read(
        """
        Text first.

        term : classifier
            Its *definition*.

            more

            quote

        :Field name: its body
            goes on
        """
    )
    assert blocks(document) == [
        (P, "Text first."),
        (P, "term : classifier"),
        (P, "Its definition."),
        (P, "more"),
        (P, "quote"),
        (L, "Field name: its body goes on"),
    ]


def test_a_page_of_nothing_but_a_toctree_is_empty() -> None:
    with pytest.raises(ParseError) as caught:
        read("Title\n=====\n\n.. toctree::\n\n   a\n")
    assert caught.value.reason == "empty"


def test_deep_nesting_is_text_and_no_crash() -> None:
    text = "".join(f"{' ' * depth}level {depth}\n\n" for depth in range(300))
    document = read(text + "end\n")
    assert blocks(document)[-1] == (P, "end")
    assert "level 299" in document.plain(document.blocks[-2])
