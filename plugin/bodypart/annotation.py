"""What an instance shows, and on what evidence: the decoder's dataclasses, and their JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bodypart.labels import BY_LABEL

if TYPE_CHECKING:
    from bodypart.evidence import Guess, Seen
    from bodypart.laterality import Side
    from bodypart.pixels import Picture
    from bodypart.record import (
        Agreement,
        AnnotationRecord,
        CarriedRecord,
        DescriptionRecord,
        ExaminedRecord,
        HeaderRecord,
        ImageRecord,
        LateralityRecord,
        MemoryRecord,
        ModelRecord,
        PreviousRecord,
        ReviewRecord,
        SideSource,
        Source,
        Status,
        TagsState,
        VisibleRecord,
        WordRecord,
    )


def utc_text(moment: datetime) -> str:
    """Return a time in UTC as ``2026-11-20T12:00:00Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_now() -> str:
    """Return the present time as `utc_text` writes it."""
    return utc_text(datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Examined:
    """The body part that the exposure was made for.

    Attributes
    ----------
    label : str
        One of the 36 labels.
    probability : float
        0 to 1; 1 for a person's word.
    source : str
        Who said so.
    """

    label: str
    probability: float
    source: Source

    def to_json(self) -> ExaminedRecord:
        """Return the part with its codes."""
        return examined_part(self.label, round(self.probability, 3), self.source)


def examined_part(label: str, probability: float, source: Source) -> ExaminedRecord:
    """Return the examined part with its codes, as an annotation has it."""
    part = BY_LABEL[label]
    return {
        "label": label,
        "code": part.code.to_json(),
        "body_part_examined": part.body_part_examined,
        "probability": probability,
        "source": source,
    }


def visible_part(label: str, probability: float) -> VisibleRecord:
    """Return a part that the picture shows with its code, as an annotation has it."""
    return {"label": label, "code": BY_LABEL[label].code.to_json(), "probability": probability}


@dataclass(frozen=True, slots=True)
class Laterality:
    """The side: ``L``, ``R``, ``B`` or None, and who said so."""

    value: Side | None = None
    source: SideSource | None = None

    def to_json(self) -> LateralityRecord:
        """Return the side in an annotation's form."""
        return {"value": self.value, "source": self.source}


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The model that looked at the picture: name, version and SHA-256 of its file."""

    name: str
    version: str
    sha256: str

    def to_json(self) -> ModelRecord:
        """Return the model in an annotation's form."""
        return {"name": self.name, "version": self.version, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class Review:
    """A person's word on an instance.

    Attributes
    ----------
    by : str
        Orthanc's HTTP user, or ``anonymous`` where Orthanc knows none.
    at : str
        UTC time of the correction.
    examined : str or None
        The label that the person gave; None for "cannot be told".
    visible : tuple of str or None
        The visible labels that the person gave; None if left to the machine.
    laterality : str or None
        The side that the person gave.
    laterality_given : bool
        Whether the person said anything about the side.
    comment : str
        Free text.
    pixels : str or None
        Digest of the pixel data that the word is about; None if that was not recorded.
    carried : bool
        Whether the word was given on another copy of the same pixel data.
    restored : bool
        Whether the word returned because the one after it was taken back.
    previous : dict or None
        The answer before this word: label, visible labels and side.
    history : tuple of dict
        The reviews before this one, oldest first, without their own histories. A long history keeps
        the first and the latest; the audit trail has all.
    """

    by: str
    at: str
    examined: str | None
    visible: tuple[str, ...] | None = None
    laterality: Side | None = None
    laterality_given: bool = False
    comment: str = ""
    pixels: str | None = None
    carried: bool = False
    restored: bool = False
    previous: PreviousRecord | None = None
    history: tuple[WordRecord, ...] = ()

    @classmethod
    def from_json(cls, record: ReviewRecord) -> Review:
        """Read a review back from an annotation."""
        visible = record.get("visible")
        return cls(
            by=record["by"],
            at=record["at"],
            examined=record["examined"],
            visible=None if visible is None else tuple(visible),
            laterality=record.get("laterality"),
            laterality_given=record.get("laterality_given", False),
            comment=record.get("comment", ""),
            pixels=record.get("pixels"),
            carried=record.get("carried", False),
            restored=record.get("restored", False),
            previous=record.get("previous"),
            history=tuple(record["history"]) if "history" in record else (),
        )

    def to_json(self, previous: PreviousRecord) -> ReviewRecord:
        """Return the review in an annotation's form, with the answer before it as ``previous``."""
        return {
            "by": self.by,
            "at": self.at,
            "examined": self.examined,
            "visible": None if self.visible is None else list(self.visible),
            "laterality": self.laterality,
            "laterality_given": self.laterality_given,
            "comment": self.comment,
            "pixels": self.pixels,
            "carried": self.carried,
            "restored": self.restored,
            "previous": previous,
            "history": list(self.history),
        }


@dataclass(frozen=True, slots=True)
class Annotation:
    """The answer for one instance; ``to_json`` returns the contract's form of it.

    ``pixels`` is a digest of the pixel data. ``carried`` is a person's word on the same pixel data,
    which this product wrote into the file before it was copied. ``memory`` says what the words
    confirmed here added; ``seen`` and ``picture`` go beside the annotation, never into it.
    """

    instance: str
    status: Status
    reason: str | None = None
    examined: Examined | None = None
    visible: tuple[Guess, ...] = ()
    laterality: Laterality = field(default_factory=Laterality)
    group: str | None = None
    child: bool | None = None
    image: ImageRecord | None = None
    header: HeaderRecord | None = None
    agreement: Agreement = "none"
    needs_review: bool = False
    review_reason: str | None = None
    model: ModelIdentity | None = None
    memory: MemoryRecord | None = None
    pixels: str | None = None
    carried: CarriedRecord | None = None
    annotated_at: str = field(default_factory=utc_now)
    seen: Seen | None = field(default=None, compare=False, repr=False)
    picture: Picture | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> AnnotationRecord:
        """Return the annotation as JSON-ready dictionaries, keys as in the contract."""
        return {
            "instance": self.instance,
            "status": self.status,
            "reason": self.reason,
            "examined": self.examined.to_json() if self.examined else None,
            "visible": [
                visible_part(guess.label, round(guess.probability, 3)) for guess in self.visible
            ],
            "laterality": self.laterality.to_json(),
            "group": self.group,
            "child": self.child,
            "image": self.image,
            "header": self.header,
            "agreement": self.agreement,
            "needs_review": self.needs_review,
            "review_reason": self.review_reason,
            "review": None,
            "model": self.model.to_json() if self.model else None,
            "memory": self.memory,
            "pixels": self.pixels,
            "carried": self.carried,
            "annotated_at": self.annotated_at,
        }


def pending(instance: str) -> AnnotationRecord:
    """Return the placeholder for an annotation while the instance waits in the queue, as JSON."""
    waiting = Annotation(instance, "pending", reason="waiting in the queue").to_json()
    return {**waiting, "annotated_at": None}


def failed(instance: str, reason: str) -> AnnotationRecord:
    """Return the annotation of an instance that failed, as JSON."""
    return Annotation(instance, "failed", reason=reason).to_json()


def examined_label(annotation: DescriptionRecord) -> str | None:
    """Return the label of the answer, None if there is none."""
    examined = annotation["examined"]
    return examined["label"] if examined else None


def image_label(annotation: DescriptionRecord) -> str | None:
    """Return the label by the picture alone, None if it gives none."""
    image = annotation["image"]
    return image["top"][0]["label"] if image and image["top"] and not image["rejected"] else None


def header_labels(annotation: DescriptionRecord) -> list[str]:
    """Return the labels by the headers alone."""
    header = annotation["header"]
    if header is None:
        return []
    return header.get("labels") or ([header["label"]] if header["label"] else [])


def followed(changed: object, refused: object) -> TagsState:
    """Return the state of a file's tags, from the changed tags and the reason of a refusal."""
    return "refused" if refused else "written" if changed else "none"


def tags_state(annotation: DescriptionRecord) -> TagsState:
    """Return the state of the DICOM file's tags: none, pending, written or refused."""
    tags = annotation.get("tags")
    return tags["state"] if tags else "none"
