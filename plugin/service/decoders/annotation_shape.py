"""What an annotation of a decoder may look like: each field, its type and its bounds.

Index, roll-ups, rules, pages and rewriting use an annotation as it is. An unknown label or a
missing key would make them fail for ever, and not only for its own instance: a roll-up reads all
instances of a patient.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bodypart.evidence import FILLED_BY, VIEWS
from bodypart.headers.folding import LONGEST_TEXT
from bodypart.headers.reader import MOST_VALUES
from bodypart.labels import BY_LABEL, ROUTER_GROUPS
from bodypart.laterality import CODE_OF_SIDE, OneSide, Side
from bodypart.record import Agreement, Label, MachineSource
from bodypart.regions import PLACES

_Item = TypeVar("_Item", bound=Hashable)

_LONGEST_SENTENCE = 2_000
_LONGEST_MATCH = 20 * LONGEST_TEXT
"""One character may become eighteen (NFKC)."""
_MOST_EVIDENCE = MOST_VALUES * len(FILLED_BY)
_UTC_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"
_SIDES = tuple(CODE_OF_SIDE)
"""Not as a mapping: a decoder may send values that cannot be a key."""


def wrong_in(annotation: Mapping[str, Any]) -> str | None:
    """Return which field of a decoder's annotation is wrong, without quoting it; None if none is.

    Parameters
    ----------
    annotation : mapping
        As it came, of whatever shape.
    """
    try:
        _Annotation.model_validate(annotation)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        # The name of an unknown field comes from the decoder, and is not repeated.
        named = first["loc"][:-1] if first["type"] == "extra_forbidden" else first["loc"]
        return ".".join(map(str, ("annotation", *named)))
    return None


def _one_of(known: Mapping[str, object] | frozenset[str]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in known:
            raise ValueError("unknown")
        return name

    return AfterValidator(check)


def _real_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def _without_repetition(items: list[_Item]) -> list[_Item]:
    if len(set(items)) < len(items):
        raise ValueError("repeated")
    return items


def _of_labels(sides: dict[Any, Any]) -> dict[Any, Any]:
    """Check both by hand: pydantic's message would name a wrong key as a field."""
    if not sides.keys() <= BY_LABEL.keys() or not all(side in _SIDES for side in sides.values()):
        raise ValueError("no sides of labels")
    return sides


_Labels = Annotated[list[Label], AfterValidator(_without_repetition)]
_Probability = Annotated[float, Field(ge=0, le=1)]
_Sentence = Annotated[str, Field(max_length=_LONGEST_SENTENCE)]
_Word = Annotated[str, Field(max_length=200)]
_Value = Annotated[str, Field(max_length=LONGEST_TEXT)]
_View = Annotated[str, _one_of(frozenset(VIEWS))]


class _Record(BaseModel):
    """A record with these keys and no others; numbers and texts are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class _Code(_Record):
    value: str
    scheme: str
    meaning: str


class _Coded(_Record):
    label: Label
    code: _Code
    probability: _Probability

    @model_validator(mode="after")
    def has_the_code_of_its_label(self) -> Self:
        if self.code.model_dump() != BY_LABEL[self.label].code.to_json():
            raise ValueError("another code")
        return self


class _Examined(_Coded):
    body_part_examined: str
    source: MachineSource

    @model_validator(mode="after")
    def has_the_term_of_its_label(self) -> Self:
        if self.body_part_examined != BY_LABEL[self.label].body_part_examined:
            raise ValueError("another term")
        return self


class _Laterality(_Record):
    value: Side | None
    source: Literal["header", "marker"] | None


class _Guess(_Record):
    label: Label
    probability: _Probability


class _Marker(_Record):
    side: OneSide
    letter: Annotated[str, Field(max_length=8)]
    probability: _Probability
    both: bool


class _Image(_Record):
    top: Annotated[list[_Guess], Field(max_length=len(BY_LABEL))]
    rejected: bool
    reason: _Sentence | None
    visible: Annotated[list[_Guess], Field(max_length=len(BY_LABEL))] = []
    view: _View | None = None
    child: _Probability | None = None
    frame: Annotated[int, Field(ge=0)] | None = None
    marker: _Marker | None = None


class _Evidence(_Record):
    attribute: Annotated[str, _one_of(FILLED_BY)]
    value: _Value
    matched: Annotated[str, Field(max_length=_LONGEST_MATCH)] = ""
    labels: _Labels = []


class _Header(_Record):
    label: Label | None
    evidence: Annotated[list[_Evidence], Field(max_length=_MOST_EVIDENCE)]
    labels: _Labels = []
    region: Annotated[str, _one_of(PLACES)] | None = None
    view: _View | None = None
    laterality: Side | None = None
    laterality_of: _Labels = []
    laterality_conflict: bool = False
    sides: Annotated[dict[Any, Any], AfterValidator(_of_labels)] = {}


class _Model(_Record):
    name: _Word
    version: _Word
    sha256: _Word


class _Memory(_Record):
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
    alike: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=100)]
    changed: _Word | None
    applied: bool


class _Carried(_Record):
    """A person's word that came with the file."""

    examined: Label
    laterality: Side | None
    at: Annotated[str, Field(pattern=_UTC_TIME), AfterValidator(_real_time)] | None = None


class _Annotation(_Record):
    """See `bodypart.annotation.Annotation`; fields with a default here may be missing.

    A helper of another version may answer with only what is promised of an annotation.
    """

    instance: str | None
    status: Literal["done", "failed", "skipped"]
    reason: _Sentence | None
    examined: _Examined | None
    visible: Annotated[list[_Coded], Field(max_length=len(BY_LABEL))]
    laterality: _Laterality
    group: Annotated[str, _one_of(frozenset(ROUTER_GROUPS))] | None
    image: _Image | None
    header: _Header | None
    agreement: Agreement
    needs_review: bool
    review: None
    model: _Model | None
    annotated_at: Annotated[str, Field(pattern=_UTC_TIME)]
    child: bool | None = None
    review_reason: _Sentence | None = None
    memory: _Memory | None = None
    pixels: Annotated[str, Field(pattern=r"^(b3:)?[0-9a-f]{32}$")] | None = None
    carried: _Carried | None = None

    @model_validator(mode="after")
    def names_each_part_once(self) -> Self:
        _without_repetition([part.label for part in self.visible])
        return self
