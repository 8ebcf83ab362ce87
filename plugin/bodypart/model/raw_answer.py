"""What the network says about one picture, and what that means: an :class:`ImageReading`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bodypart.evidence import Guess, ImageReading, Seen
from bodypart.model.calibration import sigmoid, softmax
from bodypart.model.rejection import rejection_reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bodypart.model.model_input import Placement
    from bodypart.model.parameters import Parameters

    Float32 = NDArray[np.float32]

NO_NUMBERS = "the network answered with something that is no number"
"""Reason of an `ImageReading` if the network's answer is unusable."""


class RawAnswer(NamedTuple):
    """The network's outputs for one picture, the mean over its views.

    Attributes
    ----------
    logits : ndarray, shape (labels + 1,)
        Logits of the examined part; the last is "none".
    visible : ndarray, shape (visible labels,)
        Logits of being visible in the picture.
    child : float
        Logit of a child.
    view : ndarray, shape (views,)
        Logits of the views.
    distance : float
        Distance to the nearest training radiographs.
    embedding : ndarray, shape (d,)
        Embedding of the first view.
    cam : ndarray, shape (labels + 1, h, w)
        Class activation maps of the first view.
    where : Placement
        Where the first view's field lies in the picture and in the square.
    """

    logits: Float32
    visible: Float32
    child: float
    view: Float32
    distance: float
    embedding: Float32
    cam: Float32
    where: Placement

    @property
    def finite(self) -> bool:
        """Whether all outputs but the maps are finite; a faulty processor may give others."""
        told = (self.logits, self.visible, self.child, self.view, self.distance, self.embedding)
        return all(np.isfinite(output).all() for output in told)

    def reading(self, own: Parameters) -> ImageReading:
        """Turn the outputs into calibrated probabilities, and reject foreign pictures."""
        if not self.finite:
            return ImageReading({}, rejected=True, reason=NO_NUMBERS, answered=False)
        posterior = softmax(self.logits, own.temperature)
        visible = zip(
            own.visible_labels, sigmoid(self.visible, own.visible_temperature), strict=True
        )
        shown = [
            Guess(label, float(probability))
            for label, probability in visible
            if probability >= own.visible_thresholds.get(label, np.inf)
        ]
        best = own.labels[int(np.argmax(posterior[:-1]))]
        reason = rejection_reason(self.distance, float(posterior[-1]), best, own.rejection)
        return ImageReading(
            probabilities={
                label: float(value) for label, value in zip(own.labels, posterior, strict=False)
            },
            visible=tuple(sorted(shown, key=lambda guess: -guess.probability)),
            child=float(sigmoid(self.child)),
            view=own.views[int(np.argmax(self.view))],
            rejected=reason is not None,
            reason=reason,
            seen=Seen(self.embedding, posterior, reason is not None),
        )
