"""The window that a file asks for, in the values of its picture."""

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from bodypart.pixels import Window, display_window, read_dataset, read_picture
from phantoms import file_bytes, radiograph


def test_the_first_window_is_taken():
    dataset = radiograph("hand", WindowCenter=[1000, 2000], WindowWidth=[500, 4000])
    assert display_window(dataset) == Window(1000, 500)


@pytest.mark.parametrize("centre", [600, 3000])
def test_a_window_shows_the_same_in_both_polarities(centre):
    """What lies in the middle of the window lies there in MONOCHROME1, too."""
    dataset = radiograph("hand")
    stored = np.frombuffer(dataset.PixelData, np.uint16)
    top = 2**dataset.BitsStored - 1
    dataset.WindowCenter, dataset.WindowWidth = centre, 800
    plain = (read_picture(dataset).values - display_window(dataset).centre) / 800
    dataset.PixelData = (top - stored).astype(np.uint16).tobytes()
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.WindowCenter = top - centre
    mirrored = (read_picture(dataset).values - display_window(dataset).centre) / 800
    assert np.allclose(plain, mirrored, atol=0.01)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("more", [0, 24])
def test_a_lookup_table_stands_for_the_window_that_it_opens(syntax, more):
    """Also where entries follow that its descriptor does not count."""
    dataset = radiograph("hand", syntax=syntax)
    for name in ("WindowCenter", "WindowWidth"):
        if name in dataset:
            delattr(dataset, name)
    item = Dataset()
    item.LUTDescriptor = [1000, 500, 16]
    table = np.zeros(1000 + more)
    table[200:800] = np.linspace(0, 65535, 600)
    table[800:1000] = 65535
    order = "<" if syntax.is_little_endian else ">"
    item.add_new("LUTData", "OW", table.astype(f"{order}u2").tobytes())
    dataset.VOILUTSequence = [item]
    window = display_window(read_dataset(file_bytes(dataset)))
    assert window.centre == pytest.approx(1000, abs=2)
    assert window.width == pytest.approx(576, abs=4)


@pytest.mark.parametrize(
    ("centre", "width"), [(None, 100), (100, None), (100, 0), (100, -5), (1e30, 10)]
)
def test_a_window_that_makes_no_sense_is_not_used(centre, width):
    dataset = radiograph("hand")
    dataset.WindowCenter, dataset.WindowWidth = centre, width
    assert display_window(dataset) is None
