"""How much is drawn and learned: the full training, a quick one, and one that only shows that everything runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from groundwork.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Size:
    """Steps and shards of each network, columns of a batch of lines, and the held-out examples."""

    recogniser_steps: int
    recogniser_shards: int
    shard_lines: int
    columns: int
    locator_steps: int
    liner_steps: int
    finder_shards: int
    finder_samples: int
    lines: int
    cards: int

    def to_dict(self) -> dict[str, int]:
        """As JSON."""
        return asdict(self)


SIZES = {
    "full": Size(20_200, 192, 2048, 12_800, 16_400, 3000, 60, 256, 2000, 150),
    # Within five minutes on two cores, everything included: enough to read, not enough to pass the gate.
    "quick": Size(2200, 14, 1024, 2048, 240, 140, 6, 64, 300, 24),
    "smoke": Size(6, 2, 64, 2048, 3, 3, 2, 16, 12, 2),
}


def size_of(name: str) -> Size:
    """Raises InvalidInput for a name that there is not."""
    if name not in SIZES:
        raise InvalidInput(f"there is no size {name!r}; there is {', '.join(SIZES)}", field="size")
    return SIZES[name]
