"""Turns a picture into a varied network input: geometry in a single warp, then overlays, then tone.

The training pictures of limbs come from one archive of uncollimated plates; these changes imitate
what other hospitals send: collimated fields, any orientation, any tone, either polarity, markers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from bodypart.model.model_input import Box, placement
from bodypart.pixels.percentiles import WINDOW_PERCENTILES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.pictures import Picture

    Grey = NDArray[np.uint8]
    Float32 = NDArray[np.float32]

cv2.setNumThreads(0)

MARKERS = ("L", "R", "G", "D", "E", "I", "R AP", "L 12:40", "STANDING")

TIGHT_CROP = 0.45
"""Below this fraction of the field's area the crop may have cut off the other visible parts."""

LOOSE_CROP = 1.15
"""Above this multiple of a close-up's area the crop may show more parts than were listed."""

LOOSE_SHARE = 0.6
"""Share of the close-ups that are collimated loosely, where the part allows it."""

LOPSIDED = 1.5
"""How much further a loose collimation may reach to one side of the part than to the other."""


@dataclass(frozen=True, slots=True)
class Crops:
    """How a picture may be cropped without changing what was examined.

    Attributes
    ----------
    least : float
        Smallest side of the crop, as a fraction of the field's side, or of the plate's.
    plate : bool
        Whether the picture is a whole uncollimated plate: the examined part lies in its middle,
        and a crop around that imitates the collimation of other hospitals.
    halves : bool
        Whether the plate holds two exposures side by side.
    zoom : float
        Probability of a close-up from the middle (intra-oral films out of panoramic ones).
    loose : float
        How many times as high or wide as the close-up a looser collimation may be; 1 for none.
    """

    least: float = 0.62
    plate: bool = False
    halves: bool = False
    zoom: float = 0.0
    loose: float = 1.0


def _span(
    random: np.random.Generator, low: float, high: float, centre: float, length: float
) -> tuple[float, float]:
    """Return a span of ``length`` around ``centre``, jittered, then moved into low..high."""
    length = min(length, high - low)
    start = centre + random.normal(0, 0.07) * length - length / 2
    start = min(max(start, low), high - length)
    return start, start + length


def _plate_crop(
    random: np.random.Generator, picture: Picture, crops: Crops
) -> tuple[float, float, float, float]:
    """Collimate around the middle of a plate, or of one of its two halves."""
    field = picture.field
    rows, columns = picture.values.shape
    begin, end = 0.0, float(columns)
    if crops.halves:
        begin, end = random.choice([(0.0, columns / 2), (columns / 2, float(columns))])
    low, high = max(begin, float(field.left)), min(end, float(field.right))
    if high - low < 0.1 * columns:
        low, high = begin, end
    middle = min(max(rows / 2, field.top), field.bottom)
    across = min(max((begin + end) / 2, low), high)
    side = crops.least ** (1 - random.random() ** 1.6)  # close-ups are the more frequent
    down, wide = side * random.uniform(0.75, 1.33, 2)
    return (
        *_span(random, field.top, field.bottom, middle, rows * down),
        *_span(random, low, high, across, (end - begin) * wide),
    )


def loose_crop(
    random: np.random.Generator, picture: Picture, crops: Crops
) -> tuple[float, float, float, float]:
    """Collimate loosely around the middle of a close-up: the part is small, its neighbours show.

    If the plate ends near the part, the opposite side is cut short too, so that the part stays in
    the middle of the field. Returns top, bottom, left, right in pixels.
    """
    field, outer = picture.field, picture.outer
    sides: list[float] = []
    common = random.random()
    for low, high, begin, end in (
        (field.top, field.bottom, outer.top, outer.bottom),
        (field.left, field.right, outer.left, outer.right),
    ):
        middle, length = (low + high) / 2, high - low
        share = 0.5 * common + 0.5 * random.random()
        reach = length * crops.loose**share / 2
        before = max(min(reach, middle - begin), length / 2)
        after = max(min(reach, end - middle), length / 2)
        shorter = LOPSIDED * min(before, after)
        sides += [middle - min(before, shorter), middle + min(after, shorter)]
    rows, columns = picture.values.shape
    return (
        max(0.0, sides[0]),
        min(float(rows), sides[1]),
        max(0.0, sides[2]),
        min(float(columns), sides[3]),
    )


def crop_box(
    random: np.random.Generator, picture: Picture, crops: Crops
) -> tuple[float, float, float, float]:
    """Choose the collimated field: top, bottom, left, right in pixels."""
    field, region = picture.field, picture.region
    if random.random() < crops.zoom:
        middle = field.top + field.height * random.uniform(0.4, 0.65)
        across = field.left + field.width * random.uniform(0.15, 0.85)
        height = field.height * random.uniform(0.3, 0.55)
        width = field.width * random.uniform(0.12, 0.35)
        return (
            *_span(random, field.top, field.bottom, middle, height),
            *_span(random, field.left, field.right, across, width),
        )
    if crops.loose > 1 and random.random() < LOOSE_SHARE:
        return loose_crop(random, picture, crops)
    if random.random() < 0.1:
        return float(region.top), float(region.bottom), float(region.left), float(region.right)
    if random.random() < (0.15 if crops.plate else 0.3):
        return float(field.top), float(field.bottom), float(field.left), float(field.right)
    if crops.plate:
        return _plate_crop(random, picture, crops)
    down, wide = random.uniform(crops.least, 1.0, 2)
    return (
        *_span(random, field.top, field.bottom, field.top + field.height / 2, field.height * down),
        *_span(random, field.left, field.right, field.left + field.width / 2, field.width * wide),
    )


def _angle(random: np.random.Generator) -> float:
    """Choose a rotation in degrees: mostly small, often a quarter turn, sometimes any."""
    draw = random.random()
    if draw < 0.12:
        return float(random.uniform(-180, 180))
    quarter = 90.0 * int(random.integers(1, 4)) if draw < 0.37 else 0.0
    return quarter + float(random.normal(0, 8))


def _inside(random: np.random.Generator, height: int, width: int, size: int) -> Box:
    """Fit a field into the square, sometimes smaller, so that its scale carries no information."""
    inner = round(size * random.uniform(0.45, 0.95)) if random.random() < 0.3 else size
    box, border = placement(Box(0, height, 0, width), inner).inside, (size - inner) // 2
    return Box(box.top + border, box.bottom + border, box.left + border, box.right + border)


def warp(
    random: np.random.Generator,
    values: Grey,
    crop: tuple[float, float, float, float],
    size: int,
) -> tuple[Grey, Box]:
    """Crop, flip, rotate, stretch and shrink in one step; return the square and its inside."""
    top, bottom, left, right = crop
    stretch = float(np.exp(random.normal(0, 0.13)))
    height, width = (bottom - top) / stretch, (right - left) * stretch
    angle = _angle(random)
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    outer_width = abs(width * cosine) + abs(height * sine)
    outer_height = abs(width * sine) + abs(height * cosine)
    nearest = round(angle / 90)
    if abs(angle - 90 * nearest) < 12 and random.random() < 0.6:
        # A tilted patient in an upright field: keep the field's own sides, cut the corners.
        outer_width, outer_height = (height, width) if nearest % 2 else (width, height)
    inside = _inside(random, max(2, round(outer_height)), max(2, round(outer_width)), size)
    scale = inside.height / max(2, round(outer_height))
    mirror = -1.0 if random.random() < 0.5 else 1.0
    upside = -1.0 if random.random() < 0.1 else 1.0
    linear = scale * np.array([[cosine, -sine], [sine, cosine]])
    linear = linear @ np.diag([mirror * stretch, upside / stretch])
    centre = np.array([(left + right) / 2, (top + bottom) / 2])
    matrix = np.concatenate([linear, (size / 2 - linear @ centre)[:, None]], axis=1)
    fill = int(values.min()) if random.random() < 0.8 else int(random.integers(0, 256))
    source = values
    if random.random() < 0.6:
        # Collimation: nothing is kept beyond the field, so that a rotation shows its corners.
        y, x = int(top), int(left)
        source = np.ascontiguousarray(values[y : int(np.ceil(bottom)), x : int(np.ceil(right))])
        matrix[:, 2] += matrix[:, :2] @ np.array([x, y])
    if scale < 0.6:
        source = cv2.blur(source, (2, 2))
    square = cv2.warpAffine(source, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=fill)
    return square, inside


def _side_letter(random: np.random.Generator, square: Grey, inside: Box) -> None:
    """Draw a lead or digital side letter near a corner, plain, in a box or in a circle."""
    letter = str(random.choice(["L", "R", "L", "R", "G", "D", "E", "I"]))
    high = max(5, round(square.shape[0] * random.uniform(0.04, 0.14)))
    font = int(random.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX]))
    scale, thick = high / 22, 1 + high // 9
    away = 1 + high // 2 + int(random.integers(0, 1 + square.shape[0] // 10))
    x = int(random.choice([inside.left + away, inside.right - away - high]))
    y = int(random.choice([inside.top + away + high, inside.bottom - away]))
    white = 255 if random.random() < 0.85 else 0
    middle = (x + high // 2, y - high // 2)
    shape = random.random()
    if shape < 0.15:
        corner = (x - high // 3, y - high - high // 3)
        cv2.rectangle(square, corner, (x + high + high // 3, y + high // 3), 255 - white, -1)
    elif shape < 0.3:
        cv2.circle(square, middle, high, white, 1, cv2.LINE_AA)
    cv2.putText(square, letter, (x, y), font, scale, white, thick, cv2.LINE_AA)


def _overlay(random: np.random.Generator, square: Grey, inside: Box) -> None:
    """Burn in what films carry: side letters, texts, arrows, bars, metal."""
    side = square.shape[0]

    def point() -> tuple[int, int]:
        return (
            int(random.integers(inside.left, inside.right)),
            int(random.integers(inside.top, inside.bottom)),
        )

    grey = int(random.choice([0, 255, 255, int(random.integers(0, 256))]))
    if random.random() < 0.25:
        letter = str(random.choice(MARKERS))
        size = random.uniform(0.3, 0.9) * side / 160
        cv2.putText(square, letter, point(), cv2.FONT_HERSHEY_SIMPLEX, size, grey, 1, cv2.LINE_AA)
    if random.random() < 0.3:
        _side_letter(random, square, inside)
    if random.random() < 0.08:
        cv2.arrowedLine(square, point(), point(), grey, 1 + side // 150, cv2.LINE_AA, tipLength=0.3)
    if random.random() < 0.1:
        x, y = point()
        wide = int(random.integers(side // 12, side // 3))
        high = int(random.integers(side // 30, side // 8))
        cv2.rectangle(square, (x, y), (x + wide, y + high), int(random.choice([0, 255])), -1)
    if random.random() < 0.07:
        x, y = point()
        spread = side // 8
        around = random.integers(-spread, spread + 1, (int(random.integers(3, 7)), 2))
        corners = (around + np.array([x, y])).astype(np.int32)
        cv2.fillConvexPoly(square, cv2.convexHull(corners), 255)
    if random.random() < 0.08:
        border = max(1, round(side * random.uniform(0.01, 0.08)))
        edge = int(random.choice([0, 255]))
        if random.random() < 0.5:
            square[inside.bottom - border : inside.bottom, inside.left : inside.right] = edge
        else:
            square[inside.top : inside.bottom, inside.left : inside.left + border] = edge


def _sharpness(random: np.random.Generator, square: Grey) -> Grey:
    """Coarsen or sharpen: a close-up of a plate is coarser than a collimated film of the part.

    Without this the network associates sharp bones with the parts whose training films are sharp.
    """
    draw = random.random()
    if draw < 0.5:
        side = square.shape[0]
        coarse = max(16, round(side * random.uniform(0.35, 0.95)))
        square = cv2.resize(square, (coarse, coarse), interpolation=cv2.INTER_AREA)
        return cv2.resize(square, (side, side), interpolation=cv2.INTER_LINEAR)
    if draw < 0.75:
        soft = cv2.GaussianBlur(square, (0, 0), random.uniform(0.8, 2.5))
        amount = random.uniform(0.4, 2.5)
        return cv2.addWeighted(square, 1 + amount, soft, -amount, 0)
    return square


def _tone(random: np.random.Generator, square: Grey) -> Grey:
    """Change the grey values: polarity, gamma, S-curve, equalisation, sharpness, noise, JPEG."""
    if random.random() < 0.12:
        square = cv2.equalizeHist(square)
    elif random.random() < 0.2:
        limit = random.uniform(1, 6)
        square = cv2.createCLAHE(clipLimit=limit, tileGridSize=(4, 4)).apply(square)
    ramp = np.linspace(0, 1, 256)
    ramp = ramp ** np.exp(random.normal(0, 0.5))
    if random.random() < 0.3:
        slope, middle = random.uniform(3, 9), random.uniform(0.3, 0.7)
        curve = 1 / (1 + np.exp(-slope * (ramp - middle)))
        ramp = (curve - curve.min()) / (curve.max() - curve.min())
    if random.random() < 0.2:
        cut = random.uniform(0, 0.25, 2)
        ramp = np.clip((ramp - cut[0]) / (1 - cut.sum()), 0, 1)
    if random.random() < 0.18:
        ramp = 1 - ramp
    square = cv2.LUT(square, (ramp * 255).astype(np.uint8))
    square = _sharpness(random, square)
    if random.random() < 0.25:
        # Up to the noise of a badly underexposed film.
        sigma = 40 * random.random() ** 2 + 1
        noise = random.normal(0, sigma, square.shape)
        square = np.clip(square + noise, 0, 255).astype(np.uint8)
    if random.random() < 0.12:
        quality = int(random.integers(15, 70))
        _, packed = cv2.imencode(".jpg", square, [cv2.IMWRITE_JPEG_QUALITY, quality])
        square = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))
    return square


def _windowed(square: Grey, inside: Box) -> Float32:
    """Window the inside like ``model_input.windowed`` and set the rest to black."""
    region = square[inside.top : inside.bottom, inside.left : inside.right]
    shares = np.cumsum(np.bincount(region.ravel(), minlength=256)) / region.size
    low, high = (int(np.searchsorted(shares, share / 100)) for share in WINDOW_PERCENTILES)
    high = max(high, low + 1)
    result = np.full(square.shape, -1, dtype=np.float32)
    result[inside.top : inside.bottom, inside.left : inside.right] = np.clip(
        (region.astype(np.float32) - low) * (2 / (high - low)) - 1, -1, 1
    )
    return result


def varied(
    random: np.random.Generator, picture: Picture, size: int, crops: Crops
) -> tuple[Float32, float]:
    """Return a varied network input (size, size) and the crop's area divided by the field's."""
    crop = crop_box(random, picture, crops)
    square, inside = warp(random, picture.values, crop, size)
    _overlay(random, square, inside)
    top, bottom, left, right = crop
    part = (bottom - top) * (right - left) / (picture.field.height * picture.field.width)
    return _windowed(_tone(random, square), inside), part
