"""groundwork eval generate | sample."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundwork.cli.compose import load, open_index_store, open_services
from groundwork.cli.output import echo_json, index_option, json_option
from groundwork.core.errors import InvalidInput

if TYPE_CHECKING:
    from groundwork.core.settings import Settings
    from groundwork.evals.candidates.plain import Candidate
    from groundwork.serving.slack.review import Proposal, ReviewQueue

_count_option = click.option(
    "-n",
    "count",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="How many questions.",
)
_seed_option = click.option(
    "--seed", type=int, default=11, show_default=True, help="What is drawn at random."
)


@click.command()
@index_option
@_count_option
@click.option(
    "--with-model",
    is_flag=True,
    help="Let the model at GROUNDWORK_JUDGE__URL write them, by RAGAS' test-set generator.",
)
@_seed_option
@json_option
def generate(index: str | None, count: int, seed: int, *, with_model: bool, as_json: bool) -> None:
    """Make candidate questions from what an index holds, and put them into the review queue.

    Without a model they are made from headings, definitions, options and tables: the same index and seed give the same
    questions. What is in the queue already, or was rejected, is not proposed again.
    """
    settings = load()
    name = index or settings.index.default
    made = (
        _written(settings, name, count, seed) if with_model else _made(settings, name, count, seed)
    )
    proposals = [_proposal(one, name) for one in made]
    with opened_queue(settings) as queue:
        new = [one for one in proposals if queue.add(one)]
    _say(new, as_json=as_json)


@click.command()
@index_option
@_count_option
@click.option(
    "--days", type=click.IntRange(min=1), default=7, show_default=True, help="How far to look back."
)
@_seed_option
@click.option(
    "--set",
    "sets",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Sets whose questions are not proposed again; the bundled one if not given.",
)
@json_option
def sample(
    index: str | None, count: int, days: int, seed: int, sets: tuple[Path, ...], *, as_json: bool
) -> None:
    """Draw candidate questions from what people asked, and put them into the review queue.

    Answers with a thumbs-down, and answers of low confidence, are drawn more often. Questions that ask the same are proposed
    once. Personal data and secrets are taken out before anything is written; answers in private channels are left out.
    """
    from groundwork.evals.candidates.sample import Wanted
    from groundwork.evals.candidates.sample import sample as draw
    from groundwork.evals.golden import bundled_set, load_examples

    settings = load()
    name = index or settings.index.default
    bundled = bundled_set()
    known = load_examples(sets or ((bundled,) if bundled else ()))
    wanted = Wanted(name, count, days, seed, tuple(one.question for one in known))
    with open_services(settings) as services, opened_queue(settings) as queue:
        retriever = services.assistant.retriever
        retriever.version(name)
        new = draw(
            services.store,
            queue,
            lambda text: services.embedder.embed([text])[0],
            lambda text: retriever.retrieve(text, name),
            wanted,
        )
    _say(new, as_json=as_json)


@contextmanager
def opened_queue(settings: Settings) -> Iterator[ReviewQueue]:
    """What waits for a reviewer; what is too old is deleted first."""
    from groundwork.core.metering.database import open_engine
    from groundwork.serving.slack.review import ReviewQueue

    engine = open_engine(settings.ledger_url)
    try:
        queue = ReviewQueue(engine)
        queue.forget(settings.ledger.keep_days)
        yield queue
    finally:
        engine.dispose()


def _made(settings: Settings, index: str, count: int, seed: int) -> list[Candidate]:
    from groundwork.evals.candidates.plain import generate as make
    from groundwork.evals.candidates.sections import read_sections

    with open_index_store(settings) as store:
        reader = store.open(index)
        try:
            return make(read_sections(reader), count, seed)
        finally:
            reader.close()


def _written(settings: Settings, index: str, count: int, seed: int) -> list[Candidate]:
    from groundwork.evals.candidates.model import write_questions
    from groundwork.evals.candidates.sections import read_sections

    if settings.judge.url is None:
        raise InvalidInput(
            "questions are written by the model at GROUNDWORK_JUDGE__URL, which is not set",
            field="with_model",
        )
    with open_services(settings) as services:
        reader = services.index_store.open(index)
        try:
            sections = read_sections(reader)
        finally:
            reader.close()
        return write_questions(
            settings.judge, services.accounts, services.embedder.embed, sections, count, seed
        )


def _proposal(one: Candidate, index: str) -> Proposal:
    from hashlib import sha256

    from groundwork.evals.candidates.review import as_json as example_json
    from groundwork.serving.slack.review import Proposal

    digest = sha256(one.example.question.encode()).hexdigest()[:16]
    link = one.example.gold[0] if one.example.gold else ""
    # What a model wrote may say anything; what stands in the documentation is published.
    published = one.how != "model"
    return Proposal(
        f"made:{index}:{digest}",
        link,
        f"generate ({one.how})",
        example=example_json(one.example),
        published=published,
    )


def _say(new: list[Proposal], *, as_json: bool) -> None:
    if as_json:
        echo_json(
            [{"source": one.source, "by": one.proposed_by, **(one.example or {})} for one in new]
        )
        return
    click.echo(f"{len(new)} new candidates; groundwork eval review list shows what waits")
