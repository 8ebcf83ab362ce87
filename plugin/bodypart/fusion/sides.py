"""The side of the examined part: from the header, else from a marker in the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bodypart.annotation import Laterality
from bodypart.labels import BY_LABEL
from bodypart.regions import compatible, labels_in

if TYPE_CHECKING:
    from bodypart.evidence import HeaderReading, ImageReading
    from bodypart.laterality import OneSide
    from bodypart.record import DescriptionRecord, ImageRecord

_LIMBS = ("upper_limb", "lower_limb")
"""Regions whose markers name the limb; beside ribs or a hip a marker may show the orientation."""


def side_wanted(picture: ImageReading, header: HeaderReading) -> bool:
    """Return whether to look for a marker: if picture or header say that it is a limb."""
    if picture.rejected:
        return False
    return any(marker_names_side(label) for label in (picture.top(1)[0].label, *header.labels))


def marker_side(picture: ImageReading | None) -> OneSide | None:
    """Return the side that a marker names, None if both limbs may be in the picture."""
    marker = picture.marker if picture is not None else None
    return None if marker is None or marker.both else marker.side


def side_of(label: str | None, header: HeaderReading, marker: OneSide | None) -> Laterality:
    """Return the side of a part and who said so; the header comes first.

    Parameters
    ----------
    label : str or None
        The examined part.
    header : HeaderReading
        What the headers say about the part and its side.
    marker : str or None
        The side that a marker in the picture names.
    """
    if label is None or not BY_LABEL[label].paired:
        return Laterality()
    if header.labels:
        # An order for the right hand says nothing about the foot that the console names.
        of = header.laterality_of or header.labels
        meant = any(compatible(named, label) for named in of)
    else:
        meant = header.region is None or label in labels_in(header.region)
    of_another = bool(header.laterality_of) and label not in header.laterality_of
    if header.laterality and meant and not (of_another and label in header.sides):
        return Laterality(header.laterality, "header")
    if label in header.sides and not header.laterality_conflict:
        return Laterality(header.sides[label], "header")
    if header.laterality or not marker_names_side(label):
        return Laterality()
    return Laterality(marker, "marker") if marker else Laterality()


def side_in_doubt(laterality: Laterality, marker: OneSide | None) -> str | None:
    """Return why a person should review the side, None if there is no reason.

    A header that says "both" does not contradict a marker, as each limb has its own.
    """
    if marker is None or laterality.value not in {"L", "R"} or laterality.value == marker:
        return None
    return f"The marker says {marker}, the header {laterality.value}."


def open_side(annotation: DescriptionRecord) -> str | None:
    """Return why a person has to decide on the side, None if nobody has to, or somebody did.

    Parameters
    ----------
    annotation : dict
        An annotation as JSON.
    """
    examined, header = annotation["examined"], annotation["header"]
    if annotation["review"] or examined is None or not BY_LABEL[examined["label"]].paired:
        return None
    if header and header.get("laterality_conflict"):
        return "the header says left in one place and right in another"
    side, marker = annotation["laterality"], named_by_marker(annotation["image"])
    if side["source"] == "header" and side_in_doubt(Laterality(side["value"], "header"), marker):
        return "marker and header name different sides"
    return None


def named_by_marker(image: ImageRecord | None) -> OneSide | None:
    """Return the side that a marker names, like `marker_side`, from an annotation's record."""
    marker = image.get("marker") if image else None
    return None if marker is None or marker["both"] else marker["side"]


def marker_names_side(label: str) -> bool:
    """Return whether a marker beside a part names its side, rather than the orientation."""
    limb = any(label in labels_in(region) for region in _LIMBS)
    return limb and label not in labels_in("pelvis")
