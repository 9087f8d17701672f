from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from groundwork.retrieval.passages import Passage
from groundwork.serving.draft import Draft
from groundwork.serving.generate.base import Evidence, Piece
from tests.serving.api_fakes import PAGE, SENTENCES, chunk, evidence, passage

FOUND = (passage(0), passage(1))


def cite(text: str, sentence: str = SENTENCES[0], found: Passage = FOUND[0]) -> Piece:
    return Piece(text, evidence(found, sentence))


def test_text_without_evidence_passes_unmarked() -> None:
    draft = Draft(FOUND)
    assert draft.add(Piece("Hello.\n")) == ("Hello.\n", None)
    assert draft.text == "Hello.\n"
    assert draft.citations == []
    assert draft.dropped == 0


def test_a_citation_covers_the_text_and_not_its_mark() -> None:
    draft = Draft(FOUND)
    draft.add(Piece("So: "))
    sent, citation = draft.add(cite("  Rolling back moves it.\n\n"))
    assert sent == "  Rolling back moves it. [1]\n\n"
    assert citation is not None
    assert draft.text[citation.start : citation.end] == "Rolling back moves it."
    assert citation.quote == SENTENCES[0]
    assert citation.quote in PAGE
    assert citation.url == "https://docs.example.com/guides/indexes"
    assert citation.link == "https://docs.example.com/guides/indexes#rollback"
    assert citation.revision == "9f2c1d7"


def test_the_mark_does_not_break_a_code_fence() -> None:
    sent, citation = Draft(FOUND).add(cite("```sh\ngroundwork up\n```\n"))
    assert sent == "```sh\ngroundwork up\n```\n[1]\n"
    assert citation is not None


def test_a_page_without_a_url_is_cited_by_its_path() -> None:
    found = Passage(replace(chunk(), url=None, anchor=""), 1, 1, 1)
    _, citation = Draft((found,)).add(cite("x", found=found))
    assert citation is not None
    assert citation.url == citation.link == "guides/indexes.md"


def test_evidence_from_elsewhere_is_dropped_and_counted() -> None:
    draft = Draft(FOUND)
    strange = passage(7)
    assert draft.add(cite("Made up.", found=strange)) == ("Made up.", None)
    assert draft.dropped == 1
    _, citation = draft.add(cite("Held up."))
    assert citation is not None
    assert citation.n == 1


def test_evidence_outside_its_passage_is_dropped() -> None:
    start, end = FOUND[0].chunk.start, FOUND[0].chunk.end
    for span in ((start - 1, end), (start, end + 1), (start, start), (end, start), (end, end + 5)):
        draft = Draft(FOUND)
        assert draft.add(Piece("x", Evidence(FOUND[0], *span)))[1] is None
        assert draft.dropped == 1


def test_a_quote_that_the_stored_passage_does_not_have_is_dropped() -> None:
    forged = Passage(chunk(0, text="Rolling back deletes everything at once, for ever."), 1, 1, 1)
    draft = Draft(FOUND)
    assert draft.add(Piece("x", Evidence(forged, 100, 120)))[1] is None
    assert draft.dropped == 1


def test_a_blank_quote_is_dropped() -> None:
    space = PAGE.index(" ")
    blank = Evidence(FOUND[0], FOUND[0].chunk.start + space, FOUND[0].chunk.start + space + 1)
    assert Draft(FOUND).add(Piece("x", blank))[1] is None


PIECES = st.lists(
    st.tuples(
        st.text(min_size=1),
        st.none() | st.tuples(st.integers(90, 180), st.integers(90, 180), st.integers(0, 2)),
    ),
    max_size=8,
)


@given(PIECES)
def test_whatever_comes_every_citation_holds(
    pieces: list[tuple[str, tuple[int, int, int] | None]],
) -> None:
    draft = Draft(FOUND)
    sent, given_evidence = "", 0
    for text, span in pieces:
        cited = None if span is None else Evidence(passage(span[2]), span[0], span[1])
        given_evidence += cited is not None
        sent += draft.add(Piece(text, cited))[0]
    assert sent == draft.text
    assert [citation.n for citation in draft.citations] == list(range(1, len(draft.citations) + 1))
    assert draft.dropped + len(draft.citations) == given_evidence
    last_end = 0
    for citation in draft.citations:
        assert citation.quote in PAGE
        assert citation.quote.strip()
        assert last_end <= citation.start
        assert citation.end <= len(draft.text)
        last_end = max(last_end, citation.end)
