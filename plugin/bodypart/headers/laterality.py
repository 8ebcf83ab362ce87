"""The side: what coded attributes and texts say of it, and whether they contradict each other."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from bodypart.labels import BY_LABEL
from bodypart.laterality import SIDE_OF_CODE, side_in
from bodypart.regions import compatible

if TYPE_CHECKING:
    from bodypart.laterality import Side

_CODED = ("ImageLaterality", "FrameLaterality", "AnatomicRegionModifierSequence", "Laterality")


def side_of_code(value: str) -> Side | None:
    """Return the side that a code of Anatomic Region Modifier Sequence means, or None."""
    return SIDE_OF_CODE.get(value.strip().upper())


class Said(NamedTuple):
    """A side, the parts that the same text names with it, and the attribute of that text."""

    side: Side | None = None
    of: tuple[str, ...] = ()
    attribute: str = ""

    def is_about(self, label: str) -> bool:
        """Return whether it may be the side of a part; it may if no parts are named with it."""
        return not self.of or any(compatible(named, label) for named in self.of)

    def may_be_of_the_same(self, other: Said) -> bool:
        """Return whether both may speak of one part.

        Within one text a hand and a wrist are two parts. Of two texts about the same exposure, one
        may name the hand and the other the wrist.
        """
        if self.attribute == other.attribute and self.of and other.of:
            return not set(self.of).isdisjoint(other.of)
        return not self.of or any(other.is_about(part) for part in self.of)


class Sides:
    """What each attribute says about the side; coded attributes outrank texts."""

    def __init__(self) -> None:
        self._said: dict[str, list[Said]] = {}

    def say(self, attribute: str, side: str | None, of: tuple[str, ...] = ()) -> None:
        """Note the side that an attribute names, and of which parts; None notes nothing."""
        if known := side_in(side):
            self._said.setdefault(attribute, []).append(Said(known, of, attribute))

    def first(self, label: str | None) -> Said:
        """Return what the most trusted attribute says, preferably about the label."""
        counted = self._counted(label)
        about = (said for said in counted if label is not None and said.is_about(label))
        return next(about, next(iter(counted), Said()))

    def contradict(self, label: str | None) -> bool:
        """Return whether one attribute says left and another right.

        "Both" contradicts neither: an order for both knees has a picture of each. Nor does the
        right hand of an order contradict the left foot that the console names.
        """
        said = [it for it in self._counted(label) if label is None or it.is_about(label)]
        left = [it for it in said if it.side == "L"]
        right = [it for it in said if it.side == "R"]
        return any(one.may_be_of_the_same(other) for one in left for other in right)

    def of_parts(self) -> dict[str, Side]:
        """Return the side of each part, if all texts that name its side agree."""
        found: dict[str, set[Side]] = {}
        for it in chain.from_iterable(self._said.values()):
            if it.side:
                for label in it.of:
                    found.setdefault(label, set()).add(it.side)
        return {label: sides.pop() for label, sides in found.items() if len(sides) == 1}

    def _counted(self, label: str | None) -> list[Said]:
        """Return what each attribute says about a label, most trusted first.

        In a text about an unpaired part "left" is a view or a position ("chest left lateral").
        """
        coded = [name for name in _CODED if name in self._said]
        texts = [name for name in self._said if name not in _CODED]
        if label is not None and not BY_LABEL[label].paired:
            texts = []
        return [said for name in coded + texts for said in _of_label(self._said[name], label)]


def _of_label(said: list[Said], label: str | None) -> list[Said]:
    """Return what one attribute says about the label itself, else all that it says."""
    itself = [it for it in said if label in it.of]
    return itself or said
