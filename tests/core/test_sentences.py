import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.sentences import sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Use tools, e.g. Helm or Kustomize, for it.",
        "One form, i.e. The long one, stays.",
        "See Fig. 3 and Eq. 4 for the proof.",
        "Call os.path.join and numpy.linalg here.",
        "It needs v1.2.3 or later.",
        "1. First do this",
        "The file . and .. are folders",
        "J. R. Hartley wrote it.",
        "it ends here. but lower case goes on",
    ],
)
def test_dots_that_end_nothing(text: str) -> None:
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    "parts",
    [
        ("Is it ready?", "Yes!", "Good."),
        ("Press **Save.**", "Then wait."),
        ("Read [the guide.](guide.md)", "Next, build."),
        ("Run `groundwork up`.", "`ask` comes next."),
        ("It works (really.)", "It does."),
        ('He said "stop."', "She went on."),
        ("Pods, nodes, etc.", "Everything restarts."),
        ("It is out.", "3 options are new."),
        ("Wait...", "What?"),
        ("Import os.path.", "It has join."),
        ("Élan is needed.", "Über alles."),
    ],
)
def test_sentences_that_end(parts: tuple[str, ...]) -> None:
    assert sentences(" ".join(parts)) == list(parts)
    assert sentences("\n  ".join(parts) + "\n") == list(parts)


def test_nothing_to_read_has_no_sentence() -> None:
    assert sentence_spans("") == []
    assert sentence_spans(" \n\t ") == []


_PIECES = st.sampled_from(
    [*"aZ9 \n\t.!?()[]`*_\"'", "e.g. ", "etc. ", "Word ", "end. ", "os.path ", "…", "漢字。"]
)


@given(st.lists(_PIECES, max_size=40).map("".join) | st.text(max_size=80))
def test_spans_are_ordered_trimmed_and_leave_out_only_space(text: str) -> None:
    position = 0
    for start, end in sentence_spans(text):
        assert position <= start < end <= len(text)
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()
