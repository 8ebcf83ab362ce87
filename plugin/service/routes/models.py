"""What comes in and goes out, as models: checks and the OpenAPI document derive from them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    ValidationInfo,
    field_validator,
    model_validator,
)
from typing_extensions import TypedDict

from bodypart.annotation import Review
from bodypart.labels import BY_LABEL, UnknownLabelError, body_part
from bodypart.laterality import Side
from bodypart.record import AnnotationRecord, RollUpRecord
from service.kept_text import can_be_kept
from service.routes.requests import ORTHANC_ID

_LONGEST_COMMENT = 2000
MOST_AT_ONCE = 500
"""Instances that one bulk review may name."""


def _label(value: object) -> str:
    try:
        return body_part(str(value)).label
    except UnknownLabelError:
        raise ValueError("neither a label nor a SNOMED CT code of one") from None


Label = Annotated[str, BeforeValidator(_label), Field(description="a label or its SNOMED CT code")]
Comment = Annotated[str, Field(max_length=_LONGEST_COMMENT)]
InstanceId = Annotated[str, Field(pattern=rf"^{ORTHANC_ID}$")]


class Asked(BaseModel):
    """What comes in, as a body or a query: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def holds_whole_characters(cls, value: Any) -> Any:
        """Refuse texts that a database cannot keep."""
        if isinstance(value, str) and not can_be_kept(value):
            raise ValueError("holds NUL, or half a character (a lone surrogate)")
        return value


class Body(Asked):
    """A JSON body."""


class Correction(Body):
    """A person's word on one instance."""

    examined: Label | None
    visible: list[Label] | None = None
    laterality: Side | None = None
    comment: Comment | None = None

    @field_validator("laterality")
    @classmethod
    def belongs_to_a_part_with_sides(cls, side: str | None, info: ValidationInfo) -> str | None:
        """Refuse a side of a part that has none."""
        part = BY_LABEL.get(info.data.get("examined") or "")
        if side is not None and part is not None and not part.paired:
            raise ValueError(f"{part.label} has no side")
        return side

    def review(self, *, by: str, at: str) -> Review:
        """Return the word as it goes into the records."""
        return Review(
            by=by,
            at=at,
            examined=self.examined,
            visible=None if self.visible is None else tuple(dict.fromkeys(self.visible)),
            laterality=self.laterality,
            laterality_given="laterality" in self.model_fields_set,
            comment=self.comment or "",
        )


class Reviews(Correction):
    """One word on several instances; without ``examined``, it confirms each one's answer."""

    instances: Annotated[list[InstanceId], Field(min_length=1, max_length=MOST_AT_ONCE)]
    examined: Label | None = None
    revisions: dict[str, str] | None = Field(
        None, description="the revision of each instance that the person saw"
    )


class Undo(Body):
    """The instances whose last word is taken back."""

    instances: Annotated[list[InstanceId], Field(min_length=1, max_length=MOST_AT_ONCE)]
    revisions: dict[str, str] | None = Field(
        None, description="the revision of each instance that the person saw"
    )


class Classify(Body):
    """How to classify again."""

    Asynchronous: Annotated[bool, Field(strict=True)] = False


class Backfill(Body):
    """What to read; without a field, what has no annotation."""

    LearnedSince: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?$")] | None = (
        Field(None, description="UTC day or time: what the words from then on change, nothing else")
    )
    Failed: Annotated[bool, Field(strict=True)] = Field(
        False, description="try again what failed, nothing else"
    )
    ModelVersion: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        None, description="read again what this version of the model read, nothing else"
    )
    OtherModels: Annotated[bool, Field(strict=True)] = Field(
        False, description="read again what other models than the present one read, nothing else"
    )

    @field_validator("LearnedSince")
    @classmethod
    def is_in_the_calendar(cls, since: str | None) -> str | None:
        """Refuse a day or an hour that does not exist: nothing would be found, or everything."""
        if since is not None:
            try:
                datetime.fromisoformat(since)
            except ValueError:
                raise ValueError("no day, or no time of a day") from None
        return since

    @model_validator(mode="after")
    def asks_for_one_thing(self) -> Self:
        """Refuse more than one of them: each stands for *this and nothing else*."""
        asked = [name for name in type(self).model_fields if getattr(self, name)]
        if len(asked) > 1:
            raise ValueError(f"{' and '.join(asked)} cannot be asked for together")
        return self


class Known(Asked):
    """What a helper knows already."""

    after: str | None = Field(
        None, max_length=100, description="revision of the lesson that it has"
    )


HelperName = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")]


class Lease(Body):
    """How many instances a helper takes, and for how long."""

    Count: Annotated[StrictInt, Field(ge=1, le=1000)]
    Seconds: Annotated[float, Field(ge=10, le=3600)] = 600.0
    Helper: HelperName | None = Field(
        None, description="a name of the helper's own choice, told with its answers as well"
    )


class HelpersAnswer(Body):
    """What a helper's decoder said of one instance."""

    instance: InstanceId
    annotation: dict[str, Any]
    file: str = Field(max_length=100, description="FileUuid of the instance when it was read")
    seen: dict[str, Any] | None = Field(
        None, description="what the model saw, as a decoder gives it: people's words need it"
    )


class HelpersAnswers(Body):
    """A batch of answers, and what was lent and not read."""

    results: Annotated[list[HelpersAnswer], Field(max_length=1000)]
    model: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="SHA-256 of the helper's model; 409 if the service has another"
    )
    returned: Annotated[list[InstanceId], Field(max_length=1000)] = Field(
        [], description="instances that the helper gives back unread"
    )
    helper: HelperName | None = Field(
        None, description="as whom it was lent them; what others have by now is not taken"
    )


class ErrorAnswer(TypedDict):
    """The one shape of an error."""

    error: str
    details: str


class FoundAnswer(TypedDict):
    """What a question selects."""

    id: str
    annotation: AnnotationRecord | RollUpRecord


class AskedAnswer(TypedDict):
    """The answer where nobody waits for the annotation."""

    level: str
    id: str
    status: Literal["pending"]
