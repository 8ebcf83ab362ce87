"""Pieces of plates that show a hip, a knee or an ankle, and legs that are joined of them.

``long_legs.csv`` says where they are, in percent of the plate: the box of the ``piece`` (``left``,
``top``, ``right``, ``bottom``); two points on the axis of its bones (``upper_x`` ... ``lower_y``);
how wide the limb's soft tissue is at the ``upper`` and at the ``lower`` cut; the row of the joint;
for a hip, at which side of the box the body's ``midline`` is. A hip is cut at its lower point, a
knee at both, an ankle at its upper one.

Points are complex numbers, x + iy with y downwards: a product turns and enlarges about 0.
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
"""Height that plates are brought to, and so the unit of all that is in pixels here."""

DARK, BRIGHT = 4, 99.3
"""Percentiles of a piece that become black and white."""

LEAST_RANGE = 20
"""Greys between the two at the least: noise stays noise."""

OVEREXPOSED = 1.1
"""Greys are cut off here, a little above white."""

FADE = 7
"""Columns in which a piece fades to black at its sides."""

CANVAS = (720, 1300)
"""Columns and rows that a leg is joined on."""

CUT = 330 + 470j
"""Where the hip's lower cut comes to lie on them."""

OVERLAP = (48, 78)
"""Rows that two pieces share."""

CROSS_FADE = 0.8
"""Part of these in which the one piece gives way to the other."""

HIP_TURN = (0.0, 0.08)
"""How much further than upright a femur is turned, in radians; its knee comes to lie inwards."""

HIP_TURN_LIMITS = (-0.06, 0.14)
"""Radians that a hip is turned at the most: a pelvis lies level."""

LIMB_SLOPE = (-0.04, 0.01)
"""What is left of the slope below the knee, in radians, beside half the femur's."""

THIGH_SCALE, SHANK_SCALE = (0.72, 1.35), (0.5, 1.5)
"""How much hips and ankles may be enlarged to be as wide as the knee between them."""

WIDENINGS = (0.8, 0.86, 0.93, 1.0, 1.07, 1.15, 1.24)
"""Widths beside this that are tried for a better fit."""

SEEN_WIDTH = 0.95
"""The fit is seen this far to both sides of the bone, in widths of the limb."""

SHIFT = 0.2
"""A piece may be shifted by this part of what is seen."""

COST = 0.1
"""What the largest shift, or a widening by e, takes from the correlation."""

CORE = 0.4
"""Pieces get the same brightness this far to both sides of the bone, in widths of the limb."""

GAIN = (0.45, 2.2)
"""Limits of what they are brightened by for it."""

FLAT = 1e-4
"""Profiles that vary less have no correlation."""

GROIN = 0.35
"""Where the edge of a hip's box is taken for the midline, in heights of the box from its top."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A piece, on its plate.

    Attributes
    ----------
    file : str
        The plate's file.
    values : ndarray of float32, shape (PLATE_ROWS, columns)
        The plate, its piece from 0 to about 1 and faded at the sides.
    box : tuple of float
        Left, top, right and bottom of the piece.
    upper, lower, joint : complex
        Points on the axis of the bones: at its ends, and in the height of the joint.
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
        """Radians that turn the axis upright."""
        down = self.lower - self.upper
        return cmath.phase(complex(down.imag, down.real))

    def mirrored(self) -> Piece:
        """Return the piece with left and right changed over."""
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
    """Read what is said of the pieces."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_piece(row: dict[str, str], folder: Path) -> Piece:
    """Read a piece; the midline of a hip is brought to the left."""
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
    # The pelvis goes on beyond its midline: the other half may need some of it.
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
    """Rows of the canvas, from the first up to the last."""

    first: int
    last: int


ALL_ROWS = Rows(0, CANVAS[1])


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A piece on a canvas: its point ``source`` lies on ``target``, all else turned about it."""

    piece: Piece
    source: complex
    target: complex
    turn: complex

    def at(self, point: complex) -> complex:
        """Return where a point of the plate comes to lie."""
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
        """Return how well this one fits another in these rows, and itself where it does best.

        Their mean profiles across a limb of this width, whose middle is at ``x``, are compared
        while this one is widened and shifted.
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
    """Three pieces that lie as in one leg, its body's midline at the left.

    Attributes
    ----------
    hip, knee, ankle : Placed
        The pieces.
    thigh, shank : Rows
        Where the hip's overlaps with the knee's, and the knee's with the ankle's.
    fit : float
        How well they do, 2 at the best.
    """

    hip: Placed
    knee: Placed
    ankle: Placed
    thigh: Rows
    shank: Rows
    fit: float

    @property
    def files(self) -> tuple[str, ...]:
        """The plates."""
        return tuple(placed.piece.file for placed in (self.hip, self.knee, self.ankle))

    @property
    def origin(self) -> complex:
        """The midline in the height of the hip joint."""
        left, top, _, bottom = self.hip.piece.box
        groin = self.hip.at(complex(left, top + GROIN * (bottom - top)))
        return complex(groin.real, self.hip.at(self.hip.piece.joint).imag)

    @property
    def outer(self) -> float:
        """How far the hip reaches from the midline."""
        skin = complex(self.hip.piece.box[2], self.hip.piece.lower.imag)
        return self.hip.at(skin).real - self.origin.real

    @property
    def above(self) -> float:
        """How much there is above the hip joint."""
        left, top, right, _ = self.hip.piece.box
        return self.origin.imag - self.hip.at(complex((left + right) / 2, top)).imag

    @property
    def length(self) -> float:
        """From the hip joint to the ankle joint."""
        return self.ankle.at(self.ankle.piece.joint).imag - self.origin.imag

    @property
    def below(self) -> float:
        """From the hip joint to the lower end."""
        lowest = complex(self.ankle.piece.joint.real, self.ankle.piece.box[3])
        return self.ankle.at(lowest).imag - self.origin.imag

    @property
    def knee_height(self) -> float:
        """Where between hip and ankle the knee is, 0 to 1."""
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
    """Return a piece with the knee's brightness where they overlap, over the bones."""
    across = slice(int(x - CORE * width), int(x + CORE * width))
    core = (slice(rows.first, rows.last), across)
    gain = float(knee[core].mean()) / max(float(values[core].mean()), FLAT)
    return values * np.float32(np.clip(gain, *GAIN))


def _crossed(above: Plane, below: Plane, rows: Rows) -> Plane:
    """Return two pieces in one: the upper gives way to the lower where they overlap."""
    middle, length = (rows.first + rows.last) / 2, CROSS_FADE * (rows.last - rows.first)
    y = np.arange(len(above), dtype=np.float32)[:, None]
    share = np.clip(0.5 + (y - middle) / length, 0, 1)
    return above * (1 - share) + below * share


def join(random: np.random.Generator, hip: Piece, knee: Piece, ankle: Piece) -> Leg:
    """Join three pieces to a leg; knee and ankle lie as they fit best, mirrored or not.

    The knee's plate is the measure of the others, the hip's tells how the femur slopes.
    """
    overlap = random.uniform(*OVERLAP)
    turn = float(np.clip(hip.slope + random.uniform(*HIP_TURN), *HIP_TURN_LIMITS))
    femur = hip.slope - turn  # what is left of its slope
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
