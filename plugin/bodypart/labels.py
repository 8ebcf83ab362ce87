"""The 36 body parts, read from ``labels.csv``, the single source for all other code."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bodypart.code_record import CodeRecord, LabelRecord

SCHEME = "SCT"
"""Coding Scheme Designator of SNOMED CT (PS3.16 section 8.2)."""

ROUTER_GROUPS = ("abdominal", "adult chest", "pediatric chest", "spine", "others")
"""The five groups of the DICOM Imaging Router (Pham et al. 2021)."""

_WHOLE_LIMB = "lower_limb"
_SHOWN = 64
_TABLE = Path(__file__).with_name("labels.csv")


class UnknownLabelError(ValueError):
    """A text is neither one of the labels nor one of their SNOMED CT codes."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text[:_SHOWN]!r} is neither a label nor a SNOMED CT code of one")
        self.text = text


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept, as in the Code Sequence macro (PS3.3 table 8.8-1)."""

    value: str
    meaning: str
    scheme: str = SCHEME

    def to_json(self) -> CodeRecord:
        """Return the code as the contract spells it."""
        return {"value": self.value, "scheme": self.scheme, "meaning": self.meaning}


@dataclass(frozen=True, slots=True)
class BodyPart:
    """One label with its codes, and its place in anatomy and in the router's groups.

    Attributes
    ----------
    label : str
        The project's name of the part, lower case with underscores.
    code : Code
        SNOMED CT code, member of CID 4031.
    body_part_examined : str
        Defined term of PS3.16 Annex L for (0018,0015).
    exact_term : bool
        Whether that term means exactly this part; else it is the nearest that encloses it.
    paired : bool
        Whether the part has a left and a right.
    router_group : str
        ``abdominal``, ``chest``, ``spine`` or ``others``; age splits ``chest`` in two.
    part_of : tuple of str
        Labels and regions that enclose the part, in plain anatomy.
    visible : tuple of str
        Labels that a standard exposure of the part shows, the part itself first.
    often_visible : tuple of str
        Labels that it shows often but not always.
    """

    label: str
    code: Code
    body_part_examined: str
    exact_term: bool
    paired: bool
    router_group: str
    part_of: tuple[str, ...]
    visible: tuple[str, ...]
    often_visible: tuple[str, ...]

    def to_json(self, *, image_model: bool) -> LabelRecord:
        """Return the row of ``GET /bodypart/labels``."""
        return {
            "label": self.label,
            "code": self.code.to_json(),
            "body_part_examined": self.body_part_examined,
            "paired": self.paired,
            "group": self.router_group,
            "image_model": image_model,
        }


def _read_table(path: Path) -> tuple[BodyPart, ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            BodyPart(
                label=row["label"],
                code=Code(row["code"], row["meaning"]),
                body_part_examined=row["body_part_examined"],
                exact_term=row["exact_term"] == "yes",
                paired=row["paired"] == "yes",
                router_group=row["router_group"],
                part_of=tuple(row["part_of"].split()),
                visible=tuple(row["visible"].split()),
                often_visible=tuple(row["often_visible"].split()),
            )
            for row in csv.DictReader(file)
        )


LABELS: tuple[BodyPart, ...] = _read_table(_TABLE)
BY_LABEL: Mapping[str, BodyPart] = MappingProxyType({part.label: part for part in LABELS})
PLACE: Mapping[str, int] = MappingProxyType({part.label: at for at, part in enumerate(LABELS)})
"""Index of each label in the table, and so in vectors over all labels."""

_BY_CODE: Mapping[str, BodyPart] = MappingProxyType({part.code.value: part for part in LABELS})


def body_part(text: str) -> BodyPart:
    """Return the body part that a label, in any case and spacing, or a SNOMED CT code names.

    Raises
    ------
    UnknownLabelError
        If it names none of the 36 parts.
    """
    name = _as_name(text)
    found = BY_LABEL.get(name) or _BY_CODE.get(name)
    if found is None:
        raise UnknownLabelError(text)
    return found


def labels_named(text: str) -> tuple[str, ...]:
    """Return the labels that a label, a SNOMED CT code or a region stands for.

    A label stands for itself (``hand`` finds hands, not fingers); a region that is no label
    (``upper_limb``, ``head``) stands for its parts, as does the whole limb.

    Raises
    ------
    UnknownLabelError
        If it stands for none.
    """
    wanted = _as_name(text)
    if wanted == _WHOLE_LIMB or (wanted not in BY_LABEL and not wanted.isdigit()):
        return parts_of(wanted)
    return (body_part(wanted).label,)


def _as_name(text: str) -> str:
    return text.strip().lower().replace(" ", "_").replace("-", "_")


def parts_of(region: str) -> tuple[str, ...]:
    """Return the labels that lie in a region, the region's own label included.

    ``upper_limb`` gives clavicle to thumb, ``hand`` gives hand, finger and thumb.

    Raises
    ------
    UnknownLabelError
        If the text is no label and encloses none.
    """
    inside = {region} if region in BY_LABEL else set()
    while True:
        grown = inside | {
            part.label
            for part in LABELS
            if region in part.part_of or inside.intersection(part.part_of)
        }
        if grown == inside:
            break
        inside = grown
    if not inside:
        raise UnknownLabelError(region)
    return tuple(part.label for part in LABELS if part.label in inside)


def router_group(label: str | None, *, child: bool | None) -> str | None:
    """Return the router's group of an examined part (Pham et al. 2021).

    Parameters
    ----------
    label : str or None
        Examined part; None (unknown) belongs to ``others``.
    child : bool or None
        Whether the patient counts as a child. Only the group of a chest depends on it; a chest has
        no group if this is None.
    """
    group = BY_LABEL[label].router_group if label else "others"
    if group != "chest":
        return group
    if child is None:
        return None
    return "pediatric chest" if child else "adult chest"
