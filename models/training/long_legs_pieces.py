"""Pieces of plates that show a hip, a knee or an ankle, and legs that are joined from them.

``long_legs.csv`` says where they are, in percent of the plate: the box of the ``piece`` (``left``,
``top``, ``right``, ``bottom``); two points on the axis of its bones (``upper_x`` ... ``lower_y``);
how wide the limb's soft tissue is at the ``upper`` and at the ``lower`` cut; the row of the joint;
for a hip, at which side of the box the body's ``midline`` is. A hip is cut at its lower point, a
knee at both, an ankle at its upper one.

Points are complex numbers, x + iy with y downwards: a product rotates and scales about 0.
"""

from __future__ import annotations

import cmath
import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.float32]

PIECES = Path(__file__).with_name("long_legs.csv")
"""The pieces of the project's own plates."""

HIP, KNEE, ANKLE = "hip", "knee", "ankle"

PLATE_ROWS = 320
"""Height to which plates are scaled; all numbers of pixels in this module refer to it."""

DARK, BRIGHT = 4, 99.3
"""Percentiles of a piece that become black and white."""

LEAST_RANGE = 20
"""Least difference of the two greys, so that noise is not stretched to full contrast."""

OVEREXPOSED = 1.1
"""Value at which greys are clipped, a little above white."""

FADE = 7
"""Columns in which a piece fades to black at its sides."""

CANVAS = (720, 1300)
"""Columns and rows of the canvas on which a leg is joined."""

CUT = 330 + 470j
"""Place of the hip's lower cut on this canvas."""

OVERLAP = (48, 78)
"""Limits of the number of rows in which two pieces overlap."""

CROSS_FADE = 0.8
"""Fraction of these rows over which one piece fades into the other."""

HIP_TURN = (0.0, 0.08)
"""How far beyond upright a femur is turned, in radians, so that its knee lies inwards."""

HIP_TURN_LIMITS = (-0.06, 0.14)
"""Limits of the angle by which a hip is turned, in radians: a pelvis lies about level."""

LIMB_SLOPE = (-0.04, 0.01)
"""Slope of knee and shank, in radians, beside half of the femur's remaining slope."""

THIGH_SCALE, SHANK_SCALE = (0.72, 1.35), (0.5, 1.5)
"""Limits of the factors that make hip and ankle as wide as the knee between them."""

WIDENINGS = (0.8, 0.86, 0.93, 1.0, 1.07, 1.15, 1.24)
"""Further factors that are tried for a better fit."""

SEEN_WIDTH = 0.95
"""Half the width of the window in which the fit is measured, in widths of the limb."""

SHIFT = 0.2
"""Largest shift of a piece, as a fraction of half that window."""

COST = 0.1
"""How much the largest shift, or a widening by the factor e, lowers the score."""

CORE = 0.4
"""Half the width of the window in which brightness is matched, in widths of the limb."""

GAIN = (0.45, 2.2)
"""Limits of the factor that matches it."""

FLAT = 1e-4
"""Least standard deviation of a profile in a correlation."""

GROIN = 0.35
"""Height at which the edge of a hip's box is the midline, in box heights from its top."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A piece on its plate; coordinates are pixels of the scaled plate.

    Attributes
    ----------
    file : str
        The plate's file.
    values : ndarray of float32, shape (PLATE_ROWS, columns)
        The plate, scaled so that the piece is 0 to about 1, and faded at the piece's sides.
    box : tuple of float
        Left, top, right and bottom of the piece.
    upper, lower, joint : complex
        Points on the axis of the bones: its two ends, and the height of the joint.
    upper_width, lower_width : float
        Width of the soft tissue at the two ends; 0 where it is not cut.
    """

    file: str
    values: Plane
    box: tuple[float, float, float, float]
    upper: complex
    lower: complex
    joint: complex
    upper_width: float
    lower_width: float

    @property
    def slope(self) -> float:
        """Angle by which to turn the axis upright, in radians."""
        down = self.lower - self.upper
        return cmath.phase(complex(down.imag, down.real))

    def mirrored(self) -> Piece:
        """Return the piece with left and right swapped."""
        columns = self.values.shape[1]
        left, top, right, bottom = self.box
        return replace(
            self,
            values=self.values[:, ::-1],
            box=(columns - right, top, columns - left, bottom),
            upper=columns - self.upper.conjugate(),
            lower=columns - self.lower.conjugate(),
            joint=columns - self.joint.conjugate(),
        )


def read_rows(path: Path = PIECES) -> list[dict[str, str]]:
    """Read the table of the pieces."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_piece(row: dict[str, str], folder: Path) -> Piece:
    """Read a piece; a hip is mirrored, if need be, so that the midline is at its left."""
    with Image.open(folder / row["file"]) as file:
        grey = file.convert("L")
    columns = max(1, round(grey.width * PLATE_ROWS / grey.height))
    plate = np.asarray(grey.resize((columns, PLATE_ROWS), Image.Resampling.BILINEAR), np.float32)

    def place(name: str, whole: int) -> float:
        return float(row[name] or 0) * whole / 100

    left, right = place("left", columns), place("right", columns)
    top, bottom = place("top", PLATE_ROWS), place("bottom", PLATE_ROWS)
    upper = complex(place("upper_x", columns), place("upper_y", PLATE_ROWS))
    lower = complex(place("lower_x", columns), place("lower_y", PLATE_ROWS))
    down = (place("joint_y", PLATE_ROWS) - upper.imag) / (lower.imag - upper.imag)
    inside = plate[round(top) : round(bottom), round(left) : round(right)]
    dark, bright = np.percentile(inside, (DARK, BRIGHT))
    values = np.clip((plate - dark) / max(bright - dark, LEAST_RANGE), 0, OVEREXPOSED)
    x = np.arange(columns)
    # No fade at the midline, beyond which the pelvis goes on: the other half may need some of it.
    if row["midline"] != "left":
        values *= np.clip((x - left) / FADE, 0, 1)
    if row["midline"] != "right":
        values *= np.clip((right - x) / FADE, 0, 1)
    piece = Piece(
        file=row["file"],
        values=values.astype(np.float32),
        box=(left, top, right, bottom),
        upper=upper,
        lower=lower,
        joint=upper + down * (lower - upper),
        upper_width=place("upper_width", columns),
        lower_width=place("lower_width", columns),
    )
    return piece.mirrored() if row["midline"] == "right" else piece


class Rows(NamedTuple):
    """Rows of the canvas, from ``first`` up to, but without, ``last``."""

    first: int
    last: int


ALL_ROWS = Rows(0, CANVAS[1])


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A piece on the canvas: ``source`` lies at ``target``, and ``turn`` rotates and scales."""

    piece: Piece
    source: complex
    target: complex
    turn: complex

    def at(self, point: complex) -> complex:
        """Return where a point of the plate lies on the canvas."""
        return self.target + (point - self.source) * self.turn

    def values(self, rows: Rows = ALL_ROWS) -> Plane:
        """Return these rows of the canvas."""
        back = 1 / self.turn
        start = self.source + (rows.first * 1j - self.target) * back
        image = Image.fromarray(self.piece.values).transform(
            (CANVAS[0], rows.last - rows.first),
            Image.Transform.AFFINE,
            (back.real, -back.imag, start.real, back.imag, back.real, start.imag),
            Image.Resampling.BICUBIC,
        )
        return np.asarray(image)

    def fitted(self, other: Placed, rows: Rows, x: float, width: float) -> tuple[float, Placed]:
        """Return the best score of fitting this piece to another in these rows, and it so moved.

        Their mean profiles across a limb of this width, with its middle at ``x``, are correlated
        while this piece is widened and shifted.
        """
        seen = SEEN_WIDTH * width
        reach = max(2, round(SHIFT * seen))
        columns = np.arange(CANVAS[0])
        window = columns[abs(columns - x) < seen]
        wanted = other.values(rows).mean(0)[window]
        own = self.values(rows).mean(0)
        widening, shift = np.meshgrid(WIDENINGS, np.arange(-reach, reach + 1), indexing="ij")
        at = x + (window - x - shift[..., None]) / widening[..., None]
        tried = np.interp(at, columns, own)
        wanted = wanted - wanted.mean()
        tried -= tried.mean(-1, keepdims=True)
        spread = np.maximum(wanted.std() * tried.std(-1), FLAT**2)
        score = (tried @ wanted) / len(window) / spread
        score -= COST * (abs(shift) / reach + abs(np.log(widening)))
        best = np.unravel_index(np.argmax(score), score.shape)
        moved = replace(
            self, target=self.target + float(shift[best]), turn=self.turn * float(widening[best])
        )
        return float(score[best]), moved


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """Three pieces placed to form a leg, the body's midline at the left; lengths are in pixels.

    Attributes
    ----------
    hip, knee, ankle : Placed
        The pieces.
    thigh, shank : Rows
        Rows in which hip and knee overlap, and those in which knee and ankle do.
    fit : float
        Sum of the scores of the two overlaps, 2 at best.
    """

    hip: Placed
    knee: Placed
    ankle: Placed
    thigh: Rows
    shank: Rows
    fit: float

    @property
    def files(self) -> tuple[str, ...]:
        """Files of the three plates."""
        return tuple(placed.piece.file for placed in (self.hip, self.knee, self.ankle))

    @property
    def origin(self) -> complex:
        """The point of the midline at the height of the hip joint."""
        left, top, _, bottom = self.hip.piece.box
        groin = self.hip.at(complex(left, top + GROIN * (bottom - top)))
        return complex(groin.real, self.hip.at(self.hip.piece.joint).imag)

    @property
    def outer(self) -> float:
        """Distance from the midline to the outer edge of the hip."""
        skin = complex(self.hip.piece.box[2], self.hip.piece.lower.imag)
        return self.hip.at(skin).real - self.origin.real

    @property
    def above(self) -> float:
        """Height of the part above the hip joint."""
        left, top, right, _ = self.hip.piece.box
        return self.origin.imag - self.hip.at(complex((left + right) / 2, top)).imag

    @property
    def length(self) -> float:
        """Height from the hip joint to the ankle joint."""
        return self.ankle.at(self.ankle.piece.joint).imag - self.origin.imag

    @property
    def below(self) -> float:
        """Height from the hip joint to the lower end."""
        lowest = complex(self.ankle.piece.joint.real, self.ankle.piece.box[3])
        return self.ankle.at(lowest).imag - self.origin.imag

    @property
    def knee_height(self) -> float:
        """Position of the knee between hip (0) and ankle (1)."""
        return (self.knee.at(self.knee.piece.joint).imag - self.origin.imag) / self.length

    def values(self) -> Plane:
        """Return the leg on its canvas, as bright as the knee's piece."""
        knee = self.knee.values()
        piece, low = self.knee.piece, self.knee.at(self.knee.piece.lower)
        hip, ankle = self.hip.values(), self.ankle.values()
        hip = _as_bright(hip, knee, self.thigh, CUT.real, piece.upper_width)
        ankle = _as_bright(ankle, knee, self.shank, low.real, piece.lower_width)
        return _crossed(_crossed(hip, knee, self.thigh), ankle, self.shank)


def _as_bright(values: Plane, knee: Plane, rows: Rows, x: float, width: float) -> Plane:
    """Return a piece made as bright as the knee's, measured over the bones where they overlap."""
    across = slice(int(x - CORE * width), int(x + CORE * width))
    core = (slice(rows.first, rows.last), across)
    gain = float(knee[core].mean()) / max(float(values[core].mean()), FLAT)
    return values * np.float32(np.clip(gain, *GAIN))


def _crossed(above: Plane, below: Plane, rows: Rows) -> Plane:
    """Return two pieces in one plane: the upper fades into the lower where they overlap."""
    middle, length = (rows.first + rows.last) / 2, CROSS_FADE * (rows.last - rows.first)
    y = np.arange(len(above), dtype=np.float32)[:, None]
    share = np.clip(0.5 + (y - middle) / length, 0, 1)
    return above * (1 - share) + below * share


def join(random: np.random.Generator, hip: Piece, knee: Piece, ankle: Piece) -> Leg:
    """Join three pieces to a leg; knee and ankle are mirrored if they fit better so.

    Hip and ankle are scaled to the knee's plate; the hip's decides how the femur slopes.
    """
    overlap = random.uniform(*OVERLAP)
    turn = float(np.clip(hip.slope + random.uniform(*HIP_TURN), *HIP_TURN_LIMITS))
    femur = hip.slope - turn  # the slope that remains
    slope = min(femur / 2, 0) + random.uniform(*LIMB_SLOPE)
    scale = float(np.clip(knee.upper_width / hip.lower_width, *THIGH_SCALE))
    above = Placed(hip, hip.lower, CUT, cmath.rect(scale, turn))
    start = CUT - 1j * cmath.rect(overlap, -femur)
    thigh = Rows(round(CUT.imag - overlap), round(CUT.imag))
    fits = []
    for way in (knee, knee.mirrored()):
        placed = Placed(way, way.upper, start, cmath.rect(1, way.slope - slope))
        score, fitted = above.fitted(placed, thigh, CUT.real, knee.upper_width)
        fits.append((score, fitted, placed))
    upper_score, on_thigh, middle = max(fits, key=lambda fit: fit[0])
    low = middle.at(middle.piece.lower)
    shank = Rows(round(low.imag - overlap), round(low.imag))
    scale = float(np.clip(knee.lower_width / ankle.upper_width, *SHANK_SCALE))
    ends = []
    for way in (ankle, ankle.mirrored()):
        turned = cmath.rect(scale, way.slope - slope)
        placed = Placed(way, way.upper, low - 1j * overlap, turned)
        ends.append(placed.fitted(middle, shank, low.real, knee.lower_width))
    lower_score, end = max(ends, key=lambda fit: fit[0])
    return Leg(on_thigh, middle, end, thigh, shank, upper_score + lower_score)
