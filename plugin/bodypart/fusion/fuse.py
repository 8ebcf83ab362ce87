"""Picture and header → one answer, and whether a person should review it.

The two err independently of each other. So the answer is the part with the largest product of the
picture's likelihood (`bodypart.fusion.confusion`) and the headers' (`bodypart.fusion.misnaming`),
whether they agree or not. If they name parts that cannot be one exposure, the answer is marked as a
conflict, however probable it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bodypart.annotation import Laterality
from bodypart.error_rates import ErrorRates, shipped
from bodypart.evidence import Guess
from bodypart.fusion.ages import age_in_doubt, is_child
from bodypart.fusion.confusion import picture_evidence, plausible
from bodypart.fusion.misnaming import header_evidence
from bodypart.fusion.sides import marker_side, side_in_doubt, side_of
from bodypart.headers.reliability import leading
from bodypart.labels import BY_LABEL, LABELS, router_group
from bodypart.regions import compatible, labels_in
from bodypart.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bodypart.evidence import HeaderReading, ImageReading
    from bodypart.record import Agreement, MachineSource

_USUAL = Settings()

LEAST = 0.2
"""Posterior below which no label is given."""

RIVAL = 0.2
"""Probability from which a label of the picture agrees with a header that names it."""

_OPEN_SIDE = "The header says left in one place and right in another."


@dataclass(frozen=True, slots=True)
class Fused:
    """The joint answer.

    Attributes
    ----------
    label : str or None
        Examined part; None if neither source can tell.
    probability : float
        Its posterior, 0 to 1.
    source : str or None
        Sources that support the label.
    visible : tuple of Guess
        Labels in the picture, most probable first, without those that only the header names.
    laterality : Laterality
        The header's side, if it is the side of this part; else that of a marker in the picture.
    child : bool or None
        Whether the patient counts as a child; None if unknown.
    group : str or None
        The router's group; None if no picture was read, unless the headers are sure of a chest.
    agreement : str
        Whether picture and header agree.
    needs_review : bool
        Whether a person should review the answer.
    review_reason : str or None
        Why, in one sentence.
    """

    label: str | None
    probability: float
    source: MachineSource | None
    visible: tuple[Guess, ...]
    laterality: Laterality
    child: bool | None
    group: str | None
    agreement: Agreement
    needs_review: bool
    review_reason: str | None


def fuse(
    image: ImageReading | None,
    header: HeaderReading,
    *,
    child_age: float = _USUAL.child_age,
    review_threshold: float = _USUAL.review_threshold,
    rates: ErrorRates | None = None,
) -> Fused:
    """Join what picture and header say.

    Parameters
    ----------
    image : ImageReading or None
        The model's reading; None if the model does not read this kind of instance. A picture that
        was rejected, or could not be decoded, has no influence on the answer.
    header : HeaderReading
        The headers' reading.
    child_age : float
        Patients younger than this, in years, are children.
    review_threshold : float
        An answer less probable than this needs a review.
    rates : ErrorRates, optional
        How the sources err; the shipped numbers by default.
    """
    rates = rates or shipped()
    picture = None if image is None or image.rejected else image
    label, probability = _answer(picture, header, rates)
    source = _source(label, picture, header)
    agreement = _agreement(picture, header)
    child = is_child(picture, header, child_age)
    if picture is not None and agreement == "conflict":
        reason: str | None = _conflict(picture, header, source)
    else:
        reason = _doubt(image, header, label, probability, review_threshold)
    marker = marker_side(picture)
    laterality = side_of(label, header, marker)
    # A person who reviews the part must also learn about a doubtful side.
    sides = _OPEN_SIDE if header.laterality_conflict else None
    reason = " ".join(filter(None, (reason, sides, side_in_doubt(laterality, marker))))
    reason = reason or age_in_doubt(label, picture, header, child_age, rates)
    return Fused(
        label=label,
        probability=probability,
        source=source,
        visible=_visible(picture),
        laterality=laterality,
        child=child,
        group=_group(label, child, image, picture, header),
        agreement=agreement,
        needs_review=reason is not None,
        review_reason=reason,
    )


def _answer(
    picture: ImageReading | None, header: HeaderReading, rates: ErrorRates
) -> tuple[str | None, float]:
    if picture is None and header.label is None:
        return None, 0.0
    weights = header_evidence(header.evidence, rates.header)
    if picture is not None:
        weights = weights * picture_evidence(picture.probabilities, header.labels, rates)
    else:
        weights = weights * [rates.share(part.label) for part in LABELS]
    best = int(weights.argmax())
    probability = float(weights[best] / weights.sum())
    return (LABELS[best].label, probability) if probability >= LEAST else (None, 0.0)


def _agreement(picture: ImageReading | None, header: HeaderReading) -> Agreement:
    if picture is None:
        return "header-only" if header.labels else "none"
    if not header.labels and not header.region:
        return "image-only"
    for seen in plausible(picture.probabilities, RIVAL):
        if any(compatible(seen, label) for label in _named(header)):
            return "agree"
        if not header.labels and not labels_in(seen).isdisjoint(labels_in(header.region or seen)):
            return "agree"
    return "conflict"


def _named(header: HeaderReading) -> tuple[str, ...]:
    return (header.label,) if header.label else header.labels


def _source(
    label: str | None, picture: ImageReading | None, header: HeaderReading
) -> MachineSource | None:
    if label is None:
        return None
    by_image = picture is not None and any(
        compatible(seen, label) for seen in plausible(picture.probabilities, RIVAL)
    )
    if not by_image:
        return "header"  # It may name no more than the region.
    by_header = any(compatible(named, label) for named in header.labels)
    return "image+header" if by_header else "image"


def _conflict(picture: ImageReading, header: HeaderReading, source: MachineSource | None) -> str:
    seen = picture.top(1)[0].label
    said = _says(header)
    sentence = f"The picture looks like {_name(seen)}, but the header says {said}"
    if source is None:
        return f"{sentence}."
    follows = "header" if source == "header" else "picture"
    return f"{sentence}; the answer follows the {follows}."


def _doubt(
    image: ImageReading | None,
    header: HeaderReading,
    label: str | None,
    probability: float,
    threshold: float,
) -> str | None:
    """Return why an answer without a conflict needs a review, or None."""
    named = _says(header)
    if image is not None and image.rejected:
        says = f"only the header says {named}" if named else "the header names no part"
        return f"The picture was not classified ({image.reason}), and {says}."
    if label is None and named:
        return f"The header names {named}, and no picture decides."
    if label is None:
        return "Neither the picture nor the header tells the body part."
    if image is None:
        disagree = f"The header says {named}, and no picture decides."
        return disagree if _contradicts_itself(header) else None
    if header.elsewhere and not header.labels:
        seen = _name(image.top(1)[0].label)
        return f"The picture looks like {seen}, but the header says {header.elsewhere.lower()}."
    if label not in image.probabilities:
        return f"Only the header says {_name(label)}: the model has not learned to see it."
    if probability < threshold:
        return f"The answer {_name(label)} is uncertain ({probability:.0%})."
    return None


def _says(header: HeaderReading) -> str:
    """Return in words what the header says, with what another of its attributes says."""
    said = " and ".join(_name(part) for part in _named(header) or (header.region or "",))
    others = [part for part in header.labels if part not in _named(header)]
    if not any(_is_contradicted(part, _named(header)) for part in others):
        return said
    return f"{said} in one place and {' and '.join(map(_name, others))} in another"


def _contradicts_itself(header: HeaderReading) -> bool:
    """Return whether two attributes each name a single part, and these cannot be one exposure.

    Texts that name several parts do not count: they are an order for all of these.
    """
    alone = [match.labels[0] for match in header.evidence if len(match.labels) == 1]
    return any(_is_contradicted(part, alone) for part in alone)


def _is_contradicted(part: str, others: Iterable[str]) -> bool:
    return any(not compatible(part, other) for other in others)


def _name(place: str) -> str:
    """Return a label or region in words."""
    part = BY_LABEL.get(place)
    return part.code.meaning.lower() if part else place.replace("_", " ")


def _visible(picture: ImageReading | None) -> tuple[Guess, ...]:
    """Return the parts that the picture shows, its most probable examined part included."""
    if picture is None:
        return ()
    known = {guess.label: guess.probability for guess in picture.visible}
    best = picture.top(1)[0]
    known[best.label] = max(best.probability, known.get(best.label, 0.0))
    ranked = sorted(known.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Guess(name, value) for name, value in ranked)


def _group(
    label: str | None,
    child: bool | None,
    image: ImageReading | None,
    picture: ImageReading | None,
    header: HeaderReading,
) -> str | None:
    """Return the group by which pictures are routed to an AI; None if the model saw no picture.

    A chest that the model could not read has one, too, if order and device both say chest and the
    age is known; the answer is marked for review.
    """
    if picture is not None:
        return router_group(label, child=child)
    if image is None or image.blank:
        return None
    beyond_doubt = len(leading(header.evidence)) > 1 and all(
        match.labels == ("chest",) and match.region is None for match in header.evidence
    )
    return router_group(label, child=child) if beyond_doubt else None
