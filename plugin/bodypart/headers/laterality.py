"""The side: what coded attributes and texts say of it, and whether they contradict each other."""

from __future__ import annotations

from bodypart.evidence import SIDES
from bodypart.labels import BY_LABEL
from bodypart.laterality import SIDE_OF_CODE

_CODED = ("ImageLaterality", "AnatomicRegionModifierSequence", "Laterality")


def side_of_code(value: str) -> str | None:
    """Return the side that a code of Anatomic Region Modifier Sequence means, or None."""
    return SIDE_OF_CODE.get(value.strip().upper())


class Sides:
    """What each attribute says of the side; coded attributes outrank texts."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def say(self, attribute: str, side: str | None) -> None:
        """Note the side that an attribute names; U (unpaired) and nonsense say nothing."""
        side = side.strip().upper()[:1] if side else ""
        if side in SIDES:
            self._said.setdefault(attribute, side)

    def value(self, label: str | None) -> str | None:
        """Return the side of the most trusted attribute that names one."""
        return next(iter(self._counted(label)), None)

    def contradict(self, label: str | None) -> bool:
        """Return whether one attribute says left and another right.

        "Both" contradicts neither: an order for both knees has a picture of each.
        """
        return {"L", "R"} <= set(self._counted(label))

    def _counted(self, label: str | None) -> list[str]:
        """Return the sides, most trusted first.

        In a text about an unpaired part "left" is a view or a position ("chest left lateral").
        """
        coded = [self._said[name] for name in _CODED if name in self._said]
        if label is not None and not BY_LABEL[label].paired:
            return coded
        return coded + [side for name, side in self._said.items() if name not in _CODED]
