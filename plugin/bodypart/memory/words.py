"""One confirmed picture as the memory keeps it, and its numbers as they are stored and sent."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bodypart.evidence import Seen
from bodypart.labels import BY_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from bodypart.record import SeenRecord

    Float32 = NDArray[np.float32]

NONE = "none"
"""The label of a picture that shows none of the parts, by a person's word."""


UNIT_TOLERANCE = 0.01
"""How far the norm of a unit vector in half precision may be from 1."""


class MemoryFormatError(ValueError):
    """A word, or numbers that were sent, are not in the required form."""


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """A person's word on one picture, with the model's output for it.

    Attributes
    ----------
    id : str
        Identity of the word; a later word on the same instance has another one.
    instance : str
        Orthanc id of the picture.
    patient : str
        Orthanc id of its patient: a picture is never judged by words on the same patient.
    labels : tuple of str
        The part that the person confirmed, several if several are right, or ``none`` alone.
    embedding : ndarray of float32, shape (d,)
        Unit vector of the model.
    probabilities : ndarray of float32, shape (labels + 1,)
        The model's own probabilities, in the order of its labels, "none" last.
    rejected : bool
        Whether the model itself rejected the picture.
    """

    id: str
    instance: str
    patient: str
    labels: tuple[str, ...]
    embedding: Float32
    probabilities: Float32
    rejected: bool = False

    def __post_init__(self) -> None:
        known = self.labels == (NONE,) or all(label in BY_LABEL for label in self.labels)
        if not self.labels or not known:
            raise MemoryFormatError(f"word {self.id}: {self.labels!r} are no labels")
        for values in (self.embedding, self.probabilities):
            if values.ndim != 1 or not np.isfinite(values).all():
                raise MemoryFormatError(f"word {self.id}: its numbers are not finite rows")


def pack_floats(values: NDArray[np.floating]) -> bytes:
    """Return numbers as they are stored and sent: half precision, little-endian.

    A cosine of 192 such numbers is exact to 0.0005, a twentieth of a difference that matters.
    """
    return np.ascontiguousarray(values, dtype="<f2").tobytes()


def unpack_floats(data: bytes) -> Float32:
    """Return what :func:`pack_floats` wrote."""
    return np.frombuffer(data, dtype="<f2").astype(np.float32)


def pack_seen(seen: Seen) -> SeenRecord:
    """Return the model's output for a decoder's answer: all that a word needs of the picture."""
    return {
        "embedding": base64.b64encode(pack_floats(seen.embedding)).decode(),
        "probabilities": base64.b64encode(pack_floats(seen.posterior)).decode(),
        "rejected": seen.rejected,
    }


def unpack_seen(record: Mapping[str, Any]) -> Seen:
    """Return what :func:`pack_seen` packed.

    Raises
    ------
    MemoryFormatError
        If the record is not valid; it is untrusted, as a decoder may have been taken over.
    """
    try:
        embedding, posterior = (
            unpack_floats(base64.b64decode(record[name], validate=True))
            for name in ("embedding", "probabilities")
        )
        if not abs(float(np.linalg.norm(embedding)) - 1) < UNIT_TOLERANCE:
            raise ValueError("no unit vector")
        if not (posterior.size and (posterior >= 0).all() and (posterior <= 1).all()):
            raise ValueError("no probabilities")
        return Seen(embedding, posterior, rejected=record["rejected"] is True)
    except (KeyError, TypeError, ValueError) as error:
        raise MemoryFormatError(f"a decoder's numbers are not readable: {error}") from error
