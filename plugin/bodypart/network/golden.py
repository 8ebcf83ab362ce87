"""Golden pictures: some drawn pictures with the answers that the network must give anywhere.

They are in a small file beside the model (``bodypart.golden.npz``), made by ``make golden``. They
detect another network, another version or a lower precision than that of the model to which the
temperatures and thresholds were fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bodypart.network import INPUT, OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]

TOLERANCE = 1e-3
"""Share of an output's largest golden value. In single precision processors differ by less than a
tenth of this; bfloat16 differs by more than ten times this."""

ALIKE = 0.9
"""Cosine between embeddings from which it is the same network at a lower precision."""

_STEPS = 127
"""Pictures are kept in steps of 1/127, which are exact in any precision above 8 bits."""


class GoldenError(RuntimeError):
    """The golden file is missing, damaged or of another model; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Golden:
    """Pictures and the model's own answers to them.

    Attributes
    ----------
    sha256 : str
        SHA-256 of the ONNX file that answered.
    views : int
        Number of squares for one picture.
    pictures : ndarray of float32, shape (n, 1, size, size)
        Squares; n is a multiple of ``views``.
    answers : mapping of str to ndarray of float32
        Each of ``OUTPUTS``.
    """

    sha256: str
    views: int
    pictures: Float32
    answers: Mapping[str, Float32]

    @classmethod
    def read(cls, model: Path, sha256: str) -> Golden:
        """Read the golden file of a model.

        Raises
        ------
        GoldenError
            If it is missing, damaged, or not of the model with this SHA-256.
        """
        path = golden_file(model)
        try:
            with np.load(path, allow_pickle=False) as stored:
                golden = cls(
                    str(stored["sha256"]),
                    int(stored["views"]),
                    stored[INPUT].astype(np.float32) / np.float32(_STEPS),
                    {name: stored[name] for name in OUTPUTS},
                )
        except FileNotFoundError:
            raise GoldenError(f"there is no file {path}; make golden writes it") from None
        except (OSError, KeyError, ValueError) as error:
            raise GoldenError(f"{path} cannot be read: {type(error).__name__}") from error
        if golden.sha256 != sha256:
            raise GoldenError(f"{path} is of another model; make golden writes it anew")
        return golden

    def write(self, model: Path) -> Path:
        """Write the golden file of a model, and return where."""
        path = golden_file(model)
        steps = np.round(self.pictures * _STEPS).astype(np.int8)
        arrays: dict[str, Any] = {INPUT: steps, **self.answers}
        np.savez_compressed(path, sha256=self.sha256, views=self.views, **arrays)
        return path

    def difference(self, answers: Mapping[str, Float32]) -> str | None:
        """Return how answers differ from the model's own, as a clause; None if they agree.

        Parameters
        ----------
        answers : mapping of str to ndarray
            Answers to ``pictures``.
        """
        largest, where = 0.0, ""
        for name in OUTPUTS:
            wanted, given = self.answers[name], answers.get(name)
            if given is None:
                return f"it does not give the output {name}"
            if given.shape != wanted.shape:
                return f"its output {name} has the shape {given.shape}, not {wanted.shape}"
            if not np.isfinite(given).all():
                return f"its output {name} has values that are no numbers"
            scale = max(float(np.abs(wanted).max()), 1e-6)
            off = float(np.abs(given - wanted).max()) / scale
            if off > largest:
                largest, where = off, name
        if largest <= TOLERANCE:
            return None
        told = f"{where} is off by {largest:.2g} of its range, more than {TOLERANCE:g}"
        if _cosine(self.answers["embedding"], answers["embedding"]) >= ALIKE:
            return f"it computes with less than single precision ({told})"
        return f"it is another network, or another version of the model ({told})"


def golden_file(model: Path) -> Path:
    """Return where the golden file of a model lies."""
    return model.with_suffix(".golden.npz")


def as_stored(pictures: Float32) -> Float32:
    """Return pictures rounded as a golden file stores them."""
    return np.asarray(np.round(pictures * _STEPS) / _STEPS, dtype=np.float32)


def _cosine(first: Float32, second: Float32) -> float:
    """Return the smallest cosine between rows."""
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(axis=1) / np.maximum(lengths, 1e-12)).min())
