"""Colour becomes luminance, and is told from grey in three channels."""

import tracemalloc

import imagecodecs
import numpy as np
import pydicom.uid as uids
import pytest
from PIL import Image
from pydicom.encaps import encapsulate

from bodypart.pixels import PictureError, read_dataset, read_picture
from bodypart.pixels.colour import palette_luminance
from bodypart.pixels.layout import read_layout
from phantoms import dataset_of, draw, file_bytes, foreign

GREY = draw("hand", 60, 50, 8).astype(np.uint8)
COLOURS = np.random.default_rng(5).integers(0, 256, (60, 50, 3)).astype(np.uint8)
LUMINANCE = COLOURS @ np.array([0.299, 0.587, 0.114])
LOSSLESS = [
    uids.ExplicitVRLittleEndian,
    uids.RLELossless,
    uids.JPEGLosslessSV1,
    uids.JPEGLSLossless,
    uids.JPEG2000Lossless,
    uids.HTJ2KLossless,
]


def picture_of(pixels, **options):
    options = {"bits": 8, "photometric": "RGB", "modality": "OT"} | options
    return read_picture(read_dataset(file_bytes(dataset_of(pixels, **options))))


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.keyword)
def test_rgb_becomes_luminance(syntax):
    picture = picture_of(COLOURS, syntax=syntax)
    np.testing.assert_allclose(picture.values, LUMINANCE, atol=0.01)
    assert picture.colour


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.keyword)
def test_grey_in_three_channels_is_no_colour(syntax):
    picture = picture_of(np.stack([GREY] * 3, axis=-1), syntax=syntax)
    np.testing.assert_allclose(picture.values, GREY, atol=0.01)
    assert not picture.colour


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_the_blue_of_a_film_is_no_colour(photometric):
    pixels = (draw("chest", 300, 240, 8)[:, :, None] * np.array([0.7, 0.85, 1.0])).astype(np.uint8)
    stored = (
        pixels if photometric == "RGB" else np.asarray(Image.fromarray(pixels).convert("YCbCr"))
    )
    picture = picture_of(stored, photometric=photometric)
    assert not picture.colour
    np.testing.assert_allclose(picture.values, pixels @ [0.299, 0.587, 0.114], atol=1)


def test_coloured_arrows_and_measures_make_no_colour_picture_a_coloured_part_does():
    pixels = np.stack([draw("chest", 300, 240, 8)] * 3, axis=-1).astype(np.uint8)
    pixels[20:280:25, 20:220] = (255, 255, 0)
    pixels[20:280:25, 20:220][:, ::2] = (0, 255, 0)
    pixels[40:280, 20:220:25] = (255, 0, 255)
    pixels[100:110, 30:60] = (255, 40, 40)
    assert not picture_of(pixels).colour
    pixels[100:200, :150] = np.random.default_rng(0).integers(0, 256, (100, 150, 3))
    assert picture_of(pixels).colour


def photograph(kind):
    """Draw what is coloured much as its brightness tells, or in a small part alone."""
    rows, columns = np.indices((300, 240))
    grey = draw("hand", 300, 240, 8).astype(float)[:, :, None]
    if kind == "skin":
        return grey * [0.78, 0.6, 0.47] + [40, 25, 20]
    if kind == "lesion":
        inside = np.hypot(rows - 150, columns - 120) < 30
        return np.where(inside[:, :, None], [160, 40, 60], photograph("skin"))
    if kind == "mucosa":
        return grey * [0.9, 0.45, 0.35]
    if kind == "stain":
        return [240, 220, 235] - grey * [0.4, 0.85, 0.35]
    if kind == "hot":
        return np.clip(grey * 3 - [0, 255, 510], 0, 255)
    box = (abs(rows - 150) < 30) & (abs(columns - 120) < 30)
    flow = np.where((rows < 150)[:, :, None], [255, 60, 0], [0, 60, 255])
    return np.where(box[:, :, None], flow, grey / 2)


@pytest.mark.parametrize("kind", ["skin", "lesion", "mucosa", "stain", "hot", "doppler"])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_photographs_and_flow_are_colour_pictures(kind, photometric):
    pixels = photograph(kind).clip(0, 255).astype(np.uint8)
    if photometric == "YBR_FULL":
        pixels = np.asarray(Image.fromarray(pixels).convert("YCbCr"))
    assert picture_of(pixels, photometric=photometric).colour


def test_a_small_coloured_marker_makes_no_colour_picture():
    pixels = np.stack([GREY] * 3, axis=-1)
    pixels[:5, :8] = (255, 0, 0)
    assert not picture_of(pixels).colour


def test_planes():
    dataset = dataset_of(COLOURS, bits=8, photometric="RGB", PlanarConfiguration=1)
    dataset.PixelData = COLOURS.transpose(2, 0, 1).tobytes()
    np.testing.assert_allclose(read_picture(dataset).values, LUMINANCE, atol=0.01)


def test_the_luminance_of_ybr_full_is_its_first_channel():
    picture = picture_of(COLOURS, photometric="YBR_FULL")
    np.testing.assert_array_equal(picture.values, COLOURS[:, :, 0])
    assert picture.colour


def test_ybr_without_chroma_is_no_colour():
    pixels = np.stack([GREY, np.full_like(GREY, 128), np.full_like(GREY, 127)], axis=-1)
    assert not picture_of(pixels, photometric="YBR_FULL").colour


def test_half_chroma():
    packed = np.stack([GREY[:, ::2], GREY[:, 1::2]] + [np.full((60, 25), 128)] * 2, axis=-1)
    dataset = dataset_of(np.stack([GREY] * 3, axis=-1), bits=8, photometric="YBR_FULL_422")
    dataset.PixelData = packed.astype(np.uint8).tobytes()
    picture = read_picture(dataset)
    np.testing.assert_array_equal(picture.values, GREY)
    assert not picture.colour


SMOOTH = np.stack(
    [
        np.linspace(0, 255, 64)[:, None] * np.ones(64),
        np.linspace(0, 255, 64) * np.ones((64, 1)),
        np.full((64, 64), 80.0),
    ],
    axis=-1,
).astype(np.uint8)


@pytest.mark.parametrize("stated", ["RGB", "YBR_FULL_422"])
def test_jpeg_in_ycbcr_is_read_as_such_whatever_the_header_states(stated):
    dataset = dataset_of(SMOOTH, bits=8, photometric=stated, syntax=uids.JPEGBaseline8Bit)
    code = imagecodecs.jpeg8_encode(SMOOTH, level=98)  # with a JFIF marker
    dataset.PixelData = encapsulate([code])
    picture = read_picture(dataset)
    assert np.abs(picture.values - SMOOTH @ [0.299, 0.587, 0.114]).max() < 6
    assert picture.colour


def test_jpeg_in_rgb_without_any_marker_is_read_as_the_header_states():
    dataset = dataset_of(SMOOTH, bits=8, photometric="RGB", syntax=uids.JPEGBaseline8Bit)
    code = imagecodecs.jpeg8_encode(SMOOTH, level=98, colorspace="RGB", outcolorspace="RGB")
    dataset.PixelData = encapsulate(
        [code.replace(b"\xff\xee\x00\x0eAdobe", b"\xff\xee\x00\x0eOther")]
    )
    picture = read_picture(dataset)
    assert np.abs(picture.values - SMOOTH @ [0.299, 0.587, 0.114]).max() < 6


def palette(**changes):
    dataset = dataset_of(GREY, bits=8, modality="OT", photometric="PALETTE COLOR")
    for name, factor in (("Red", 256), ("Green", 128), ("Blue", 64)):
        entries = np.arange(256, dtype="<u2") * factor
        dataset.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
        dataset.add_new(f"{name}PaletteColorLookupTableData", "OW", entries.tobytes())
    for keyword, value in changes.items():
        dataset[keyword].value = value
    return read_dataset(file_bytes(dataset))


def test_a_palette_is_looked_up_before_anything_is_averaged():
    picture = read_picture(palette(), long_side=20)
    looked_up = GREY.astype(float) @ np.eye(50) * (256 * 0.299 + 128 * 0.587 + 64 * 0.114)
    expected = np.rint(looked_up).reshape(20, 3, 50)[:, :, :48].reshape(20, 3, 16, 3)
    np.testing.assert_allclose(picture.values, expected.mean(axis=(1, 3)), rtol=1e-3)


def test_the_blue_of_a_film_in_a_palette_is_no_colour_a_scale_of_heat_is():
    assert read_picture(palette()).colour
    red, blue = (np.arange(256, dtype="<u2") * factor for factor in (100, 256))
    swapped = {"Red": red, "Green": np.arange(256, dtype="<u2") * 160, "Blue": blue}
    cold = {f"{name}PaletteColorLookupTableData": data.tobytes() for name, data in swapped.items()}
    assert not read_picture(palette(**cold)).colour


def test_a_grey_palette_of_bytes_is_no_colour():
    changes = {}
    for name in ("Red", "Green", "Blue"):
        changes[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 8]
        changes[f"{name}PaletteColorLookupTableData"] = bytes(range(256))
    picture = read_picture(palette(**changes))
    np.testing.assert_array_equal(picture.values, GREY * 257.0)
    assert not picture.colour


def test_a_palette_begins_where_its_descriptor_says():
    changes = {
        f"{name}PaletteColorLookupTableDescriptor": [256, 10, 16]
        for name in ("Red", "Green", "Blue")
    }
    lowest, highest = read_picture(palette(**changes)).values.min(), int(GREY.max()) - 10
    assert lowest == np.rint(max(int(GREY.min()) - 10, 0) * 159.0)
    assert highest > 0


def test_a_truncated_palette_is_refused():
    with pytest.raises(PictureError, match="green palette is truncated"):
        read_picture(palette(GreenPaletteColorLookupTableData=bytes(20)))


@pytest.mark.parametrize("kind", ["US", "photo"])
def test_photographs_are_colour(kind):
    assert read_picture(foreign(kind)).colour


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.keyword)
def test_grey_in_three_channels_is_no_colour_when_it_is_called_ybr(syntax):
    picture = picture_of(np.stack([GREY] * 3, axis=-1), syntax=syntax, photometric="YBR_FULL")
    np.testing.assert_allclose(picture.values, GREY, atol=0.01)
    assert not picture.colour


def test_looking_a_palette_up_takes_no_place_for_each_pixel():
    dataset, indices = palette(), np.tile(GREY, (40, 40))
    tracemalloc.start()
    palette_luminance(indices, dataset, read_layout(dataset))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * indices.size
