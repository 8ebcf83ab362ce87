"""The manifest's pictures in memory, each with its exposed field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from bodypart.model.model_input import Box, exposed_field

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from training.manifest import Example

LONG_SIDE = 320
"""Larger pictures are reduced to this longest side: the network sees less."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Grey values (uint8, rows by columns) and the exposed field in them."""

    values: NDArray[np.uint8]
    field: Box


def read_picture(path: Path, box: tuple[int, int, int, int] | None = None) -> Picture:
    """Read a picture file as 8-bit grey, or a box of it: left, top, right, bottom in percent."""
    with Image.open(path) as file:
        grey = file.convert("L")
    if box is not None:
        sides = (grey.width, grey.height) * 2
        grey = grey.crop([round(side * part / 100) for side, part in zip(sides, box, strict=True)])
    if max(grey.size) > LONG_SIDE:
        grey.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.BOX)
    values = np.asarray(grey)
    return Picture(values, exposed_field(values.astype(np.float32)))


def read_pictures(folder: Path, examples: Iterable[Example]) -> list[Picture]:
    """Read the pictures of the examples, in their order."""
    return [read_picture(folder / example.file, example.box) for example in examples]
