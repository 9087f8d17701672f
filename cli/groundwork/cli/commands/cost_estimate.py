"""groundwork cost estimate."""

from __future__ import annotations

from typing import Any

import click

from groundwork.cli.output import echo_json, json_option


@click.command()
@click.option("--tokens", required=True, type=click.IntRange(min=1), help="Tokens a month, input and output together.")  # fmt: skip
@click.option("--gpu-hour", required=True, metavar="DECIMAL", help="What a GPU costs an hour, in US dollars.")  # fmt: skip
@click.option("--gpus", default=1, show_default=True, type=click.IntRange(min=1), help="GPUs that one replica takes.")  # fmt: skip
@click.option("--tokens-per-second", required=True, type=click.IntRange(min=1), help="Measured throughput of one replica, input and output together.")  # fmt: skip
@click.option("--utilisation", default=40, show_default=True, type=click.IntRange(1, 100), help="Percent of that throughput which the traffic reaches.")  # fmt: skip
@click.option("--api-input", required=True, metavar="DECIMAL", help="The API's price of a million input tokens.")  # fmt: skip
@click.option("--api-output", required=True, metavar="DECIMAL", help="The API's price of a million output tokens.")  # fmt: skip
@click.option("--output-percent", default=15, show_default=True, type=click.IntRange(0, 100), help="Share of output in all tokens.")  # fmt: skip
@json_option
def estimate(as_json: bool, **given: Any) -> None:
    """Self-hosting against an API at a monthly volume, and the volume where they cost the same.

    Replicas run all month (730 hours), so that their idle time is paid for.
    """
    from groundwork.core.metering.estimate import Assumptions
    from groundwork.core.metering.estimate import estimate as estimated

    names = ("tokens", "gpus", "tokens_per_second", "utilisation", "output_percent")
    found = estimated(
        Assumptions(
            gpu_hour=_amount(given["gpu_hour"], "gpu-hour"),
            api_input=_per_token(given["api_input"], "api-input"),
            api_output=_per_token(given["api_output"], "api-output"),
            **{name: given[name] for name in names},
        )
    ).to_dict()
    if as_json:
        echo_json(found)
        return
    click.echo(f"volume         {found['tokens_a_month']:,} tokens a month")
    click.echo(
        f"self-hosting   {found['self_hosted']['amount']} USD a month, {found['self_hosted']['per_million_tokens']} "
        f"a million tokens: {found['replicas']:,} replica{'' if found['replicas'] == 1 else 's'}, {found['busy_percent']} % of what they can serve"
    )
    click.echo(
        f"API            {found['api']['amount']} USD a month, {found['api']['per_million_tokens']} a million tokens"
    )
    least = found["break_even_tokens_a_month"]
    click.echo(
        "break-even     none: a full replica serves fewer tokens than the API sells for its price"
        if least is None
        else f"break-even     {least:,} tokens a month on one replica"
    )
    click.echo(f"cheaper        {found['cheaper']}")


def _amount(text: str, option: str) -> int:
    from groundwork.core.errors import InvalidInput
    from groundwork.core.money import parse_dollars

    try:
        return parse_dollars(text)
    except ValueError as error:
        raise InvalidInput(str(error), field=option) from error


def _per_token(text: str, option: str) -> int:
    from groundwork.core.errors import InvalidInput

    price, rest = divmod(_amount(text, option), 10**6)
    if rest:
        raise InvalidInput("prices of a million tokens have at most 6 decimals", field=option)
    return price
