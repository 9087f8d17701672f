"""groundwork train ocr | recommender | injection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from groundwork.cli.compose import load
from groundwork.cli.output import json_option
from groundwork.cli.training import Wish, equipment, train_and_print

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def train() -> None:
    """Train a model of the platform, measure it on held-out data and gate it against the champion.

    The release is registered with its data, code and measurement, and becomes champion where the gate passes it. Exits with
    3 where it is worse or under a floor.
    """


def _common(command: _Command) -> _Command:
    options: list[Callable[[_Command], _Command]] = [
        click.option(
            "--name", metavar="NAME", help="The line of releases; the usual one if not given."
        ),
        click.option(
            "--seed", type=int, default=7, show_default=True, help="What is drawn at random."
        ),
        click.option(
            "--no-gate", is_flag=True, help="Promote the model even where the gate says no."
        ),
        json_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@train.command()
@click.option(
    "--data",
    metavar="FOLDER",
    help="Labelled sets: deepset parquet, BIPIA JSON and e-mails, JSON lines of text and label; or data:NAME.",
)
@click.option(
    "--pages",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Clean documentation to plant orders in; repeatable. The bundled guides if not given.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the model here, compared with what is here, and leave registry and rails alone.",
)
@_common
def injection(
    data: str | None, pages: tuple[Path, ...], out: Path | None, *, as_json: bool, **wish: Any
) -> None:
    """The classifier that finds orders to the assistant in questions and in pages.

    It is compared with the champion, else with the one that ships, on the same held-out examples. The champion's weights go
    to models/injection under the home, where the rails read them.
    """
    from groundwork.classic.injection.trainer import InjectionTrainer

    settings = load()
    trainer = InjectionTrainer(equipment(settings), out)
    options = {"pages": ",".join(str(page) for page in pages)}
    wanted = Wish(data=data, options=options, apart=out is not None, **wish)
    train_and_print(settings, trainer, wanted, as_json=as_json)


@train.command()
@click.option(
    "--data",
    metavar="FOLDER",
    help="Labelled crops to learn from besides drawn ones; or data:NAME.",
)
@click.option("--quick", "size", flag_value="quick", help="A smaller training, for a look.")
@click.option("--smoke", "size", flag_value="smoke", help="Minutes, to see that it runs.")
@click.option("--resume", is_flag=True, help="Go on where the same training was cut off.")
@_common
def ocr(data: str | None, size: str | None, *, resume: bool, as_json: bool, **wish: Any) -> None:
    """The reader of cards, receipts and forms: a locator and a recogniser."""
    options = {"size": size or "full", "resume": "yes" if resume else "no"}
    _train("ocr", Wish(data=data, options=options, **wish), as_json=as_json)


@train.command()
@click.option("--data", metavar="FOLDER", help="A MovieLens set, of any size; or data:NAME.")
@click.option(
    "--models",
    default="all",
    show_default=True,
    help="The families to choose from, with commas.",
)
@_common
def recommender(data: str | None, models: str, *, as_json: bool, **wish: Any) -> None:
    """The recommender of films, chosen by validation among several models."""
    _train("recommender", Wish(data=data, options={"models": models}, **wish), as_json=as_json)


def _train(kind: str, wish: Wish, *, as_json: bool) -> None:
    from groundwork.classic.trainers import open_trainer

    settings = load()
    train_and_print(settings, open_trainer(kind, equipment(settings)), wish, as_json=as_json)
