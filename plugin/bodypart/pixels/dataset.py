"""DICOM bytes to a pydicom data set, trusting nothing that the bytes claim.

pydicom does the parsing. This module adds: pixel data are a view into the given bytes, not a copy;
file meta information and byte order are read from the bytes themselves; a deflated data set is
inflated only up to a limit (pydicom has none); the number of elements and the length of a value are
bounded; and every failure becomes a `DatasetError` with a reason. Elements after the pixel data are
not read.
"""

from __future__ import annotations

import logging
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import BinaryIO, cast

from pydicom import config, filereader
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID, ImplicitVRLittleEndian

from bodypart.file_meta import (
    DEFLATED,
    LONG_FORM,
    FileMeta,
    has_prefix,
    is_vr,
    read_file_meta,
)
from bodypart.pixels.layout import GE_PRIVATE

_Bytes = bytes | memoryview

INFLATE_LIMIT = 128 << 20
"""Bytes to which a deflated data set may be inflated."""

_PIECE = 8 << 20

ELEMENT_LIMIT = 50_000
"""Top-level elements; radiographs have about a hundred."""

READ_LIMIT = 6 * ELEMENT_LIMIT
"""Reads of the stream: up to three for each element, also for those nested in sequences."""

LARGEST_VALUE = 256 << 10
"""Bytes; a longer value, other than the pixels, is read as empty: none that is needed is longer.
The largest one needed, a Modality LUT of 65,536 entries, has half of this. To turn hundreds of
megabytes of text, numbers or items into objects would take a decoder minutes."""

LONGEST_CHARACTER_SET = 1024
"""Bytes of Specific Character Set, which pydicom splits and looks up at once, at any depth."""

_CHARACTER_SET_TAGS = (b"\x08\x00\x05\x00", b"\x00\x08\x00\x05")
_ELEMENT_HEADER = 8

_MOST_REPAIRS = 8
"""Elements with an invalid VR that are tolerated; each costs a copy of the file."""

PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float Pixel Data, Double Float Pixel Data, Pixel Data (PS3.3 C.7.6.3 and C.7.6.24)."""

_PIXEL_VRS = ("OB", "OW", "OF", "OD")

UNDEFINED_LENGTH = 0xFFFFFFFF

_IMPLICIT = frozenset({ImplicitVRLittleEndian, GE_PRIVATE})

# pydicom's warnings quote header values, which must not be logged.
config.settings.reading_validation_mode = config.IGNORE
warnings.filterwarnings("ignore", module=r"pydicom\b")
logging.getLogger("pydicom").disabled = True


class DatasetError(ValueError):
    """The bytes are not a readable DICOM data set; the message says why."""


class NotDicomError(DatasetError):
    """The bytes do not even begin like DICOM."""


def read_dataset(
    data: bytes | bytearray | memoryview, *, limit: int = INFLATE_LIMIT
) -> FileDataset:
    """Parse a DICOM file: any transfer syntax, with or without preamble and file meta.

    Parameters
    ----------
    data : bytes, bytearray or memoryview
        The whole file. A read-only buffer is used without a copy, and kept alive by the data set.
    limit : int
        The largest size, in bytes, that a deflated data set may inflate to.

    Returns
    -------
    FileDataset
        Everything up to the pixel data. Their value is a `memoryview`: for encapsulated data, all
        up to the end of the file. Of a truncated file, what it still has.

    Raises
    ------
    DatasetError
        If nothing can be read, or a limit is exceeded. No other exception is raised.
    """
    if isinstance(data, bytearray) or (isinstance(data, memoryview) and not data.readonly):
        data = bytes(data)
    try:
        return _parse(data, limit)
    except DatasetError:
        raise
    except RecursionError:
        raise DatasetError("its sequences are nested too deeply") from None
    except OSError:  # the stream is in memory: only its end can cause this
        raise DatasetError("it ends inside a sequence") from None
    except MemoryError:
        raise DatasetError("reading it takes more memory than allowed") from None
    except Exception as error:  # a parser fed with arbitrary bytes raises anything
        raise DatasetError(f"not readable as DICOM ({type(error).__name__})") from None


def _parse(source: _Bytes, limit: int) -> FileDataset:
    if len(source) < 8:
        raise NotDicomError("not DICOM: shorter than one element")
    if not has_prefix(source) and not _starts_like_a_dataset(source):
        raise NotDicomError("not DICOM: neither a preamble nor a first element")
    meta = read_file_meta(source)
    start = meta.end
    if meta.transfer_syntax in DEFLATED:
        source, start = _inflated(memoryview(source)[start:], limit), 0
    for _ in range(_MOST_REPAIRS):
        try:
            dataset = _read_body(source, start, meta)
            break
        except _OddVrError as error:
            source = b"".join((source[: error.at], b"ST", source[error.at + 2 :]))
    else:
        raise DatasetError("its value representations are not those of DICOM")
    if not len(dataset):
        raise DatasetError("no attribute could be read")
    return dataset


def _read_body(source: _Bytes, start: int, meta: FileMeta) -> FileDataset:
    implicit, little = _encoding(source, start, meta.transfer_syntax)
    stream = _CountedReads(source)
    stream.seek(start)
    elements = filereader.read_dataset(
        cast("BinaryIO", stream),
        implicit,
        little,
        stop_when=_at_pixels(stream, explicit=not implicit),
        defer_size=LARGEST_VALUE,
    )
    _clear(elements)
    implicit = elements.original_encoding[0] is not False  # pydicom believes the first element
    dataset = FileDataset(BytesIO(), elements, None, _pydicom_meta(meta), implicit, little)
    dataset.set_original_encoding(implicit, little, elements.original_character_set)
    _attach_pixels(dataset, source, stream.tell())
    return dataset


def _clear(elements: Dataset) -> None:
    """Empty the values that are too long to be kept; remove groups 0000 and 0002.

    These groups belong to messages and files (PS3.5 section 7.1), and must not be written with a
    data set.
    """
    for tag in list(elements.keys()):
        item = elements.get_item(tag, keep_deferred=True)
        if tag.group in (0x0000, 0x0002):
            del elements[tag]
        elif isinstance(item, RawDataElement) and item.value is None and item.length:
            elements[tag] = item._replace(value=b"", length=0)


def _starts_like_a_dataset(source: _Bytes) -> bool:
    """Tell whether the first tag's group is one that a data set can begin with."""
    return any(struct.unpack(order, source[:2])[0] in (2, 4, 8) for order in ("<H", ">H"))


def _encoding(source: _Bytes, start: int, syntax: str) -> tuple[bool, bool]:
    """Return whether the data set is in implicit VR, and whether in little endian.

    The first group number, which is below 0x0100, gives the byte order: gateways rewrite data sets
    and leave the file meta information as it was.
    """
    first = source[start : start + 2]
    little = len(first) < 2 or first[0] != 0 or first[1] == 0
    if syntax:
        return syntax in _IMPLICIT, little
    return not is_vr(source[start + 4 : start + 6]), little


def _pydicom_meta(meta: FileMeta) -> FileMetaDataset:
    file_meta = FileMetaDataset()
    if meta.transfer_syntax:
        file_meta.TransferSyntaxUID = UID(meta.transfer_syntax)
    return file_meta


def _inflated(deflated: memoryview, limit: int) -> bytes:
    """Inflate in pieces, so that a decompression bomb takes little more memory than the limit."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces: list[bytes] = []
    rest: memoryview | bytes = deflated
    try:
        while rest and not inflater.eof:
            pieces.append(inflater.decompress(rest, _PIECE))
            rest = inflater.unconsumed_tail
            if sum(map(len, pieces)) > limit:
                raise DatasetError(f"its deflated data set is larger than {limit >> 20} MB")
    except zlib.error:
        raise DatasetError("its deflated data set is damaged") from None
    return b"".join(pieces)


class _OddVrError(Exception):
    """An element's value representation is invalid, like ``??`` or ``xx``; `at` is its offset."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at


class _CountedReads:
    """A stream that raises if a data set takes too many reads, at any depth.

    Only what is read is copied, not the whole file.
    """

    def __init__(self, data: _Bytes) -> None:
        self._data = memoryview(data)
        self._at = 0
        self.size = len(data)
        self._reads = 0
        self._at_character_set = False

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads += 1
        if self._reads > READ_LIMIT:
            raise DatasetError("it has too many elements, or too many items in its sequences")
        if self._at_character_set and size is not None and size > LONGEST_CHARACTER_SET:
            raise DatasetError("its SpecificCharacterSet is too long")
        end = self.size if size is None or size < 0 else self._at + size
        data = bytes(self._data[self._at : end])
        self._at += len(data)
        if size == _ELEMENT_HEADER:
            self._at_character_set = data[:4] in _CHARACTER_SET_TAGS
        return data

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._at = offset + (0, self._at, self.size)[whence]
        if self._at < 0:
            raise ValueError("before the beginning")
        return self._at

    def peek(self, at: int, count: int) -> bytes:
        """Return bytes from anywhere, without moving."""
        return bytes(self._data[at : at + count])


def _at_pixels(
    stream: _CountedReads, *, explicit: bool
) -> Callable[[BaseTag, str | None, int], bool]:
    """Return a stop condition for pydicom: at the pixel data, or at too many elements."""
    seen = 0

    def stop(tag: BaseTag, vr: str | None, length: int) -> bool:
        nonlocal seen
        seen += 1
        if seen > ELEMENT_LIMIT:
            raise DatasetError(f"it has more than {ELEMENT_LIMIT} elements")
        if tag in PIXEL_TAGS:
            return True
        if explicit and vr is None and stream.size < stream.tell() + length < UNDEFINED_LENGTH:
            at = stream.tell() - 4
            if all(0x20 <= letter < 0x7F for letter in stream.peek(at, 2)):
                # An unknown VR, which pydicom took for a part of a length in implicit VR.
                raise _OddVrError(at)
        return False

    return stop


def _attach_pixels(dataset: Dataset, source: _Bytes, position: int) -> None:
    """Add the pixel element that starts at `position`, its value a view into `source`."""
    implicit, little = dataset.original_encoding
    order = "<" if little else ">"
    header = bytes(source[position : position + 12])
    if len(header) < 8:
        return
    group, element = struct.unpack_from(order + "HH", header)
    tag = group << 16 | element
    if tag not in PIXEL_TAGS:
        return
    vr = "OW" if implicit else header[4:6].decode("ascii", "replace")
    if not implicit and header[4:6] in LONG_FORM:
        if len(header) < 12:
            return
        length, start = struct.unpack_from(order + "I", header, 8)[0], position + 12
    elif implicit:
        length, start = struct.unpack_from(order + "I", header, 4)[0], position + 8
    else:
        length, start = struct.unpack_from(order + "H", header, 6)[0], position + 8
    end = len(source) if length == UNDEFINED_LENGTH else min(start + length, len(source))
    value = memoryview(source)[start:end]
    vr = vr if vr in _PIXEL_VRS else "OW"  # pydicom would refuse or interpret any other
    # A raw element, because a DataElement would check the value's type and copy.
    dataset[tag] = RawDataElement(
        BaseTag(tag),
        vr,
        len(value),
        value,  # type: ignore[arg-type]  # a view: pydicom asks for bytes, and copies none
        start,
        bool(implicit),
        bool(little),
    )
