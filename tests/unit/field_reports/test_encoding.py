"""Reported file meta information, and data sets encoded oddly."""

import struct

import imagecodecs
import numpy as np
import pydicom.uid as uids
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from phantoms import dataset_of, draw, file_bytes
from unit.field_reports.reported import PIXELS, before, element, replaced, seen, shows


@pytest.mark.parametrize("syntax", [uids.ImplicitVRLittleEndian, uids.JPEGLosslessSV1])
def test_a_second_file_meta_information_does_not_overwrite_the_first(syntax):
    data = file_bytes(dataset_of(PIXELS, syntax=syntax))
    other = file_bytes(dataset_of(PIXELS, syntax=uids.ExplicitVRBigEndian))
    end = 144 + struct.unpack_from("<I", other, 140)[0]
    shows(before(data, b"\x08\x00\x16\x00", other[132:end]))


def test_a_meta_element_repeated_in_the_data_set_in_implicit_vr():
    data = file_bytes(dataset_of(PIXELS, syntax=uids.ImplicitVRLittleEndian))
    again = struct.pack("<HHI", 2, 3, 8) + b"1.2.3.4\0"
    shows(before(data, b"\x08\x00\x16\x00", again))


def test_the_transfer_syntax_stated_twice():
    data = file_bytes(dataset_of(PIXELS, syntax=uids.JPEGLosslessSV1))
    shows(before(data, b"\x08\x00\x16\x00", element(0x00020010, b"UI", b"1.2.840.10008.1.2.4.70")))


def test_file_meta_information_without_group_length():
    data = file_bytes(dataset_of(PIXELS))
    shows(data[:132] + data[144:])


@pytest.mark.parametrize("syntax", [uids.ImplicitVRLittleEndian, uids.ExplicitVRBigEndian])
def test_a_data_set_without_file_meta_information(syntax):
    data = file_bytes(dataset_of(PIXELS, syntax=syntax))
    shows(data[144 + struct.unpack_from("<I", data, 140)[0] :])


def test_group_lengths_of_an_unknown_vr():
    data = file_bytes(dataset_of(PIXELS))
    data = before(data, b"\x08\x00\x16\x00", element(0x00080000, b"UN", b"\x64\0\0\0"))
    shows(before(data, b"\x10\x00\x10\x00", element(0x00100000, b"UN", b"\x64\0\0\0")))


@pytest.mark.parametrize("stated", [uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian])
def test_pixels_compressed_under_the_wrong_transfer_syntax(stated):
    dataset = dataset_of(PIXELS, syntax=uids.JPEGLosslessSV1)
    dataset.file_meta.TransferSyntaxUID = stated
    shows(file_bytes(dataset))


def test_the_private_syntax_of_ge_with_big_endian_pixels():
    dataset = dataset_of(PIXELS, syntax=uids.ImplicitVRLittleEndian)
    dataset.PixelData = PIXELS.astype(">u2").tobytes()
    data = file_bytes(dataset)
    syntax = b"1.2.840.113619.5.2"
    shows(replaced(data, 0x00020010, element(0x00020010, b"UI", syntax)))


def test_a_private_sequence_of_unknown_vr_and_undefined_length():
    item = (
        struct.pack("<HHI", 0xFFFE, 0xE000, 24) + struct.pack("<HHI", 8, 0x16, 16) + b"1.2.3.4." * 2
    )
    nested = (
        struct.pack("<HH2sHI", 0x2001, 0x9000, b"UN", 0, 0xFFFFFFFF)
        + item
        + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    )
    shows(before(file_bytes(dataset_of(PIXELS)), b"\xe0\x7f\x10\x00", nested))


@pytest.mark.parametrize("vr", [b"xx", b"??", b"\0\0", b"  "])
def test_an_element_of_an_unknown_vr(vr):
    odd = element(0x00280120, vr, b"\x07\0")
    if vr == b"\0\0":  # implicit VR in an explicit data set
        odd = struct.pack("<HHI", 0x0028, 0x0120, 2) + b"\x07\0"
    shows(before(file_bytes(dataset_of(PIXELS)), b"\xe0\x7f\x10\x00", odd))


def test_a_file_of_an_odd_number_of_bytes():
    pixels = draw("hand", 121, 101, bits=8)
    data = file_bytes(dataset_of(pixels, bits=8))
    shows(data[:-1], pixels)


@pytest.mark.parametrize("coded", [True, False])
def test_an_icon_before_the_picture_is_not_the_picture(coded):
    icon = Dataset()
    icon.Rows = icon.Columns = 64
    icon.BitsAllocated = icon.BitsStored = 8
    icon.SamplesPerPixel, icon.PhotometricInterpretation = 1, "MONOCHROME2"
    code = imagecodecs.jpeg8_encode(np.zeros((64, 64), np.uint8))
    icon.add_new("PixelData", "OB", encapsulate([code]) if coded else bytes(64 * 64))
    icon["PixelData"].is_undefined_length = coded
    data = file_bytes(dataset_of(PIXELS, IconImageSequence=Sequence([icon])))
    private = Dataset()
    private.add_new(0x00091110, "SQ", Sequence([icon]))
    shows(data)
    shows(before(data, b"\x10\x00\x10\x00", element(0x00090010, b"LO", b"GEIIS ")))


def test_empty_sequences_and_empty_items():
    empty = struct.pack("<HH2sHI", 0x0008, 0x1111, b"SQ", 0, 0xFFFFFFFF)
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    open_item = struct.pack("<HHIHHI", 0xFFFE, 0xE000, 0xFFFFFFFF, 0xFFFE, 0xE00D, 0)
    private = struct.pack("<HH2sHI", 0x0009, 0x1110, b"SQ", 0, 0xFFFFFFFF)
    data = before(file_bytes(dataset_of(PIXELS)), b"\x10\x00\x10\x00", empty + end)
    shows(before(data, b"\x10\x00\x10\x00", private + item + open_item + item + end))


def test_curves_and_vrs_that_are_not_those_of_the_dictionary():
    data = file_bytes(dataset_of(PIXELS))
    odd = element(0x00080060, b"LO", b"CR")
    data = replaced(data, 0x00080060, odd)
    curve = element(0x50000005, b"US", b"\x02\0") + element(0x50003000, b"OW", bytes(64))
    shows(before(data, b"\xe0\x7f\x10\x00", curve))


def test_sizes_whose_bytes_are_blanks():
    pixels = np.repeat(PIXELS[:, :64], 69, axis=0)[:8192]
    pixels = np.resize(pixels, (8192, 64))
    assert seen(dataset_of(pixels)).shape == (8192 // 25, 64 // 25)
