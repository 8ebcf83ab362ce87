"""What is fuzzed: functions of bytes that raise if, and only if, something is wrong.

A target passes over what its subject may answer to broken input, and lets everything else out.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from io import BytesIO

import imagecodecs
import numpy as np
import pydicom.uid as uids
from pydicom.encaps import encapsulate

from bodypart import shallow_json
from bodypart.dicom_out.correction import correct, restore
from bodypart.dicom_out.encoding import DicomStructureError
from bodypart.headers import Vocabulary, read_headers
from bodypart.labels import body_part
from bodypart.pixels import DatasetError, PictureError, is_blank, read_dataset, read_picture
from decoder.wire import Frame, WireError, read_frame, write_frame
from phantoms import draw, file_bytes, radiograph

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SYNTAXES = (
    uids.ImplicitVRLittleEndian,
    uids.ExplicitVRLittleEndian,
    uids.ExplicitVRBigEndian,
    uids.DeflatedExplicitVRLittleEndian,
    uids.RLELossless,
    uids.JPEGBaseline8Bit,
    uids.JPEGExtended12Bit,
    uids.JPEGLosslessSV1,
    uids.JPEGLSLossless,
    uids.JPEG2000Lossless,
    uids.HTJ2KLossless,
)
_MEBIBYTE = 1 << 20


def reader(data: bytes) -> None:
    """A DICOM file ends in a picture of finite numbers, or in a reason."""
    try:
        picture = read_picture(read_dataset(data, limit=_MEBIBYTE), long_side=64)
    except (DatasetError, PictureError) as error:
        assert len(str(error)) < 200, error
        return
    assert np.isfinite(picture.values).all()
    assert min(picture.values.shape) > 0
    is_blank(picture.values)


def headers(data: bytes) -> None:
    """A DICOM file has a reading of its headers, or is none."""
    try:
        dataset = read_dataset(data, limit=_MEBIBYTE)
    except DatasetError:
        return
    reading = read_headers(dataset, _vocabulary())
    assert reading.label is None or reading.label in reading.labels
    assert all(match.labels or match.region for match in reading.evidence)


def rewriter(data: bytes) -> None:
    """A DICOM file is refused, or corrected and restored to what it was."""
    try:
        before = read_dataset(data, limit=_MEBIBYTE)
        corrected = correct(data, body_part("knee"), "L", version="1", now=NOW)
        if corrected.data is None:
            return
        restored = restore(corrected.data).data
    except (DatasetError, DicomStructureError):
        return
    assert corrected.data != data
    assert restored is not None
    assert read_dataset(restored).keys() == before.keys()


def wire(data: bytes) -> None:
    """A stream of bytes is a frame, which survives being written again, or a `WireError`."""
    try:
        frame = read_frame(BytesIO(data), longest_header=_MEBIBYTE, longest_payload=_MEBIBYTE)
    except WireError:
        return
    again = BytesIO()
    write_frame(again, frame)
    again.seek(0)
    assert repr(read_frame(again)) == repr(frame)


def json_guard(data: bytes) -> None:
    """A text is refused with `ValueError`, or nested no deeper than the guard says."""
    try:
        value = shallow_json.parse(data.decode("utf-8", "replace"))
    except ValueError:
        return
    assert _depth(value) <= shallow_json.DEEPEST


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level := [
        inner
        for outer in level
        if isinstance(outer, (list, dict))
        for inner in ((0, *outer) if isinstance(outer, list) else (0, *outer.values()))
    ]:
        depth += 1
    return depth


@cache
def _vocabulary() -> Vocabulary:
    return Vocabulary.load()


def files() -> Iterator[bytes]:
    """Yield small DICOM files to start from: every coding, one and several frames."""
    options = {"StudyDescription": "Knie re. 2 Eb.", "BodyPartExamined": "KNEE"}
    for syntax in SYNTAXES:
        bits = 8 if syntax == uids.JPEGBaseline8Bit else 12
        yield file_bytes(radiograph("knee", 24, 16, bits=bits, syntax=syntax, **options))
    yield file_bytes(radiograph("knee", 24, 16, bits=8, photometric="RGB"))
    jpeg_xl = radiograph("knee", 24, 16, syntax=uids.JPEG2000Lossless)
    jpeg_xl.PixelData = encapsulate([imagecodecs.jpegxl_encode(draw("knee", 24, 16))])
    yield file_bytes(jpeg_xl)
    yield file_bytes(radiograph("knee", 24, 16, NumberOfFrames=9, Modality="RF", **options))


def frames() -> Iterator[bytes]:
    """Yield frames to start from."""
    for frame in (Frame({}), Frame({"task": "annotate", "instance": "ü"}, b"payload", 7)):
        stream = BytesIO()
        write_frame(stream, frame)
        yield stream.getvalue()
    yield struct.pack(">QIQ", 1, 0xFFFFFFFF, 0)


def texts() -> Iterator[bytes]:
    """Yield JSON texts to start from."""
    yield b'{"a": [1, "\\"[[{{", {"b": null}], "\\\\": 1e9}'
    yield b"[" * 80 + b"]" * 80
    yield b'["' + b'\\"' * 40 + b'"]'


Target = tuple[Callable[[bytes], None], Callable[[], Iterator[bytes]]]
TARGETS: dict[str, Target] = {
    "reader": (reader, files),
    "headers": (headers, files),
    "rewriter": (rewriter, files),
    "wire": (wire, frames),
    "json_guard": (json_guard, texts),
}
