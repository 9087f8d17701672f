import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.documents import Block, BlockKind, Chunk, Document, Section
from groundwork.ingestion.chunk import ChunkingConfig, chunk_document, chunk_id, unit_spans
from groundwork.retrieval.embed.hashing import HashingEmbedder

COUNT: Callable[[str], int] = HashingEmbedder().count_tokens
SMALL = ChunkingConfig(target_tokens=12, max_tokens=16)
WHOLE = {BlockKind.CODE, BlockKind.TABLE, BlockKind.OUTPUT, BlockKind.SIGNATURE}

# (heading, [(kind, raw, plain or None)]) a section.
Spec = list[tuple[str, list[tuple[BlockKind, str, str | None]]]]


def make(spec: Spec, page: str = "guide.md", title: str = "Guide") -> Document:
    text = ""
    sections, blocks = [], []
    for n, (heading, held) in enumerate(spec):
        sections.append(Section(f"s{n}", ("Guide", heading) if heading else (), 2))
        text += f"## {heading}\n\n"
        for kind, raw, plain in held:
            blocks.append(Block(kind, len(text), len(text) + len(raw), n, plain))
            text += raw + "\n\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Document(page, title, text, tuple(sections), tuple(blocks), digest, f"sha256:{digest}")


def prose(text: str) -> tuple[BlockKind, str, str | None]:
    return BlockKind.PARAGRAPH, text, None


def code(text: str) -> tuple[BlockKind, str, str | None]:
    return BlockKind.CODE, text, None


def chunks_of(spec: Spec, config: ChunkingConfig = SMALL) -> list[Chunk]:
    return chunk_document(make(spec), COUNT, config)


def test_sections_are_never_mixed_however_short() -> None:
    chunks = chunks_of([("One", [prose("A b.")]), ("Two", [prose("C d.")])])
    assert [(chunk.anchor, chunk.text) for chunk in chunks] == [("s0", "A b."), ("s1", "C d.")]
    assert chunks[1].heading_path == ("Guide", "Two")
    assert chunks[1].embedding_text == "Two\nC d."
    assert chunks[1].lexical_text == "Guide > Guide\nTwo\nC d."


def test_short_blocks_share_a_chunk_and_the_target_closes_it() -> None:
    blocks = [
        prose("One two three four."),
        prose("Five six seven."),
        prose("Eight nine ten eleven end."),
    ]
    chunks = chunks_of([("Top", blocks)])
    assert [len(chunk.units) for chunk in chunks] == [2, 1]


def test_code_that_fits_is_one_unit() -> None:
    listing = "\n".join(f"call {n} now" for n in range(5))  # 15 words of the 16, the heading is one
    chunks = chunks_of([("Top", [prose("Some words before this."), code(listing)])])
    assert [chunk.text for chunk in chunks] == ["Some words before this.", listing]
    assert len(chunks[1].units) == 1


def test_oversize_code_is_cut_between_lines() -> None:
    lines = [f"    line {n} of code" for n in range(12)]
    chunks = chunks_of([("Top", [code("\n".join(lines))])])
    assert len(chunks) > 1
    assert "\n".join(chunk.text for chunk in chunks) == "\n".join(lines)
    assert all(unit.kind is BlockKind.CODE for chunk in chunks for unit in chunk.units)


def test_one_endless_line_is_cut_by_characters() -> None:
    line = "x = " + ",".join(str(n) for n in range(100))
    chunks = chunks_of([("Top", [code(line)])])
    assert "".join(chunk.text for chunk in chunks) == line
    assert all(COUNT(chunk.embedding_text) <= SMALL.max_tokens for chunk in chunks)


def test_scripts_with_a_token_a_character_are_cut_to_fit() -> None:
    document = make([("Top", [prose("漢" * 200)])])
    chunks = chunk_document(document, len, ChunkingConfig(30, 40))
    assert "".join(chunk.text for chunk in chunks) == "漢" * 200
    assert all(len(chunk.text) <= 40 for chunk in chunks)


def test_oversize_prose_is_cut_between_sentences() -> None:
    said = [f"Sentence number {n} has seven words here." for n in range(6)]
    chunks = chunks_of([("Top", [prose(" ".join(said))])])
    assert [chunk.verbatim(unit) for chunk in chunks for unit in chunk.units] == said


def test_a_sentence_larger_than_a_chunk_is_cut_too() -> None:
    endless = "Words " + "and words " * 30 + "end."
    chunks = chunks_of([("Top", [prose(f"A short one. {endless}")])])
    assert all(COUNT(chunk.embedding_text) <= SMALL.max_tokens for chunk in chunks)


def test_what_a_colon_announces_stays_with_it_where_it_fits() -> None:
    announced = [prose("One two three four five six seven eight:"), code("a b c d e f g")]
    assert len(chunks_of([("Top", announced)])) == 1
    assert len(chunks_of([("Top", [prose("One two three four five six."), announced[1]])])) == 2


def test_a_colon_does_not_make_a_chunk_larger_than_the_embedder_reads() -> None:
    announced = [prose("One two three four five six seven eight:"), code("w " * 12)]
    chunks = chunks_of([("Top", announced)])
    assert all(COUNT(chunk.embedding_text) <= SMALL.max_tokens for chunk in chunks)


@pytest.mark.parametrize("words", [15, 16, 17, 500])
def test_a_heading_that_fills_a_chunk_still_leaves_room(words: int) -> None:
    chunks = chunks_of([("word " * words, [code("a b c\n" * 20)])])
    assert "".join("".join(chunk.text.split()) for chunk in chunks) == "abc" * 20


def test_markup_is_read_without_and_quoted_with() -> None:
    raw = "Press **Save** [now](a.md). Then *wait*. It ends."
    plain = "Press Save now. Then wait. It ends."
    (chunk,) = chunks_of([("Top", [(BlockKind.PARAGRAPH, raw, plain)])])
    assert chunk.embedding_text == "Top\nPress Save now.\nThen wait.\nIt ends."
    assert [chunk.verbatim(unit) for unit in chunk.units] == [
        "Press **Save** [now](a.md).",
        "Then *wait*.",
        "It ends.",
    ]


def test_sentences_that_only_the_reading_text_shows_are_found_in_the_markup() -> None:
    raw = "First<br/>one ends.<br/>Second one ends. Third."
    plain = "First one ends. Second one ends. Third."
    (chunk,) = chunks_of([("Top", [(BlockKind.PARAGRAPH, raw, plain)])])
    said = [(chunk.verbatim(unit), chunk.plain(unit)) for unit in chunk.units]
    assert [read for _, read in said] == ["First one ends.", "Second one ends.", "Third."]
    assert said[0][0].startswith("First")
    assert said[1][0].startswith("Second")
    assert said[2][0] == "Third."


def test_ids_depend_on_page_and_place_only() -> None:
    before = chunks_of([("One", [prose("Old words.")]), ("Two", [prose("Same words.")])])
    after = chunks_of([("One", [prose("New words.")]), ("Two", [prose("Same words.")])])
    assert [chunk.id for chunk in before] == [chunk.id for chunk in after]
    assert chunk_id("guide.md", 0) == before[0].id == "b098d0f2-9ea8-55ad-b90a-a8692baef3d6"
    assert chunk_id("other.md", 0) != before[0].id
    assert before[0].digest != after[0].digest
    assert before[1].digest == after[1].digest


def test_equal_text_on_two_pages_has_one_digest() -> None:
    spec: Spec = [("One", [prose("Same words.")])]
    (one,), (other,) = (chunk_document(make(spec, page), COUNT, SMALL) for page in ("a.md", "b.md"))
    assert one.digest == other.digest
    assert one.id != other.id


_WORDS = st.text("ab.:,é漢 \n", min_size=1, max_size=30).filter(str.strip)
_SENTENCE = st.lists(
    st.sampled_from(["Alpha", "beta", "e.g.", "`x.y`", "end.", "Next", "see:", "*bold*", "v1.2"]),
    min_size=1,
    max_size=14,
).map(" ".join)
_LISTING = st.lists(
    st.sampled_from(["a = b", "  indented line here", "", "long " * 20, "x" * 60]),
    min_size=1,
    max_size=8,
).map("\n".join)


@st.composite
def _block(draw: st.DrawFn) -> tuple[BlockKind, str, str | None]:
    kind = draw(st.sampled_from(list(BlockKind)))
    raw = draw(_LISTING if kind in WHOLE else st.one_of(_SENTENCE, _WORDS))
    if not raw.strip():
        raw = "code"
    plain = raw.replace("*", "").replace("`", "") if draw(st.booleans()) else None
    return kind, raw, plain if plain != raw and kind not in WHOLE else None


_SPECS = st.lists(
    st.tuples(st.sampled_from(["", "Set up", "A b c d e"]), st.lists(_block(), max_size=5)),
    min_size=1,
    max_size=4,
)


@given(_SPECS, st.sampled_from([SMALL, ChunkingConfig(3, 7), ChunkingConfig(256, 320)]))
def test_any_document(spec: Spec, config: ChunkingConfig) -> None:
    document = make(spec)
    chunks = chunk_document(document, COUNT, config)
    covered: set[int] = set()
    for n, chunk in enumerate(chunks):
        assert (chunk.ordinal, chunk.id) == (n, chunk_id(document.page, n))
        assert chunk.text == document.text[chunk.start : chunk.end]
        assert chunk.digest == hashlib.sha256(chunk.embedding_text.encode()).hexdigest()[:32]
        held = {
            block.section
            for block in document.blocks
            if block.start < chunk.end and chunk.start < block.end
        }
        assert held == {int(chunk.anchor[1:])}
        _check_units(document, chunk, covered)
    wanted = {
        offset
        for block in document.blocks
        for offset in range(block.start, block.end)
        if not document.text[offset].isspace()
    }
    assert wanted <= covered


def _check_units(document: Document, chunk: Chunk, covered: set[int]) -> None:
    position = chunk.start
    spans = unit_spans(chunk)
    assert len(spans) == len(chunk.units)
    for unit, (left, right) in zip(chunk.units, spans, strict=True):
        assert position <= unit.start <= unit.end <= chunk.end
        position = unit.end
        assert chunk.verbatim(unit) == document.text[unit.start : unit.end]
        assert chunk.embedding_text[left:right] == chunk.plain(unit)
        covered.update(range(unit.start, unit.end))


@given(_SPECS)
def test_no_chunk_is_larger_than_the_embedder_reads(spec: Spec) -> None:
    for chunk in chunk_document(make(spec), COUNT, SMALL):
        assert COUNT(chunk.embedding_text) <= SMALL.max_tokens


@given(_SPECS)
def test_what_is_kept_whole_and_fits_is_never_split(spec: Spec) -> None:
    document = make(spec)
    units = {
        (unit.start, unit.end)
        for chunk in chunk_document(document, COUNT, SMALL)
        for unit in chunk.units
    }
    for block in document.blocks:
        heading = document.sections[block.section].heading or document.title
        fits = COUNT(document.plain(block)) + COUNT(heading) <= SMALL.max_tokens
        if block.kind in WHOLE and fits:
            assert (block.start, block.end) in units
