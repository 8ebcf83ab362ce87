"""Converts the network's pictures and answers to bytes, for the pipes between processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bodypart.network import OUTPUTS, NetworkError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]

_NUMBER = np.dtype("<f4")


def pictures_from(data: bytes, shape: Sequence[int]) -> Float32:
    """Return pictures from their bytes.

    Raises
    ------
    ValueError
        If the bytes are not pictures of this shape with values from -1 to 1.
    """
    if len(data) != int(np.prod(shape)) * _NUMBER.itemsize:
        raise ValueError("pictures of another shape")
    pictures = np.frombuffer(data, dtype=_NUMBER).reshape(tuple(shape))
    if not (np.abs(pictures) <= 1).all():  # also false for NaN
        raise ValueError("pictures with values beyond -1 to 1")
    return pictures


def packed(answers: Mapping[str, Float32]) -> tuple[dict[str, Any], bytes]:
    """Return a header with the shapes of ``OUTPUTS``, in order, and the bytes of all."""
    own = [np.ascontiguousarray(answers[name], dtype=_NUMBER) for name in OUTPUTS]
    return {"shapes": [list(one.shape) for one in own]}, b"".join(one.tobytes() for one in own)


def unpacked(header: Mapping[str, Any], data: bytes) -> dict[str, Float32]:
    """Return the answers from what ``packed`` returned.

    Raises
    ------
    NetworkError
        If header and bytes are not of an answer.
    """
    answers, start = {}, 0
    try:
        for name, shape in zip(OUTPUTS, header["shapes"], strict=True):
            count = int(np.prod(shape))
            values = np.frombuffer(data, dtype=_NUMBER, count=count, offset=start)
            answers[name] = values.reshape(shape)
            start += count * _NUMBER.itemsize
    except (KeyError, TypeError, ValueError) as error:
        raise NetworkError("an answer that does not come from the network") from error
    if start != len(data):
        raise NetworkError("an answer with bytes left over")
    return answers
