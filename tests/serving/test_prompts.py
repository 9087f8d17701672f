"""Prompt files: what is accepted, what is rendered, and that passages stay inside their fences."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from groundwork.core.answers import Turn
from groundwork.core.errors import ConfigurationError
from groundwork.serving.prompts import PromptLibrary
from groundwork.serving.prompts.fence import fence_tag, fenced, in_order, neutral
from tests.serving.api_fakes import chunk, passage

GOOD = {
    "name": "mine",
    "version": 1,
    "changelog": ["1: first"],
    "settings": {"max_tokens": 10},
    "variables": ["question"],
    "messages": [{"role": "user", "content": "Q: {{ question }}"}],
}
TAG = fence_tag("digest", "docs", "v1")


def write(folder: Path, file: str = "mine.1.yaml", **changes: object) -> Path:
    content = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    (folder / file).write_text(yaml.safe_dump(content))
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(ConfigurationError) as raised:
        PromptLibrary(folder).all()
    return raised.value.detail


def test_the_bundled_prompts_are_there() -> None:
    library = PromptLibrary()
    assert {"answer@1", "rewrite@1"} <= {prompt.id for prompt in library.all()}
    assert library.get("answer").settings.temperature == 0
    assert library.get("answer@1").sentinel == "NOT_IN_DOCUMENTATION"


def test_rewriting_is_rendered_from_history_and_question() -> None:
    messages = PromptLibrary().get("rewrite").render(history="user: a", question="and b?")
    assert [message.role for message in messages] == ["system", "user"]
    assert "user: a" in messages[1].content
    assert "Last question: and b?" in messages[1].content


def test_the_question_is_last_and_history_stands_before_it() -> None:
    messages = (
        PromptLibrary()
        .get("answer")
        .render(
            turns=(Turn("user", "first"), Turn("assistant", "reply")),
            fence=TAG,
            passages="PASSAGES",
            canary="0123456789abcdef",
            question="second",
        )
    )
    assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[1].content.index("PASSAGES") < messages[1].content.index("first")
    assert messages[-1].content == "Question: second"


def test_what_a_value_holds_is_never_filled_in() -> None:
    messages = PromptLibrary().get("rewrite").render(history="{{ question }}", question="secret")
    assert messages[1].content.count("secret") == 1


def test_no_value_and_no_turn_brings_a_template_token() -> None:
    library = PromptLibrary()
    asked = library.get("rewrite").render(history="a<|im_end|>b", question="</s>?")
    told = library.get("answer").render(
        turns=(Turn("assistant", "[INST]"),),
        fence=TAG,
        passages="<s>",
        question="<|eot_id|>",
        canary="0123456789abcdef",
    )
    text = "".join(message.content for message in (*asked, *told))
    assert not any(token in text for token in ("<|", "</s>", "<s>", "[INST]"))


def test_a_missing_and_an_unknown_value_are_named() -> None:
    with pytest.raises(ValueError, match="history, other"):
        PromptLibrary().get("rewrite").render(other="x", question="y")


def test_versions_are_pinned_or_the_newest_and_a_folder_comes_first(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "mine.10.yaml", version=10)
    write(tmp_path, "mine.9.yaml", version=9)
    write(tmp_path, "rewrite.1.yaml", name="rewrite")
    library = PromptLibrary(tmp_path)
    assert library.get("mine").version == 10
    assert library.get("mine@9").version == 9
    assert library.get("rewrite").source.startswith(str(tmp_path))
    assert library.get("mine").digest != library.get("mine@9").digest
    with pytest.raises(ConfigurationError, match=r"no prompt mine@2; there are .*mine@1"):
        library.get("mine@2")
    with pytest.raises(ConfigurationError, match="names no prompt"):
        library.get("mine@latest")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"version": None}, "version: Field required"),
        ({"version": 2}, "make them what the file's name says"),
        ({"name": "other"}, "make them what the file's name says"),
        ({"changelog": []}, "changelog"),
        ({"settings": {"max_tokens": 0}}, "settings.max_tokens"),
        ({"settings": {"max_tokens": 5, "temprature": 1}}, "settings.temprature"),
        ({"variables": []}, "question are used and not declared"),
        ({"variables": ["question", "tone"]}, "tone are declared in variables and not used"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0"),
        ({"messages": [{"role": "user", "content": "{{ question }} {{ }}"}]}, "without a name"),
        ({"sentinel": "NOT_IN_DOCUMENTATION"}, "sentinel"),
    ],
)
def test_a_wrong_file_is_refused_by_its_field(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    detail = refusal(write(tmp_path, **changes))
    assert problem in detail
    assert "mine.1.yaml" in detail


def test_bad_yaml_is_refused_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "mine.1.yaml").write_text("name: mine\nversion: [1\nmessages: []\n")
    assert re.search(r"mine\.1\.yaml, line \d: not YAML", refusal(tmp_path))


def test_a_file_whose_name_has_no_version_is_refused(tmp_path: Path) -> None:
    assert "NAME.VERSION.yaml" in refusal(write(tmp_path, "mine.yaml"))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "no folder" in refusal(tmp_path / "nowhere")


def test_passages_stand_in_the_order_of_their_pages() -> None:
    found = [passage(2), passage(0), passage(1)]
    assert [each.chunk.ordinal for each in in_order(found)] == [0, 1, 2]


def test_the_tag_changes_with_the_version_and_stays_within_it() -> None:
    assert fence_tag("digest", "docs", "v1") == TAG
    assert fence_tag("digest", "docs", "v2") != TAG
    assert fence_tag("other", "docs", "v1") != TAG


@pytest.mark.parametrize(
    "token",
    ["<|im_end|>", "<|eot_id|>", "[INST]", "[/INST]", "</s>", "<s>", "<<SYS>>", "<</SYS>>",
     "<start_of_turn>", "<｜User｜>", "<|im_start|>system"],
)  # fmt: skip
def test_no_template_token_survives(token: str) -> None:
    assert token not in neutral(f"before{token}after")
    assert neutral(neutral(token)) == neutral(token)


def test_ordinary_markup_stays() -> None:
    text = 'a < b, List<String>, <div class="s">, arr[INDEX], `x | y`, [link](url), $$<script>'
    assert neutral(text) == text


@given(
    st.lists(
        st.sampled_from(
            [TAG, TAG.upper(), "===", "= ", "passage", " 2: Fake", "end", "\n", "\r", " ", "<|im_end|>",
             "text", TAG[:6], TAG[6:], "passage 3"]
        ),
        max_size=30,
    ).map("".join)
)  # fmt: skip
def test_no_passage_leaves_its_fence(hostile: str) -> None:
    bad = replace(passage(0), chunk=replace(chunk(0), text=hostile, heading_path=("T", hostile)))
    shown = fenced([bad, passage(1)], TAG)
    lines = [line for line in shown.splitlines() if TAG in line.lower()]
    assert len(lines) == 4
    assert lines[0].startswith(f"=== {TAG} passage 1:")
    assert lines[1] == f"=== {TAG} end"
    assert lines[2].startswith(f"=== {TAG} passage 2:")
    assert lines[3] == f"=== {TAG} end"
    assert "<|im_end|>" not in shown
