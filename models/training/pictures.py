"""The manifest's pictures in memory, each with its exposed field."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
"""Longest side, in pixels, to which larger pictures are reduced: the network's input is smaller."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, or a close-up with the plate around it.

    Attributes
    ----------
    values : ndarray of uint8, shape (rows, columns)
        Grey values; for a close-up those of its whole plate.
    field : Box
        Exposed field within ``region``.
    region : Box
        The part that is the example, borders included: the whole picture, or a close-up's box.
    outer : Box
        Exposed field of the whole picture, up to which a looser collimation may reach.
    """

    values: NDArray[np.uint8]
    field: Box
    region: Box
    outer: Box

    @classmethod
    def whole(cls, values: NDArray[np.uint8]) -> Picture:
        """Return a picture whose region is the whole of it."""
        field = exposed_field(values.astype(np.float32))
        return cls(values, field, Box(0, values.shape[0], 0, values.shape[1]), field)

    def closeup(self, box: tuple[int, int, int, int]) -> Picture:
        """Return the close-up of a box of this picture: left, top, right, bottom in percent."""
        rows, columns = self.values.shape
        left, top, right, bottom = (
            round(side * part / 100) for side, part in zip((columns, rows) * 2, box, strict=True)
        )
        inside = exposed_field(self.values[top:bottom, left:right].astype(np.float32))
        field = Box(top + inside.top, top + inside.bottom, left + inside.left, left + inside.right)
        return replace(self, field=field, region=Box(top, bottom, left, right))

    def cut(self) -> NDArray[np.uint8]:
        """Return the grey values of the region."""
        return self.region.cut(self.values)


def read_picture(path: Path) -> Picture:
    """Read a picture file as 8-bit grey."""
    with Image.open(path) as file:
        grey = file.convert("L")
    if max(grey.size) > LONG_SIDE:
        grey.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.BOX)
    return Picture.whole(np.asarray(grey))


def read_pictures(folder: Path, examples: Iterable[Example]) -> list[Picture]:
    """Read the pictures of the examples, in their order; close-ups share their plate's values."""
    plates: dict[str, Picture] = {}
    pictures = []
    for example in examples:
        if example.file not in plates:
            plates[example.file] = read_picture(folder / example.file)
        plate = plates[example.file]
        pictures.append(plate if example.box is None else plate.closeup(example.box))
    return pictures
