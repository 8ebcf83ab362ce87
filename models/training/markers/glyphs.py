"""Letters and words as on films: drawn once in many fonts, then rotated and painted onto pieces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]

HIGH = 48
"""Height in pixels of a capital drawn in OpenCV's fonts."""

_FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "STIXGeneral",
    "STIXGeneralBol",
    "cmss10",
    "cmtt10",
)
_HERSHEY = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_TRIPLEX,
)
WORDS = (
    "STANDING ERECT LAT AP PA PORTABLE SUPINE SUP UPRIGHT SITTING LEITO BED ICU UTI MOBILE OBLIQUE "
    "LATERAL WEIGHT BEARING PRONE DECUB RAO LAO RPO LPO LORDOTIC GRID EXP INSP SEMI LIEGEND "
    "STEHEND BETTAUFNAHME CHEST HAND WRIST FOOT KNEE DR CR RL LL ED DE GD ELD REG LED HOLDER "
    "GERAL RAD DREL LEG OLD RED DEL Bed Erect Left Right Lat right left supine portable kV mAs"
)


@dataclass(frozen=True, slots=True)
class Glyph:
    """A drawn text, white on black, and the height of its capitals in pixels."""

    values: Float32
    high: float


def _fonts() -> list[ImageFont.FreeTypeFont]:
    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    fonts = [ImageFont.truetype(str(folder / f"{name}.ttf"), 66) for name in _FONTS]
    default = ImageFont.load_default(66)
    return [*fonts, default] if isinstance(default, ImageFont.FreeTypeFont) else fonts


class Pen:
    """Draws texts; short ones are kept, so that each is drawn only once in a font and weight.

    Parameters
    ----------
    random : Generator
        Source of all random choices.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self._fonts = _fonts()
        self._known: dict[tuple[str, int, int], Glyph] = {}

    def glyph(self, text: str) -> Glyph:
        """Return a text in a random font and weight."""
        style = int(self.random.integers(len(self._fonts) + len(_HERSHEY)))
        weight = int(self.random.integers(3))
        key = (text, style, weight)
        found = self._known.get(key)
        if found is None:
            found = self._drawn(text, style, weight)
            if len(text) < 4:
                self._known[key] = found
        return found

    def _drawn(self, text: str, style: int, weight: int) -> Glyph:
        if style < len(self._fonts):
            font = self._fonts[style]
            left, top, right, bottom = font.getbbox(text, stroke_width=weight)
            size = (int(right - left) + 4, int(bottom - top) + 4)
            image = Image.new("L", size)
            place = (2 - left, 2 - top)
            ImageDraw.Draw(image).text(place, text, 255, font, stroke_width=weight)
            capital = font.getbbox("E", stroke_width=weight)
            return Glyph(_white(np.asarray(image)), float(capital[3] - capital[1]))
        face, thick = _HERSHEY[style - len(self._fonts)], 2 + 3 * weight
        scale = HIGH / cv2.getTextSize("E", face, 1, 1)[0][1]
        (width, height), below = cv2.getTextSize(text, face, scale, thick)
        canvas = np.zeros((height + below + 2 * thick, width + 2 * thick), np.uint8)
        place = (thick, height + thick)
        cv2.putText(canvas, text, place, face, scale, 255, thick, cv2.LINE_AA)
        rows = np.flatnonzero(canvas.any(axis=1))
        columns = np.flatnonzero(canvas.any(axis=0))
        cut = canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return Glyph(_white(cut), float(height + thick))


def _white(values: NDArray[np.uint8]) -> Float32:
    """Return 8-bit grey values as 0 to 1."""
    return np.asarray(values / np.float32(255), dtype=np.float32)


def stamp(
    piece: Float32, mask: Float32, centre: tuple[float, float], scale: float, tilt: float
) -> Float32:
    """Return a mask scaled, turned by ``tilt`` degrees and moved to ``centre`` (x, y)."""
    soft = mask
    if scale < 0.6:
        around = max(1, round(0.5 / scale))
        soft = cv2.blur(
            cv2.copyMakeBorder(mask, *(around,) * 4, cv2.BORDER_CONSTANT), (around,) * 2
        )
    high, wide = soft.shape
    matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), tilt, scale)
    matrix[:, 2] += np.array(centre) - (wide / 2, high / 2)
    return cv2.warpAffine(soft, matrix, piece.shape[::-1], flags=cv2.INTER_LINEAR)


def paint(piece: Float32, mask: Float32, grey: float, alpha: float) -> None:
    """Blend a grey into a piece, with the opacity ``alpha`` times the mask."""
    piece += mask * alpha * (grey - piece)


def ink_on(random: np.random.Generator, under: float) -> float:
    """Choose a grey that stands out from the grey under it."""
    if random.random() < 0.6:
        grey = float(random.uniform(215, 255))
    else:
        grey = float(random.uniform(0, 255))
    if abs(grey - under) < 45:
        grey = 255.0 if under < 150 else float(random.uniform(0, 60))
    return grey
