"""Reported frames, lengths, values and headers."""

import imagecodecs
import numpy as np
import pydicom.uid as uids
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from codestreams import encode
from phantoms import dataset_of, draw, file_bytes, foreign
from unit.field_reports.reported import (
    BYTES,
    COLUMNS,
    PIXELS,
    ROWS,
    RUN,
    annotated,
    before,
    element,
    replaced,
    seen,
    shows,
)

# Frames and lengths


def test_a_last_fragment_of_no_bytes():
    codes = [encode(frame, uids.JPEGLSLossless, 12) for frame in RUN]
    dataset = dataset_of(RUN, modality="RF", syntax=uids.JPEGLSLossless)
    dataset.PixelData = encapsulate(codes, has_bot=False) + b"\xfe\xff\x00\xe0\0\0\0\0"
    shows(dataset, RUN[2])


def test_pixels_that_are_not_square():
    assert seen(dataset_of(PIXELS, PixelSpacing=["1", "2"])).shape == (ROWS, 2 * COLUMNS)


def test_pixel_data_of_no_bytes_in_a_report():
    annotation, values = annotated(file_bytes(foreign("SR")) + element(0x7FE00010, b"OW", b""))
    assert (annotation.status, values) == ("skipped", None)


def test_pixel_data_with_excess_padding():
    dataset = dataset_of(PIXELS)
    dataset.PixelData += bytes(10_000)
    shows(dataset)


def test_pages_without_a_number_of_frames():
    dataset = dataset_of(RUN[:3], NumberOfFrames=None)
    shows(dataset, RUN[0])


def test_a_radiograph_that_claims_frames_it_does_not_have():
    shows(dataset_of(PIXELS, modality="DX", NumberOfFrames=16))


@pytest.mark.parametrize("number", [0, "", -1])
def test_a_number_of_frames_below_one(number):
    data = file_bytes(dataset_of(PIXELS, NumberOfFrames=7))
    text = str(number).encode().ljust(2)
    shows(data.replace(b"\x28\x00\x08\x00IS\x02\x007 ", b"\x28\x00\x08\x00IS\x02\x00" + text))


@pytest.mark.parametrize("claimed", [2, 4, 6, 50])
def test_a_wrong_number_of_compressed_frames(claimed):
    dataset = dataset_of(RUN, modality="RF", syntax=uids.JPEG2000Lossless, NumberOfFrames=claimed)
    shows(dataset, RUN[min(claimed, 5) // 2])


def test_compressed_frames_with_an_empty_offset_table():
    dataset = dataset_of(RUN, modality="XA", syntax=uids.RLELossless)
    dataset.PixelData = encapsulate(
        [encode(frame, uids.RLELossless, 12) for frame in RUN], has_bot=False
    )
    shows(dataset, RUN[2])


def test_frames_of_an_odd_number_of_bytes_follow_each_other_without_a_gap():
    run = np.stack([draw("hand", 121, 101, 8, seed=number) for number in range(3)]).astype(np.uint8)
    shows(dataset_of(run, modality="RF", bits=8), run[1])
    codes = [imagecodecs.jpeg8_encode(frame, lossless=True, predictor=1) for frame in run]
    dataset = dataset_of(run, modality="RF", bits=8)
    dataset.file_meta.TransferSyntaxUID = uids.JPEGLosslessSV1
    dataset.PixelData = encapsulate([bytes(code) for code in codes])
    dataset["PixelData"].VR = "OB"
    shows(dataset, run[1])


# Values


def test_bits_above_those_stored_are_no_pixels():
    shows(dataset_of(PIXELS | 0xA000))


def test_an_overlay_in_the_high_bits():
    overlay = np.zeros_like(PIXELS)
    overlay[20:40, 20:80] = 0x1000
    headers = {"OverlayRows": ROWS, "OverlayColumns": COLUMNS, "OverlayBitPosition": 12}
    dataset = dataset_of(PIXELS | overlay)
    for keyword, number in zip(headers, (0x10, 0x11, 0x102), strict=True):
        dataset.add_new(0x60000000 | number, "US", headers[keyword])
    shows(dataset)


def test_colour_by_plane():
    colour = np.stack([BYTES, BYTES // 2, BYTES // 4], axis=-1)
    dataset = dataset_of(colour, bits=8, photometric="RGB", PlanarConfiguration=1)
    dataset.PixelData = colour.transpose(2, 0, 1).tobytes()
    shows(dataset, colour @ np.array([0.299, 0.587, 0.114]), within=0.001)


def test_a_negative_slope_of_a_cr_image():
    shows(dataset_of(PIXELS, RescaleSlope="-10", RescaleIntercept="3000"), 3000 - 10.0 * PIXELS)


def test_a_voi_lut_that_shows_white_or_black_only():
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [4096, 0, 16])
    table.add_new("LUTData", "OW", b"\xff" * 8192)
    shows(dataset_of(PIXELS, VOILUTSequence=Sequence([table]), WindowCenter="9", WindowWidth="1"))


def test_a_wrong_smallest_pixel_value_is_not_believed():
    shows(dataset_of(PIXELS, SmallestImagePixelValue=3000, LargestImagePixelValue=3001))


@pytest.mark.parametrize("syntax", [uids.ImplicitVRLittleEndian, uids.ExplicitVRLittleEndian])
def test_a_signed_padding_value_in_implicit_vr(syntax):
    signed = PIXELS.astype(np.int16) + 10
    padded = signed.copy()
    padded[:9] = -2000
    dataset = dataset_of(padded, bits=16, syntax=syntax)
    dataset.add_new(
        "PixelPaddingValue",
        "SS" if syntax.is_implicit_VR else "US",
        -2000 % 0x10000 - (0x10000 if syntax.is_implicit_VR else 0),
    )
    signed[:9] = signed[9:].min()
    shows(dataset, signed)


@pytest.mark.parametrize("spacing", [b"0,143\\0,143 ", b"0.005865432,0.001955034 "])
def test_a_decimal_comma_in_the_spacing(spacing):
    data = file_bytes(dataset_of(PIXELS, PixelSpacing=["7", "7"]))
    shows(replaced(data, 0x00280030, element(0x00280030, b"DS", spacing)))


def test_a_spacing_of_the_wrong_vr_still_squares_the_pixels():
    data = file_bytes(dataset_of(PIXELS, PixelSpacing=["7", "7"]))
    wrong = replaced(data, 0x00280030, element(0x00280030, b"UT", b"0.4\\0.2 "))
    assert seen(wrong).shape == (2 * ROWS, COLUMNS)


def test_without_samples_per_pixel_and_photometric_interpretation():
    shows(dataset_of(PIXELS, SamplesPerPixel=None, PhotometricInterpretation=None))


# Headers


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("ISO 2022 IR 100\\ISO 2022 IR 144", "iso8859_5"),
        ("GB18030\\ISO IR 192", "utf-8"),
        (None, "utf-8"),
        (None, "cp1251"),
    ],
)
def test_a_study_description_in_a_character_set_that_is_not_declared(declared, encoding):
    data = file_bytes(dataset_of(PIXELS))
    text = element(0x00081030, b"LO", "Коленный сустав".encode(encoding))
    data = before(data, b"\x10\x00\x10\x00", text)
    if declared:
        data = before(data, b"\x08\x00\x16\x00UI", element(0x00080005, b"CS", declared.encode()))
    annotation, _ = annotated(data)
    assert annotation.header["label"] == "knee"


def test_a_document_under_modality_ot_is_not_looked_at():
    annotation, values = annotated(foreign("PDF", Modality="OT"))
    assert (annotation.status, values) == ("skipped", None)
    assert "document" in annotation.reason
