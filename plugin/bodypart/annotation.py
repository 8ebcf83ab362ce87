"""The one record that flows through everything: what an instance shows, and how we know."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from bodypart.evidence import Guess
from bodypart.labels import BY_LABEL

if TYPE_CHECKING:
    from bodypart.evidence import Seen
    from bodypart.pixels import Picture

Status = Literal["done", "pending", "failed", "skipped"]
Source = Literal["image", "header", "image+header", "person"]
Agreement = Literal["agree", "conflict", "image-only", "header-only", "none"]


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

    def to_json(self) -> dict[str, object]:
        """Return the part with its codes."""
        part = BY_LABEL[self.label]
        return {
            "label": self.label,
            "code": part.code.to_json(),
            "body_part_examined": part.body_part_examined,
            "probability": round(self.probability, 3),
            "source": self.source,
        }


def visible_part(label: str, probability: float) -> dict[str, Any]:
    """Return a part that the picture shows with its code, as an annotation has it."""
    return {"label": label, "code": BY_LABEL[label].code.to_json(), "probability": probability}


@dataclass(frozen=True, slots=True)
class Laterality:
    """The side: ``L``, ``R``, ``B`` or None, and who said so."""

    value: str | None = None
    source: Literal["header", "marker", "person"] | None = None


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The model that looked at the picture: name, version and SHA-256 of its file."""

    name: str
    version: str
    sha256: str


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
        Whether the person spoke of the side at all.
    comment : str
        Free text.
    pixels : str or None
        Digest of the pixel data that it was said of; None where that was not noted.
    carried : bool
        Whether it was said of another copy of the same pixel data.
    restored : bool
        Whether it returned because the word after it was taken back.
    previous : dict or None
        What stood there before: label, visible labels and side.
    history : tuple of dict
        The reviews before this one, oldest first, without a history of their own: the first
        one and the latest. The audit trail has all of them.
    """

    by: str
    at: str
    examined: str | None
    visible: tuple[str, ...] | None = None
    laterality: str | None = None
    laterality_given: bool = False
    comment: str = ""
    pixels: str | None = None
    carried: bool = False
    restored: bool = False
    previous: dict[str, Any] | None = None
    history: tuple[dict[str, Any], ...] = ()

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Review:
        """Read a review back from an annotation."""
        visible = record.get("visible")
        known = {name: record[name] for name in cls.__slots__ if name in record}
        known["visible"] = None if visible is None else tuple(visible)
        return cls(**{**known, "history": tuple(record.get("history") or ())})


@dataclass(frozen=True, slots=True)
class Annotation:
    """The answer for one instance; ``to_json`` gives the contract's form of it.

    ``pixels`` is a digest of the pixel data. ``carried`` is a person's word on the same pixel data
    that stands in the file, put there by this product before the file was copied. ``memory`` says
    what the words confirmed here added; ``seen`` and ``picture`` go beside the annotation, never
    into it.
    """

    instance: str
    status: Status
    reason: str | None = None
    examined: Examined | None = None
    visible: tuple[Guess, ...] = ()
    laterality: Laterality = field(default_factory=Laterality)
    group: str | None = None
    child: bool | None = None
    image: dict[str, Any] | None = None
    header: dict[str, Any] | None = None
    agreement: Agreement = "none"
    needs_review: bool = False
    review_reason: str | None = None
    review: Review | None = None
    model: ModelIdentity | None = None
    memory: dict[str, Any] | None = None
    pixels: str | None = None
    carried: dict[str, Any] | None = None
    annotated_at: str = field(default_factory=utc_now)
    seen: Seen | None = field(default=None, compare=False, repr=False)
    picture: Picture | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the annotation as JSON-ready dictionaries, keys as in the contract."""
        return {
            "instance": self.instance,
            "status": self.status,
            "reason": self.reason,
            "examined": self.examined.to_json() if self.examined else None,
            "visible": [
                visible_part(guess.label, round(guess.probability, 3)) for guess in self.visible
            ],
            "laterality": asdict(self.laterality),
            "group": self.group,
            "child": self.child,
            "image": self.image,
            "header": self.header,
            "agreement": self.agreement,
            "needs_review": self.needs_review,
            "review_reason": self.review_reason,
            "review": asdict(self.review) if self.review else None,
            "model": asdict(self.model) if self.model else None,
            "memory": self.memory,
            "pixels": self.pixels,
            "carried": self.carried,
            "annotated_at": self.annotated_at,
        }


def pending(instance: str) -> dict[str, Any]:
    """Return what stands for an annotation while the instance waits in the queue, as JSON."""
    waiting = Annotation(instance, "pending", reason="waiting in the queue").to_json()
    return {**waiting, "annotated_at": None}


def failed(instance: str, reason: str) -> dict[str, Any]:
    """Return the annotation of an instance that was tried and given up, as JSON."""
    return Annotation(instance, "failed", reason=reason).to_json()
