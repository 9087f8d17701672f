"""The pages against the program: commands, settings and links."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic import BaseModel

from groundwork.cli import cli
from groundwork.core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
# Read by other programs, or a form instead of a name.
EXEMPT = {"GROUNDWORK_URL", "GROUNDWORK_PART__NAME"}

_FENCE = re.compile(r"^( *)(```+|~~~+)(.*)$")
_LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^()\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_VARIABLE = re.compile(r"GROUNDWORK_[A-Z][A-Z_]*[A-Z]")


def blocks(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The text without its fenced blocks, and those as (language, content)."""
    outside: list[str] = []
    fenced: list[tuple[str, str]] = []
    mark, language, inside = "", "", list[str]()
    for line in text.splitlines():
        found = _FENCE.match(line)
        if not mark and found:
            mark, language, inside = found[2], found[3].strip(), []
        elif mark and line.strip() == mark:
            fenced.append((language, "\n".join(inside)))
            mark = ""
        elif mark:
            inside.append(line)
        else:
            outside.append(line)
    assert not mark, "a fence is not closed"
    return "\n".join(outside), fenced


def anchors(path: Path) -> set[str]:
    """What GitHub makes of the headings."""
    found: set[str] = set()
    for line in blocks(path.read_text())[0].splitlines():
        if not re.match(r"#{1,6} ", line):
            continue
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line.lstrip("#").strip())
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = 0
        while (candidate := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(candidate)
    return found


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def variables(model: type[BaseModel] = Settings, prefix: str = "GROUNDWORK_") -> Iterator[str]:
    for field, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from variables(info.annotation, f"{prefix}{field.upper()}__")
        else:
            yield prefix + field.upper()


def test_the_command_reference_is_current() -> None:
    spec = importlib.util.spec_from_file_location(
        "command_reference", ROOT / "tools" / "command_reference.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "commands.md").read_text() == module.render(), "stale; run: make docs"


def test_every_setting_is_documented() -> None:
    page = (DOCS / "configuration.md").read_text()
    rows = set(re.findall(r"^\| `(GROUNDWORK_\w+)` \|", page, re.MULTILINE))
    assert rows == set(variables())


def test_every_documented_default_is_the_default() -> None:
    page = (DOCS / "configuration.md").read_text()
    rows = re.findall(r"^\| `GROUNDWORK_(\w+)` \| `?([^|`]+?)`? \|", page, re.MULTILINE)
    for variable, shown in rows:
        value: Any = Settings.model_construct()
        for step in variable.lower().split("__"):
            value = getattr(value, step)
        said = (
            "unset"
            if value is None
            else str(value).lower()
            if value in (True, False) and isinstance(value, bool)
            else str(value)
        )
        assert shown == said, variable


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_variable_named_is_a_setting(path: Path) -> None:
    assert set(_VARIABLE.findall(path.read_text())) <= set(variables()) | EXEMPT


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "``", blocks(path.read_text())[0])
    broken = []
    for target in _LINK.findall(text):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        where, _, anchor = target.partition("#")
        file = (path.parent / where).resolve() if where else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


def commands(path: Path) -> Iterator[list[str]]:
    for language, content in blocks(path.read_text())[1]:
        if language not in {"bash", "sh", "shell", "console"}:
            continue
        for line in content.replace("\\\n", " ").splitlines():
            words = (
                shlex.split(re.sub(r"(^|\s)#.*$", "", line.strip().removeprefix("$ ")))
                if (
                    "groundwork " in line
                    and re.match(r"(\$ )?(\w+=\S* )*groundwork ", line.strip())
                )
                else []
            )
            if words:
                words = words[words.index("groundwork") + 1 :]
                end = next(
                    (n for n, word in enumerate(words) if word in {"|", "&&", ">", "&"}), None
                )
                yield words[:end]


def parse(arguments: list[str]) -> None:
    context = cli.make_context("groundwork", list(arguments))
    command: click.Command = cli
    while isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        if not rest and command.invoke_without_command:
            return
        found, chosen, rest = command.resolve_command(context, rest)
        assert chosen is not None
        command = chosen
        context = command.make_context(found, rest, parent=context)


CASES = [(path, arguments) for path in PAGES for arguments in commands(path)]


def test_the_pages_show_commands() -> None:
    assert len(CASES) > 30


@pytest.mark.parametrize(
    ("path", "arguments"), CASES, ids=[f"{name(path)}: {' '.join(words)}" for path, words in CASES]
)
def test_commands_shown_parse(path: Path, arguments: list[str]) -> None:
    parse(arguments)


def test_a_wrong_command_would_be_noticed() -> None:
    with pytest.raises(click.UsageError):
        parse(["ingest", "./docs", "--indx", "handbook"])
    with pytest.raises(click.UsageError):
        parse(["index", "prune"])
