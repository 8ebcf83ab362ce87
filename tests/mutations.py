"""Hostile files: good ones with bits flipped, ends cut off, lengths and sizes that lie, and bombs.

    for name, data in mutations([file_bytes(radiograph())], 2_000):
        ...

The same arguments give the same files. `name` says what was done, so that a failure can be
reproduced.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from random import Random

import pydicom.uid as uids
from pydicom import dcmread

from phantoms import file_bytes, radiograph

FATAL_TO_ORTHANC = ("nested_sequences", "many_elements")
"""Mutations that crash or stall a bare Orthanc 1.10 before any plugin sees them."""

_LENGTHS = (0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFE, 0x80000000, 0xFFFF, 0)
_MEGABYTES = (1, 8, 8, 16, 16, 16, 200, 1_000)
_SIZES = (0, 1, 2, 3, 255, 4_096, 32_767, 32_768, 65_535)
_WHOLE_NUMBERS = {
    "SamplesPerPixel": 0x0002,
    "Rows": 0x0010,
    "Columns": 0x0011,
    "BitsAllocated": 0x0100,
    "BitsStored": 0x0101,
    "HighBit": 0x0102,
    "PixelRepresentation": 0x0103,
}
SYNTAXES = (
    uids.ImplicitVRLittleEndian,
    uids.ExplicitVRBigEndian,
    uids.DeflatedExplicitVRLittleEndian,
    uids.RLELossless,
    uids.JPEGBaseline8Bit,
    uids.JPEGExtended12Bit,
    uids.JPEGLosslessSV1,
    uids.JPEGLSLossless,
    uids.JPEG2000Lossless,
    uids.HTJ2KLossless,
    uids.MPEG2MPML,
)

Mutation = Callable[[bytes, Random], bytes]


def mutations(files: Sequence[bytes], count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield `count` mutated files with their names, taking files and mutations in turn.

    Each has a SOP Instance UID of its own, so that none overwrites another in an archive.
    """
    for number in range(count):
        mutate = _MUTATIONS[number % len(_MUTATIONS)]
        original = number // len(_MUTATIONS) % len(files)
        name = f"{number}: {mutate.__name__} of file {original}"
        yield name, mutate(_numbered(files[original], number), Random(seed + number))


def sent_to_orthanc(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield those of `count` mutated radiographs that do not crash or stall a bare Orthanc."""
    files = [
        file_bytes(radiograph("knee", rows=160, columns=128)),
        file_bytes(radiograph("chest", rows=160, columns=128, syntax=uids.JPEG2000Lossless)),
        file_bytes(radiograph("hand", rows=160, columns=128, syntax=uids.RLELossless)),
    ]
    for name, data in mutations(files, count):
        if not any(kind in name for kind in FATAL_TO_ORTHANC):
            yield name, data


def flip_anywhere(data: bytes, random: Random) -> bytes:
    """Replace some bytes, anywhere."""
    return _flip(data, random, 0, len(data))


def flip_headers(data: bytes, random: Random) -> bytes:
    """Replace some bytes before the pixel data."""
    return _flip(data, random, 128, max(_pixels_at(data), 129))


def flip_codestream_header(data: bytes, random: Random) -> bytes:
    """Replace some bytes at the start of the pixel data: item lengths, codestream markers."""
    start = _pixels_at(data)
    return _flip(data, random, start, min(start + 200, len(data)))


def truncate(data: bytes, random: Random) -> bytes:
    """Cut the end off."""
    return data[: random.randrange(len(data))]


def drop_piece(data: bytes, random: Random) -> bytes:
    """Leave a piece out of the middle."""
    start = random.randrange(len(data))
    return data[:start] + data[start + random.randint(1, 512) :]


def repeat_piece(data: bytes, random: Random) -> bytes:
    """Repeat a piece of the headers a few hundred times."""
    start = random.randrange(128, max(_pixels_at(data), 129))
    end = start + random.randint(8, 128)
    return data[:end] + data[start:end] * random.randint(1, 400) + data[end:]


def length_bomb(data: bytes, random: Random) -> bytes:
    """Give some element a length that the file does not have."""
    start = random.randrange(132, max(_pixels_at(data), 133))
    bomb = struct.pack("<I", random.choice(_LENGTHS))
    return data[:start] + bomb + data[start + 4 :]


def pixel_length_bomb(data: bytes, random: Random) -> bytes:
    """Lie about the length of the pixel data, or of their first items."""
    start = _pixels_at(data) + 4 * random.randint(1, 6)
    return data[:start] + struct.pack("<I", random.choice(_LENGTHS)) + data[start + 4 :]


def lie_about_size(data: bytes, random: Random) -> bytes:
    """Put other numbers into Rows and Columns."""
    for keyword in ("Rows", "Columns"):
        data = _with_number(data, _WHOLE_NUMBERS[keyword], random.choice(_SIZES))
    return data


def lie_about_format(data: bytes, random: Random) -> bytes:
    """Put another number into one attribute of the Image Pixel module."""
    element = random.choice(list(_WHOLE_NUMBERS.values()))
    return _with_number(data, element, random.choice((0, 1, 2, 3, 4, 7, 12, 16, 32, 64, 65_535)))


def other_syntax(data: bytes, random: Random) -> bytes:
    """State a transfer syntax other than that of the file."""
    return _with_syntax(data, random.choice(SYNTAXES))


def claim_frames(data: bytes, random: Random) -> bytes:
    """Claim more frames than there are."""
    at = data.find(b"\x28\x00\x10\x00US")
    if at < 0:
        return data
    number = str(random.choice((0, 2, 3, 9, 1_000, 2_147_483_647))).encode()
    number += b" " * (len(number) % 2)
    return data[:at] + b"\x28\x00\x08\x00IS" + struct.pack("<H", len(number)) + number + data[at:]


def group_2_in_body(data: bytes, random: Random) -> bytes:
    """Repeat elements of the file meta information where the data set begins."""
    end = _meta_end(data)
    start = random.randrange(144, max(end, 145))
    return data[:end] + data[start:end] + data[end:]


def zeros_in_body(data: bytes, random: Random) -> bytes:
    """Put zeros, which read as elements of group 0000, where the data set begins."""
    end = _meta_end(data)
    return data[:end] + bytes(random.choice((1, 8, 64, 1_000_000))) + data[end:]


def odd_vr(data: bytes, random: Random) -> bytes:
    """Replace a value representation by letters that are none."""
    places = [at for vr in (b"UI", b"LO", b"US", b"CS") for at in _all(data, vr)]
    at = random.choice(places) if places else 0
    return data[:at] + random.choice((b"??", b"xx", b"  ", b"\0\0", b"ZZ")) + data[at + 2 :]


def nested_sequences(data: bytes, random: Random) -> bytes:
    """Put deeply nested sequences before the pixel data."""
    depth = random.choice((10, 100, 1_000, 20_000))
    opened = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    at = _pixels_at(data)
    return data[:at] + opened * depth + data[at:]


def many_elements(data: bytes, random: Random) -> bytes:
    """Put a great many empty elements before the pixel data."""
    at = _pixels_at(data)
    count = random.choice((1_000, 100_000))
    elements = (struct.pack("<HHI", 0x7001, number & 0xFFFF, 0) for number in range(count))
    return data[:at] + b"".join(elements) + data[at:]


def deflate_bomb(data: bytes, random: Random) -> bytes:
    """Deflate the headers and up to a gigabyte of pixels that are all zero."""
    start, pixels, megabytes = _meta_end(data), _pixels_at(data), random.choice(_MEGABYTES)
    pixel_header = b"\xe0\x7f\x10\x00OW\0\0" + struct.pack("<I", megabytes << 20)
    # After a full flush there are no back-references, so one compressed megabyte can be repeated.
    body = _deflated(data[start:pixels] + pixel_header) + _deflated(bytes(1 << 20)) * megabytes
    return _with_syntax(data[:start], uids.DeflatedExplicitVRLittleEndian) + body + b"\x03\0"


def run_length_bomb(data: bytes, random: Random) -> bytes:
    """Replace the frame by RLE segments that unpack to far more than Rows x Columns."""
    runs = random.choice((1_000, 100_000))
    header = struct.pack("<16I", 2, 64, 64 + runs, *[0] * 13)
    frame = header + b"\x81\x00" * runs
    start = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
    items = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0" + struct.pack("<I", len(frame)) + frame
    whole = data[: _pixels_at(data)] + start + items + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return _with_syntax(whole, uids.RLELossless)


def _numbered(data: bytes, number: int) -> bytes:
    """Replace the end of the SOP Instance UID by a number."""
    uid = str(dcmread(BytesIO(data), stop_before_pixels=True, force=True).get("SOPInstanceUID", ""))
    if not uid:
        return data
    return data.replace(uid.encode(), f"{uid[:-6]}1{number:05d}".encode())


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


def _with_syntax(data: bytes, syntax: str) -> bytes:
    at = data.find(b"\x02\x00\x10\x00UI")
    if at < 0:
        return data
    length = struct.unpack_from("<H", data, at + 6)[0]
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    return data[: at + 6] + struct.pack("<H", len(value)) + value + data[at + 8 + length :]


def _flip(data: bytes, random: Random, start: int, end: int) -> bytes:
    changed = bytearray(data)
    start = min(start, end - 1)
    for _ in range(random.choice((1, 2, 8, 64))):
        changed[random.randrange(start, end)] = random.randrange(256)
    return bytes(changed)


def _pixels_at(data: bytes) -> int:
    """Return where the pixel data element begins, the end if there is none."""
    at = max(data.find(b"\xe0\x7f\x10\x00"), data.find(b"\x7f\xe0\x00\x10"))
    return at if at >= 0 else len(data)


def _all(data: bytes, piece: bytes) -> list[int]:
    """Return all places of a piece before the pixel data."""
    end, found = _pixels_at(data), []
    at = data.find(piece, 132)
    while 0 <= at < end:
        found.append(at)
        at = data.find(piece, at + 1)
    return found


def _meta_end(data: bytes) -> int:
    at = data.find(b"\x02\x00\x00\x00UL")
    return at + 12 + struct.unpack_from("<I", data, at + 8)[0] if at >= 0 else 132


def _with_number(data: bytes, element: int, value: int) -> bytes:
    """Replace the value of (0028,element), little endian, explicit or implicit VR."""
    at = data.find(struct.pack("<HH", 0x0028, element))
    return data if at < 0 else data[: at + 8] + struct.pack("<H", value) + data[at + 10 :]


_MUTATIONS: tuple[Mutation, ...] = (
    flip_anywhere,
    flip_headers,
    flip_codestream_header,
    truncate,
    drop_piece,
    repeat_piece,
    length_bomb,
    pixel_length_bomb,
    lie_about_size,
    lie_about_format,
    other_syntax,
    claim_frames,
    group_2_in_body,
    zeros_in_body,
    odd_vr,
    nested_sequences,
    many_elements,
    run_length_bomb,
    deflate_bomb,
)
