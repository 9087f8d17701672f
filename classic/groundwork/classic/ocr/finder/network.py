"""The two U-Nets. Training only: serving runs their ONNX exports.

The locator takes a picture, RGB in 0..1, 224 by 224, and gives the log-odds that each 4 by 4 pixels are of the card. It
spends its width where a card is seen as a whole, not on the picture's pixels.
The liner takes a straight card, grey and standardised, sides multiples of 32, and gives for each 4 by 4 pixels the
log-odds that they lie in the middle of a line, and how far it reaches up and down from there, in units of 8 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

SIDE = 224
STRIDE = 4
REACH = 8.0
_LOCATOR = (24, 48, 80, 96)
_LINER = (10, 20, 32, 40)


def locator() -> Any:
    """(pictures, 3, 224, 224) to (pictures, 1, 56, 56)."""
    import torch
    from torch import nn

    class Whole(nn.Module):  # type: ignore[misc]
        """Tells every place what the picture is like as a whole."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.told = nn.Conv2d(width, width, 1)

        def forward(self, seen: torch.Tensor) -> Any:
            return seen + self.told(seen.mean(dim=(2, 3), keepdim=True))

    first, *_, deepest = _LOCATOR
    stem = nn.Sequential(_block(3, first, stride=4, size=7), _block(first, first))
    down = [stem, *_levels(_LOCATOR)]
    # What the deepest level sees is widened, so that a card is seen against what is around it.
    down[-1].extend([_block(deepest, deepest, spread=2), Whole(deepest)])
    return _unet(down, _LOCATOR, 1)


def liner() -> Any:
    """(cards, 1, height, width) to (cards, 3, height / 4, width / 4)."""
    deepest = _LINER[-1]
    down = [_block(1, _LINER[0], stride=2), *_levels(_LINER)]
    # Not widened: oneDNN 3 gives no finite gradient of a dilated convolution in bfloat16 at this size.
    down[-1].append(_block(deepest, deepest))
    return _unet(down, _LINER, 3, up_to=1)


def _block(before: int, after: int, stride: int = 1, spread: int = 1, size: int = 3) -> Any:
    from torch import nn

    around = spread * (size // 2)
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, around, dilation=spread, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


def _levels(widths: Sequence[int]) -> list[Any]:
    """Each halves what it sees."""
    from torch import nn

    return [
        nn.Sequential(_block(before, after, stride=2), _block(after, after))
        for before, after in pairwise(widths)
    ]


def _unet(down: Sequence[Any], widths: Sequence[int], channels: int, up_to: int = 0) -> Any:
    """Down through the levels and up again as far as level `up_to`, each joined with what was seen at its size."""
    import torch
    from torch import nn

    class UNet(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.down = nn.ModuleList(down)
            self.up = nn.ModuleList(
                _block(widths[n + 1] + widths[n], widths[n])
                for n in range(len(widths) - 2, up_to - 1, -1)
            )
            self.head = nn.Conv2d(widths[up_to], channels, 1)

        def forward(self, pictures: torch.Tensor) -> Any:
            seen = []
            for level in self.down:
                pictures = level(pictures)
                seen.append(pictures)
            for n, level in enumerate(self.up):
                larger = nn.functional.interpolate(pictures, scale_factor=2.0, mode="nearest")
                pictures = level(torch.cat([larger, seen[-2 - n]], dim=1))
            return self.head(pictures)

    return UNet()
