"""The exported model's outputs for many pictures, through the code of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bodypart.model.model_input import BlankPictureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bodypart.model.session import BodyPartModel

    Float32 = NDArray[np.float32]

BLANK_DISTANCE = 2.0
"""Distance given to a blank picture: the largest possible, so that it is always rejected."""


class Answers(NamedTuple):
    """Outputs for n pictures; fields as in :class:`bodypart.model.raw_answer.RawAnswer`."""

    logits: Float32
    visible: Float32
    child: Float32
    view: Float32
    distance: Float32


def answers(
    model: BodyPartModel, pictures: Sequence[NDArray[np.uint8]], *, twice: bool = False
) -> Answers:
    """Read 8-bit pictures one by one; with ``twice``, those rejected get a second look."""
    own = model.parameters
    count = len(pictures)
    result = Answers(
        np.zeros((count, len(own.labels) + 1), dtype=np.float32),
        np.zeros((count, len(own.visible_labels)), dtype=np.float32),
        np.zeros(count, dtype=np.float32),
        np.zeros((count, len(own.views)), dtype=np.float32),
        np.full(count, BLANK_DISTANCE, dtype=np.float32),
    )
    for index, values in enumerate(pictures):
        try:
            grey = values.astype(np.float32)
            answer = model.look(grey)[0] if twice else model.answer(grey)
        except BlankPictureError:
            continue
        for name in Answers._fields:
            getattr(result, name)[index] = getattr(answer, name)
    return result
