"""A label as it stands in an annotation, whoever wrote that: one of the table, never its code."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from bodypart.labels import BY_LABEL


def _known(label: str) -> str:
    if label not in BY_LABEL:
        raise ValueError("no label")
    return label


KnownLabel = Annotated[str, AfterValidator(_known)]
