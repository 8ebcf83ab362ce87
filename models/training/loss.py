"""The loss that the training minimises."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

    from training.dataset import Targets
    from training.network import Answer


def set_cross_entropy(
    logits: Tensor,
    right: Tensor,
    smoothing: float,
    taught: Tensor | None = None,
    share: float = 0.0,
) -> Tensor:
    """Return the mean cross-entropy where any of several classes is right.

    Parameters
    ----------
    logits : Tensor, shape (N, classes)
        Outputs.
    right : Tensor, shape (N, classes)
        1 for right classes; rows without one do not count.
    smoothing : float
        Share of the target that is spread over all classes.
    taught : Tensor or None, shape (N, classes)
        Probabilities of the teachers; a row of zeros where they have no answer.
    share : float
        Weight of the teachers' answer where there is one; the label has the rest.
    """
    known = right.any(dim=1)
    shares = functional.log_softmax(logits[known], dim=1)
    found = shares.masked_fill(right[known] == 0, -math.inf).logsumexp(dim=1)
    every = -((1 - smoothing) * found + smoothing * shares.mean(dim=1))
    if taught is not None:
        own = taught[known]
        part = share * own.any(dim=1)
        every = (1 - part) * every - part * (own * shares).sum(dim=1)
    return every.sum() / known.sum().clamp(min=1)


def loss(
    answer: Answer,
    goal: Targets,
    smoothing: float,
    taught: Tensor | None = None,
    share: float = 0.0,
) -> Tensor:
    """Return the weighted sum of the heads' losses; unknown targets do not count.

    ``taught`` and ``share`` concern the examined part, as in :func:`set_cross_entropy`.
    """
    examined = set_cross_entropy(answer.logits, goal.examined, smoothing, taught, share)
    known = goal.visible >= 0
    visible = functional.binary_cross_entropy_with_logits(
        answer.visible[known], goal.visible[known]
    )
    total = examined + 2 * visible
    aged = goal.child >= 0
    if aged.any():
        total = total + 0.2 * functional.binary_cross_entropy_with_logits(
            answer.child[aged], goal.child[aged]
        )
    if (goal.view >= 0).any():
        total = total + 0.2 * functional.cross_entropy(answer.view, goal.view, ignore_index=-1)
    return total
