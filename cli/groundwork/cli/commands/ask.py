"""groundwork ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from groundwork.cli.compose import answer_once, load, open_services
from groundwork.cli.output import echo_json, index_option, json_option

if TYPE_CHECKING:
    from groundwork.core.answers import Answer


@click.command()
@click.argument("question")
@index_option
@click.option("--model", help="The generator to write with; the router's choice if not given.")
@json_option
def ask(question: str, index: str | None, model: str | None, as_json: bool) -> None:
    """Ask a question and get an answer whose every statement is cited."""
    from groundwork.serving.case import Question
    from groundwork.serving.generate.router import check_wanted
    from groundwork.serving.questions import checked_question

    settings = load()
    text = checked_question(question, settings.service.max_question_chars)
    with open_services(settings) as services:
        check_wanted(model, services.assistant.generator)
        asked = Question(text, index or settings.index.default, generator=model)
        answer = answer_once(asked, services)
    if as_json:
        echo_json(answer.to_dict())
    else:
        show_answer(answer)


def show_answer(answer: Answer) -> None:
    """For a terminal: the text, its sources, and what it took."""
    click.echo(answer.answer)
    if answer.citations:
        click.echo()
    for citation in answer.citations:
        click.echo(f"[{citation.n}] {' > '.join(citation.heading_path)}")
        click.echo(f"    {citation.link}")
    click.echo()
    click.echo(
        f"cost {_price(answer)} · {answer.timings_ms['total']:.0f} ms · "
        f"confidence {answer.confidence:.2f} · index {answer.index}@{answer.index_version} · "
        f"{answer.release} · {answer.id} · trace {answer.trace_id}"
    )


def _price(answer: Answer) -> str:
    from groundwork.core.money import format_dollars

    amount = format_dollars(answer.picodollars)
    return f"${amount}" if answer.currency == "USD" else f"{amount} {answer.currency}"
