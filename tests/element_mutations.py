"""Hostile files made element by element: a mutation changes a tag, a VR, a value or an item.

Random changes of bytes mostly break a file where a reader looks first. Here a file in any coding is
taken apart, one thing in it is changed, and the rest stays valid. The same arguments give the same
files.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from random import Random

import pydicom.uid as uids
from pydicom import dcmread

_LONG_VRS = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT")
_VRS = (*_LONG_VRS, b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO",
        b"LT", b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US")  # fmt: skip
_UNDEFINED = 0xFFFFFFFF
_PIXELS = (0x7FE0, 0x0010)
_CHARACTER_SET = (0x0008, 0x0005)
_ODD_VALUES = (
    b"", b" ", b"\0\0", b"\\" * 300, b"A" * 65_534, b"\x1b$B\x1b(J\x1b$)C", b"\xff\xfe\xc3\x28",
    b"1e999 ", b"NaN ", b"-0.0", b"99999999999999999999", b"%s%n", b"../../../etc/passwd ",
    b"=cmd|' /C calc'!A0", b"<script>alert(1)</script> ", b"{\"a\":" * 100, b"\r\n\r\n\x00\x07",
    b"ISO 2022 IR 87\\ISO 2022 IR 149\\GB18030 ", b"19700101-20300101 ", b"\x80" * 32,
)  # fmt: skip


@dataclass(frozen=True)
class Coding:
    """How a data set is written."""

    implicit: bool
    order: str
    deflated: bool


@dataclass(frozen=True)
class Element:
    """A data element; one of undefined length has items instead of a value."""

    tag: tuple[int, int]
    vr: bytes
    value: bytes
    items: tuple[bytes, ...] | None = None


@dataclass
class File:
    """A DICOM file taken apart: everything before the data set, then its elements."""

    head: bytes
    coding: Coding
    elements: list[Element] = field(default_factory=list)

    def written(self, *, lengths: Random | None = None) -> bytes:
        """Return the file; with ``lengths``, the length of one element is slightly wrong."""
        liar = lengths.randrange(len(self.elements)) if lengths and self.elements else None
        body = b"".join(
            _written(element, self.coding, lie=lengths.choice((-2, -1, 1, 2, 8)))
            if lengths and number == liar
            else _written(element, self.coding)
            for number, element in enumerate(self.elements)
        )
        if self.coding.deflated:
            packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
            body = packer.compress(body) + packer.flush()
        return self.head + body


def taken_apart(data: bytes) -> File:
    """Take a valid file apart."""
    with_meta = dcmread(BytesIO(data), stop_before_pixels=True)
    syntax = with_meta.file_meta.TransferSyntaxUID
    end = 144 + with_meta.file_meta.FileMetaInformationGroupLength
    deflated = syntax == uids.DeflatedExplicitVRLittleEndian
    order = "<" if syntax.is_little_endian else ">"
    body = zlib.decompress(data[end:], -zlib.MAX_WBITS) if deflated else data[end:]
    file = File(data[:end], Coding(syntax.is_implicit_VR, order, deflated))
    file.elements = list(_elements(body, file.coding))
    return file


def _elements(body: bytes, coding: Coding) -> Iterator[Element]:
    at, order = 0, coding.order
    while at + 8 <= len(body):
        tag = struct.unpack_from(f"{order}HH", body, at)
        vr = b"" if coding.implicit else body[at + 4 : at + 6]
        if vr and vr not in _LONG_VRS:
            length, at = struct.unpack_from(f"{order}H", body, at + 6)[0], at + 8
        else:
            start = at + (4 if coding.implicit else 8)
            length, at = struct.unpack_from(f"{order}I", body, start)[0], start + 4
        if length == _UNDEFINED:
            items = []
            while body[at : at + 4] == struct.pack(f"{order}HH", 0xFFFE, 0xE000):
                size = struct.unpack_from(f"{order}I", body, at + 4)[0]
                items.append(body[at + 8 : at + 8 + size])
                at += 8 + size
            at += 8
            yield Element((tag[0], tag[1]), vr, b"", tuple(items))
        else:
            yield Element((tag[0], tag[1]), vr, body[at : at + length])
            at += length


def _written(element: Element, coding: Coding, *, lie: int = 0) -> bytes:
    order, value = coding.order, element.value
    length = max(0, len(value) + lie)
    if element.items is not None:
        item, end = (struct.pack(f"{order}HH", 0xFFFE, number) for number in (0xE000, 0xE0DD))
        pieces = (item + struct.pack(f"{order}I", len(i)) + i for i in element.items)
        value, length = b"".join(pieces) + end + bytes(4), _UNDEFINED
    head = struct.pack(f"{order}HH", *element.tag)
    if coding.implicit:
        return head + struct.pack(f"{order}I", length) + value
    if element.vr in _LONG_VRS:
        return head + element.vr + bytes(2) + struct.pack(f"{order}I", length) + value
    return head + element.vr + struct.pack(f"{order}H", min(length, 0xFFFF)) + value[:0xFFFF]


def left_out(file: File, random: Random) -> bytes:
    """Leave one to three elements out."""
    for _ in range(random.randint(1, 3)):
        file.elements.pop(random.randrange(len(file.elements)))
    return file.written()


def twice(file: File, random: Random) -> bytes:
    """Repeat an element, with the value of another one."""
    one, other = random.choice(file.elements), random.choice(file.elements)
    file.elements.insert(
        file.elements.index(one) + random.randint(0, 1), replace(one, value=other.value)
    )
    return file.written()


def out_of_order(file: File, random: Random) -> bytes:
    """Change the order of the elements."""
    if random.random() < 0.5:
        random.shuffle(file.elements)
    else:
        file.elements.insert(0, file.elements.pop())
    return file.written()


def other_vr(file: File, random: Random) -> bytes:
    """Give an element another VR."""
    at = random.randrange(len(file.elements))
    file.elements[at] = replace(file.elements[at], vr=random.choice(_VRS))
    return file.written()


def other_tag(file: File, random: Random) -> bytes:
    """Give an element the tag of another one, a private one, or an unknown one."""
    at = random.randrange(len(file.elements))
    strange = random.choice(
        ((0x0009, 0x1001), (0x0000, 0x0002), (0xFFFF, 0xFFFF), (0x5000, 0x3000))
    )
    tag = random.choice((random.choice(file.elements).tag, strange))
    file.elements[at] = replace(file.elements[at], tag=tag)
    return file.written()


def odd_value(file: File, random: Random) -> bytes:
    """Give one to four elements an unexpected value."""
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(file.elements))
        if file.elements[at].tag != _PIXELS:
            file.elements[at] = replace(file.elements[at], value=random.choice(_ODD_VALUES))
    return file.written()


def odd_number(file: File, random: Random) -> bytes:
    """Put edge-case numbers into one to four attributes of the picture (group 0028)."""
    numbers = [n for n, element in enumerate(file.elements) if element.tag[0] == 0x0028]
    for at in random.sample(numbers, min(len(numbers), random.randint(1, 4))):
        number = random.choice((0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 64, 255, 4096, 65_535))
        size = random.choice(("H", "H", "H", "I", "HH"))
        value = struct.pack(file.coding.order + size, *[number] * len(size))
        file.elements[at] = replace(file.elements[at], value=value)
    return file.written()


def lying_length(file: File, random: Random) -> bytes:
    """State a slightly wrong length for one element."""
    return file.written(lengths=random)


def without_end(file: File, random: Random) -> bytes:
    """Give an element an undefined length, and split its value into items."""
    at = random.randrange(len(file.elements))
    value = file.elements[at].value
    middle = len(value) // 2
    file.elements[at] = replace(file.elements[at], vr=b"UN", items=(value[:middle], value[middle:]))
    return file.written()


def in_a_sequence(file: File, random: Random) -> bytes:
    """Put some of the elements into an item of a sequence."""
    start = random.randrange(len(file.elements))
    inner = file.elements[start : start + random.randint(1, 6)]
    item = b"".join(_written(element, file.coding) for element in inner)
    sequence = Element((0x0008, 0x1115), b"SQ", b"", (item,) * random.choice((1, 2, 40)))
    file.elements.insert(random.randrange(len(file.elements)), sequence)
    return file.written()


def other_characters(file: File, random: Random) -> bytes:
    """State a character set other than that of the texts."""
    names = (
        b"ISO_IR 192",
        b"ISO 2022 IR 87 ",
        b"\\ISO 2022 IR 149",
        b"GB18030 ",
        b"ISO_IR 13",
        b"?",
    )
    texts = (b"\x1b$B\x24\x22", b"\xe8\x86\x9d", b"\x1b", b"\x8f\xa2\xaf\xff", b"\xff" * 64)
    charset = Element(_CHARACTER_SET, b"" if file.coding.implicit else b"CS", random.choice(names))
    file.elements.insert(0, charset)
    for at, element in enumerate(file.elements):
        if element.vr in (b"LO", b"PN", b"SH") or element.tag == (0x0008, 0x1030):
            file.elements[at] = replace(element, value=random.choice(texts))
    return file.written()


def fragments(file: File, random: Random) -> bytes:
    """Omit, repeat, empty, split, pad or replace a fragment or offset table; or reverse all."""
    at = next((n for n, one in enumerate(file.elements) if one.tag == _PIXELS), None)
    if at is None or not (items := list(file.elements[at].items or ())):
        return out_of_order(file, random)
    number = random.randrange(len(items))
    piece = items[number]
    cut = random.randrange(len(piece) + 1)
    items[number : number + 1] = random.choice(
        (
            [],
            [piece, piece],
            [b""],
            [piece[:cut], piece[cut:]],
            [piece + b"\0"],
            [piece[:cut]],
            [struct.pack("<I", random.choice((0, 8, 1 << 31, _UNDEFINED)))],
            items[::-1],
            [b"", *[piece] * 50],
        )
    )
    file.elements[at] = replace(file.elements[at], items=tuple(items))
    return file.written()


def marker_segment(file: File, random: Random) -> bytes:
    """Change one marker segment of a codestream: its length, or a number in it."""
    at = next((n for n, one in enumerate(file.elements) if one.items and one.tag == _PIXELS), None)
    if at is None:
        return odd_number(file, random)
    items = list(file.elements[at].items or ())
    number = max(range(len(items)), key=lambda n: len(items[n]))
    stream = bytearray(items[number])
    places = [n for n in range(min(len(stream) - 12, 4_000)) if stream[n] == 0xFF != stream[n + 1]]
    for place in random.sample(places, min(len(places), 2)):
        stream[place + random.randint(1, 11)] = random.choice((0, 1, 2, 16, 0x7F, 0x80, 0xFF))
    items[number] = bytes(stream)
    file.elements[at] = replace(file.elements[at], items=tuple(items))
    return file.written()


Change = Callable[[File, Random], bytes]
CHANGES: tuple[Change, ...] = (
    left_out,
    twice,
    out_of_order,
    other_vr,
    other_tag,
    odd_value,
    odd_number,
    lying_length,
    without_end,
    in_a_sequence,
    other_characters,
    fragments,
    marker_segment,
)


def element_mutations(
    files: Sequence[bytes], count: int, seed: int = 0
) -> Iterator[tuple[str, bytes]]:
    """Yield `count` files with their names, taking files and changes in turn.

    Each has a SOP Instance UID of its own, unless a mutation removed it.
    """
    apart = [taken_apart(data) for data in files]
    for number in range(count):
        change = CHANGES[number % len(CHANGES)]
        original = number // len(CHANGES) % len(files)
        file = apart[original]
        own = File(file.head, file.coding, [_numbered(e, number) for e in file.elements])
        yield (
            f"{number}: {change.__name__} of file {original}",
            change(own, Random(seed + number)),
        )


def _numbered(element: Element, number: int) -> Element:
    """Return the SOP Instance UID with a number at its end, any other element as it is."""
    if element.tag != (0x0008, 0x0018):
        return element
    uid = element.value.rstrip(b"\0")[:50] + f".1{number:06d}".encode()
    return replace(element, value=uid + b"\0" * (len(uid) % 2))
