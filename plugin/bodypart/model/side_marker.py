"""The side marker: the letter of lead or print that the radiographer put beside the limb.

Two small networks look for it, because the model sees the picture at a size at which letters cannot
be read. One finds places where letters may be, the other reads these one by one. Only letters are
read that mean the same side in every language that uses them (see ``SIDE_OF_LETTER``), and only
upright or slightly tilted ones, never mirrored ones, which mean that the picture was turned over.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from PIL import Image

from bodypart.evidence import SideMarker
from bodypart.model.calibration import softmax
from bodypart.model.model_input import BlankPictureError, checked, windowed
from bodypart.model.two_limbs import shows_both_limbs
from bodypart.network import ModelError
from bodypart.pixels.percentiles import WINDOW_PERCENTILES, outer_percentiles
from bodypart.settings import MARKER_FILES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bodypart.laterality import OneSide
    from bodypart.model.session import BodyPartModel

    Float32 = NDArray[np.float32]

LETTERS = ("L", "R", "D", "E", "G")
"""In the order of the networks' outputs, after "nothing"."""

SIDE_OF_LETTER: Mapping[str, OneSide] = MappingProxyType(
    {
        "L": "L",  # left, links
        "R": "R",  # right, rechts
        "D": "R",  # direita, derecha, droite, destra, dexter
        "E": "L",  # esquerda, esquerra
    }
)
"""The side that a letter means. G (gauche) is recognised, but tells no side, as there was no film
to measure it on. I, S, V, H and P mean sides, too, but also other things."""

INPUT, OUTPUT = "picture", "letters"

STRIDE = 4
"""Pixels of the picture between two places of the finder's answer."""

MULTIPLE = 16
"""The finder takes pictures whose sides are multiples of this, in pixels."""

PIECE = 48
"""Side, in pixels, of a piece that is read."""

PLACES, PROMISING = 4, 0.1
"""Most places of a picture that are read, and the finder's least probability for each."""

_NEAR, _APART = 3, 4
"""Places of the finder's answer around a chosen one that its centre is computed from, and in which
no further letter is looked for."""

_ENDS, _FLOOR, _BEYOND = (2, 98), 8 / 255, 1.5
"""A piece's percentiles that become -1 and 1; their least difference, as a share of the picture's
range; and the value at which the result is clipped."""


class Place(NamedTuple):
    """Where a letter may be.

    Attributes
    ----------
    x, y : float
        In pixels.
    chance : float
        The finder's probability of a letter.
    """

    x: float
    y: float
    chance: float


class Letters(Protocol):
    """Recognises letters: a session of onnxruntime, or a stand-in for one in a test."""

    def run(self, pictures: Float32) -> Float32:
        """Return logits of "nothing" and of each letter, along the second dimension.

        Parameters
        ----------
        pictures : ndarray of float32, shape (n, 1, rows, columns)
            Grey values about -1 (black) to 1 (white).
        """


@dataclass(frozen=True, slots=True)
class MarkerParameters:
    """What ``marker.json`` says.

    Attributes
    ----------
    finder_sha256, reader_sha256 : str
        SHA-256 of the two ONNX files: the one that finds letters, and the one that reads them.
    size : int
        Pixels of the picture's longest side as the networks see it.
    limit : float
        Least probability of the returned side.
    contrary : float
        No side is returned if a letter of the other side is this many times as probable, or more.
    """

    finder_sha256: str
    reader_sha256: str
    size: int
    limit: float
    contrary: float

    @classmethod
    def read(cls, description: Path, finder: Path, reader: Path) -> MarkerParameters:
        """Read the description and check that the networks are those that it describes.

        Raises
        ------
        ModelError
            If a file is missing or damaged, or they do not belong together.
        """
        try:
            record: dict[str, Any] = json.loads(description.read_text("utf-8"))
            found = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (finder, reader)]
            letters = tuple(record["letters"])
            parameters = cls(**{name: record[name] for name in cls.__slots__})
        except OSError as error:
            raise ModelError(f"cannot read {error.filename}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{description.name} lacks or spoils {error}") from error
        if [parameters.finder_sha256, parameters.reader_sha256] != found or letters != LETTERS:
            raise ModelError(f"{description.name} does not describe the networks beside it")
        return parameters


class _Session:
    """An ONNX file in this process, on the CPU, as it is too small for a GPU to pay."""

    def __init__(self, path: Path, threads: int) -> None:
        # Imported here: without side markers, and with the model's network elsewhere, onnxruntime
        # is never loaded.
        from bodypart.network.local import opened

        self._session = opened(path, threads)

    def run(self, pictures: Float32) -> Float32:
        """Return the logits."""
        return np.asarray(self._session.run([OUTPUT], {INPUT: pictures})[0], np.float32)


class MarkerReader:
    """Reads the side marker of a picture; :meth:`load` makes one.

    Parameters
    ----------
    finder : Letters
        Tells for each place of a picture whether a letter may be there.
    reader : Letters
        Tells which letter is in the middle of a piece.
    parameters : MarkerParameters
        The limits.
    model : BodyPartModel, optional
        Tells two views of one limb from two limbs.
    """

    def __init__(
        self,
        finder: Letters,
        reader: Letters,
        parameters: MarkerParameters,
        model: BodyPartModel | None = None,
    ) -> None:
        self._finder, self._reader = finder, reader
        self.parameters = parameters
        self._model = model

    @classmethod
    def load(
        cls,
        files: Sequence[Path] = MARKER_FILES,
        threads: int = 1,
        model: BodyPartModel | None = None,
    ) -> MarkerReader:
        """Load the networks and their description.

        Parameters
        ----------
        files : sequence of Path
            The description, the finder and the reader.
        threads : int
            Threads of one run.
        model : BodyPartModel, optional
            As for the class.

        Raises
        ------
        ModelError
            If the files are missing, damaged or do not belong together.
        """
        description, finder, reader = files
        parameters = MarkerParameters.read(description, finder, reader)
        return cls(_Session(finder, threads), _Session(reader, threads), parameters, model)

    def read(self, values: Float32) -> SideMarker | None:
        """Return the side that the picture's markers name; None if there are none, or in doubt.

        Parameters
        ----------
        values : ndarray of float32, shape (rows, columns)
            Grey values, linear, bright = dense.

        Raises
        ------
        NetworkError
            If the model's network does not answer.
        """
        try:
            small = reduced(values, self.parameters.size)
            found = self._finder.run(finder_input(small))[0]
        except BlankPictureError:
            return None
        places = promising(letter_probabilities(found).sum(axis=0))
        if not places:
            return None
        answers = letter_probabilities(self._reader.run(pieces(small, places)).T)
        marker = decided(answers.T, places, self.parameters)
        return marker and replace(marker, both=shows_both_limbs(values, self._model))


def reduced(values: Float32, size: int) -> Float32:
    """Return a picture as the networks see it: all of it, as markers also lie outside the field.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        Grey values.
    size : int
        Pixels of the longest side.

    Raises
    ------
    BlankPictureError
        If there is nothing to see.
    """
    values = checked(values)
    scale = size / max(values.shape)
    rows, columns = (max(1, round(side * scale)) for side in values.shape)
    picture = Image.fromarray(values)
    return np.asarray(picture.resize((columns, rows), Image.Resampling.BILINEAR), np.float32)


def finder_input(small: Float32) -> Float32:
    """Return the whole picture, windowed, and padded with black at the right and the bottom.

    Raises
    ------
    BlankPictureError
        If there is nothing to see.
    """
    rows, columns = small.shape
    down, wide = (-(-side // MULTIPLE) * MULTIPLE for side in (rows, columns))
    tensor = np.full((1, 1, down, wide), -1, np.float32)
    # A quarter of the pixels gives the same percentiles in a fifth of the time.
    tensor[0, 0, :rows, :columns] = windowed(small, of=small[::2, ::2])
    return tensor


def letter_probabilities(logits: Float32) -> NDArray[np.float64]:
    """Return the probability of each letter; the first dimension is the letter in both arrays."""
    return softmax(logits, axis=0)[1:]


def promising(letters: NDArray[np.float64]) -> list[Place]:
    """Return where letters may be, the most promising first.

    Parameters
    ----------
    letters : ndarray, shape (rows, columns)
        Probability of a letter at each place.
    """
    left = letters.copy()
    found: list[Place] = []
    while len(found) < PLACES:
        row, column = divmod(int(left.argmax()), left.shape[1])
        chance = float(left[row, column])
        if chance < PROMISING:
            break
        top, first = max(0, row - _NEAR), max(0, column - _NEAR)
        weights = letters[top : row + _NEAR + 1, first : column + _NEAR + 1]
        down, wide = np.indices(weights.shape)
        x = first + float((wide * weights).sum() / weights.sum())
        y = top + float((down * weights).sum() / weights.sum())
        found.append(Place((x + 0.5) * STRIDE, (y + 0.5) * STRIDE, chance))
        left[
            max(0, row - _APART) : row + _APART + 1, max(0, column - _APART) : column + _APART + 1
        ] = 0
    return found


def pieces(small: Float32, places: Sequence[Place]) -> Float32:
    """Cut the pieces around some places, each with its own contrast.

    Parameters
    ----------
    small : ndarray of float32, shape (rows, columns)
        The picture as `reduced` returns it.
    places : sequence of Place
        Their centres.

    Returns
    -------
    ndarray of float32, shape (places, 1, PIECE, PIECE)
    """
    low, high = outer_percentiles(small[::4, ::4], WINDOW_PERCENTILES)
    rows, columns = small.shape
    padded = np.full((rows + 2 * PIECE, columns + 2 * PIECE), low, np.float32)
    padded[PIECE:-PIECE, PIECE:-PIECE] = small
    cut = np.empty((len(places), 1, PIECE, PIECE), np.float32)
    for piece, (x, y, _) in zip(cut[:, 0], places, strict=True):
        top, left = (int(np.floor(at + PIECE / 2 + 0.5)) for at in (y, x))
        inside = padded[top : top + PIECE, left : left + PIECE]
        piece[:] = with_own_contrast(inside, float(high - low))
    return cut


def with_own_contrast(piece: Float32, width: float) -> Float32:
    """Spread a piece's own grey values to about -1 to 1.

    Parameters
    ----------
    piece : ndarray of float32
        Grey values.
    width : float
        Range of the whole picture's grey values: a piece with next to no contrast is not spread.
    """
    dark, bright = outer_percentiles(piece, _ENDS)
    span = max(float(bright - dark), _FLOOR * width, 1e-6)
    return np.asarray(np.clip((piece - dark) / span * 2 - 1, -_BEYOND, _BEYOND), np.float32)


def decided(
    letters: NDArray[np.float64],
    places: Sequence[Place],
    parameters: MarkerParameters,
) -> SideMarker | None:
    """Return the side that the letters agree on, None if they do not or none is sure.

    A letter of the other side counts as far as the finder expects a letter there: where it hardly
    does, the reader takes bones for letters.

    Parameters
    ----------
    letters : ndarray, shape (places, letters)
        Probability of each letter at each place, if there is one.
    places : sequence of Place
        The places.
    parameters : MarkerParameters
        The limits.
    """
    chances = np.array([place.chance for place in places])
    one_side: tuple[OneSide, ...] = ("L", "R")
    sums: dict[OneSide, NDArray[np.float64]] = {}
    for side in one_side:
        own = [index for index, letter in enumerate(LETTERS) if SIDE_OF_LETTER.get(letter) == side]
        sums[side] = letters[:, own].sum(axis=1)
    side, other = sorted(one_side, key=lambda name: -sums[name].max())
    probability, at = float(sums[side].max()), int(sums[side].argmax())
    rival = float((sums[other] * chances).max())
    if probability < parameters.limit or rival >= parameters.contrary * probability * chances[at]:
        return None
    letter = LETTERS[int(letters[at].argmax())]
    return SideMarker(side, letter, min(1.0, probability), places[at][:2])
