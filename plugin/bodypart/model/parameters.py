"""The model's own description, ``bodypart.json`` beside ``bodypart.onnx``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bodypart.evidence import VIEWS
from bodypart.labels import BY_LABEL
from bodypart.network import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Rejection:
    """When a picture counts as foreign.

    Attributes
    ----------
    distance : float
        Largest accepted distance to the nearest training radiographs, in the embedding.
    none : float
        Largest accepted probability of showing none of the labels.
    none_by_label : mapping of str to float
        The same for pictures read as these labels, in place of ``none``: some parts look more
        like foreign pictures than others.
    """

    distance: float
    none: float
    none_by_label: Mapping[str, float] = field(default_factory=dict)

    def largest_none(self, label: str) -> float:
        """Return the largest accepted probability of "none" for a picture read as ``label``."""
        return self.none_by_label.get(label, self.none)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is needed besides the network to read a picture.

    Attributes
    ----------
    name, version, sha256 : str
        Identity; the SHA-256 is that of the ONNX file.
    size : int
        Side of the network's square, in pixels.
    labels : tuple of str
        Examined labels, in the order of the network's outputs; "none" follows them.
    visible_labels : tuple of str
        Labels of the visible head, in the order of its outputs.
    visible_thresholds : mapping of str to float
        Probability from which a label counts as visible; labels without one are never given.
    views : tuple of str
        Views, in the order of the network's outputs.
    temperature, visible_temperature : float
        Divide the logits before softmax and sigmoid (Guo et al. 2017).
    sides : tuple of int
        Pixels of the exposed field's longer side in the square, for each view; the answer is the
        mean over the views.
    mirrored : bool
        Whether the mirror images of the views count, too.
    field_tone : float or None
        The ``tone`` of :func:`bodypart.model.model_input.exposed_field`. If it is None, or not in
        the description, the greys are left as they are.
    rejection : Rejection
        Thresholds for rejecting a picture.
    """

    name: str
    version: str
    sha256: str
    size: int
    labels: tuple[str, ...]
    visible_labels: tuple[str, ...]
    visible_thresholds: Mapping[str, float]
    views: tuple[str, ...]
    temperature: float
    visible_temperature: float
    sides: tuple[int, ...]
    mirrored: bool
    field_tone: float | None
    rejection: Rejection

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Parameters:
        """Read the description.

        Raises
        ------
        ModelError
            If a key is missing, a label or a view unknown, or a tone no grey.
        """
        try:
            parameters = cls(
                name=record["name"],
                version=record["version"],
                sha256=record["sha256"],
                size=record["preprocessing"]["size"],
                labels=tuple(record["labels"]),
                visible_labels=tuple(record["visible_labels"]),
                visible_thresholds=dict(record["visible_thresholds"]),
                views=tuple(record["views"]),
                temperature=record["temperature"],
                visible_temperature=record["visible_temperature"],
                sides=tuple(record["preprocessing"]["sides"]),
                mirrored=record["preprocessing"]["mirrored"],
                field_tone=record["preprocessing"].get("field_tone"),
                rejection=Rejection(**record["rejection"]),
            )
        except (KeyError, TypeError) as error:
            raise ModelError(f"the model's description lacks or spoils {error}") from error
        for label in (*parameters.labels, *parameters.visible_labels):
            if label not in BY_LABEL:
                raise ModelError(f"the model's description names the unknown label {label!r}")
        for view in parameters.views:
            if view not in VIEWS:
                raise ModelError(f"the model's description names the unknown view {view!r}")
        tone = parameters.field_tone
        if tone is not None and not (isinstance(tone, float) and 0 < tone < 1):
            raise ModelError(
                f"the model's description has the field_tone {tone!r}, no grey of 0 to 1"
            )
        return parameters


def read_parameters(path: Path) -> Parameters:
    """Read the description beside an ONNX file and check that the two belong together.

    Raises
    ------
    ModelError
        If a file is missing or the ONNX file's SHA-256 is not the described one.
    """
    description = path.with_suffix(".json")
    try:
        record = json.loads(description.read_text(encoding="utf-8"))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read the model: {error.filename}: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"{description.name} is no JSON: {error}") from error
    parameters = Parameters.from_json(record)
    if parameters.sha256 != digest:
        raise ModelError(f"{path.name} is not the file that {description.name} describes")
    return parameters
