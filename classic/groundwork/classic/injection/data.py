"""Reading training data: third-party sets from a folder, our own templates, pages and e-mails without attacks.

Nothing here is shipped but the templates. A folder may hold any of: deepset's parquet (`text`, `label`), BIPIA's
attacks (JSON, category to texts) and e-mails (JSON lines with `context`), and plain JSON lines of
`{"text", "label", "group"?}`. Sets that exist to measure (NotInject) are read by the benchmark alone.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from groundwork.classic.injection.templates.attacks import attack_examples
from groundwork.classic.injection.templates.benign import benign_examples
from groundwork.classic.injection.templates.grammar import Example
from groundwork.classic.injection.templates.planted import manipulation_examples, planted_examples
from groundwork.core.errors import InvalidInput

# Shares of groups that are never trained on.
_HELD_OUT = 0.25
_BLANK = re.compile(r"\W+")


@dataclass(frozen=True, slots=True)
class Host:
    """A page or e-mail without an attack, to judge as it is and to plant orders in."""

    text: str
    group: str
    held_out: bool = False
    kind: str = "page"


@dataclass(slots=True)
class Corpus:
    """Everything an injection classifier is made of.

    `prompts` are texts as a user sends them, labelled; `orders` are to be planted in `hosts`.
    """

    prompts: list[Example] = field(default_factory=list)
    orders: list[Example] = field(default_factory=list)
    hosts: list[Host] = field(default_factory=list)
    sources: dict[str, int] = field(default_factory=dict)

    def digest(self) -> str:
        """SHA-256 over all texts, labels and splits, in hex."""
        digest = hashlib.sha256()
        for one in (*self.prompts, *self.orders):
            digest.update(f"{one.group}\0{one.label}{one.held_out}\0{one.text}\0".encode())
        for host in self.hosts:
            digest.update(f"{host.group}\0{host.held_out}\0{host.text}\0".encode())
        return digest.hexdigest()


def collect(folder: Path | None, pages: Sequence[tuple[str, str]], seed: int) -> Corpus:
    """The corpus of templates, a folder's files and (name, text) of clean pages; same input, same corpus.

    Raises InvalidInput for a file that cannot be read.
    """
    rng = random.Random(seed)
    corpus = Corpus()
    _add(corpus, "attack templates", corpus.prompts, attack_examples(rng, 10))
    _add(corpus, "manipulation templates", corpus.prompts, manipulation_examples(rng, 5))
    _add(corpus, "benign templates", corpus.prompts, benign_examples(rng, 14))
    _add(corpus, "planted templates", corpus.orders, planted_examples(rng, 8))
    if folder is not None:
        if not folder.is_dir():
            raise InvalidInput(f"{folder} is no folder", field="data")
        for path in sorted(folder.rglob("*")):
            _read(corpus, path)
    for name, text in pages:
        corpus.hosts.append(Host(text, f"page/{name}", held_out(f"page/{name}")))
    corpus.sources["clean pages"] = len(pages)
    corpus.prompts = deduplicated(corpus.prompts)
    corpus.orders = deduplicated(corpus.orders)
    return corpus


def held_out(group: str) -> bool:
    """Whether a group is kept apart; decided by its name alone, so that no run can move it."""
    return hashlib.sha256(f"held-out\n{group}".encode()).digest()[0] < 256 * _HELD_OUT


def normalised(text: str) -> str:
    """What two copies of a text have in common: its words in lower case."""
    return _BLANK.sub(" ", text.lower()).strip()


def deduplicated(examples: Iterable[Example]) -> list[Example]:
    """Each text once. One that stands in both splits stays held out only."""
    found: dict[str, Example] = {}
    for one in examples:
        key = normalised(one.text) or one.text
        before = found.get(key)
        if before is None:
            found[key] = one
        elif one.held_out and not before.held_out:
            found[key] = replace(before, held_out=True)
    return list(found.values())


def _add(corpus: Corpus, name: str, to: list[Example], examples: Iterable[Example]) -> None:
    before = len(to)
    to.extend(examples)
    corpus.sources[name] = len(to) - before


def _read(corpus: Corpus, path: Path) -> None:
    name = path.name.lower()
    if "notinject" in name:
        return
    try:
        if path.suffix == ".parquet":
            _add(corpus, path.name, corpus.prompts, read_parquet(path))
        elif path.suffix == ".json" and "bipia" in name:
            _add(corpus, path.name, corpus.orders, read_bipia_attacks(path))
        elif path.suffix == ".jsonl" and "email" in name:
            hosts = list(read_bipia_emails(path))
            corpus.hosts.extend(hosts)
            corpus.sources[path.name] = len(hosts)
        elif path.suffix == ".jsonl":
            _add(corpus, path.name, corpus.prompts, read_jsonl(path))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{path}: not a data set that is known: {error}", field="data"
        ) from error


def read_parquet(path: Path) -> Iterator[Example]:
    """Columns `text` and `label` (1 is an attack). Each text is a group of its own."""
    from pyarrow import parquet

    for row in parquet.read_table(path, columns=["text", "label"]).to_pylist():
        group = f"{path.stem}/{normalised(row['text'])}"
        yield Example(row["text"], int(row["label"]), group, held_out(group))


def read_bipia_attacks(path: Path) -> Iterator[Example]:
    """Category to texts; every third category is held out as a whole."""
    for number, (category, texts) in enumerate(json.loads(path.read_bytes()).items()):
        for text in texts:
            yield Example(text, 1, f"bipia/{category}", number % 3 == 2)


def read_bipia_emails(path: Path) -> Iterator[Host]:
    """The `context` of each line."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            text = json.loads(line)["context"]
            group = f"email/{normalised(text)[:80]}"
            yield Host(text, group, held_out(group), "email")


def read_jsonl(path: Path) -> Iterator[Example]:
    """`text`, `label` and, where given, `group`."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            row = json.loads(line)
            group = f"{path.stem}/{row.get('group') or normalised(row['text'])}"
            yield Example(row["text"], int(row["label"]), group, held_out(group))


def read_notinject(path: Path) -> list[str]:
    """The prompts of a NotInject file, all of them harmless. For measuring only."""
    return [row["prompt"] for row in json.loads(path.read_bytes())]


def plant(host: str, order: str, place: float) -> str:
    """The order between two paragraphs or sentences of the host, at 0 (start) to 1 (end)."""
    cuts = [0, *(match.end() for match in re.finditer(r"(?<=[.!?])\s+|\n+", host)), len(host)]
    cut = cuts[round(place * (len(cuts) - 1))]
    return f"{host[:cut].rstrip()}\n{order}\n{host[cut:].lstrip()}".strip()
