"""Pieces for the letter reader: a letter in the middle, or what a finder may mistake for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from bodypart.model.side_marker import LETTERS, PIECE, with_own_contrast
from training.markers.drawing import OTHERS, TILTS, Drawer
from training.markers.glyphs import WORDS, ink_on, paint, stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.markers.places import Mark

    Grey = NDArray[np.uint8]
    Float32 = NDArray[np.float32]

ALIKE = "BbBPFFCCcSAdDOQ08369KHhTIJ1UV"
"""Letters and digits that are easily mistaken for a side letter; ``D`` is drawn mirrored."""

REAL, WIPED, MISTAKEN, DRAWN = 0.13, 0.05, 0.24, 0.34
"""Shares of the pieces: real letters, real boxes whose letter is wiped out, places that a finder
mistook for a letter, drawn letters. The rest is drawn as well: other letters, mirrored ones,
letters within words or cut off, boxes and discs without a letter, arrows and metal."""

HIDDEN = (0.35, 0.7)
"""Share of a cut letter's height or width that lies beyond the film's edge."""

SMALL = 9
"""Height in pixels up to which a noted letter is wiped out: all of them are bright, in boxes."""

WIPE = np.ones((5, 5), np.uint8)
"""Bright strokes thinner than this are wiped out: those of a small letter, but not its box."""

MIDDLE = PIECE / 2 - 0.5


class ReaderDrawer(Drawer):
    """Draws the pieces from which the reader learns.

    Parameters
    ----------
    random, films, marked
        As for `Drawer`.
    mistaken : sequence of tuple
        Film number, x and y of places that a finder mistook for a letter.
    """

    def __init__(
        self,
        random: np.random.Generator,
        films: Sequence[Grey],
        marked: Sequence[Sequence[Mark]],
        mistaken: Sequence[tuple[int, float, float]],
    ) -> None:
        super().__init__(random, films, marked)
        self.mistaken = mistaken
        self.real = [
            (index, mark) for index, marks in enumerate(marked) for mark in marks if mark[3]
        ]
        self.small = [(index, mark) for index, mark in self.real if mark[2] <= SMALL]

    def sample(self) -> tuple[Float32, int]:
        """Return one piece, shape (PIECE, PIECE), and its class."""
        random, draw = self.random, self.random.random()
        if draw < REAL:
            index, mark = self.real[int(random.integers(len(self.real)))]
            # Blurred or noisy, a faint letter could not be read any more.
            piece = self._near(index, mark[:2], wild=0.7)
            return self._finished(piece, rough=False), 1 + LETTERS.index(mark[3])
        draw -= REAL
        if draw < WIPED and self.small:
            index, mark = self.small[int(random.integers(len(self.small)))]
            piece = self._near(index, mark[:2], wild=0.7)
            return self._finished(cv2.morphologyEx(piece, cv2.MORPH_OPEN, WIPE)), 0
        draw -= WIPED
        if draw < MISTAKEN:
            index, *place = self.mistaken[int(random.integers(len(self.mistaken)))]
            piece = self._near(index, place)
            if random.random() < 0.5:
                piece = np.ascontiguousarray(piece[:, ::-1])
            return self._finished(piece), 0
        piece = self._ground()
        high = float(np.exp(random.uniform(np.log(6), np.log(34))))
        if random.random() < 0.15:
            high = float(random.uniform(6, 11))
        spread = 1.5 + 0.07 * high
        at = (MIDDLE + random.normal(0, spread), MIDDLE + random.normal(0, spread))
        if draw < MISTAKEN + DRAWN:
            return self._letter_in(piece, at, high)
        kind = random.random()
        if kind < 0.4:
            self._other_letter(piece, at, high)
        elif kind < 0.62:
            self._within_word(piece, at, min(high, 16.0))
        elif kind < 0.74:
            self._without_letter(piece, at, high)
        elif kind < 0.82:
            self._cut_off(piece, at, high)
        else:
            for _ in range(int(random.integers(1, 3))):
                self._thing_at(piece, at, high)
        return self._finished(piece), 0

    def _near(
        self, index: int, place: Sequence[float], away: float = 1.5, wild: float = 1.0
    ) -> Float32:
        """Cut a piece out of a film, at random about as far ``away`` from a place, x and y."""
        x, y = (value + self.random.normal(0, away) for value in place)
        return self._cut(index, x, y, wild)

    def _finished(self, piece: Float32, *, rough: bool = True) -> Float32:
        return with_own_contrast(self._toned(piece, rough=rough).astype(np.float32), 255.0)

    def _cut(self, index: int, x: float, y: float, wild: float = 1.0) -> Float32:
        """Cut a piece out of a film around a place, slightly rotated and scaled."""
        random = self.random
        scale = float(np.exp(random.normal(0, 0.15 * wild)))
        turn = np.radians(random.normal(0, 5 * wild))
        cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
        matrix = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0]])
        matrix[:, 2] = MIDDLE - matrix[:, :2] @ (x, y)
        edge = cv2.BORDER_CONSTANT if random.random() < 0.6 else cv2.BORDER_REPLICATE
        flat = 255.0 if random.random() < 0.15 else 0.0
        return cv2.warpAffine(
            self.films[index],
            matrix,
            (PIECE, PIECE),
            flags=cv2.INTER_LINEAR,
            borderMode=edge,
            borderValue=flat,
        ).astype(np.float32)

    def _ground(self) -> Float32:
        random = self.random
        if random.random() < 0.3:
            index, *place = self.mistaken[int(random.integers(len(self.mistaken)))]
            return self._near(index, place, away=20)
        index = int(random.integers(len(self.films)))
        rows, columns = self.films[index].shape
        return self._cut(index, random.uniform(0, columns), random.uniform(0, rows))

    def _letter_in(
        self, piece: Float32, at: tuple[float, float], high: float
    ) -> tuple[Float32, int]:
        random = self.random
        letter = str(random.choice(list(LETTERS), p=[0.3, 0.3, 0.16, 0.14, 0.1]))
        tilt = float(random.normal(0, 5))
        if random.random() < 0.25:
            tilt = float(random.uniform(-TILTS[letter], TILTS[letter]))
        if random.random() < 0.15:
            self._thing(piece, high)
        ink = self._letter(piece, letter, at, high, tilt)
        if random.random() < 0.4:
            self._companion(piece, at, high, tilt, ink)
        return self._finished(piece), 1 + LETTERS.index(letter)

    def _other_letter(self, piece: Float32, at: tuple[float, float], high: float) -> None:
        random = self.random
        draw = random.random()
        text = str(random.choice(list(OTHERS if draw < 0.3 else ALIKE)))
        mirrored = draw > 0.7 or text == "D"
        if draw > 0.7:
            text = str(random.choice(list("LRDEG")))
        tilt = float(random.normal(0, 8))
        if not mirrored and random.random() < 0.15:
            tilt = float(random.uniform(-180, 180))
        if draw > 0.85:
            # On its side, where an R may lie: a mirrored L then looks like one with a long foot.
            text, mirrored = str(random.choice(list("LDEG"))), random.random() < 0.7
            tilt += float(random.choice([-90, 90]))
        ink = self._letter(piece, text, at, high, tilt, mirrored=mirrored)
        if random.random() < 0.3:
            self._companion(piece, at, high, tilt, ink)

    def _without_letter(self, piece: Float32, at: tuple[float, float], high: float) -> None:
        """Draw the box or the disc of a letter with nothing in it, or with a smear."""
        random = self.random
        glyph = self.pen.glyph(str(random.choice(list(LETTERS))))
        scale, tilt = high / glyph.high, float(random.normal(0, 4))
        kind = float(random.uniform(0, 0.45))
        around = self._surround(piece.shape, glyph.values.shape, at, scale, tilt, kind)
        under = float(piece[int(at[1]), int(at[0])])
        grey, alpha = ink_on(random, under), float(random.uniform(0.55, 1))
        paint(piece, around, grey, alpha)
        if random.random() < 0.5:
            smear = stamp(piece, glyph.values, at, scale, tilt)
            smear = cv2.GaussianBlur(smear, (0, 0), 0.35 * high)
            paint(piece, smear, ink_on(random, grey), alpha)

    def _cut_off(self, piece: Float32, at: tuple[float, float], high: float) -> None:
        """Draw a letter that the film's edge cuts: an E without its upper bars looks like an L."""
        random = self.random
        letter = str(random.choice(list(LETTERS)))
        self._letter(piece, letter, at, high, float(random.normal(0, 4)))
        turns = int(random.integers(4))
        turned, middle = np.rot90(piece, turns), at[1 - turns % 2]
        if turns in (1, 2):
            middle = PIECE - 1 - middle
        beyond = middle - high / 2 + random.uniform(*HIDDEN) * high
        turned[: max(0, round(beyond))] = float(random.choice([0, 0, 255, piece.min()]))

    def _within_word(self, piece: Float32, at: tuple[float, float], high: float) -> None:
        """Draw a word so that one of its letters is in the middle."""
        random = self.random
        text = str(random.choice(WORDS.split()))
        if random.random() < 0.4:
            letters = list("ABCDEFGHIJKLMNOPQRSTUVWXYZLRDEGLRDEG")
            text = "".join(random.choice(letters, int(random.integers(2, 8))))
        glyph = self.pen.glyph(text)
        scale = high / glyph.high
        wide = glyph.values.shape[1] * scale
        place = (int(random.integers(len(text))) + 0.5) / len(text) - 0.5
        centre = (at[0] - place * wide, at[1])
        mask = stamp(piece, glyph.values, centre, scale, float(random.normal(0, 3)))
        paint(piece, mask, ink_on(random, float(piece.mean())), float(random.uniform(0.55, 1)))

    def _thing_at(self, piece: Float32, at: tuple[float, float], high: float) -> None:
        """Draw an arrow, a line, a corner, a box or a disc in the middle."""
        random = self.random
        x, y = int(at[0] + random.normal(0, 2)), int(at[1] + random.normal(0, 2))
        grey = float(random.choice([0, 255, 255, random.uniform(0, 255)]))
        thick, half = 1 + int(random.integers(0, int(1 + high // 6))), high / 2
        away = random.normal(0, half, 2)
        first = (int(x - away[0]), int(y - away[1]))
        last = (int(x + away[0]), int(y + away[1]))
        kind = random.random()
        if kind < 0.25:
            cv2.arrowedLine(piece, first, last, grey, thick, cv2.LINE_AA, tipLength=0.35)
        elif kind < 0.45:
            cv2.line(piece, first, last, grey, thick, cv2.LINE_AA)
        elif kind < 0.65:
            cv2.rectangle(piece, first, last, grey, -1 if random.random() < 0.6 else thick)
        elif kind < 0.85:
            fill = -1 if random.random() < 0.5 else thick
            cv2.circle(piece, (x, y), max(2, int(half)), grey, fill, cv2.LINE_AA)
        else:
            # A corner with arms of equal length: no L.
            corner = (int(first[0] - away[1]), int(first[1] + away[0]))
            cv2.line(piece, first, last, grey, thick, cv2.LINE_AA)
            cv2.line(piece, first, corner, grey, thick, cv2.LINE_AA)
