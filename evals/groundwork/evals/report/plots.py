"""Plots as inline SVG: scores with their intervals, and how some of them went from run to run."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from groundwork.core.registry.stats import Interval

_LEFT, _WIDTH, _ROW = 210, 420, 22
_HEIGHT = 180
# What a plot needs where no page brings a style along.
_STYLE = (
    "svg{font:12px system-ui,sans-serif}.name{text-anchor:end}.tick{text-anchor:middle;fill:#5b6570}"
    ".grid{stroke:#d9dee2}.bar,.curve{stroke:#0b6b60;stroke-width:2;fill:none}.dot{fill:#0b6b60}"
    ".former{fill:none;stroke:#5b6570;stroke-width:2}.band{fill:#0b6b60;opacity:.15}"
)


def intervals(rows: Sequence[tuple[str, Interval, Interval | None]], title: str) -> str:
    """A dot for each mean on a scale from 0 to 1, with its interval; a hollow dot for the former mean."""
    height = _ROW * len(rows) + 34
    parts = [
        f'<svg role="img" viewBox="0 0 {_LEFT + _WIDTH + 60} {height}" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
    ]
    for tenth in (0, 25, 50, 75, 100):
        x = _x(tenth / 100)
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="4" y2="{height - 22}"/>')
        parts.append(f'<text class="tick" x="{x}" y="{height - 6}">{tenth}</text>')
    for n, (name, now, former) in enumerate(rows):
        parts += _dot(name, now, former, 16 + n * _ROW)
    return "".join([*parts, "</svg>"])


def trend(name: str, points: Sequence[tuple[str, Interval]], title: str) -> str:
    """One metric from run to run, oldest first, on a scale from 0 to 1: its means, and its intervals as a band."""
    step = _WIDTH / max(1, len(points) - 1)
    across = [round(_LEFT + n * step, 1) for n in range(len(points))]
    parts = [
        f'<svg role="img" viewBox="0 0 {_LEFT + _WIDTH + 60} {_HEIGHT + 30}" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        f'<text class="name" x="{_LEFT - 40}" y="{_HEIGHT // 2}">{escape(name)}</text>',
    ]
    for hundredth in (0, 25, 50, 75, 100):
        y = _y(hundredth / 100)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 20}" y="{y + 4}">{hundredth}</text>')
    upper = [f"{x},{_y(one.high)}" for x, (_, one) in zip(across, points, strict=True)]
    lower = [f"{x},{_y(one.low)}" for x, (_, one) in zip(across, points, strict=True)]
    means = [f"{x},{_y(one.mean)}" for x, (_, one) in zip(across, points, strict=True)]
    parts.append(f'<polygon class="band" points="{" ".join([*upper, *reversed(lower)])}"/>')
    parts.append(f'<polyline class="curve" points="{" ".join(means)}"/>')
    for x, (label, one) in zip(across, points, strict=True):
        hover = f"{label}: {100 * one.mean:.1f} ({100 * one.low:.1f} to {100 * one.high:.1f})"
        parts.append(
            f'<circle class="dot" cx="{x}" cy="{_y(one.mean)}" r="4"><title>{escape(hover)}</title></circle>'
        )
    return "".join([*parts, "</svg>"])


def alone(plot: str) -> str:
    """An inline plot as a file of its own."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {plot.removeprefix("<svg ")}'
    first, _, rest = head.partition(">")
    return f"{first}><style>{_STYLE}</style>{rest}"


def _dot(name: str, now: Interval, former: Interval | None, y: int) -> list[str]:
    hover = f"{name}: {100 * now.mean:.1f} ({100 * now.low:.1f} to {100 * now.high:.1f}), n {now.n}"
    parts = [
        f"<g><title>{escape(hover)}</title>",
        f'<text class="name" x="{_LEFT - 10}" y="{y + 4}">{escape(name)}</text>',
        f'<line class="bar" x1="{_x(now.low)}" x2="{_x(now.high)}" y1="{y}" y2="{y}"/>',
    ]
    if former is not None:
        parts.append(f'<circle class="former" cx="{_x(former.mean)}" cy="{y}" r="5"/>')
    parts.append(f'<circle class="dot" cx="{_x(now.mean)}" cy="{y}" r="4"/>')
    parts.append(
        f'<text class="value" x="{_LEFT + _WIDTH + 12}" y="{y + 4}">{100 * now.mean:.1f}</text></g>'
    )
    return parts


def _y(share: float) -> float:
    return round(10 + (_HEIGHT - 10) * (1 - min(1.0, max(0.0, share))), 1)


def _x(share: float) -> float:
    # A widened interval may pass the ends of the scale.
    return round(_LEFT + _WIDTH * min(1.0, max(0.0, share)), 1)
