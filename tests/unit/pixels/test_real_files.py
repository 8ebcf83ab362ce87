"""The real files beside the checkout: every one ends in a picture or a reason."""

import csv

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.pixels.processing import apply_modality_lut

from bodypart.pixels import DatasetError, PictureError, read_dataset, read_picture

pytestmark = pytest.mark.shared


def window(path):
    """Return the picture at 224 x 224, its 1st to 99th percentile as 0 to 1."""
    values = read_picture(read_dataset(path.read_bytes())).values
    low, high = np.percentile(values, [1, 99])
    values = np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
    return np.asarray(Image.fromarray(values).resize((224, 224), Image.Resampling.BOX))


@pytest.mark.parametrize(
    ("exposure", "codings"),
    [
        ("RG2", ["JPLL", "JLSL", "J2KR", "J2KI", "JPLY"]),
        ("RG3", ["JPLL", "JLSL", "JLSN", "J2KR"]),
        ("MG1", ["JPLY", "J2KI"]),
    ],
)
def test_one_exposure_in_several_codings_is_one_picture(shared, exposure, codings):
    first, *others = (window(shared / f"dicom/Enet4_{exposure}_{c}.dcm") for c in codings)
    for other in others:
        assert np.abs(other - first).mean() < 0.01
        assert np.corrcoef(other.ravel(), first.ravel())[0, 1] > 0.998


def test_every_radiograph_gives_a_picture(shared):
    with (shared / "dicom/manifest.csv").open() as lines:
        names = [row["path"] for row in csv.DictReader(lines)]
    for name in names:
        picture = read_picture(read_dataset((shared / "dicom" / name).read_bytes()))
        assert np.isfinite(picture.values).all(), name
        assert picture.values.std() > 0, name
        assert not picture.colour, name
        assert max(picture.values.shape) < 640, name


@pytest.mark.parametrize(
    "name",
    [
        "Enet4_MG1_J2KI.dcm",
        "Enet4_RG2_J2KR.dcm",
        "Enet4_RG2_JPLL.dcm",
        "Enet4_RG3_JLSN.dcm",
        "ivmartel_gdcm-CR-MONO1-10-chest.dcm",
        "pydicom_6154.dcm",
        "broken/Enet4_CT_small.dcm",
        "broken/Enet4_MR1_J2KI",
        "broken/Enet4_emri_small_big_endian.dcm",
        "broken/Enet4_image_dfl.dcm",
        "broken/Enet4_liver.dcm",
    ],
)
def test_values_at_full_size_are_those_of_pydicom(shared, name):
    path = shared / "dicom" / name
    picture = read_picture(read_dataset(path.read_bytes()), long_side=100_000)
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array[picture.frame] if picture.frames > 1 else dataset.pixel_array
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        pixels = (1 << dataset.BitsStored) - 1 - pixels
    expected = apply_modality_lut(pixels, dataset)
    np.testing.assert_allclose(picture.values, expected, rtol=1e-6)


def test_every_broken_file_gives_a_picture_or_a_reason(shared):
    for path in sorted((shared / "dicom/broken").iterdir()):
        try:
            picture = read_picture(read_dataset(path.read_bytes()))
        except (PictureError, DatasetError) as error:
            assert len(str(error)) < 200, path.name
        else:
            assert np.isfinite(picture.values).all(), path.name
