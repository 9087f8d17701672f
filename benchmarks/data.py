"""The labelled questions and the corpora they are asked of.

Third-party data is read where it lies (GROUNDWORK_SHARED_DATA or ../shared/data, and Debian's python3-doc and
postgresql-doc-15); none of it is part of the project.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import html

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("GROUNDWORK_SHARED_DATA", ROOT.parent / "shared" / "data"))
PYTHON_DOC = Path("/usr/share/doc/python3-doc/html")
POSTGRES_DOC = Path("/usr/share/doc/postgresql-doc-15/html")
QUESTIONS = Path(__file__).parent / "questions"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question with the places that answer it: (page, anchor), or (page, None) for any of the page."""

    text: str
    gold: frozenset[tuple[str, str | None]]

    @property
    def half(self) -> str:
        """`fit` or `held-out`, decided by the question's own hash."""
        return "held-out" if hashlib.sha256(self.text.encode()).digest()[0] % 2 else "fit"

    def hit(self, page: str, anchor: str) -> bool:
        """Whether this place answers the question."""
        return (page, anchor) in self.gold or (page, None) in self.gold


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions, and how to lay out the corpus they are asked of."""

    name: str
    index: str
    site: str
    prepare: Callable[[Path], list[Labelled]]


def python_faq(folder: Path) -> list[Labelled]:
    """The whole Python manual, without the headings of its FAQ's questions; those are the questions."""
    shutil.copytree(
        PYTHON_DOC,
        folder,
        ignore=shutil.ignore_patterns("_*", "*.inv", "*.js", "genindex*", "*.png"),
    )
    questions = []
    for path in sorted((folder / "faq").glob("*.html")):
        tree: Any = html.fromstring(path.read_bytes())
        page = f"faq/{path.name}"
        for heading in tree.xpath("//section/*[self::h2 or self::h3]"):
            text = " ".join(heading.text_content().replace("¶", "").split())
            anchor = heading.getparent().get("id")
            # "5.2. How do I …?": the number is furniture.
            text = re.sub(r"^[\d.]+\s+", "", text)
            if text.endswith("?") and anchor:
                questions.append(Labelled(text, frozenset({(page, anchor)})))
                heading.clear()
        path.write_bytes(html.tostring(tree, encoding="utf-8"))
    return questions


def mlflow(folder: Path) -> list[Labelled]:
    """37 pages of MLflow, flattened to text, with 56 questions."""
    return _jsonl_set(SHARED / "qa" / "mlflow", folder, lambda row: _flat(row["text"]))


def xquad(folder: Path) -> list[Labelled]:
    """240 paragraphs with 1,190 questions."""
    return _jsonl_set(
        SHARED / "qa" / "xquad-en",
        folder,
        lambda row: f"---\ntitle: {row['title'].replace('_', ' ')}\n---\n\n{row['text']}\n",
    )


def kubeflow(folder: Path) -> list[Labelled]:
    """The Kubeflow pages, with questions that they answer."""
    shutil.copytree(SHARED / "corpora" / "kubeflow" / "content" / "en", folder)
    return [
        Labelled(row["question"], frozenset((page, None) for page in row["pages"]))
        for row in read_jsonl(QUESTIONS / "answerable_kubeflow.jsonl")
    ]


SETS = (
    QuestionSet("python-faq", "python", "sphinx", python_faq),
    QuestionSet("mlflow", "mlflow", "github", mlflow),
    QuestionSet("xquad", "xquad", "github", xquad),
    QuestionSet("kubeflow", "kubeflow", "hugo", kubeflow),
)


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """One object a line."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def far_off() -> list[str]:
    """Questions that no technical manual here answers."""
    return [row["question"] for row in read_jsonl(QUESTIONS / "far_off.jsonl")]


def neighbours() -> list[str]:
    """PostgreSQL's index terms and questions, for the Kubeflow index."""
    return [row["question"] for row in read_jsonl(QUESTIONS / "neighbour_postgres.jsonl")]


def _flat(text: str) -> str:
    return "\n\n".join(part.strip() for part in re.split(r"\s{3,}", text) if part.strip()) + "\n"


def _jsonl_set(
    source: Path, folder: Path, write: Callable[[dict[str, Any]], str]
) -> list[Labelled]:
    pages = {}
    for row in read_jsonl(source / "corpus.jsonl"):
        suffix = ".txt" if source.name == "mlflow" else ".md"
        page = re.sub(r"\.html$", "", row["_id"]) + suffix
        pages[row["_id"]] = page
        path = folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(write(row))
    gold: dict[str, set[tuple[str, str | None]]] = {}
    for line in (source / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, score = line.split("\t")
        if int(score) > 0:
            gold.setdefault(query, set()).add((pages[document], None))
    return [
        Labelled(row["text"], frozenset(gold[row["_id"]]))
        for row in read_jsonl(source / "queries.jsonl")
        if row["_id"] in gold
    ]
