"""Pages of a list, each beginning where the one before ended (keyset pagination).

An ``OFFSET`` has to step over all rows that it skips. Here a page begins behind the sort keys of
the previous page's last line, which an index finds at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Key:
    """One of the keys that a list is sorted by; none of its values is NULL.

    Attributes
    ----------
    value : ColumnElement
        A column, or an expression that an index is made of.
    descending : bool
        Whether the largest comes first.
    """

    value: sa.ColumnElement[Any]
    descending: bool = False

    def order(self) -> sa.ColumnElement[Any]:
        """Return the key for ``ORDER BY``."""
        return self.value.desc() if self.descending else self.value

    def behind(self, last: Any) -> sa.ColumnElement[bool]:
        """Return the condition for lines behind a value."""
        return sa.and_(self.value < last if self.descending else self.value > last)


def behind(keys: Sequence[Key], place: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Return the condition for the lines behind a place in the list.

    Parameters
    ----------
    keys : sequence of Key
        Keys by which the list is sorted.
    place : sequence
        Their values in the previous page's last line.
    """
    first, last = keys[0], place[0]
    alternatives = [
        sa.and_(
            *(key.value == value for key, value in zip(keys[:i], place[:i], strict=True)),
            keys[i].behind(place[i]),
        )
        for i in range(len(keys))
    ]
    # An index can be entered only by the first key; the alternatives are checked from there.
    begin = first.value <= last if first.descending else first.value >= last
    return sa.and_(begin, sa.or_(*alternatives))
