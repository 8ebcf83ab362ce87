"""Raw exposures, and which end of the greys is dense."""

import numpy as np
import pydicom.uid as uids
import pytest

from bodypart.pixels import Window, display_window, read_dataset, read_picture
from phantoms import dataset_of, draw, file_bytes

PIXELS = draw("pelvis", 320, 240)
THICKNESS = PIXELS / 4095
RAW = np.rint(16_383 * np.exp(-5 * THICKNESS)).astype(np.uint16)
FOR_PROCESSING = {"PresentationIntentType": "FOR PROCESSING"}
LINEAR = {"PixelIntensityRelationship": "LIN", "PixelIntensityRelationshipSign": 1}


def read(pixels, **options):
    return read_dataset(file_bytes(dataset_of(pixels, **{"modality": "DX", **options})))


def values(pixels, **options):
    return read_picture(read(pixels, **options)).values


def alike(picture, other):
    return float(np.corrcoef(picture.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    "told",
    [FOR_PROCESSING, {"SOPClassUID": uids.DigitalXRayImageStorageForProcessing}],
)
def test_a_raw_exposure_becomes_an_attenuation(photometric, told):
    options = {"bits": 14, "photometric": photometric, **told, **LINEAR}
    assert alike(values(RAW, **options), THICKNESS) > 0.999
    dead = RAW.copy()
    dead[:3] = 0
    assert np.isfinite(values(dead, **options)).all()


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("sign", "right"), [(1, 4_095 - PIXELS), (-1, PIXELS)])
def test_of_a_raw_logarithm_the_sign_tells_what_is_dense(photometric, sign, right):
    options = {**FOR_PROCESSING, **LINEAR, "PixelIntensityRelationship": "LOG"}
    options["PixelIntensityRelationshipSign"] = sign
    np.testing.assert_array_equal(values(right, photometric=photometric, **options), PIXELS)


def test_without_a_sign_the_photometric_interpretation_tells():
    options = {**FOR_PROCESSING, "PixelIntensityRelationship": "LIN"}
    dense_is_dark = values(RAW, bits=14, photometric="MONOCHROME1", **options)
    assert alike(dense_is_dark, THICKNESS) > 0.999
    assert alike(values(RAW, bits=14, **options), THICKNESS) < -0.999


def test_what_is_for_presentation_is_shown_as_it_says():
    options = {"PresentationIntentType": "FOR PRESENTATION", **LINEAR}
    np.testing.assert_array_equal(values(PIXELS, **options), PIXELS)


def test_an_exposure_of_nothing():
    dark = np.zeros((320, 240), np.uint16)
    np.testing.assert_array_equal(values(dark, **FOR_PROCESSING, **LINEAR), values(dark))


def test_inverse_is_applied_to_what_is_not_inverted_by_monochrome1():
    right = values(PIXELS)
    inverse = {"PresentationLUTShape": "INVERSE"}
    for pixels, options in (
        (4_095 - PIXELS, inverse),
        (4_095 - PIXELS, {**inverse, "photometric": "MONOCHROME1"}),
        (4_095 - PIXELS, {"photometric": "MONOCHROME1"}),
        (PIXELS, {"PresentationLUTShape": "IDENTITY"}),
    ):
        np.testing.assert_array_equal(values(pixels, **options), right)


def test_the_window_follows_the_polarity():
    window = {"WindowCenter": "1000", "WindowWidth": "500"}
    inverse = read(PIXELS, PresentationLUTShape="INVERSE", **window)
    assert display_window(inverse) == Window(3_095, 500)
    assert display_window(read(RAW, bits=14, **FOR_PROCESSING, **LINEAR, **window)) is None


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e30, -1e30])
@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "MONOCHROME1"},
        {"PresentationLUTShape": "INVERSE"},
        {**FOR_PROCESSING, **LINEAR},
    ],
)
def test_what_is_no_number_costs_no_picture(wrong, options):
    right, picture = (floating(corner, **options) for corner in (9_000, wrong))
    np.testing.assert_array_equal(picture[2:], right[2:])
    assert (picture[:2, :2] == picture.min()).all()


def floating(corner, **options):
    """Read floating-point pixels of which some in a corner have a value of their own."""
    dataset = dataset_of(RAW, **options)
    del dataset.PixelData
    dataset.BitsAllocated = 32
    pixels = RAW.astype("<f4")
    pixels[:2, :2] = corner
    dataset.FloatPixelData = pixels.tobytes()
    return read_picture(read_dataset(file_bytes(dataset))).values
