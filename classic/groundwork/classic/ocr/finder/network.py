"""The two U-Nets. Training only: serving runs their ONNX exports.

The locator takes a picture, RGB in 0..1, 224 by 224, and gives the log-odds that each 2 by 2 pixels are of the card.
The liner takes a straight card, grey and standardised, sides multiples of 32, and gives for each 4 by 4 pixels the
log-odds that they lie in the middle of a line, and how far it reaches up and down from there, in units of 8 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SIDE = 224
LOCATOR_STRIDE = 2
LINER_STRIDE = 4
REACH = 8.0
_LOCATOR = (10, 18, 32, 56, 80)
_LINER = (10, 20, 32, 40)


def locator() -> Any:
    """(pictures, 3, 224, 224) to (pictures, 1, 112, 112)."""
    return _unet(3, 1, _LOCATOR, up_to=0)


def liner() -> Any:
    """(cards, 1, height, width) to (cards, 3, height / 4, width / 4)."""
    return _unet(1, 3, _LINER, up_to=1)


def _unet(before: int, after: int, widths: Sequence[int], *, up_to: int) -> Any:
    """Each level halves the picture; the way back ends at level `up_to`."""
    import torch
    from torch import nn

    def block(into: int, out: int, stride: int = 1, spread: int = 1) -> Any:
        return nn.Sequential(
            nn.Conv2d(into, out, 3, stride, spread, dilation=spread, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
        )

    class Whole(nn.Module):  # type: ignore[misc]
        """Tells every place what the picture is like as a whole."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.told = nn.Conv2d(width, width, 1)

        def forward(self, seen: torch.Tensor) -> Any:
            return seen + self.told(seen.mean(dim=(2, 3), keepdim=True))

    class UNet(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            levels = [block(before, widths[0], 2)]
            levels += [
                nn.Sequential(block(widths[n - 1], widths[n], 2), block(widths[n], widths[n]))
                for n in range(1, len(widths))
            ]
            deepest = widths[-1]
            if up_to == 0:
                # What it sees is widened, so that a card is seen against what is around it.
                wider = (block(deepest, deepest, spread=2), block(deepest, deepest, spread=3))
                levels[-1].extend([*wider, Whole(deepest)])
            else:
                # Not widened: oneDNN 3 gives no finite gradient of a dilated convolution in bfloat16 at this size.
                levels[-1].append(block(deepest, deepest))
            self.down = nn.ModuleList(levels)
            self.up = nn.ModuleList(
                block(widths[n + 1] + widths[n], widths[n])
                for n in range(len(widths) - 2, up_to - 1, -1)
            )
            self.head = nn.Conv2d(widths[up_to], after, 1)

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
