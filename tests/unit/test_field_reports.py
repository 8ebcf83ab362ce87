"""Inputs that people who run archives have reported, written anew: docs/field-reports.md.

Each goes through the pipeline, and what the model gets to see is compared with what was drawn.
"""

import re
import struct
from functools import cache
from io import BytesIO

import imagecodecs
import numpy as np
import pydicom.uid as uids
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from bodypart.evidence import Guess, ImageReading
from bodypart.pipeline import Pipeline
from bodypart.settings import Settings
from phantoms import dataset_of, draw, encode, file_bytes, foreign

ROWS, COLUMNS = 120, 100
PIXELS = draw("hand", ROWS, COLUMNS)
BYTES = draw("hand", ROWS, COLUMNS, bits=8).astype(np.uint8)
RUN = np.stack([draw("hand", ROWS, COLUMNS, seed=number) for number in range(5)])


class Model:
    """Says hand, and keeps what it was shown."""

    name, version, sha256 = "told", "1", "0" * 64
    labels = ("hand",)

    def __init__(self):
        self.seen = None

    def read(self, values):
        self.seen = values
        return ImageReading({"hand": 0.95}, visible=(Guess("hand", 0.95),))


@cache
def shared_pipeline():
    return Pipeline(Model(), Settings())


def annotated(source):
    """Return the annotation of a data set or file, and the picture that the model was shown."""
    data = source if isinstance(source, bytes) else file_bytes(source)
    pipeline = shared_pipeline()
    pipeline.model.seen = None
    annotation, _ = pipeline.annotate(data, "i")
    return annotation, pipeline.model.seen


def seen(source):
    annotation, values = annotated(source)
    assert annotation.status == "done", annotation.reason
    assert annotation.examined.source == "image"
    return values


def shows(source, pixels=PIXELS, *, within=0):
    """Check what the model is shown, up to an error for lossy codings."""
    values = seen(source)
    assert values.shape == pixels.shape
    assert np.abs(values - pixels).mean() <= within


def element(tag, vr, value):
    """Return an explicit little endian element, whatever its VR and value are."""
    value += b"\0" * (len(value) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def before(data, place, piece):
    """Put bytes before an element of a file."""
    at = data.index(place)
    return data[:at] + piece + data[at:]


def replaced(data, tag, piece):
    """Put bytes in the place of an explicit element with a short length."""
    at = data.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF), 132)
    return data[:at] + piece + data[at + 8 + struct.unpack_from("<H", data, at + 6)[0] :]


def compressed(code, syntax, **headers):
    """Return a hand whose pixel data are a codestream of our own making."""
    dataset = dataset_of(PIXELS, **headers)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([code])
    dataset["PixelData"].VR = "OB"
    return dataset


# File meta information and data set encoding


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
def test_an_element_of_a_vr_that_is_none(vr):
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


# Compressed pixels


def test_eight_bits_in_sixteen_by_jpeg_lossless():
    code = imagecodecs.jpeg8_encode(BYTES, lossless=True, predictor=1)
    headers = {"BitsStored": 8, "HighBit": 7}
    shows(compressed(code, uids.JPEGLosslessSV1, **headers), BYTES)


@pytest.mark.parametrize("bits", [8, 16])
def test_eight_bits_in_sixteen_by_jpeg_2000(bits):
    pixels = BYTES if bits == 8 else BYTES.astype(np.uint16)
    code = imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="j2k", bitspersample=bits)
    shows(compressed(code, uids.JPEG2000Lossless, BitsStored=8, HighBit=7), BYTES)


@pytest.mark.parametrize("has_table", [True, False])
def test_frames_of_several_fragments(has_table):
    codes = [encode(frame, uids.JPEGLSLossless, 12) for frame in RUN]
    dataset = dataset_of(RUN, modality="RF", syntax=uids.JPEGLSLossless)
    dataset.PixelData = encapsulate(codes, fragments_per_frame=3, has_bot=has_table)
    shows(dataset, RUN[2])


def test_a_single_frame_of_several_fragments():
    dataset = dataset_of(PIXELS, syntax=uids.JPEGLosslessSV1)
    code = encode(PIXELS, uids.JPEGLosslessSV1, 12)
    dataset.PixelData = encapsulate([code], fragments_per_frame=4, has_bot=False)
    shows(dataset)


@pytest.mark.parametrize("stated", ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.55"])
def test_a_progressive_jpeg(stated):
    stream = BytesIO()
    Image.fromarray(BYTES).save(stream, "JPEG", quality=95, progressive=True)
    dataset = dataset_of(BYTES, bits=8)
    dataset.file_meta.TransferSyntaxUID = stated
    dataset.PixelData = encapsulate([stream.getvalue()])
    dataset["PixelData"].VR = "OB"
    shows(dataset, BYTES, within=2)


def test_a_codestream_whose_width_and_height_are_exchanged():
    code = encode(PIXELS.reshape(COLUMNS, ROWS), uids.JPEGLosslessSV1, 12)
    shows(compressed(code, uids.JPEGLosslessSV1))


def test_a_header_whose_rows_and_columns_are_exchanged():
    dataset = dataset_of(PIXELS, syntax=uids.JPEGLosslessSV1)
    dataset.Rows, dataset.Columns = COLUMNS, ROWS
    shows(dataset)


@pytest.mark.parametrize("precision", [12, 14, 16])
def test_a_precision_of_jpeg_2000_that_differs_from_bits_stored(precision):
    code = imagecodecs.jpeg2k_encode(PIXELS, level=0, codecformat="j2k", bitspersample=precision)
    shows(compressed(code, uids.JPEG2000Lossless, BitsStored=16, HighBit=15))


def test_unsigned_jpeg_2000_of_signed_pixels():
    signed = PIXELS.astype(np.int16) - 2048
    code = imagecodecs.jpeg2k_encode(
        signed.view(np.uint16) & 0x0FFF, level=0, codecformat="j2k", bitspersample=12
    )
    shows(compressed(code, uids.JPEG2000Lossless, PixelRepresentation=1), signed)


@pytest.mark.parametrize("syntax", [uids.JPEGLSLossless, uids.JPEGLosslessSV1])
def test_signed_pixels_in_codings_without_a_sign(syntax):
    signed = PIXELS.astype(np.int16) - 2048
    shows(dataset_of(signed, syntax=syntax), signed)


@pytest.mark.parametrize("padding", [b"\0", b"\0\0\0", b"\x80\x80"])
def test_rle_segments_with_padding_of_their_own(padding):
    code = encode(PIXELS, uids.RLELossless, 12)
    _, first, second, *_ = struct.unpack_from("<16I", code)
    moved = struct.pack("<I", second + len(padding))
    longer = code[:8] + moved + code[12:second] + padding + code[second:] + padding
    assert first == 64
    shows(compressed(longer, uids.RLELossless))


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", [uids.JPEGLosslessSV1, uids.JPEGLSLossless, uids.RLELossless])
def test_planar_configuration_means_nothing_where_pixels_are_compressed(syntax, planar):
    colour = np.stack([BYTES] * 3, axis=-1)
    colour[:, :, 2] //= 2
    dataset = dataset_of(
        colour, bits=8, syntax=syntax, photometric="RGB", PlanarConfiguration=planar
    )
    shows(dataset, colour @ np.array([0.299, 0.587, 0.114]), within=0.001)


def test_grey_pixels_stored_as_rgb_and_called_ybr():
    """Their luminance is that of the grey pixels, whichever of the two they are."""
    dataset = dataset_of(
        np.stack([BYTES] * 3, axis=-1), bits=8, photometric="YBR_FULL", modality="DX"
    )
    shows(dataset, BYTES)


@pytest.mark.parametrize("stated", ["RGB", "YBR_FULL", "YBR_FULL_422"])
def test_a_jpeg_of_a_secondary_capture_whatever_colours_are_stated(stated):
    stream = BytesIO()
    Image.fromarray(np.stack([BYTES] * 3, axis=-1)).save(stream, "JPEG", quality=95)
    dataset = dataset_of(np.stack([BYTES] * 3, axis=-1), bits=8, photometric=stated, modality="OT")
    dataset.file_meta.TransferSyntaxUID = uids.JPEGBaseline8Bit
    dataset.PixelData = encapsulate([stream.getvalue()])
    dataset["PixelData"].VR = "OB"
    shows(dataset, BYTES, within=2)


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


def test_every_report_in_the_list_has_its_test(request):
    listed = request.config.rootpath / "docs/field-reports.md"
    rows = [
        line.split("|")[1:-1]
        for line in listed.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| report")
    ]
    assert len(rows) >= 40
    sources = {
        path: path.read_text(encoding="utf-8")
        for path in (request.config.rootpath / "tests").rglob("test_*.py")
    }
    for source, _, test, outcome in rows:
        assert re.search(r"\w", source)
        assert outcome.strip() in ("mended", "held"), source
        file, name = test.strip().strip("`").split("::")
        (path,) = (path for path in sources if path.as_posix().endswith(f"tests/{file}"))
        assert f"def {name}(" in sources[path], name
