"""DICOM bytes are parsed, whatever they claim, or refused with a reason."""

import struct
import time
import zlib

import numpy as np
import pydicom.uid as uids
import pytest

from bodypart.file_meta import read_file_meta
from bodypart.pixels import DatasetError, read_dataset, read_picture
from phantoms import draw, file_bytes, foreign, radiograph


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_headers_and_pixels_come_back(kind):
    dataset = read_dataset(kind(file_bytes(radiograph("hand", 20, 16, BodyPartExamined="HAND"))))
    assert dataset.BodyPartExamined == "HAND"
    assert bytes(dataset.PixelData) == draw("hand", 20, 16).tobytes()


@pytest.mark.parametrize("kind", [bytes, memoryview])
def test_pixel_data_are_a_view_into_the_bytes(kind):
    data = file_bytes(radiograph())
    value = read_dataset(kind(data))["PixelData"].value
    assert isinstance(value, memoryview)
    assert value.obj is data


def test_what_could_still_change_is_copied():
    data = bytearray(file_bytes(radiograph("hand", BodyPartExamined="HAND")))
    dataset = read_dataset(memoryview(data))
    before = bytes(dataset.PixelData)
    data[:] = bytes(len(data))
    assert dataset.BodyPartExamined == "HAND"
    assert bytes(dataset.PixelData) == before


@pytest.mark.parametrize(
    "syntax",
    [
        uids.ImplicitVRLittleEndian,
        uids.ExplicitVRLittleEndian,
        uids.ExplicitVRBigEndian,
        uids.DeflatedExplicitVRLittleEndian,
    ],
)
def test_every_encoding_gives_the_same_picture(syntax):
    picture = read_picture(read_dataset(file_bytes(radiograph("knee", 30, 20, syntax=syntax))))
    np.testing.assert_array_equal(picture.values, draw("knee", 30, 20))


@pytest.mark.parametrize("syntax", [uids.ImplicitVRLittleEndian, uids.ExplicitVRLittleEndian])
def test_the_preamble_and_the_file_meta_may_be_missing(syntax):
    whole = file_bytes(radiograph("knee", 30, 20, syntax=syntax))
    without_preamble = whole[132:]
    meta_length = struct.unpack_from("<I", whole, 140)[0]
    without_meta = whole[144 + meta_length :]
    for data in (without_preamble, without_meta):
        picture = read_picture(read_dataset(data))
        np.testing.assert_array_equal(picture.values, draw("knee", 30, 20))


def rewritten_meta(data, change):
    """Return a file whose file meta elements, as one string of bytes, were changed."""
    end = 144 + struct.unpack_from("<I", data, 140)[0]
    return data[:132] + change(data[132:end]) + data[end:]


def with_group_length(length):
    return lambda meta: meta[:8] + struct.pack("<I", length) + meta[12:]


@pytest.mark.parametrize("length", [0, 1, 26, 28, 5_000, 0xFFFFFFFF])
@pytest.mark.parametrize("syntax", [uids.ImplicitVRLittleEndian, uids.ExplicitVRBigEndian])
def test_a_wrong_group_length_of_the_file_meta_misleads_nobody(syntax, length):
    whole = file_bytes(radiograph("knee", 30, 20, syntax=syntax))
    picture = read_picture(read_dataset(rewritten_meta(whole, with_group_length(length))))
    np.testing.assert_array_equal(picture.values, draw("knee", 30, 20))


@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize(
    "stray",
    [
        b"\x02\x00\x10\x00UI\x12\x001.2.840.10008.1.2\0",
        b"\x02\x00\x10\x00\x12\x00\x00\x001.2.840.10008.1.2\0",
        b"\x02\x00\x12\x00UI\x04\x001.2\0" + b"\x02\x00\x02\x01OB\0\0\x04\0\0\0abcd",
    ],
    ids=["explicit", "implicit", "several"],
)
@pytest.mark.parametrize(
    "syntax", [uids.ImplicitVRLittleEndian, uids.ExplicitVRLittleEndian, uids.JPEG2000Lossless]
)
def test_group_2_in_the_data_set_means_nothing(syntax, stray, has_length):
    whole = file_bytes(radiograph("knee", 30, 20, syntax=syntax))
    data = rewritten_meta(whole, lambda meta: meta + stray if has_length else meta[12:] + stray)
    picture = read_picture(read_dataset(data))
    np.testing.assert_array_equal(picture.values, draw("knee", 30, 20))


def test_a_deflated_data_set_that_begins_like_group_2():
    meta = file_bytes(radiograph(syntax=uids.DeflatedExplicitVRLittleEndian))
    start = 144 + struct.unpack_from("<I", meta, 140)[0]
    assert read_file_meta(meta[:start] + b"\x02\x00\x07\x41 packed").end == start


def test_file_meta_in_implicit_vr():
    whole = file_bytes(radiograph("knee", 30, 20, syntax=uids.ExplicitVRLittleEndian))
    syntax = b"1.2.840.10008.1.2.1\0"
    implicit = b"\x02\x00\x10\x00" + struct.pack("<I", len(syntax)) + syntax
    picture = read_picture(read_dataset(rewritten_meta(whole, lambda meta: implicit)))
    np.testing.assert_array_equal(picture.values, draw("knee", 30, 20))


@pytest.mark.parametrize(
    ("stated", "real"),
    [
        (uids.ExplicitVRBigEndian, uids.ExplicitVRLittleEndian),
        (uids.ExplicitVRLittleEndian, uids.ExplicitVRBigEndian),
        (uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian),
        (uids.ImplicitVRLittleEndian, uids.ExplicitVRLittleEndian),
        (uids.ImplicitVRLittleEndian, uids.ExplicitVRBigEndian),
    ],
)
def test_the_bytes_tell_the_encoding_whatever_the_transfer_syntax_says(stated, real):
    whole = file_bytes(radiograph("knee", 30, 20, syntax=real))
    value = stated.encode() + b"\0" * (len(stated) % 2)
    wrong = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(value)) + value
    picture = read_picture(read_dataset(rewritten_meta(whole, lambda meta: wrong)))
    np.testing.assert_array_equal(picture.values, draw("knee", 30, 20))


def test_a_command_set_before_the_data_set_is_stepped_over():
    whole = file_bytes(radiograph("knee", 30, 20, syntax=uids.ExplicitVRLittleEndian))
    command = b"\0\0\0\x01\x02\0\0\0\x01\0"
    command = b"\0\0\0\0\x04\0\0\0" + struct.pack("<I", len(command)) + command
    picture = read_picture(read_dataset(rewritten_meta(whole, lambda meta: meta + command)))
    np.testing.assert_array_equal(picture.values, draw("knee", 30, 20))


def seconds_until_refused(data):
    start = time.process_time()
    with pytest.raises(DatasetError, match="elements"):
        read_dataset(data)
    return time.process_time() - start


@pytest.mark.parametrize(
    "flood",
    [
        bytes(8 << 20),
        b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\0\0\0\0" * (1 << 20),
        b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + bytes(8 << 20),
    ],
    ids=["group 0", "items", "elements of an item"],
)
def test_a_flood_of_elements_costs_no_more_when_it_is_larger(flood):
    head = file_bytes(foreign("PR"))
    assert seconds_until_refused(head + flood * 4) < 3 * seconds_until_refused(head + flood) + 1


def test_a_value_larger_than_any_that_is_needed_is_not_kept():
    dataset = radiograph("knee", 30, 20, syntax=uids.ImplicitVRLittleEndian)
    dataset.PixelSpacing = ["0.14", "0.14"]
    data = file_bytes(dataset)
    at = data.index(b"\x28\x00\x30\x00")
    flood = b"1\\" * (1 << 20)
    data = data[: at + 4] + struct.pack("<I", len(flood)) + flood + data[at + 18 :]
    read = read_dataset(data)
    assert read.Rows == 30
    np.testing.assert_array_equal(read_picture(read).values, draw("knee", 30, 20))


def test_a_truncated_file_gives_what_it_still_has():
    data = file_bytes(radiograph(PatientComments="still here"))
    dataset = read_dataset(data[: len(data) // 2])
    assert dataset.PatientComments == "still here"
    assert 0 < len(dataset.PixelData) < 480 * 400 * 2


def test_objects_without_pixels_are_read_too():
    assert read_dataset(file_bytes(foreign("SR"))).Modality == "SR"


@pytest.mark.parametrize("data", [b"", b"\x08\x00", b"<!DOCTYPE html>" * 20, bytes(500)])
def test_what_is_no_dicom_is_refused(data):
    with pytest.raises(DatasetError, match="not DICOM"):
        read_dataset(data)


def test_a_preamble_with_nothing_behind_it_is_refused():
    with pytest.raises(DatasetError, match="no attribute"):
        read_dataset(bytes(128) + b"DICM")


def test_inflating_stops_at_the_limit():
    data = file_bytes(radiograph(syntax=uids.DeflatedExplicitVRLittleEndian))
    assert read_dataset(data, limit=1 << 20).Rows == 480
    with pytest.raises(DatasetError, match="larger than 0 MB"):
        read_dataset(data, limit=100_000)


def test_a_damaged_deflated_data_set_is_refused():
    data = file_bytes(radiograph(syntax=uids.DeflatedExplicitVRLittleEndian))
    start = 144 + struct.unpack("<I", data[140:144])[0]  # behind the file meta information
    inflated = zlib.decompress(data[start:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    sound = packer.compress(inflated[:10_000]) + packer.flush(zlib.Z_SYNC_FLUSH)
    with pytest.raises(DatasetError, match="damaged"):
        read_dataset(data[:start] + sound + b"\xff" * 500)  # a block of a type that is none


def test_a_truncated_deflated_data_set_gives_what_it_still_has():
    data = file_bytes(radiograph(syntax=uids.DeflatedExplicitVRLittleEndian))
    assert read_dataset(data[: len(data) // 2]).Rows == 480


def test_deep_nesting_is_refused():
    opened = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    with pytest.raises(DatasetError, match="nested too deeply"):
        read_dataset(file_bytes(foreign("PR")) + opened * 5_000)


def test_a_sequence_without_an_end_is_refused():
    opened = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    with pytest.raises(DatasetError, match="inside a sequence"):
        read_dataset(file_bytes(foreign("PR")) + opened)


@pytest.mark.parametrize(
    "nested", [b"", b"\x08\0\x15\x11SQ\0\0" + b"\xff" * 4 + b"\xfe\xff\0\xe0" + b"\xff" * 4]
)
def test_a_character_set_of_many_names_is_refused(nested):
    names = b"\x08\x00\x05\x00CS\xd0\x07" + b"\\" * 2000
    with pytest.raises(DatasetError, match="SpecificCharacterSet is too long"):
        read_dataset(bytes(128) + b"DICM" + nested + names)


def test_too_many_elements_are_refused():
    elements = b"".join(struct.pack("<HH2sH", 0x7001, n, b"CS", 0) for n in range(60_000))
    with pytest.raises(DatasetError, match="more than 50000 elements"):
        read_dataset(file_bytes(foreign("PR")) + elements)


def test_reasons_hold_nothing_of_the_patient(caplog, recwarn, capsys):
    data = file_bytes(radiograph(PatientName="Secret^Person", NumberOfFrames="1"))
    data = data.replace(b"IS\x02\x001 ", b"IS\x02\x00XY")
    dataset = read_dataset(data)
    with pytest.raises(ValueError, match="NumberOfFrames is not one whole number") as error:
        read_picture(dataset)
    assert "XY" not in str(error.value)
    assert not caplog.records
    assert not recwarn.list
    assert capsys.readouterr() == ("", "")
