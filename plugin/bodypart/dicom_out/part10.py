"""A DICOM file (PS3.10) whose top-level elements can be replaced; other bytes are copied."""

from __future__ import annotations

import zlib
from bisect import bisect_left
from typing import TYPE_CHECKING

from bodypart.dicom_out.encoding import (
    DicomStructureError,
    Element,
    Encoding,
    by_tag,
    is_filler,
    tag_text,
)
from bodypart.file_meta import DEFLATED, has_prefix, read_file_meta

if TYPE_CHECKING:
    from collections.abc import Mapping

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_PIXEL_DATA = 0x7FE00010
LARGEST_INFLATED = 2**28
"""Bytes; a deflated data set that inflates to more is refused."""


class Part10:
    """A DICOM file, cut into its elements.

    Parameters
    ----------
    data : bytes or memoryview
        The whole file, preamble and file meta information included.

    Attributes
    ----------
    encoding : Encoding
        How the data set is encoded.
    elements : dict of int to Element
        The top-level elements by tag, in the order of the file.
    body : memoryview
        The bytes to which the elements' offsets refer; inflated if the file is deflated.
    meta : memoryview
        Everything before the data set: preamble, prefix and file meta information.

    Raises
    ------
    DicomStructureError
        If the file does not parse into elements up to its last byte.
    """

    def __init__(self, data: bytes | memoryview) -> None:
        if not has_prefix(data):
            raise DicomStructureError("there is no DICM prefix (PS3.10 section 7.1)")
        meta_end, syntax = _read_meta(data)
        self.meta = memoryview(data)[:meta_end]
        self.deflated = syntax in DEFLATED
        self.encoding = Encoding(
            implicit=syntax == IMPLICIT_LITTLE_ENDIAN, big_endian=syntax == EXPLICIT_BIG_ENDIAN
        )
        if self.deflated:
            self.body = memoryview(_inflate(data[meta_end:]))
            start = 0
        else:
            self.body = memoryview(data)
            start = meta_end
        self.start = start
        self.elements = by_tag(self.encoding.walk(self.body, start, len(self.body)))
        if list(self.elements) != sorted(self.elements):
            raise DicomStructureError("the elements are not in ascending order (PS3.5 section 7.1)")

    def raw(self, element: Element) -> bytes:
        """Return an element's bytes, with header and delimiter."""
        return bytes(self.body[element.start : element.end])

    def value(self, element: Element) -> bytes:
        """Return the bytes of an element's value."""
        return bytes(self.body[element.value : element.stop])

    def text(self, tag: int) -> str | None:
        """Return a top-level value as a text without padding; None if it is absent or empty."""
        return self.text_of(self.elements.get(tag)) or None

    def text_of(self, element: Element | None) -> str:
        """Return a value as a text without padding; empty for an element that is not there."""
        if element is None:
            return ""
        return self.value(element).decode("latin-1").strip(" \0")

    def items(self, tag: int) -> list[dict[int, Element]]:
        """Return the elements of each item of a top-level sequence; none if it is absent."""
        sequence = self.elements.get(tag)
        return [] if sequence is None else self.nested(sequence)

    def nested(self, sequence: Element) -> list[dict[int, Element]]:
        """Return the elements of each item of a sequence, without fillers.

        Whoever converts implicit VR and does not know a sequence stores it as UN: its items are in
        implicit VR (PS3.5 section 6.2.2, note 3), so that their elements can be read, not copied.

        Raises
        ------
        DicomStructureError
            If the sequence is of another VR, or does not parse.
        """
        unknown = sequence.vr == "UN" and not self.encoding.big_endian
        if sequence.vr not in ("SQ", "") and not unknown:
            raise DicomStructureError(f"{tag_text(sequence.tag)} is stored as {sequence.vr}")
        encoding = self.encoding if sequence.vr == "SQ" else Encoding(implicit=True)
        return [
            by_tag(
                element
                for element in encoding.walk(self.body, item.value, item.stop)
                if not is_filler(element.tag)
            )
            for item in encoding.items(self.body, sequence)
        ]

    def rewritten(self, changes: Mapping[int, bytes | None]) -> bytes:
        """Return the file with some top-level elements replaced.

        Parameters
        ----------
        changes : mapping of int to bytes or None
            The encoded element for each tag that changes; None removes it.

        Returns
        -------
        bytes
            The new file. All bytes outside the changed elements are those of the old one, except
            retired group lengths (gggg,0000), which are updated.
        """
        exchanged = {**changes, **self._group_lengths(changes)}
        order = list(self.elements)
        pieces: list[bytes | memoryview] = []
        copied = self.start
        for tag, new in sorted(exchanged.items()):
            old = self.elements.get(tag)
            if old is not None:
                at, resume = old.start, old.end
            else:
                following = bisect_left(order, tag)
                at = len(self.body)
                if following < len(order):
                    at = self.elements[order[following]].start
                resume = at
            pieces.append(self.body[copied:at])
            pieces.append(new or b"")
            copied = resume
        pieces.append(self.body[copied:])
        if self.deflated:
            return b"".join((self.meta, _deflate(b"".join(pieces))))
        return b"".join((self.meta, *pieces))

    def _group_lengths(self, changes: Mapping[int, bytes | None]) -> dict[int, bytes]:
        """Return the retired group length elements (PS3.5 section 7.2) that a change affects."""
        grown: dict[int, int] = {}
        for tag, new in changes.items():
            old = self.elements.get(tag)
            before = old.end - old.start if old else 0
            group = tag & 0xFFFF0000
            grown[group] = grown.get(group, 0) + len(new or b"") - before
        lengths = {}
        for group, delta in grown.items():
            element = self.elements.get(group)
            if element is not None and element.stop - element.value == 4 and delta:
                length = self.encoding.number(self.value(element)) + delta
                if not 0 <= length < 2**32:
                    raise DicomStructureError(f"the group length {tag_text(group)} is wrong")
                head = bytes(self.body[element.start : element.value])
                lengths[group] = head + self.encoding.long(length)
        return lengths


def header_end(data: bytes | memoryview) -> int:
    """Return where Pixel Data begins if it is the file's last element, else the file's length.

    The bytes before it are a DICOM file, too, with everything that a correction reads or writes.
    Digital signatures would come after it (PS3.3 C.12.1.1.3.1).
    """
    if read_file_meta(data).transfer_syntax in DEFLATED:
        return len(data)  # It could not be cut there, and may inflate to a lot.
    try:
        file = Part10(data)
    except DicomStructureError:
        return len(data)
    last = next(reversed(file.elements.values()), None)
    if last is None or last.tag != _PIXEL_DATA:
        return len(data)
    return last.start


def _read_meta(data: bytes | memoryview) -> tuple[int, str]:
    """Return where the data set begins, and the transfer syntax of the file."""
    meta = read_file_meta(data)
    syntax = meta.transfer_syntax
    if not syntax:
        raise DicomStructureError("the file meta information names no transfer syntax")
    if syntax != IMPLICIT_LITTLE_ENDIAN and not syntax.startswith(IMPLICIT_LITTLE_ENDIAN + "."):
        raise DicomStructureError("the transfer syntax is a private or unknown one")
    return meta.end, syntax


def _inflate(data: bytes | memoryview) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = stream.decompress(data, LARGEST_INFLATED)
    except zlib.error:
        raise DicomStructureError("the deflated data set does not inflate") from None
    if stream.unconsumed_tail:
        raise DicomStructureError(f"the data set inflates to more than {LARGEST_INFLATED} bytes")
    if not stream.eof or stream.unused_data.strip(b"\0"):
        raise DicomStructureError("the deflated data set ends too early or too late")
    return inflated


def _deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = stream.compress(data) + stream.flush()
    # PS3.5 section A.5: padded to an even length.
    return deflated + b"\0" * (len(deflated) % 2)
