"""Two plots as inline SVG: scores with their intervals, and passed questions by category."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from groundwork.core.registry.stats import Interval

_LEFT, _WIDTH, _ROW = 210, 420, 22


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


def _x(share: float) -> float:
    # A widened interval may pass the ends of the scale.
    return round(_LEFT + _WIDTH * min(1.0, max(0.0, share)), 1)
