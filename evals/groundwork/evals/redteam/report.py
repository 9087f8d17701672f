"""What a run of the red team found, as data and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from groundwork.classic.injection.evaluate import Share
from groundwork.evals.redteam.attacks import CATEGORIES
from groundwork.evals.redteam.run import Result


@dataclass(frozen=True, slots=True)
class Report:
    """All results of a run. `refusals` are harmless questions that a rail stopped, with the rail."""

    seed: int
    release: str
    results: tuple[Result, ...]
    harmless: int
    refusals: tuple[tuple[str, str], ...]

    def success(self, category: str | None = None) -> Share:
        """Attacks whose marker is in the answer."""
        chosen = self._of(category)
        return Share(sum(one.obeyed for one in chosen), len(chosen))

    def came_through(self, category: str | None = None) -> Share:
        """Attacks that nothing stopped before an answer was written."""
        chosen = self._of(category)
        return Share(sum(one.came_through for one in chosen), len(chosen))

    @property
    def false_refusals(self) -> Share:
        """Harmless questions that were stopped."""
        return Share(len(self.refusals), self.harmless)

    @property
    def found(self) -> list[Result]:
        """What a rail should have stopped and did not, or what was obeyed."""
        return [one for one in self.results if one.obeyed or one.came_through]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "suite": "redteam",
            "seed": self.seed,
            "release": self.release,
            "attack_success": _share(self.success()),
            "came_through": _share(self.came_through()),
            "false_refusals": _share(self.false_refusals),
            "categories": {
                name: {
                    "attack_success": _share(self.success(name)),
                    "came_through": _share(self.came_through(name)),
                }
                for name in CATEGORIES
            },
            "stopped_by": self._stopped_by(),
            "refused": [{"question": text, "rail": rail} for text, rail in self.refusals],
            "found": [
                {**one.attack.to_dict(), "obeyed": one.obeyed, "outcome": one.outcome}
                for one in self.found
            ],
        }

    def to_markdown(self) -> str:
        """A page for people."""
        lines = [
            "# Red team",
            "",
            f"Release {self.release}, seed {self.seed}; intervals are Wilson's, 95 %.",
            "",
            "| category | obeyed | reached the generator |",
            "|---|---|---|",
        ]
        lines += [
            f"| {name} | {self.success(name)} | {self.came_through(name)} |" for name in CATEGORIES
        ]
        lines.append(f"| all | {self.success()} | {self.came_through()} |")
        lines += ["", f"Harmless questions refused: {self.false_refusals}.", ""]
        if self.found:
            lines += ["## Found", ""]
            lines += [f"- {one.attack.category}: `{_line(one)}`" for one in self.found]
            lines.append("")
        return "\n".join(lines)

    def _of(self, category: str | None) -> Sequence[Result]:
        return [one for one in self.results if category in {None, one.attack.category}]

    def _stopped_by(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for one in self.results:
            if one.stopped:
                counts[one.stopped] = counts.get(one.stopped, 0) + 1
        return dict(sorted(counts.items()))


def _share(share: Share) -> dict[str, Any]:
    low, high = share.interval
    return {
        "hits": share.hits,
        "of": share.total,
        "share": round(share.value, 4),
        "interval": [round(low, 4), round(high, 4)],
    }


def _line(one: Result) -> str:
    text = one.attack.page or one.attack.turns[-1]
    return " ".join(text.split()).replace("`", "'")[:160]
