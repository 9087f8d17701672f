"""The network that turns a line's picture into character scores. Training only: serving runs its ONNX export."""

from __future__ import annotations

from typing import Any

from groundwork.classic.ocr.alphabet import CHARACTERS

# Columns of the input for each step of the output.
STRIDE = 4
_CHANNELS = (16, 32, 48, 64, 96, 96, 128)
# Height 32 becomes 4 in the first five, and the last takes all 4; width is halved twice.
_STRIDES = ((2, 1), (1, 2), (2, 1), (1, 2), (2, 1), (1, 1))
_HIDDEN = 80


def build() -> Any:
    """A torch module: (lines, 1, 32, width) float32 to (lines, width / 4, 1 + characters) scores before the softmax."""
    import torch
    from torch import nn

    def block(before: int, after: int, stride: tuple[int, int]) -> Any:
        return nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        )

    class Recogniser(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            widths = (1, *_CHANNELS[:-1])
            blocks = [block(widths[n], widths[n + 1], stride) for n, stride in enumerate(_STRIDES)]
            collapse = nn.Sequential(
                nn.Conv2d(_CHANNELS[-2], _CHANNELS[-1], (4, 1), bias=False),
                nn.BatchNorm2d(_CHANNELS[-1]),
                nn.ReLU(inplace=True),
            )
            self.picture = nn.Sequential(*blocks, collapse)
            self.sequence = nn.LSTM(
                _CHANNELS[-1], _HIDDEN, num_layers=2, bidirectional=True, batch_first=True
            )
            self.drop = nn.Dropout(0.1)
            self.scores = nn.Linear(2 * _HIDDEN, 1 + len(CHARACTERS))

        def forward(self, lines: torch.Tensor) -> Any:
            seen = self.picture(lines).squeeze(2).transpose(1, 2)
            read, _ = self.sequence(seen)
            return self.scores(self.drop(read))

    return Recogniser()
