"""Draws side markers, and things easily mistaken for them, onto pieces of real films."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from bodypart.model.side_marker import LETTERS
from training.markers.glyphs import WORDS, Pen, ink_on, paint, stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]
    Float32 = NDArray[np.float32]

SIDE = 80
"""Pixels of a piece's sides."""

NOTHING, UNKNOWN = 0, -1

OTHERS = "ABCFHIJKMNOPQSTUVWXYZ0123456789abcdefhkmnpqtuxyz"
TILTS = {"L": 40.0, "R": 100.0, "D": 50.0, "E": 50.0, "G": 80.0}
"""Largest tilt in degrees: tilted more, an L may be a mirrored one, and a D turned over is one."""


class Drawer:
    """Draws pieces of films with markers, and the target for each place.

    Parameters
    ----------
    random : Generator
        Source of all random choices.
    films : sequence of ndarray of uint8
        Films without markers, or whose markers are noted in ``marked``.
    marked : sequence of tuple
        For each film: x, y, height in pixels and letter of its markers; one with an empty letter
        is neither taught nor counted.
    """

    def __init__(
        self,
        random: np.random.Generator,
        films: Sequence[Grey],
        marked: Sequence[Sequence[tuple[float, float, float, str]]],
    ) -> None:
        self.random = random
        self.films, self.marked = films, marked
        self.pen = Pen(random)
        self._with = [index for index, marks in enumerate(marked) if marks]

    def piece(self) -> tuple[Grey, NDArray[np.int64]]:
        """Return one piece, shape (SIDE, SIDE), and classes of places, (SIDE / 4, SIDE / 4).

        A class is the letter's number from 1, ``NOTHING`` or ``UNKNOWN``.
        """
        random = self.random
        goal = np.zeros((SIDE // 4, SIDE // 4), np.int64)
        piece = self._film(goal)
        taken: list[tuple[float, float, float]] = []
        for _ in range(int(random.choice([0, 1, 2, 3], p=[0.3, 0.4, 0.2, 0.1]))):
            self._distraction(piece, goal, taken)
        if random.random() < 0.6:
            self._marker(piece, goal, taken)
            if random.random() < 0.25:
                self._marker(piece, goal, taken)
        return self._toned(piece), goal

    def _film(self, goal: NDArray[np.int64]) -> Float32:
        """Cut a piece of a film, at about its own scale, and note the markers that it shows."""
        random = self.random
        known = bool(self._with) and random.random() < 0.45
        index = int(random.choice(self._with)) if known else int(random.integers(len(self.films)))
        film, marks = self.films[index], self.marked[index]
        rows, columns = film.shape
        scale = float(np.exp(random.normal(0, 0.2)))
        if known:
            x, y = marks[int(random.integers(len(marks)))][:2]
            x, y = x + random.uniform(-32, 32) / scale, y + random.uniform(-32, 32) / scale
        else:
            x, y = random.uniform(0, columns), random.uniform(0, rows)
        tilt = float(random.normal(0, 5))
        mirrored = not marks and random.random() < 0.5
        cosine, sine = scale * np.cos(np.radians(tilt)), scale * np.sin(np.radians(tilt))
        matrix = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0]])
        if mirrored:
            matrix[:, 0] *= -1
        matrix[:, 2] = SIDE / 2 - matrix[:, :2] @ (x, y)
        edge = cv2.BORDER_REPLICATE if random.random() < 0.5 else cv2.BORDER_CONSTANT
        flat = float(random.choice([0, 0, 255, random.uniform(0, 255)]))
        piece = cv2.warpAffine(
            film, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=edge, borderValue=flat
        ).astype(np.float32)
        for mark_x, mark_y, high, letter in marks:
            at = matrix @ (mark_x, mark_y, 1.0)
            self._teach(goal, (float(at[0]), float(at[1])), high * scale, letter)
        return piece

    def _teach(
        self, goal: NDArray[np.int64], centre: tuple[float, float], high: float, letter: str
    ) -> None:
        """Set the class of the places at a letter's middle; those around it become unknown."""
        places = np.arange(goal.shape[0]) * 4 + 1.5
        far = np.maximum(np.abs(places[:, None] - centre[1]), np.abs(places[None, :] - centre[0]))
        goal[far < max(5.0, 0.75 * high)] = UNKNOWN
        if letter:
            goal[far <= max(2.1, 0.17 * high)] = 1 + LETTERS.index(letter)

    def _place(
        self, taken: list[tuple[float, float, float]], reach: float
    ) -> tuple[float, float] | None:
        """Find a free place for something that extends ``reach`` pixels; None if there is none."""
        for _ in range(6):
            x, y = self.random.uniform(reach * 0.7, SIDE - reach * 0.7, 2)
            if all(max(abs(x - a), abs(y - b)) > reach + c for a, b, c in taken):
                taken.append((x, y, reach))
                return float(x), float(y)
        return None

    def _marker(
        self,
        piece: Float32,
        goal: NDArray[np.int64],
        taken: list[tuple[float, float, float]],
    ) -> None:
        random = self.random
        letter = str(random.choice(list(LETTERS), p=[0.3, 0.3, 0.16, 0.14, 0.1]))
        high = float(np.exp(random.uniform(np.log(6.5), np.log(36))))
        centre = self._place(taken, high * 0.8)
        if centre is None:
            return
        tilt = float(random.normal(0, 4))
        if random.random() < 0.3:
            tilt = float(random.uniform(-TILTS[letter], TILTS[letter]))
        ink, alpha = self._letter(piece, letter, centre, high, tilt)
        if random.random() < 0.4:
            self._companion(piece, centre, high, tilt, (ink, alpha))
        self._teach(goal, centre, high, letter)

    def _letter(
        self,
        piece: Float32,
        text: str,
        centre: tuple[float, float],
        high: float,
        tilt: float,
        *,
        mirrored: bool = False,
    ) -> tuple[float, float]:
        """Draw a letter, plain, in a frame, on a box or a disc; return its grey and opacity."""
        random = self.random
        glyph = self.pen.glyph(text)
        mask = glyph.values[:, ::-1] if mirrored else glyph.values
        mask = self._stretched(mask)
        scale = high / glyph.high
        x, y = int(centre[0]), int(centre[1])
        half = max(2, int(high * 0.6))
        under = float(piece[max(0, y - half) : y + half, max(0, x - half) : x + half].mean())
        alpha = float(random.uniform(0.55, 1))
        shape = random.random()
        if shape < 0.45:
            around = self._surround(piece.shape, mask.shape, centre, scale, tilt, shape)
            filled = random.random() < 0.75
            grey = ink_on(random, under)
            if filled:
                paint(piece, around, grey, alpha)
                under = under + alpha * (grey - under)
            else:
                inner = cv2.erode(around, np.ones((3, 3), np.uint8), iterations=1 + int(high // 16))
                paint(piece, around - inner, grey, alpha)
        ink = ink_on(random, under)
        letter = stamp(piece, np.ascontiguousarray(mask), centre, scale, tilt)
        if random.random() < 0.4:
            letter = cv2.GaussianBlur(letter, (0, 0), random.uniform(0.3, 0.4 + high * 0.04))
        paint(piece, letter, ink, alpha)
        return ink, alpha

    def _stretched(self, mask: Float32) -> Float32:
        wide = float(np.exp(self.random.normal(0, 0.12)))
        return cv2.resize(mask, (max(3, round(mask.shape[1] * wide)), mask.shape[0]))

    def _surround(
        self,
        shape: tuple[int, ...],
        glyph: tuple[int, ...],
        centre: tuple[float, float],
        scale: float,
        tilt: float,
        kind: float,
    ) -> Float32:
        canvas = np.zeros(shape, np.float32)
        high, wide = glyph[0] * scale, glyph[1] * scale
        if kind < 0.3:
            wider, higher = self.random.uniform(1.2, 1.9, 2)
            box = (centre, (max(wide * wider, high * 0.7), high * higher), -tilt)
            corners = cv2.boxPoints(box).astype(np.int32)
            cv2.fillConvexPoly(canvas, corners, 1.0, cv2.LINE_AA)
        else:
            reach = max(high, wide) * self.random.uniform(0.7, 1.0)
            middle = (round(centre[0]), round(centre[1]))
            cv2.circle(canvas, middle, max(3, round(reach)), 1.0, -1, cv2.LINE_AA)
        return np.asarray(canvas, np.float32)

    def _companion(
        self,
        piece: Float32,
        centre: tuple[float, float],
        high: float,
        tilt: float,
        ink: tuple[float, float],
    ) -> None:
        """Draw a technician's initials, a number or the view beside the letter or under it."""
        random = self.random
        if random.random() < 0.5:
            text = "".join(random.choice(list("ABCDEFGHJKLMNPRSTVW0123456789"), 2))
            small = high * random.uniform(0.3, 0.65)
        else:
            text = str(random.choice(["AP", "PA", "ERECT", "12:40", "STANDING", "LAT", "SUP"]))
            small = high * random.uniform(0.4, 1.0)
        glyph = self.pen.glyph(text)
        scale = small / glyph.high
        wide = glyph.values.shape[1] * scale
        turn = np.radians(-tilt)
        if random.random() < 0.5:
            away = high * random.uniform(0.75, 1.1) + small / 2
            offset = np.array([random.normal(0, 0.2) * high, away])
        else:
            away = high * random.uniform(0.95, 1.5) + wide / 2
            offset = np.array([away, (high - small) / 2 * random.uniform(-1, 1)])
        x = float(centre[0] + np.cos(turn) * offset[0] - np.sin(turn) * offset[1])
        y = float(centre[1] + np.sin(turn) * offset[0] + np.cos(turn) * offset[1])
        paint(piece, stamp(piece, glyph.values, (x, y), scale, tilt), *ink)

    def _distraction(
        self,
        piece: Float32,
        goal: NDArray[np.int64],
        taken: list[tuple[float, float, float]],
    ) -> None:
        """Draw something other than a side marker: a word, a letter, an arrow or metal."""
        random = self.random
        high = float(np.exp(random.uniform(np.log(5), np.log(36))))
        kind = random.random()
        if kind < 0.35:
            centre = self._place(taken, high * 0.8)
            if centre is None:
                return
            mirrored = random.random() < 0.35
            text = str(random.choice(list("LRDEG" if mirrored else OTHERS)))
            tilt = float(random.normal(0, 6))
            if random.random() < 0.25 and not mirrored:
                tilt = float(random.uniform(-180, 180))
            self._letter(piece, text, centre, high, tilt, mirrored=mirrored)
            if text in "EIDOUCJGSabcdefg" and not mirrored and high < 8:
                self._teach(goal, centre, high, "")
        elif kind < 0.7:
            self._word(piece, min(high, 20.0))
        else:
            self._thing(piece, high)

    def _word(self, piece: Float32, high: float) -> None:
        random = self.random
        draw = random.random()
        if draw < 0.5:
            text = str(random.choice(WORDS.split()))
        elif draw < 0.8:
            letters = list("ABCDEFGHIJKLMNOPQRSTUVWXYZLRDEG")
            text = "".join(random.choice(letters, int(random.integers(2, 9))))
        else:
            day, month = random.integers(1, 29), random.integers(1, 13)
            mark = str(random.choice(list("/.:-")))
            text = f"{day:02d}{mark}{month:02d}{mark}{random.integers(1990, 2027)}"
        glyph = self.pen.glyph(text)
        scale = high / glyph.high
        mask = glyph.values[:, ::-1] if random.random() < 0.15 else glyph.values
        centre = (float(random.uniform(0, SIDE)), float(random.uniform(0, SIDE)))
        tilt = float(random.choice([0, 0, 0, 90, 270, random.normal(0, 10)]))
        letter = stamp(piece, np.ascontiguousarray(mask), centre, scale, tilt)
        under = float((piece * letter).sum() / max(1e-3, float(letter.sum())))
        paint(piece, letter, ink_on(random, under), float(random.uniform(0.55, 1)))

    def _thing(self, piece: Float32, size: float) -> None:
        random = self.random
        x, y = (int(value) for value in random.integers(0, SIDE, 2))
        away = random.normal(0, size, 2)
        end = (int(x + away[0]), int(y + away[1]))
        grey = float(random.choice([0, 255, 255, random.uniform(0, 255)]))
        thick = 1 + int(random.integers(0, int(1 + size // 6)))
        kind = random.random()
        if kind < 0.2:
            cv2.arrowedLine(piece, (x, y), end, grey, thick, cv2.LINE_AA, tipLength=0.3)
        elif kind < 0.4:
            cv2.line(piece, (x, y), end, grey, thick, cv2.LINE_AA)
            turned = (int(x - away[1] * 0.6), int(y + away[0] * 0.6))
            cv2.line(piece, (x, y), turned, grey, thick, cv2.LINE_AA)
        elif kind < 0.6:
            cv2.rectangle(piece, (x, y), end, grey, -1 if random.random() < 0.5 else thick)
        elif kind < 0.8:
            reach = max(2, int(size / 2))
            cv2.circle(piece, (x, y), reach, grey, -1 if random.random() < 0.5 else thick)
        else:
            half = (max(2, int(size / 2)), max(2, int(size / random.uniform(2, 5))))
            start, turn = random.uniform(0, 360, 2)
            cv2.ellipse(piece, (x, y), half, turn, start, start + 250, grey, thick, cv2.LINE_AA)

    def _toned(self, piece: Float32, *, rough: bool = True) -> Grey:
        """Change the grey values and, if ``rough``, blur, add noise and compress."""
        random = self.random
        ramp = np.clip(piece, 0, 255) / 255
        if random.random() < 0.5:
            ramp = ramp ** np.exp(random.normal(0, 0.35))
        if random.random() < 0.06:
            ramp = 1 - ramp
        if random.random() < 0.3:
            low, high = random.uniform(0, 0.3), random.uniform(0.7, 1)
            ramp = low + ramp * (high - low)
        if not rough:
            return (np.clip(ramp, 0, 1) * 255).astype(np.uint8)
        if random.random() < 0.25:
            ramp = cv2.GaussianBlur(ramp, (0, 0), random.uniform(0.3, 0.9))
        if random.random() < 0.3:
            ramp = ramp + random.normal(0, random.uniform(0.005, 0.05), ramp.shape)
        grey = (np.clip(ramp, 0, 1) * 255).astype(np.uint8)
        if random.random() < 0.5:
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(45, 96))]
            packed = cv2.imencode(".jpg", grey, quality)[1]
            grey = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
        return grey
