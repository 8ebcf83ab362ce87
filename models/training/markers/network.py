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
        # Plain convolutions first: at these sizes they are faster than separable ones.
        self.fine = nn.Sequential(
            _convolution(1, 16, 5, 2), _convolution(16, 32, 3, 2), _Residual(32), _Residual(32)
        )
        self.middle = nn.Sequential(_separable(32, 56, 2), _Residual(56))
        self.coarse = nn.Sequential(_separable(56, 80, 2), _Residual(80))
        self.from_middle, self.from_coarse = _convolution(56, 32, 1, 1), _convolution(80, 32, 1, 1)
        self.joined = _Residual(32)
        self.head = nn.Conv2d(32, 1 + len(LETTERS), 1)

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
        fine = self.fine(pictures)
        middle = self.middle(fine)
        coarse = functional.interpolate(self.from_coarse(self.coarse(middle)), scale_factor=4.0)
        middle = functional.interpolate(self.from_middle(middle), scale_factor=2.0)
        answer: Tensor = self.head(self.joined(fine + middle + coarse))
        return answer
