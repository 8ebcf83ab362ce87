"""Picture and header → one answer, and whether a person should look at it.

The picture's calibrated probabilities are multiplied by the likelihood of the headers
(`bodypart.headers.reliability`); a header never outvotes a confident picture silently, nor the
reverse: where the two name parts that cannot be one exposure, the answer is marked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bodypart.evidence import Guess
from bodypart.headers.regions import compatible, labels_in
from bodypart.headers.reliability import likelihood
from bodypart.labels import BY_LABEL

if TYPE_CHECKING:
    from bodypart.annotation import Agreement
    from bodypart.evidence import HeaderReading, ImageReading

CHILD_AGE = 16.0
REVIEW_THRESHOLD = 0.6

SURPRISE = 0.02
"""Share of pictures on which even a confident model is wrong: spread over all labels."""

UNTRAINED = 0.03
"""Share of what the model takes for a neighbour that is a part which it never learned.

Of what looks like a chest, a few in a hundred are ribs or a sternum. So one text that says so
leaves the answer uncertain, and two hands settle it."""

LEAST = 0.2
"""Posterior below which no label is given at all."""


@dataclass(frozen=True, slots=True)
class Fused:
    """The joint answer.

    Attributes
    ----------
    label : str or None
        Examined part; None where neither witness can tell.
    probability : float
        Its posterior, 0 to 1.
    source : str or None
        Which witness the label rests on.
    visible : tuple of Guess
        Labels in the picture, the examined one included, most probable first.
    child : bool
        Whether the patient counts as a child.
    agreement : str
        How the witnesses relate.
    needs_review : bool
        Whether a person should look.
    review_reason : str or None
        Why, in one sentence.
    """

    label: str | None
    probability: float
    source: Literal["image", "header", "image+header"] | None
    visible: tuple[Guess, ...]
    child: bool
    agreement: Agreement
    needs_review: bool
    review_reason: str | None


def fuse(
    image: ImageReading | None,
    header: HeaderReading,
    *,
    child_age: float = CHILD_AGE,
    review_threshold: float = REVIEW_THRESHOLD,
) -> Fused:
    """Join what picture and header say.

    Parameters
    ----------
    image : ImageReading or None
        The model's reading; None if there is no usable picture. A rejected one gives no label.
    header : HeaderReading
        The headers' reading.
    child_age : float
        Patients younger than this, in years, are children.
    review_threshold : float
        An answer less probable than this needs a review.
    """
    picture = None if image is None or image.rejected or not image.probabilities else image
    label, probability = _answer(picture, header)
    seen = picture.top(1)[0].label if picture else None
    agreement = _agreement(seen, header)
    reason = _review_reason(
        image,
        header,
        seen,
        label,
        probability=probability,
        agreement=agreement,
        threshold=review_threshold,
    )
    return Fused(
        label=label,
        probability=probability,
        source=_source(label, seen, header),
        visible=_visible(picture, label, probability),
        child=_is_child(image, header, child_age),
        agreement=agreement,
        needs_review=reason is not None,
        review_reason=reason,
    )


def _answer(picture: ImageReading | None, header: HeaderReading) -> tuple[str | None, float]:
    if picture is None and header.label is None:
        return None, 0.0
    weights = likelihood(header.evidence)
    none = 0.0
    if picture is not None:
        none = max(0.0, 1 - sum(picture.probabilities.values())) * min(weights.values())
        evidence = _picture_evidence(picture.probabilities, header.labels)
        weights = {label: weights[label] * value for label, value in evidence.items()}
    best = max(weights, key=lambda label: weights[label])
    probability = weights[best] / (sum(weights.values()) + none)
    return (best, probability) if probability >= LEAST else (None, 0.0)


def _picture_evidence(
    probabilities: Mapping[str, float], named: tuple[str, ...]
) -> dict[str, float]:
    """Return the picture's evidence for the labels that it knows or the header names."""
    evidence = {
        label: (1 - SURPRISE) * value + SURPRISE / len(BY_LABEL)
        for label, value in probabilities.items()
    }
    for label in named:
        if label not in probabilities:
            evidence[label] = SURPRISE / len(BY_LABEL) + UNTRAINED * sum(
                value for known, value in probabilities.items() if compatible(known, label)
            )
    return evidence


def _agreement(seen: str | None, header: HeaderReading) -> Agreement:
    if seen is None:
        return "header-only" if header.labels else "none"
    if header.labels:
        agree = any(compatible(seen, label) for label in _named(header))
    elif header.region:
        agree = not labels_in(seen).isdisjoint(labels_in(header.region))
    else:
        return "image-only"
    return "agree" if agree else "conflict"


def _named(header: HeaderReading) -> tuple[str, ...]:
    return (header.label,) if header.label else header.labels


def _source(
    label: str | None, seen: str | None, header: HeaderReading
) -> Literal["image", "header", "image+header"] | None:
    if label is None:
        return None
    by_image = seen is not None and compatible(seen, label)
    by_header = any(compatible(named, label) for named in header.labels)
    if by_image and by_header:
        return "image+header"
    return "header" if by_header else "image"


def _review_reason(
    image: ImageReading | None,
    header: HeaderReading,
    seen: str | None,
    label: str | None,
    *,
    probability: float,
    agreement: Agreement,
    threshold: float,
) -> str | None:
    named = " and ".join(_name(part) for part in _named(header) or (header.region or "",))
    if agreement == "conflict" and seen is not None:
        return f"The picture looks like {_name(seen)}, but the header says {named}."
    if header.laterality_conflict:
        return "The header says left in one place and right in another."
    if label is None and header.labels:
        return f"The header names {named}, and no picture decides."
    if label is None and image is not None and image.rejected:
        why = image.reason or "unlike a radiograph"
        return f"The picture was not classified ({why}), and the header names no part."
    if label is None:
        return "Neither the picture nor the header tells the body part."
    if probability < threshold:
        return f"The answer {_name(label)} is uncertain ({probability:.0%})."
    return None


def _name(place: str) -> str:
    """Return a label or region as a person says it."""
    part = BY_LABEL.get(place)
    return part.code.meaning.lower() if part else place.replace("_", " ")


def _visible(
    picture: ImageReading | None, label: str | None, probability: float
) -> tuple[Guess, ...]:
    known = {guess.label: guess.probability for guess in picture.visible} if picture else {}
    if label is not None:
        known[label] = max(probability, known.get(label, 0.0))
    ranked = sorted(known.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Guess(name, value) for name, value in ranked)


def _is_child(image: ImageReading | None, header: HeaderReading, child_age: float) -> bool:
    if header.age_years is not None:
        return header.age_years < child_age
    return image is not None and image.child is not None and image.child > 0.5
