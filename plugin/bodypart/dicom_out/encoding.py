"""Data elements as bytes: where each one is, and how a new one is written (PS3.5 section 7).

Values are not interpreted. The bytes of unchanged elements are copied, so pixels, private tags and
odd encodings stay as they are.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bodypart.file_meta import LONG_FORM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD
_TRAILING_PADDING = 0xFFFCFFFC
DEEPEST = 64
"""Levels of undefined length that are followed; deeper nesting is taken for an attack."""
MOST_ELEMENTS = 250_000
"""Most elements and items that are read in one walk; more would take seconds."""

_LONG_VRS = frozenset(vr.decode("ascii") for vr in LONG_FORM)
_TEXT_VRS = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UI")
_SHORT_VRS = frozenset((*_TEXT_VRS, "AT", "FD", "FL", "SL", "SS", "UL", "US"))
_NESTING_VRS = frozenset(("SQ", "UN", "OB", "OW", ""))


class DicomStructureError(ValueError):
    """The bytes are not a DICOM file that can be rewritten without risk; the text says why."""


@dataclass(frozen=True, slots=True)
class Element:
    """Where a data element lies in its buffer.

    Attributes
    ----------
    tag : int
        Group and element number, ``0x00180015``.
    vr : str
        Value representation; empty where the encoding is implicit.
    start, value, stop, end : int
        Offsets of the element and of its value, of the end of its value and of the element. The
        last two differ by the delimiter if the length is undefined.
    """

    tag: int
    vr: str
    start: int
    value: int
    stop: int
    end: int

    @property
    def undefined(self) -> bool:
        """Whether the element has an undefined length."""
        return self.stop != self.end


class _Budget:
    """How many more elements one walk may read."""

    def __init__(self) -> None:
        self._left = MOST_ELEMENTS

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise DicomStructureError(f"there are more than {MOST_ELEMENTS} elements")


@dataclass(frozen=True, slots=True)
class Encoding:
    """One of the ways to encode a data set: explicit or implicit VR, byte order."""

    implicit: bool = False
    big_endian: bool = False

    def element(self, tag: int, vr: str, value: bytes) -> bytes:
        """Return a data element of defined length.

        Parameters
        ----------
        tag : int
            Group and element number.
        vr : str
            Value representation; not written if the encoding is implicit.
        value : bytes
            The encoded value, of even length.
        """
        head = self._pack("HH", tag >> 16, tag & 0xFFFF)
        if self.implicit:
            return head + self._pack("L", len(value)) + value
        head += vr.encode("ascii")
        if vr in _LONG_VRS:
            return head + b"\0\0" + self._pack("L", len(value)) + value
        return head + self._pack("H", len(value)) + value

    def text(self, tag: int, vr: str, value: str) -> bytes:
        """Return an element with an ASCII text, padded to an even length (PS3.5 section 6.2)."""
        encoded = value.encode("ascii")
        return self.element(tag, vr, encoded + b" " * (len(encoded) % 2))

    def shorts(self, tag: int, vr: str, *values: int) -> bytes:
        """Return an element of 16-bit numbers: VR US, or AT as pairs of group and element."""
        return self.element(tag, vr, self._pack("H" * len(values), *values))

    def item(self, *elements: bytes) -> bytes:
        """Return a sequence item of defined length."""
        content = b"".join(elements)
        return self._pack("HHL", ITEM >> 16, ITEM & 0xFFFF, len(content)) + content

    def sequence(self, tag: int, *items: bytes) -> bytes:
        """Return a sequence element of defined length."""
        return self.element(tag, "SQ", b"".join(items))

    def number(self, value: bytes | memoryview) -> int:
        """Return the unsigned number that bytes hold, in this byte order."""
        return int.from_bytes(value, "big" if self.big_endian else "little")

    def long(self, value: int) -> bytes:
        """Return an unsigned number as four bytes."""
        return self._pack("L", value)

    def walk(self, buffer: memoryview, start: int, stop: int) -> Iterator[Element]:
        """Yield the elements between two offsets, without those nested in them.

        Raises
        ------
        DicomStructureError
            If the bytes do not parse exactly up to ``stop``, or hold too many elements.
        """
        budget = _Budget()
        at = start
        while at < stop:
            element = self._element_at(buffer, at, stop, 0, budget)
            if element.tag >> 16 == 0xFFFE:
                raise DicomStructureError("a delimiter stands outside of any sequence")
            yield element
            at = element.end

    def items(self, buffer: memoryview, sequence: Element) -> list[Element]:
        """Return the items of a sequence, as elements with the tag of an item.

        Raises
        ------
        DicomStructureError
            If the value is not a sequence of items.
        """
        found = []
        budget = _Budget()
        at = sequence.value
        while at < sequence.stop:
            item = self._item_at(buffer, at, sequence.stop, 0, budget)
            if item.tag != ITEM:
                raise DicomStructureError(
                    f"{tag_text(sequence.tag)} holds something other than items"
                )
            found.append(item)
            at = item.end
        return found

    def content(self, buffer: memoryview, element: Element, depth: int = 0) -> object:
        """Return an element's content for comparison, independent of length encoding and fillers.

        Raises
        ------
        DicomStructureError
            If sequences are nested too deeply.
        """
        if depth > DEEPEST:
            raise DicomStructureError(f"sequences are nested more than {DEEPEST} levels deep")
        # Implicit VR does not mark sequences, but no other value begins like an item.
        begins_like_item = buffer[element.value : element.stop][:4] == self.item()[:4]
        if element.vr != "SQ" and (element.vr or not begins_like_item):
            return bytes(buffer[element.value : element.stop]).rstrip(b" \0")
        items = self.items(buffer, element)
        return tuple(
            tuple(
                (inner.tag, self.content(buffer, inner, depth + 1))
                for inner in self.walk(buffer, item.value, item.stop)
                if not is_filler(inner.tag)
            )
            for item in items
        )

    def _element_at(
        self, buffer: memoryview, at: int, stop: int, depth: int, budget: _Budget
    ) -> Element:
        budget.spend()
        if stop - at < 8:
            raise DicomStructureError("the data set ends within an element")
        tag = self._tag_at(buffer, at)
        vr = ""
        value = at + 8
        if self.implicit or tag >> 16 == 0xFFFE:
            length = self.number(buffer[at + 4 : at + 8])
        else:
            vr = bytes(buffer[at + 4 : at + 6]).decode("latin-1")
            if vr in _SHORT_VRS:
                length = self.number(buffer[at + 6 : at + 8])
            elif vr in _LONG_VRS:
                value = at + 12
                if value > stop:
                    raise DicomStructureError("the data set ends within an element")
                length = self.number(buffer[at + 8 : at + 12])
            else:
                raise DicomStructureError(f"{tag_text(tag)} has no known value representation")
        if length == UNDEFINED:
            if vr not in _NESTING_VRS:
                raise DicomStructureError(f"{tag_text(tag)} of VR {vr} has no length")
            # PS3.5 section 6.2.2, note 4: an unknown sequence of undefined length is implicit.
            inner = Encoding(implicit=True) if vr == "UN" else self
            fragments = vr in ("OB", "OW")
            end = inner._sequence_end(buffer, value, stop, depth, budget, fragments=fragments)
            return Element(tag, vr, at, value, end - 8, end)
        if length > stop - value:
            raise DicomStructureError(f"{tag_text(tag)} is longer than what holds it")
        return Element(tag, vr, at, value, value + length, value + length)

    def _sequence_end(
        self,
        buffer: memoryview,
        at: int,
        stop: int,
        depth: int,
        budget: _Budget,
        *,
        fragments: bool,
    ) -> int:
        """Return the offset after the delimiter of a sequence of undefined length."""
        while True:
            item = self._item_at(buffer, at, stop, depth + 1, budget)
            if item.tag == SEQUENCE_END:
                return item.end
            if fragments and item.undefined:
                raise DicomStructureError("a fragment of pixel data has no length")
            at = item.end

    def _item_at(
        self, buffer: memoryview, at: int, stop: int, depth: int, budget: _Budget
    ) -> Element:
        """Return the item, or the sequence delimiter, at an offset."""
        budget.spend()
        if depth > DEEPEST:
            raise DicomStructureError(f"sequences are nested more than {DEEPEST} levels deep")
        if stop - at < 8:
            raise DicomStructureError("the data set ends within a sequence")
        tag = self._tag_at(buffer, at)
        length = self.number(buffer[at + 4 : at + 8])
        value = at + 8
        if tag == SEQUENCE_END and length == 0:
            return Element(tag, "", at, value, value, value)
        if tag != ITEM:
            raise DicomStructureError("a sequence holds something else than items")
        if length != UNDEFINED:
            if length > stop - value:
                raise DicomStructureError("an item is longer than what holds it")
            return Element(tag, "", at, value, value + length, value + length)
        inside = value
        while True:
            if stop - inside >= 8 and self._tag_at(buffer, inside) == ITEM_END:
                return Element(tag, "", at, value, inside, inside + 8)
            inside = self._element_at(buffer, inside, stop, depth, budget).end

    def _tag_at(self, buffer: memoryview, at: int) -> int:
        group = self.number(buffer[at : at + 2])
        return group << 16 | self.number(buffer[at + 2 : at + 4])

    def _pack(self, layout: str, *values: int) -> bytes:
        return struct.pack((">" if self.big_endian else "<") + layout, *values)


def by_tag(elements: Iterable[Element]) -> dict[int, Element]:
    """Return elements by their tag.

    Raises
    ------
    DicomStructureError
        If a tag occurs twice.
    """
    found: dict[int, Element] = {}
    for element in elements:
        if element.tag in found:
            raise DicomStructureError(f"{tag_text(element.tag)} stands twice")
        found[element.tag] = element
    return found


def is_filler(tag: int) -> bool:
    """Tell whether an element says nothing: a retired group length, or trailing padding.

    Some archives write them into each item (PS3.5 section 7.2, PS3.10 section 7.2).
    """
    return tag & 0xFFFF == 0 or tag == _TRAILING_PADDING


def tag_text(tag: int) -> str:
    """Return a tag as ``(0018,0015)``."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
