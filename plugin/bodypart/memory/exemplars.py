"""A few pictures of the model's training, so that words do not undo what it learned.

Words say nothing about pictures that nobody had to correct: some words on one part would also
change the answers for its neighbours. So pictures of the training are rehearsed with them (Robins
1995, "Catastrophic forgetting, rehearsal and pseudorehearsal"): for each part some that the model
reads rightly, as embeddings and probabilities. They are in a file beside the model
(``bodypart.exemplars.npz``), made by ``make exemplars``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bodypart.labels import BY_LABEL
from bodypart.memory.words import pack_floats

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]


class ExemplarsError(ValueError):
    """A file of exemplars is damaged; the text names it."""


@dataclass(frozen=True, slots=True, eq=False)
class Exemplars:
    """Pictures of a model's training that it reads rightly.

    Attributes
    ----------
    model : str
        SHA-256 of the model.
    labels : tuple of str
        The part of each of the n pictures.
    embeddings : ndarray of float32, shape (n, d)
        Unit vectors.
    probabilities : ndarray of float32, shape (n, labels + 1)
        What the model says, in the order of its labels, "none" last.
    """

    model: str
    labels: tuple[str, ...]
    embeddings: Float32
    probabilities: Float32

    def __post_init__(self) -> None:
        shapes = self.embeddings.shape, self.probabilities.shape
        if any(len(shape) != 2 or shape[0] != len(self.labels) for shape in shapes):
            raise ValueError("it does not have one row for each label")
        if not (np.isfinite(self.embeddings).all() and np.isfinite(self.probabilities).all()):
            raise ValueError("it holds values that are not finite")
        if not all(label in BY_LABEL for label in self.labels):
            raise ValueError("it names unknown labels")

    @classmethod
    def beside(cls, model: Path) -> Exemplars | None:
        """Return the exemplars beside a model, None if there is no such file.

        Raises
        ------
        ExemplarsError
            If it is damaged.
        """
        path = exemplars_file(model)
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(
                    str(stored["model"]),
                    tuple(map(str, stored["labels"])),
                    stored["embeddings"].astype(np.float32),
                    stored["probabilities"].astype(np.float32),
                )
        except FileNotFoundError:
            return None
        except Exception as error:  # A damaged archive is anything from EOFError to BadZipFile.
            raise ExemplarsError(f"{path} cannot be read: {type(error).__name__}") from error

    def fit(self, model: str, labels: tuple[str, ...]) -> bool:
        """Tell whether they fit a model with these labels: another model's numbers are useless."""
        outputs = self.probabilities.shape[1]
        return self.model == model and outputs == len(labels) + 1 and {*self.labels} <= {*labels}

    def digest(self) -> str:
        """Return a digest of all that is learned from them."""
        found = hashlib.sha256("\n".join(self.labels).encode())
        for numbers in (self.embeddings, self.probabilities):
            found.update(pack_floats(numbers))
        return found.hexdigest()

    def write(self, model: Path) -> Path:
        """Write them beside a model, in half precision, and return where."""
        path = exemplars_file(model)
        np.savez_compressed(
            path,
            model=self.model,
            labels=np.array(self.labels),
            embeddings=self.embeddings.astype(np.float16),
            probabilities=self.probabilities.astype(np.float16),
        )
        return path


def exemplars_file(model: Path) -> Path:
    """Return where the exemplars of a model lie."""
    return model.with_suffix(".exemplars.npz")
