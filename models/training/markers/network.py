"""The letter finder: a small fully convolutional network with an output for each 4 by 4 pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bodypart.model.side_marker import LETTERS

STRIDE = 4
"""Pixels of the picture between two places of the output, in either direction."""


def _convolution(inside: int, outside: int, width: int, stride: int, groups: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inside, outside, width, stride, padding=width // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


def _separable(inside: int, outside: int, stride: int = 1) -> nn.Module:
    """Return a depthwise 3 by 3 and a pointwise convolution (Howard et al. 2017)."""
    return nn.Sequential(
        _convolution(inside, inside, 3, stride, groups=inside),
        _convolution(inside, outside, 1, 1),
    )


class _Residual(nn.Module):
    """Two separable convolutions with a skip connection."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.way = nn.Sequential(_separable(channels, channels), _separable(channels, channels))

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape."""
        return torch.add(features, self.way(features))


class LetterFinder(nn.Module):
    """Finds side letters: fine features for small letters, coarse ones for the surroundings.

    The surroundings distinguish a letter that stands alone from one within a word.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_convolution(1, 16, 5, 2), _separable(16, 24))
        self.fine = nn.Sequential(_separable(24, 40, 2), _Residual(40))
        self.coarse = nn.Sequential(
            _separable(40, 72, 2), _Residual(72), _separable(72, 96, 2), _Residual(96)
        )
        self.coarser = _convolution(96, 40, 1, 1)
        self.middle = nn.Sequential(
            _separable(40, 72, 2), _Residual(72), _convolution(72, 40, 1, 1)
        )
        self.joined = _Residual(40)
        self.head = nn.Conv2d(40, 1 + len(LETTERS), 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the logits of "no letter" and of each letter.

        Parameters
        ----------
        pictures : Tensor, shape (N, 1, H, W)
            -1 to 1, both sides multiples of 16.

        Returns
        -------
        Tensor, shape (N, 1 + letters, H / 4, W / 4)
        """
        fine = self.fine(self.stem(pictures))
        middle = functional.interpolate(self.middle(fine), scale_factor=2.0, mode="nearest")
        coarse = self.coarser(self.coarse(fine))
        coarse = functional.interpolate(coarse, scale_factor=4.0, mode="nearest")
        answer: Tensor = self.head(self.joined(fine + middle + coarse))
        return answer
