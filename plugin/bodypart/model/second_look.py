"""A second look at a rejected picture: at its parts, and turned.

It may be a small field on a fogged plate, several exposures of a part beside each other, or a film
on its side. A picture that was accepted at the first look gets no second one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bodypart.model.detailed_field import detailed_field
from bodypart.model.model_input import BlankPictureError
from bodypart.model.panels import halves, panels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bodypart.model.parameters import Parameters
    from bodypart.model.raw_answer import RawAnswer

    Float32 = NDArray[np.float32]
    Ask = Callable[[Float32], RawAnswer]

SURE = 0.5
"""Probability from which the reading of a part of a rejected picture counts."""

SURE_TURNED = 0.8
"""The same for a rejected picture that is turned."""

ALONE = frozenset({"abdomen", "pelvis"})
"""Body parts that fill a plate: a picture that seems to show one of them twice is a sheet of spot
films of a contrast study, which is no plain radiograph."""


class _Look(NamedTuple):
    answer: RawAnswer
    label: str
    probability: float


def second_look(ask: Ask, own: Parameters, values: Float32) -> RawAnswer | None:
    """Return the network's answer to a rejected picture, None if it stays rejected.

    Parameters
    ----------
    ask : callable
        Runs the network on one picture; raises `BlankPictureError` if there is nothing to see.
    own : Parameters
        What the model's answers mean.
    values : ndarray of float32, shape (rows, columns)
        Grey values, linear, bright = dense.
    """
    inside = _of_detail(ask, own, values)
    if inside:
        return inside
    parts = panels(values, own.field_tone)
    if len(parts) > 1:
        return _of_panels(ask, own, parts)
    return _of_panels(ask, own, halves(parts[0])) or _of_turned(ask, own, values)


def _of_detail(ask: Ask, own: Parameters, values: Float32) -> RawAnswer | None:
    field = detailed_field(values)
    if field is None:
        return None
    look = _look(ask, own, field.cut(values))
    return look.answer if look and look.probability >= SURE else None


def _of_panels(ask: Ask, own: Parameters, parts: list[Float32]) -> RawAnswer | None:
    sure: list[_Look] = []
    needed = max(2, len(parts) / 2)
    if len(parts) < needed:
        return None
    for left, part in zip(reversed(range(len(parts))), parts, strict=True):
        look = _look(ask, own, part)
        if look and look.probability >= SURE:
            sure.append(look)
        labels = {look.label for look in sure}
        # The first part settles most: each further look takes as long as an accepted picture.
        if len(sure) + left < needed or len(labels) > 1 or labels & ALONE:
            return None
    together = _mean([look.answer for look in sure])
    return None if together.reading(own).rejected else together


def _of_turned(ask: Ask, own: Parameters, values: Float32) -> RawAnswer | None:
    looks = [_look(ask, own, np.rot90(values, quarters)) for quarters in (1, 2, 3)]
    sure = [look for look in looks if look and look.probability >= SURE_TURNED]
    return max(sure, key=lambda look: look.probability).answer if sure else None


def _look(ask: Ask, own: Parameters, values: Float32) -> _Look | None:
    """Read a part of a picture; None if it is rejected, too."""
    try:
        answer = ask(np.ascontiguousarray(values))
    except BlankPictureError:
        return None
    reading = answer.reading(own)
    if reading.rejected:
        return None
    best = reading.top(1)[0]
    return _Look(answer, best.label, best.probability)


def _mean(answers: Sequence[RawAnswer]) -> RawAnswer:
    """Return the mean of the answers to several exposures, with the map of the first."""
    logits, visible, view, embedding = (
        np.mean([getattr(answer, name) for answer in answers], axis=0)
        for name in ("logits", "visible", "view", "embedding")
    )
    return answers[0]._replace(
        logits=logits,
        visible=visible,
        child=sum(answer.child for answer in answers) / len(answers),
        view=view,
        distance=sum(answer.distance for answer in answers) / len(answers),
        embedding=embedding / np.linalg.norm(embedding),
    )
