from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.errors import EngineBroken
from groundwork.serving.engine.sse import EventParser

ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
# No line end inside a line, and nothing that a byte order mark at the start would be taken for.
VALUE = st.binary(max_size=12).map(lambda raw: raw.translate(None, b"\r\n\xef"))
NOISE = st.sampled_from(
    [b": keep-alive", b"event: message", b"id: 7", b"retry: 100", b"other", b":"]
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A stream with one way of ending lines, and the data of its events."""
    end = draw(ENDS)
    raw = b""
    expected = []
    for lines in draw(st.lists(st.lists(VALUE, min_size=1, max_size=3), max_size=6)):
        for line in lines:
            raw += b"".join(noise + end for noise in draw(st.lists(NOISE, max_size=1)))
            raw += draw(st.sampled_from([b"data: ", b"data:"])) + line + end
        raw += end * draw(st.integers(1, 2))
        expected.append(lines)
    return raw, [b"\n".join(lines) for lines in expected]


def cut(raw: bytes, places: list[int]) -> list[bytes]:
    bounds = sorted({min(place, len(raw)) for place in places} | {0, len(raw)})
    return [raw[a:b] for a, b in pairwise(bounds)]


def parsed(pieces: list[bytes], parser: EventParser | None = None) -> list[bytes]:
    parser = parser or EventParser()
    return [event for piece in pieces for event in parser.feed(piece)]


def unspaced(data: bytes) -> bytes:
    """One blank behind the colon belongs to the format, so a value that begins with one is ambiguous."""
    return b"\n".join(line.removeprefix(b" ") for line in data.split(b"\n"))


@given(streams(), st.lists(st.integers(0, 400), max_size=20))
def test_events_do_not_depend_on_where_the_bytes_are_cut(
    stream: tuple[bytes, list[bytes]], places: list[int]
) -> None:
    raw, expected = stream
    events = parsed(cut(raw, places))
    assert events == parsed([raw])
    assert events == parsed([bytes([byte]) for byte in raw])
    assert [unspaced(event) for event in events] == [unspaced(data) for data in expected]


def test_lines_of_one_event_are_joined() -> None:
    assert parsed([b"data: one\ndata: two\n\n"]) == [b"one\ntwo"]


def test_the_first_byte_order_mark_is_skipped() -> None:
    assert parsed([b"\xef\xbb", b"\xbfdata: x\n\n", b"\xef\xbb\xbfdata: y\n\n"]) == [b"x"]


def test_an_event_without_its_end_is_none_yet() -> None:
    parser = EventParser()
    assert parser.feed(b"data: [DONE]\n\ndata: cut") == [b"[DONE]"]
    assert parser.feed(b" off\n") == []
    assert parser.feed(b"\n") == [b"cut off"]


def test_a_cr_lf_cut_in_two_is_one_line_end() -> None:
    assert parsed([b"data: a\r", b"\ndata: b\r", b"", b"\n\r", b"\ndata: c\n\n"]) == [b"a\nb", b"c"]


@pytest.mark.parametrize("piece", [b"x" * 60, b"data: " + b"x" * 40 + b"\n"])
def test_an_event_that_is_too_large_is_refused(piece: bytes) -> None:
    parser = EventParser(max_event_bytes=100)
    with pytest.raises(EngineBroken, match="more than 100 bytes"):
        parsed([piece] * 4, parser)


def test_many_small_events_are_not_too_large() -> None:
    parser = EventParser(max_event_bytes=100)
    assert sum(len(parser.feed(b"data: " + b"x" * 90 + b"\n\n")) for _ in range(50)) == 50
