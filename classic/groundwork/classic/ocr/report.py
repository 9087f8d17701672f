"""The validation report: figures by condition and layout, the worst cases as pictures, and where a person signs. One page."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

from groundwork.classic.ocr.evaluate import CardResult, LineResult, Results, Row, tables
from groundwork.classic.ocr.held_out import HeldOutCard, HeldOutLine
from groundwork.classic.ocr.predict import draw
from groundwork.classic.ocr.reading import Reading

WORST_LINES, WORST_CARDS = 24, 8
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #ccc;padding:.25rem .6rem;text-align:left}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}img{max-width:100%;border:1px solid #ccc}"
    ".case{margin:1rem 0}.sign td{height:2.2rem;min-width:12rem}code{background:#f3f3f3;padding:0 .2rem}"
)
_CHECKS = (
    "The worst cases below are errors that a person might make too, or their number is acceptable.",
    "No layout and no condition is read much worse than the others without being named in the card's limits.",
    "Nothing in the pictures is a real person's document.",
    "What the release is for, and what it is not for, is stated in its card.",
)


def report(
    release: str,
    about: Mapping[str, str],
    results: Results,
    lines: Sequence[HeldOutLine],
    cards: Sequence[tuple[HeldOutCard, Reading]],
) -> str:
    """HTML without anything to load. `lines` and `cards` are those whose pictures are shown, if they are among the worst."""
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Validation of {html.escape(release)}</title>",
        f"<style>{_STYLE}</style><h1>Validation of {html.escape(release)}</h1>",
        _facts(about),
        (
            "<h2>Figures on held-out examples</h2><p>Fonts and layouts were never trained on. Intervals are 95 %, by "
            "bootstrap over fonts for lines and over cards for cards. <code>char_error</code> is edits by characters.</p>"
        ),
        _figures(tables(results)),
        "<h2>Worst lines</h2>",
        *_lines(worst_lines(results.lines), {one.id: one for one in lines}),
        "<h2>Worst cards</h2>",
        *_cards(worst_cards(results.cards), {one.id: (one, reading) for one, reading in cards}),
        _signature(),
    ]
    return "\n".join(parts) + "</html>\n"


def worst_lines(results: Sequence[LineResult]) -> list[LineResult]:
    """Those with errors, least accurate first."""
    wrong = [one for one in results if not one.exact]
    return sorted(wrong, key=lambda one: (one.accuracy, one.id))[:WORST_LINES]


def worst_cards(results: Sequence[CardResult]) -> list[CardResult]:
    """Those not located, then those with the fewest fields right."""
    wrong = [one for one in results if not one.located or one.wrong]
    return sorted(wrong, key=lambda one: (one.located, one.fields, one.id))[:WORST_CARDS]


def _facts(about: Mapping[str, str]) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in about.items()
    )
    return f"<table>{rows}</table>"


def _figures(rows: Sequence[Row]) -> str:
    cells = "".join(
        f"<tr><td>{html.escape(row.slice)}</td><td>{row.metric}</td><td class=n>{100 * row.interval.mean:.2f} %</td>"
        f"<td class=n>{100 * row.interval.low:.2f} to {100 * row.interval.high:.2f}</td><td class=n>{row.interval.n}</td></tr>"
        for row in rows
    )
    head = "<tr><th>of</th><th>measure</th><th>mean</th><th>interval</th><th>examples</th></tr>"
    return f"<table>{head}{cells}</table>"


def _lines(worst: Sequence[LineResult], shown: Mapping[str, HeldOutLine]) -> list[str]:
    from PIL import Image

    found = []
    for one in worst:
        picture = ""
        if one.id in shown:
            picture = _picture(Image.fromarray(shown[one.id].pixels()), "PNG")
        found.append(
            f"<div class=case>{picture}<br><code>{html.escape(one.text)}</code> was read as "
            f"<code>{html.escape(one.read)}</code> ({html.escape(one.group)}; {html.escape(', '.join(one.conditions))})</div>"
        )
    return found or ["<p>Every line was read without an error.</p>"]


def _cards(
    worst: Sequence[CardResult], shown: Mapping[str, tuple[HeldOutCard, Reading]]
) -> list[str]:
    found = []
    for one in worst:
        picture = ""
        if one.id in shown:
            card, reading = shown[one.id]
            marked = draw(card.picture(), reading)
            marked.thumbnail((900, 900))
            picture = _picture(marked, "JPEG")
        wrong = "".join(
            f"<li>{name}: <code>{html.escape(wanted)}</code> was read as <code>{html.escape(read)}</code></li>"
            for name, (wanted, read) in one.wrong.items()
        )
        where = "located" if one.located else f"not located (overlap {one.overlap:.2f})"
        found.append(
            f"<div class=case><b>{html.escape(one.layout)}</b>, {where} ({html.escape(', '.join(one.conditions))})"
            f"<br>{picture}<ul>{wrong}</ul></div>"
        )
    return found or ["<p>Every card was located, and every field read.</p>"]


def _signature() -> str:
    checks = "".join(f"<li>☐ {html.escape(one)}</li>" for one in _CHECKS)
    return (
        f"<h2>Checks</h2><ul>{checks}</ul><table class=sign><tr><th>Name</th><td></td></tr>"
        "<tr><th>Date</th><td></td></tr><tr><th>Decision</th><td>☐ accepted ☐ refused</td></tr></table>"
    )


def _picture(image: Any, kind: str) -> str:
    held = io.BytesIO()
    image.save(held, kind)
    raw = base64.b64encode(held.getvalue()).decode()
    return f'<img alt="" src="data:image/{kind.lower()};base64,{raw}">'
