"""Foreign pictures drawn by code, like those that reach a PACS and are no radiographs.

Training draws some kinds, the test of rejection others, so that the test shows whether the model
rejects kinds that it has never seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]

SIDE = 256
_WORDS = ("patient", "report", "dose", "mAs", "kV", "series", "page", "left", "2024", "signed", "0")


def _blank(random: np.random.Generator, low: int = 0, high: int = 256) -> Grey:
    side = random.integers(SIDE // 2, SIDE + 1, 2)
    return np.full(tuple(side), int(random.integers(low, high)), dtype=np.uint8)


def _noise(random: np.random.Generator, picture: Grey, sigma: float) -> Grey:
    noisy = picture + random.normal(0, sigma, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def text_page(random: np.random.Generator) -> Grey:
    """Draw lines of words, dark on light or the reverse."""
    page = np.full((SIDE, int(random.integers(160, 257))), 255, dtype=np.uint8)
    size, step = random.uniform(0.25, 0.8), int(random.integers(9, 26))
    for y in range(step, SIDE, step):
        if random.random() < 0.85:
            line = " ".join(random.choice(_WORDS, int(random.integers(1, 7))))
            x = int(random.integers(2, 20))
            cv2.putText(page, line, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, 0, 1, cv2.LINE_AA)
    return 255 - page if random.random() < 0.4 else page


def gradient(random: np.random.Generator) -> Grey:
    """Draw a linear or radial ramp."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    angle = random.uniform(0, 2 * np.pi)
    ramp = np.hypot(x, y) if random.random() < 0.5 else x * np.cos(angle) + y * np.sin(angle)
    ramp = (ramp - ramp.min()) / (ramp.max() - ramp.min())
    return _noise(random, (ramp * 255).astype(np.uint8), random.uniform(0, 10))


def blank_film(random: np.random.Generator) -> Grey:
    """Draw an empty exposure: one grey, noise, perhaps a frame or a marker."""
    film = _noise(random, _blank(random), random.uniform(0.5, 12))
    if random.random() < 0.4:
        cv2.rectangle(film, (20, 20), (film.shape[1] - 20, film.shape[0] - 20), 255, 1)
    if random.random() < 0.4:
        cv2.putText(film, "R", (30, 50), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 255, 2)
    return film


def checkerboard(random: np.random.Generator) -> Grey:
    """Draw a board of squares."""
    cell = int(random.integers(6, 40))
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    return (((x // cell + y // cell) % 2) * int(random.integers(120, 256))).astype(np.uint8)


def grey_bars(random: np.random.Generator) -> Grey:
    """Draw a step wedge, as on monitor test pictures."""
    steps = int(random.integers(4, 17))
    bars = np.repeat(np.linspace(0, 255, steps), SIDE // steps + 1)[:SIDE].astype(np.uint8)
    picture = np.tile(bars, (SIDE, 1))
    return np.ascontiguousarray(picture.T if random.random() < 0.5 else picture)


def cloud(random: np.random.Generator) -> Grey:
    """Draw noise of several scales, like a photograph out of focus."""
    total = np.zeros((SIDE, SIDE), dtype=np.float32)
    for scale in (4, 8, 16, 32, 64):
        coarse = random.normal(0, 1, (scale, scale)).astype(np.float32)
        weight = random.uniform(0.2, 1) * 4 / scale**0.7
        total += weight * cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return cv2.normalize(total, total, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def shapes(random: np.random.Generator) -> Grey:
    """Draw random filled figures."""
    picture = _blank(random)
    height, width = picture.shape
    for _ in range(int(random.integers(3, 25))):
        corners = random.integers(0, max(height, width), (int(random.integers(3, 6)), 1, 2))
        cv2.fillPoly(picture, [corners.astype(np.int32)], int(random.integers(0, 256)))
    return cv2.GaussianBlur(picture, (0, 0), random.uniform(0.3, 4))


def white_noise(random: np.random.Generator) -> Grey:
    """Draw independent pixels."""
    return random.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)


def screenshot(random: np.random.Generator) -> Grey:
    """Draw windows, buttons and lines of text."""
    picture = _blank(random, 180)
    height, width = picture.shape
    for _ in range(int(random.integers(4, 14))):
        x, y = int(random.integers(0, width - 30)), int(random.integers(0, height - 20))
        right, bottom = x + int(random.integers(20, width)), y + int(random.integers(10, 80))
        cv2.rectangle(picture, (x, y), (right, bottom), int(random.integers(100, 256)), -1)
        cv2.rectangle(picture, (x, y), (right, bottom), int(random.integers(0, 120)), 1)
        word = str(random.choice(_WORDS))
        cv2.putText(picture, word, (x + 2, y + 10), cv2.FONT_HERSHEY_PLAIN, 0.8, 0, 1)
    return picture


def rings(random: np.random.Generator) -> Grey:
    """Draw concentric rings or a star of rays, as on resolution phantoms."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    if random.random() < 0.5:
        wave = np.sin(np.hypot(x, y) * random.uniform(15, 60))
    else:
        wave = np.sin(np.arctan2(y, x) * int(random.integers(8, 40)))
    return ((wave > 0) * 255).astype(np.uint8)


def block_code(random: np.random.Generator) -> Grey:
    """Draw a matrix bar code."""
    cells = int(random.integers(15, 35))
    code = (random.random((cells, cells)) < 0.5).astype(np.uint8) * 255
    code = np.pad(code, 2, constant_values=255)
    return cv2.resize(code, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)


def chart(random: np.random.Generator) -> Grey:
    """Draw axes with curves, like an ECG or a report's graph."""
    picture = np.full((200, SIDE), 255, dtype=np.uint8)
    cv2.line(picture, (20, 180), (250, 180), 0, 1)
    cv2.line(picture, (20, 10), (20, 180), 0, 1)
    for _ in range(int(random.integers(1, 5))):
        y = 100 + np.cumsum(random.normal(0, 4, 230))
        points = np.stack([np.arange(20, 250), np.clip(y, 12, 178)], axis=1).astype(np.int32)
        cv2.polylines(picture, [points], isClosed=False, color=int(random.integers(0, 130)))
    return picture


def fan_scan(random: np.random.Generator) -> Grey:
    """Draw a speckled fan on black, like an ultrasound picture."""
    y, x = np.mgrid[0 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    radius, angle = np.hypot(x, y), np.arctan2(x, y)
    inside = (np.abs(angle) < random.uniform(0.5, 0.9)) & (radius > 0.15) & (radius < 0.98)
    speckle = random.rayleigh(1, (SIDE, SIDE)).astype(np.float32)
    speckle = cv2.GaussianBlur(speckle, (0, 0), 1.2) * (0.4 + cloud(random) / 255)
    speckle /= speckle.max()
    return (speckle * inside * 255).astype(np.uint8)


def breast(random: np.random.Generator) -> Grey:
    """Draw half an ellipse of soft texture at one edge, like a mammogram, which has no label."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j]
    tall, wide = random.uniform(0.5, 1.0), random.uniform(0.3, 0.95)
    radius = np.hypot((y - random.uniform(-0.2, 0.2)) / tall, x / wide)
    inside = np.clip((1 - radius) * random.uniform(4, 15), 0, 1)
    tissue = 0.35 + 0.65 * (cloud(random) / 255.0) ** random.uniform(0.7, 2)
    tissue *= 0.6 + 0.4 * np.clip(1 - radius, 0, 1)
    if random.random() < 0.5:  # oblique views show the chest muscle in a corner
        slant = y * random.choice([-1, 1]) - x * random.uniform(1, 3)
        tissue += 0.4 * (slant > random.uniform(0.1, 0.6))
    picture = np.clip(inside * tissue * 255, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(picture[:, ::-1] if random.random() < 0.5 else picture)


def scene(random: np.random.Generator) -> Grey:
    """Draw sky, ground and lit, textured bodies, like a photograph."""
    picture = cloud(random) * random.uniform(0.1, 0.6) + 255 * random.uniform(0, 0.4)
    horizon = int(random.integers(SIDE // 4, SIDE))
    picture[horizon:] = 0.5 * picture[horizon:] + random.uniform(0, 120)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    for _ in range(int(random.integers(1, 7))):
        centre, radius = random.uniform(0, SIDE, 2), random.uniform(15, 90, 2)
        body = ((y - centre[0]) / radius[0]) ** 2 + ((x - centre[1]) / radius[1]) ** 2
        light = np.clip(1 - body, 0, 1) * random.uniform(40, 160)
        shade = random.uniform(0, 160) + light + (cloud(random) - 128.0) * random.uniform(0, 0.6)
        picture = np.where(body < 1, shade, picture)
    return _noise(random, np.clip(picture, 0, 255).astype(np.uint8), random.uniform(0, 12))


TRAINING_KINDS: tuple[Callable[[np.random.Generator], Grey], ...] = (
    text_page,
    gradient,
    blank_film,
    checkerboard,
    cloud,
    shapes,
    breast,
    scene,
)
TEST_KINDS: tuple[Callable[[np.random.Generator], Grey], ...] = (
    grey_bars,
    white_noise,
    screenshot,
    rings,
    block_code,
    chart,
    fan_scan,
)
