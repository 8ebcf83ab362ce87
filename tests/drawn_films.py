"""Films for the README's pictures, drawn by code: limbs and chests with cortex, marrow and joints.

They look more like radiographs than the quick phantoms of `phantoms`, and take longer to draw. A
body is a sum of chains of cones and of ellipsoids; a film is how much of the beam it takes away. No
measurement of a person went into any number here.

    film("knee", seed=3, side="R")      a picture, with another pose and contrast for each seed
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Float32 = NDArray[np.float32]
Point = tuple[float, float]

WIDTH = 720
"""Columns of a film."""
_TOP = 4095
_GRAIN = 9
"""Pixels of a speck of marrow."""


class Body:
    """What the beam passes; all lengths are in widths of the film, x to the right, y down.

    Parameters
    ----------
    height : float
        Of the film.
    rng : Generator
        Draws the pose: some degrees, some per cent of size, a small shift.
    mirrored : bool
        Whether left and right are exchanged.
    """

    def __init__(self, height: float, rng: np.random.Generator, *, mirrored: bool) -> None:
        rows = round(height * WIDTH)
        y, x = np.mgrid[0:rows, 0:WIDTH].astype(np.float32) / WIDTH
        turn, size = np.deg2rad(rng.uniform(-4, 4)), rng.uniform(0.94, 1.06)
        across, down = (x - 0.5) * size, (y - height / 2) * size
        self.x = across * np.cos(turn) - down * np.sin(turn) + 0.5 + rng.uniform(-0.015, 0.015)
        self.y = across * np.sin(turn) + down * np.cos(turn) + height / 2
        if mirrored:
            self.x = 1 - self.x
        self.density: Float32 = np.zeros((rows, WIDTH), np.float32)

    def _depth(self, points: Sequence[Point], radii: Sequence[float]) -> Float32:
        """Return how long the beam is inside a chain of cones."""
        deepest = np.zeros_like(self.density)
        chain = zip(points, points[1:], radii, radii[1:], strict=False)
        for (x0, y0), (x1, y1), first, last in chain:
            dx, dy = x1 - x0, y1 - y0
            along = (self.x - x0) * dx + (self.y - y0) * dy
            along = np.clip(along / max(dx * dx + dy * dy, 1e-9), 0, 1)
            apart = (self.x - x0 - along * dx) ** 2 + (self.y - y0 - along * dy) ** 2
            radius = first + along * (last - first)
            deepest = np.maximum(deepest, np.sqrt(np.maximum(radius * radius - apart, 0)))
        return np.asarray(2 * deepest, np.float32)

    def flesh(self, points: Sequence[Point], radii: Sequence[float], density: float) -> None:
        """Add soft tissue around a chain of points; a negative density is air in it."""
        self.density += density * self._depth(points, radii)

    def bone(
        self,
        points: Sequence[Point],
        radii: Sequence[float],
        cortex: float = 0.3,
        dense: float = 3.2,
        marrow: float = 1.6,
    ) -> None:
        """Add a bone: marrow within a cortex, whose thickness is a share of the radius."""
        outer = self._depth(points, radii)
        inner = self._depth(points, [radius * (1 - cortex) for radius in radii])
        self.density += dense * (outer - inner) + marrow * inner

    def ball(
        self, centre: Point, width: float, height: float, density: float, turned: float = 0.0
    ) -> None:
        """Add an ellipsoid, given by its half axes, turned by so many radians."""
        x, y = self.x - centre[0], self.y - centre[1]
        u = (x * np.cos(turned) + y * np.sin(turned)) / width
        v = (y * np.cos(turned) - x * np.sin(turned)) / height
        inside = np.sqrt(np.maximum(1 - u * u - v * v, 0))
        self.density += np.asarray(2 * density * min(width, height) * inside, np.float32)

    def lump(
        self,
        centre: Point,
        width: float,
        height: float,
        turned: float = 0.0,
        cortex: float = 0.15,
        dense: float = 3.2,
        marrow: float = 1.9,
    ) -> None:
        """Add a short bone, of the wrist for example."""
        self.ball(centre, width, height, dense, turned)
        inner = 1 - cortex
        self.ball(centre, width * inner, height * inner, marrow - dense, turned)


def _ray(body: Body, joints: Sequence[Point], radius: float, flesh: float) -> None:
    """Add a finger or a toe, from its metacarpal or metatarsal bone to its tip."""
    body.flesh(joints[1:], [flesh * (1.25 - 0.15 * n) for n in range(len(joints) - 1)], 0.4)
    for number, (near, far) in enumerate(pairwise(joints)):
        size = radius * (1.0, 0.82, 0.68, 0.58)[number]
        start, waist, end = (_between(near, far, share) for share in (0.08, 0.5, 0.94))
        body.bone([start, waist, end], [size * 1.15, size * 0.68, size], 0.33, 3.6, 1.9)


def _between(near: Point, far: Point, share: float) -> Point:
    return near[0] + (far[0] - near[0]) * share, near[1] + (far[1] - near[1]) * share


def _carpus(body: Body, x: float, y: float, size: float) -> None:
    row = ((-0.28, -0.1), (-0.07, -0.13), (0.13, -0.1), (0.33, -0.08))
    below = ((-0.22, 0.11), (-0.03, 0.13), (0.18, 0.12))
    for dx, dy in (*row, *below):
        body.lump((x + size * dx, y + size * dy), 0.13 * size, 0.105 * size)


def _hand(body: Body) -> None:
    body.flesh([(0.44, 0.68), (0.47, 0.9), (0.49, 1.2)], [0.2, 0.19, 0.13], 0.42)
    fingers = (
        ((0.35, 0.86), (0.26, 0.62), (0.21, 0.44), (0.185, 0.345), (0.165, 0.275)),
        ((0.42, 0.84), (0.38, 0.56), (0.35, 0.32), (0.335, 0.195), (0.325, 0.12)),
        ((0.49, 0.83), (0.50, 0.52), (0.505, 0.25), (0.508, 0.11), (0.51, 0.035)),
        ((0.56, 0.84), (0.61, 0.54), (0.65, 0.29), (0.665, 0.17), (0.675, 0.095)),
    )
    for joints in fingers:
        _ray(body, joints, 0.027, 0.046)
    _ray(body, ((0.60, 0.92), (0.72, 0.76), (0.81, 0.61), (0.86, 0.51)), 0.03, 0.05)
    _carpus(body, 0.475, 0.945, 0.32)
    body.bone([(0.54, 1.06), (0.54, 1.1), (0.54, 1.4)], [0.065, 0.055, 0.04])
    body.bone([(0.42, 1.07), (0.42, 1.1), (0.43, 1.4)], [0.036, 0.03, 0.03])


def _wrist(body: Body) -> None:
    body.flesh([(0.5, 0.1), (0.5, 0.5), (0.5, 1.3)], [0.27, 0.22, 0.19], 0.45)
    for near, far in ((0.36, 0.28), (0.44, 0.41), (0.52, 0.53), (0.60, 0.65)):
        middle = ((near + far) / 2, 0.28)
        body.bone([(near, 0.46), middle, (far, 0.08), (far, -0.1)], [0.034, 0.022, 0.03, 0.03])
    body.bone([(0.69, 0.52), (0.77, 0.38), (0.83, 0.28)], [0.034, 0.024, 0.032])
    _carpus(body, 0.51, 0.56, 0.33)
    body.bone([(0.58, 0.68), (0.58, 0.74), (0.575, 0.9), (0.57, 1.4)], [0.085, 0.075, 0.05, 0.045])
    body.bone([(0.42, 0.70), (0.42, 0.75), (0.42, 0.95), (0.42, 1.4)], [0.045, 0.04, 0.032, 0.034])


def _forearm(body: Body) -> None:
    body.flesh([(0.5, -0.1), (0.5, 0.5), (0.5, 1.4), (0.5, 2.1)], [0.3, 0.33, 0.24, 0.24], 0.45)
    body.bone([(0.55, -0.1), (0.53, 0.12)], [0.085, 0.13])
    ulna = [(0.43, 0.15), (0.42, 0.3), (0.42, 0.6), (0.38, 1.2), (0.37, 1.62)]
    body.bone(ulna, [0.10, 0.085, 0.055, 0.045, 0.04])
    radius = [(0.62, 0.28), (0.62, 0.33), (0.60, 0.42), (0.65, 0.9), (0.62, 1.4), (0.60, 1.64)]
    body.bone(radius, [0.062, 0.05, 0.045, 0.052, 0.06, 0.10])
    _carpus(body, 0.53, 1.79, 0.36)


def _foot(body: Body) -> None:
    body.flesh([(0.5, 0.45), (0.48, 0.8), (0.5, 1.2), (0.52, 1.42)], [0.36, 0.3, 0.2, 0.19], 0.4)
    toes = (
        ((0.33, 0.86), (0.22, 0.53), (0.18, 0.3), (0.17, 0.15)),
        ((0.45, 0.84), (0.40, 0.46), (0.38, 0.28), (0.37, 0.14)),
        ((0.55, 0.85), (0.55, 0.48), (0.56, 0.31), (0.56, 0.18)),
        ((0.65, 0.89), (0.69, 0.54), (0.715, 0.38), (0.72, 0.26)),
        ((0.74, 0.96), (0.83, 0.64), (0.87, 0.5), (0.88, 0.39)),
    )
    for joints, radius in zip(toes, (0.05, 0.032, 0.031, 0.03, 0.03), strict=True):
        _ray(body, joints, radius, 1.9 * radius)
    for x, y, width, height, turned in (
        (0.335, 0.93, 0.075, 0.06, 0.1),
        (0.45, 0.91, 0.055, 0.055, 0.0),
        (0.55, 0.92, 0.05, 0.05, 0.0),
        (0.68, 1.0, 0.10, 0.075, 0.6),
        (0.41, 1.03, 0.12, 0.06, 0.1),
    ):
        body.lump((x, y), width, height, turned, dense=2.6, marrow=1.7)
    body.lump((0.45, 1.17), 0.13, 0.12, cortex=0.1, dense=2.4, marrow=1.7)
    body.lump((0.60, 1.27), 0.09, 0.17, 0.15, cortex=0.1, dense=2.2, marrow=1.4)
    body.bone([(0.46, 1.28), (0.48, 1.8)], [0.16, 0.15], 0.15, 1.6, 1.2)


def _knee(body: Body) -> None:
    body.flesh([(0.5, -0.1), (0.5, 0.6), (0.5, 1.4)], [0.3, 0.26, 0.27], 0.45)
    body.bone([(0.5, -0.1), (0.5, 0.3), (0.5, 0.44)], [0.075, 0.085, 0.14], 0.28, 3, 1.5)
    body.lump((0.40, 0.51), 0.095, 0.075, 0.1, 0.12, 2.6, 1.7)
    body.lump((0.60, 0.51), 0.095, 0.075, -0.1, 0.12, 2.6, 1.7)
    body.lump((0.5, 0.42), 0.075, 0.085, 0, 0.15, 1.4, 0.8)
    body.bone([(0.375, 0.635), (0.625, 0.635)], [0.05, 0.05], 0.25, 2.6, 1.7)
    body.bone([(0.47, 0.59), (0.5, 0.62), (0.53, 0.59)], [0.012, 0.03, 0.012], 0.3, 2, 1.5)
    tibia = [(0.5, 0.66), (0.5, 0.78), (0.5, 1.0), (0.5, 1.4)]
    body.bone(tibia, [0.15, 0.10, 0.078, 0.07], 0.28, 2.8, 1.4)
    body.bone([(0.67, 0.73), (0.665, 0.80), (0.66, 1.4)], [0.042, 0.032, 0.03], 0.34, 2.8, 1.6)


def _lower_leg(body: Body) -> None:
    body.flesh([(0.5, -0.1), (0.5, 0.6), (0.5, 1.5), (0.5, 2.3)], [0.36, 0.38, 0.24, 0.22], 0.5)
    body.bone([(0.5, -0.1), (0.5, 0.1)], [0.16, 0.2], 0.25, 2.4, 1.5)
    tibia = [(0.5, 0.24), (0.49, 0.35), (0.47, 0.6), (0.47, 1.4), (0.46, 1.85), (0.46, 1.95)]
    body.bone(tibia, [0.2, 0.14, 0.09, 0.08, 0.10, 0.12], 0.36, 3, 1.2)
    fibula = [(0.69, 0.40), (0.68, 0.5), (0.64, 1.2), (0.62, 1.9), (0.61, 2.05)]
    body.bone(fibula, [0.055, 0.04, 0.035, 0.04, 0.05], 0.36, 3, 1.5)
    body.lump((0.47, 2.1), 0.13, 0.08, 0, 0.12, 2.6, 1.8)


def _chest(body: Body) -> None:
    body.flesh([(0.5, 0.2), (0.5, 0.6), (0.5, 1.1)], [0.40, 0.44, 0.44], 0.5)
    for side in (-1, 1):

        def at(x: float, y: float, side: int = side) -> Point:
            return 0.5 + side * x, y

        body.flesh([at(0.36, 0.14), at(0.5, 0.3)], [0.12, 0.14], 0.5)
        lung = [at(0.18, 0.22), at(0.22, 0.5), at(0.22, 0.66)]
        body.flesh(lung, [0.11, 0.165, 0.15], -0.62)
        body.bone(
            [at(0.05, 0.17), at(0.2, 0.13), at(0.4, 0.12)], [0.02, 0.016, 0.018], 0.4, 1.4, 0.8
        )
        for number in range(9):
            y = 0.12 + 0.07 * number
            x = 0.16 + 0.2 * np.sin(min(1, (number + 2) / 7) * np.pi / 2)
            back = [at(0.05, y), at(0.6 * x, y - 0.015), at(x, y + 0.05), at(1.02 * x, y + 0.12)]
            body.bone(back, [0.011] * 4, 0.4, 0.9, 0.55)
            front = [at(1.02 * x, y + 0.12), at(0.8 * x, y + 0.2), at(0.5 * x, y + 0.22)]
            body.bone(front, [0.011] * 3, 0.4, 0.5, 0.3)
        blade = [at(0.40, 0.2), at(0.33, 0.3), at(0.30, 0.48)]
        body.bone(blade, [0.02, 0.012, 0.012], 0.4, 1, 0.6)
        body.lump(at(0.48, 0.22), 0.06, 0.06, 0, 0.15, 1.2, 0.8)
    body.flesh([(0.5, 0.05), (0.5, 0.9)], [0.055, 0.06], 0.9)
    body.ball((0.5, 0.1), 0.02, 0.16, -1)
    body.ball((0.555, 0.60), 0.16, 0.115, 1.0, 0.6)
    body.ball((0.5, 0.42), 0.075, 0.16, 0.7)
    body.ball((0.31, 0.85), 0.25, 0.13, 0.9)
    body.ball((0.70, 0.88), 0.24, 0.13, 0.7)


@dataclass(frozen=True, slots=True)
class _Exposure:
    draw: Callable[[Body], None]
    height: float
    gain: float = 1.0


_EXPOSURES = {
    "chest": _Exposure(_chest, 1.0, 0.8),
    "foot": _Exposure(_foot, 1.7, 0.8),
    "forearm": _Exposure(_forearm, 1.94),
    "hand": _Exposure(_hand, 1.24),
    "knee": _Exposure(_knee, 1.24),
    "lower_leg": _Exposure(_lower_leg, 2.13),
    "wrist": _Exposure(_wrist, 1.24),
}

PARTS = tuple(_EXPOSURES)


def film(part: str, seed: int = 0, side: str = "L") -> NDArray[np.uint16]:
    """Draw a film of 12 bits, bright where dense, with the side's letter in a corner.

    Parameters
    ----------
    part : str
        One of `PARTS`, which are labels.
    seed : int
        Of pose, contrast, marrow and noise.
    side : str
        ``L``, ``R``, or empty for a chest, which gets no letter.

    Returns
    -------
    ndarray of uint16, shape (rows, `WIDTH`)
    """
    exposure, rng = _EXPOSURES[part], np.random.default_rng(seed)
    body = Body(exposure.height, rng, mirrored=side == "R")
    exposure.draw(body)
    rows, columns = body.density.shape
    specks = rng.standard_normal((rows // _GRAIN, columns // _GRAIN)).astype(np.float32)
    marrow = np.asarray(Image.fromarray(specks).resize((columns, rows), Image.Resampling.BICUBIC))
    gain = exposure.gain * rng.uniform(0.85, 1.2)
    taken = 1 - np.exp(-gain * np.maximum(body.density, 0) * (1 + 0.03 * marrow))
    taken = np.maximum(taken / taken.max(), _letter(side, rows))
    noise = rng.standard_normal((rows, columns), np.float32)
    return np.clip(np.rint(_TOP * (0.03 + 0.92 * taken + 0.005 * noise)), 0, _TOP).astype(np.uint16)


def _letter(side: str, rows: int) -> Float32:
    picture = Image.new("L", (WIDTH, rows))
    font = ImageFont.load_default(52)
    ImageDraw.Draw(picture).text((WIDTH - 70, 40), side, fill=245, font=font)
    return np.asarray(picture, np.float32) / 255
