"""The fields of an annotation as JSON: the one definition, checked by mypy.

At run time these are dictionaries. The dataclasses of `bodypart.annotation` and `bodypart.evidence`
make them; `service.orthanc_api.annotation_text` (metadata) and `service.decoders.annotation_shape`
(a decoder's answer) check those that come from outside; the OpenAPI document is generated from
them. Fields that older records, or helpers of other versions, may lack are ``NotRequired``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NotRequired, TypeAlias

# Not from `typing`: pydantic accepts those only from Python 3.12 on.
from typing_extensions import ReadOnly, TypeAliasType, TypedDict

from bodypart.code_record import CodeRecord
from bodypart.labels import BY_LABEL
from bodypart.laterality import OneSide, Side

Status = Literal["done", "pending", "failed", "skipped"]
MachineSource = Literal["image", "header", "image+header"]
Source = Literal["image", "header", "image+header", "person"]
Agreement = Literal["agree", "conflict", "image-only", "header-only", "none"]
SideSource = Literal["header", "marker", "person"]
TagsState = Literal["none", "pending", "written", "refused"]

if TYPE_CHECKING:
    Label: TypeAlias = str
else:
    Label = TypeAliasType("Label", Literal[tuple(BY_LABEL)])
"""One of the labels of the table: mypy cannot know which those are."""


class GuessRecord(TypedDict):
    """A label with its probability."""

    label: Label
    probability: float


class VisibleRecord(GuessRecord):
    """A part that the picture shows."""

    code: CodeRecord


class ExaminedRecord(VisibleRecord):
    """The body part that the exposure was made for."""

    body_part_examined: str
    source: Source


class LateralityRecord(TypedDict):
    """The side, and who said so."""

    value: Side | None
    source: SideSource | None


class MarkerRecord(TypedDict):
    """A letter in the picture that names the side."""

    side: OneSide
    letter: str
    probability: float
    both: bool


class ImageRecord(TypedDict):
    """What the picture says."""

    top: list[GuessRecord]
    rejected: bool
    reason: str | None
    visible: NotRequired[list[GuessRecord]]
    view: NotRequired[str | None]
    child: NotRequired[float | None]
    frame: NotRequired[int | None]
    marker: NotRequired[MarkerRecord | None]


class EvidenceRecord(TypedDict):
    """An attribute that names a body part."""

    attribute: str
    value: str
    matched: NotRequired[str]
    labels: NotRequired[list[Label]]


class HeaderRecord(TypedDict):
    """What the headers say."""

    label: Label | None
    evidence: list[EvidenceRecord]
    labels: NotRequired[list[Label]]
    region: NotRequired[str | None]
    view: NotRequired[str | None]
    laterality: NotRequired[Side | None]
    laterality_of: NotRequired[list[Label]]
    laterality_conflict: NotRequired[bool]
    sides: NotRequired[dict[Label, Side]]


class ModelRecord(TypedDict):
    """The model that looked at the picture: name, version and SHA-256 of its file."""

    name: str
    version: str
    sha256: str


class MemoryRecord(TypedDict):
    """What the words confirmed here changed, or would have changed."""

    revision: str
    alike: list[str]
    changed: str | None
    applied: bool


class CarriedRecord(TypedDict):
    """A person's word that came with the file; when it was said, if the file tells."""

    examined: Label
    laterality: Side | None
    at: NotRequired[str | None]


class PreviousRecord(TypedDict):
    """The answer before a person's word."""

    examined: Label | None
    probability: float | None
    visible: list[str]
    laterality: Side | None
    source: NotRequired[Source | None]
    needs_review: NotRequired[bool]


class WordRecord(TypedDict):
    """A person's word, and the answer before it; see `bodypart.annotation.Review`."""

    by: str
    at: str
    examined: Label | None
    previous: PreviousRecord
    visible: NotRequired[list[Label] | None]
    laterality: NotRequired[Side | None]
    laterality_given: NotRequired[bool]
    comment: NotRequired[str]
    pixels: NotRequired[str | None]
    carried: NotRequired[bool]
    restored: NotRequired[bool]


class ReviewRecord(WordRecord):
    """The last word, and those before it."""

    history: NotRequired[list[WordRecord]]


class TagsRecord(TypedDict):
    """How far the DICOM file follows the annotation."""

    state: TagsState
    changed: list[str]
    refused: str | None
    mixed_series: NotRequired[bool]


class RewrittenRecord(TypedDict):
    """What a decoder did to a file: attributes it changed, and all that have a value of ours."""

    changed: list[str]
    refused: str | None
    standing: list[str]


class AnswerRecord(TypedDict):
    """The part of an annotation that a person's word replaces."""

    status: Status
    reason: str | None
    examined: ExaminedRecord | None
    visible: list[VisibleRecord]
    laterality: LateralityRecord
    group: str | None
    needs_review: bool


class MachineRecord(AnswerRecord):
    """The machine's own answer, kept below a person's word."""

    review_reason: str | None


class DescriptionRecord(AnswerRecord):
    """An answer, and how we know: what annotations and roll-ups have in common."""

    review_reason: NotRequired[str | None]
    child: NotRequired[bool | None]
    image: ImageRecord | None
    header: HeaderRecord | None
    agreement: Agreement
    review: ReviewRecord | None
    machine: NotRequired[MachineRecord | None]
    model: ModelRecord | None
    memory: NotRequired[MemoryRecord | None]
    pixels: NotRequired[str | None]
    carried: NotRequired[CarriedRecord | None]
    tags: NotRequired[TagsRecord | None]
    file: NotRequired[str | None]
    revision: NotRequired[str | None]
    annotated_at: str | None


class AnnotationRecord(DescriptionRecord):
    """What an instance shows, and how we know."""

    instance: str


class FileRecord(DescriptionRecord):
    """The same for a file that is not stored as an instance."""

    instance: None


class SeenRecord(TypedDict):
    """What the model saw, as `bodypart.memory.pack_seen` packs it: beside the annotation."""

    embedding: str
    probabilities: str
    rejected: bool


class BroughtRecord(TypedDict):
    """What a helper returns for an instance: which file it read, and the annotation."""

    instance: str
    file: str
    annotation: AnnotationRecord
    seen: NotRequired[SeenRecord]


class SureRecord(TypedDict):
    """How sure an answer is."""

    label: Label
    probability: float
    source: Source


class SiblingRecord(TypedDict):
    """What is known of another instance of a series: enough to tell whether its tags are sure."""

    instance: str
    status: Status
    needs_review: bool
    agreement: Agreement
    examined: ReadOnly[SureRecord | None]


class ChildRecord(TypedDict):
    """The entry of an instance among the children of a roll-up."""

    instance: str
    status: Status
    examined: Label | None
    laterality: Side | None
    agreement: Agreement
    needs_review: bool


class PartRecord(TypedDict):
    """An examined part, and the number of its instances."""

    label: Label
    instances: int


class RollUpRecord(DescriptionRecord):
    """What the instances of a series, study or patient show."""

    level: str
    id: str
    instance: None
    parts: list[PartRecord]
    instances: dict[str, int]


class RollUpAnswer(RollUpRecord):
    """A roll-up with its children."""

    children: list[ChildRecord]
