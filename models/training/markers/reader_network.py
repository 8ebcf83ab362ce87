"""The letter reader: a network from a small piece of a film to the letter in its middle."""

from __future__ import annotations

from torch import Tensor, nn

from bodypart.model.side_marker import LETTERS


def _convolution(inside: int, outside: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


class LetterReader(nn.Module):
    """Reads which letter is in the middle of a piece, if any."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _convolution(1, 16),
            _convolution(16, 24, 2),
            _convolution(24, 24),
            _convolution(24, 48, 2),
            _convolution(48, 48),
            _convolution(48, 72, 2),
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Dropout(0.2), nn.Linear(72 * 36, 1 + len(LETTERS))
        )

    def forward(self, pieces: Tensor) -> Tensor:
        """Return the logits of "no letter" and of each letter.

        Parameters
        ----------
        pieces : Tensor, shape (N, 1, 48, 48)
            -1 to 1.
        """
        answer: Tensor = self.head(self.features(pieces))
        return answer
