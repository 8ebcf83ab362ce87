"""Annotations as the pipeline writes them."""

from dataclasses import asdict
from typing import Any

from bodypart.annotation import Annotation, Examined, Laterality, ModelIdentity, Review
from bodypart.evidence import Guess, HeaderMatch

MODEL = ModelIdentity("bodypart", "1.2", "ab" * 32)


def annotation(label: str | None = "knee", probability: float = 0.97, **fields: Any) -> dict:
    """Return an annotation as JSON; keyword arguments replace fields of the record."""
    source, said = fields.pop("source", "image"), fields.pop("review", None)
    record = {
        "instance": "i",
        "status": "done",
        "examined": Examined(label, probability, source) if label else None,
        "visible": (Guess(label, 0.99),) if label else (),
        "image": {"top": [], "rejected": False, "reason": None, "frame": 0},
        "model": MODEL,
        **fields,
    }
    return {**Annotation(**record).to_json(), "review": said and asdict(said)}


def side(value: str | None) -> Laterality:
    """Return a side that the headers state."""
    return Laterality(value, "header" if value else None)


def evidence(attribute: str, *labels: str) -> dict[str, Any]:
    """Return the header part of an annotation with one match."""
    match = HeaderMatch(attribute, "as it stands", "as it stands", labels)
    return {"label": labels[0] if len(labels) == 1 else None, "evidence": [match.to_json()]}


def review(by: str = "radiographer") -> Review:
    """Return a person's word."""
    return Review(by=by, at="2026-11-20T12:00:00Z", examined="knee")
