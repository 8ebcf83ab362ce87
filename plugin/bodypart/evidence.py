"""What the two sources say: a record for the picture, and one for the headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bodypart.laterality import OneSide, Side
    from bodypart.record import EvidenceRecord, GuessRecord, HeaderRecord, MarkerRecord

VIEWS = ("frontal", "lateral", "oblique")
"""The projections that an answer may name."""

BLANK = "the picture is blank"
"""Reason of an `ImageReading` of a blank plate: nothing was seen."""

CONSOLE, ORDER, TABLE = "console", "order", "table"

FILLED_BY: Mapping[str, str] = MappingProxyType(
    {
        "SeriesDescription": CONSOLE,
        "ProtocolName": CONSOLE,
        "AcquisitionDeviceProcessingDescription": CONSOLE,
        "PerformedProtocolCodeSequence": CONSOLE,
        "PerformedProcedureStepDescription": ORDER,
        "RequestedProcedureDescription": ORDER,
        "ScheduledProcedureStepDescription": ORDER,
        "StudyDescription": ORDER,
        "ProcedureCodeSequence": ORDER,
        "RequestedProcedureCodeSequence": ORDER,
        "ScheduledProtocolCodeSequence": ORDER,
        "PrimaryAnatomicStructureSequence": TABLE,
        "AnatomicRegionSequence": TABLE,
        "BodyPartExamined": TABLE,
    }
)
"""Where the value of each attribute comes from; the most trusted attribute first."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A label with its calibrated probability, 0 to 1."""

    label: str
    probability: float

    def to_json(self) -> GuessRecord:
        """Return the guess with the probability to three digits."""
        return {"label": self.label, "probability": round(self.probability, 3)}


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The model's own output for a picture, as the memory needs it.

    Attributes
    ----------
    embedding : ndarray of float32, shape (d,)
        The picture's embedding, a unit vector.
    posterior : ndarray of float, shape (labels + 1,)
        Calibrated probabilities in the order of the model's labels, "none" last.
    rejected : bool
        Whether the model rejects the picture.
    """

    embedding: NDArray[np.float32]
    posterior: NDArray[np.floating]
    rejected: bool


@dataclass(frozen=True, slots=True)
class SideMarker:
    """A letter in the picture that names the side.

    Attributes
    ----------
    side : str
        ``L`` or ``R``.
    letter : str
        The letter itself, for example ``D`` for *derecha*.
    probability : float
        0 to 1.
    at : tuple of float
        x and y of its centre, in pixels of the reduced picture that the letter finder sees.
    both : bool
        Whether the picture may show the limbs of both sides: the marker then names neither.
    """

    side: OneSide
    letter: str
    probability: float
    at: tuple[float, float]
    both: bool = False

    def to_json(self) -> MarkerRecord:
        """Return all fields but ``at``."""
        return {
            "side": self.side,
            "letter": self.letter,
            "probability": round(self.probability, 3),
            "both": self.both,
        }


@dataclass(frozen=True, slots=True)
class ImageReading:
    """What the model says about one picture.

    Attributes
    ----------
    probabilities : mapping of str to float
        Calibrated posterior over the labels that the model was trained for; the rest up to 1
        is "none of them".
    visible : tuple of Guess
        Labels in the picture, above the model's own threshold, most probable first.
    child : float or None
        Probability that the patient is a child; None if the model does not tell.
    view : str or None
        ``frontal``, ``lateral`` or ``oblique``; None if the model does not tell.
    rejected : bool
        Whether the picture is unlike the radiographs that the model knows.
    reason : str or None
        Why it was rejected, in a sentence.
    blank : bool
        Whether the picture shows nothing.
    answered : bool
        Whether the network's answer was usable (finite numbers).
    seen : Seen or None
        Input for the memory; None if the model did not read the picture.
    marker : SideMarker or None
        The side marker, None if none was looked for, or none was read for sure.
    """

    probabilities: Mapping[str, float]
    visible: tuple[Guess, ...] = ()
    child: float | None = None
    view: str | None = None
    rejected: bool = False
    reason: str | None = None
    blank: bool = False
    answered: bool = True
    seen: Seen | None = field(default=None, compare=False, repr=False)
    marker: SideMarker | None = None

    def top(self, count: int = 5) -> tuple[Guess, ...]:
        """Return the most probable labels, best first; ties in alphabetical order."""
        ranked = sorted(self.probabilities.items(), key=lambda item: (-item[1], item[0]))
        return tuple(Guess(label, value) for label, value in ranked[:count])


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """A header that names a body part.

    Attributes
    ----------
    attribute : str
        DICOM keyword, for example ``StudyDescription``.
    value : str
        The attribute's text (or the code's meaning), as in the header.
    matched : str
        The piece of it that the vocabulary knows.
    labels : tuple of str
        Labels it names; several if it names several parts.
    region : str or None
        The region it names if it is too vague for a label, for example ``upper_limb``.
    """

    attribute: str
    value: str
    matched: str
    labels: tuple[str, ...]
    region: str | None = None

    def to_json(self) -> EvidenceRecord:
        """Return the evidence in the contract's form, with its labels."""
        return {
            "attribute": self.attribute,
            "value": self.value,
            "matched": self.matched,
            "labels": list(self.labels),
        }


@dataclass(frozen=True, slots=True)
class HeaderReading:
    """What the headers of one instance say.

    Attributes
    ----------
    label : str or None
        The one label they name; None if none, several or only a region.
    labels : tuple of str
        All labels they name, the most trusted attribute's first.
    region : str or None
        The narrowest region named, if no label is.
    evidence : tuple of HeaderMatch
        Every match, most trusted attribute first.
    laterality : str or None
        ``L``, ``R`` or ``B`` as the headers state it; never derived from pixels.
    laterality_of : tuple of str
        Parts named in the same text as the side; empty if the side holds for any part.
    sides : mapping of str to str
        Sides that texts name for single parts, by label, as in an order for several parts.
    laterality_conflict : bool
        Whether Laterality, Image Laterality and the texts contradict each other.
    view : str or None
        ``frontal``, ``lateral`` or ``oblique``.
    age_years : float or None
        PatientAge, else birth date to study date, in years.
    age_unusable : bool
        Whether the headers have a value for the age that is not credible.
    human : bool
        Whether no other species is named.
    outside : str or None
        Body Part Examined or anatomic region, if it is a known part outside the 36 labels.
    elsewhere : str or None
        The same, if no label covers that place either: a breast, a phantom; not a joint or vessel.
    """

    label: str | None = None
    labels: tuple[str, ...] = ()
    region: str | None = None
    evidence: tuple[HeaderMatch, ...] = field(default=())
    laterality: Side | None = None
    laterality_of: tuple[str, ...] = ()
    sides: Mapping[str, Side] = field(default_factory=dict)
    laterality_conflict: bool = False
    view: str | None = None
    age_years: float | None = None
    age_unusable: bool = False
    human: bool = True
    outside: str | None = None
    elsewhere: str | None = None

    def to_json(self) -> HeaderRecord:
        """Return the fields that an annotation keeps."""
        return {
            "label": self.label,
            "labels": list(self.labels),
            "region": self.region,
            "view": self.view,
            "evidence": [match.to_json() for match in self.evidence],
            "laterality": self.laterality,
            "laterality_of": list(self.laterality_of),
            "laterality_conflict": self.laterality_conflict,
            "sides": dict(self.sides),
        }

    @classmethod
    def from_json(cls, record: HeaderRecord) -> HeaderReading:
        """Return the reading of an annotation's header record: no evidence, age or species."""
        return cls(
            label=record["label"],
            labels=tuple(record.get("labels") or ()),
            region=record.get("region"),
            laterality=record.get("laterality"),
            laterality_of=tuple(record.get("laterality_of") or ()),
            laterality_conflict=record.get("laterality_conflict", False),
            sides=record.get("sides") or {},
        )
