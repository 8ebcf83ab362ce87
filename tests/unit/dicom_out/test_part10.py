"""Where the header of a file ends, so that it can be rewritten without its pixel data."""

from io import BytesIO

import pydicom.uid as uids
import pytest
from pydicom import Dataset, dcmread

import phantoms
from bodypart.dicom_out import part10
from bodypart.dicom_out.correction import correct, restore
from bodypart.dicom_out.part10 import header_end
from bodypart.labels import BY_LABEL
from unit.dicom_out.radiographs import NOW, SYNTAXES, radiograph

WITHOUT_DEFLATED = {name: syntax for name, syntax in SYNTAXES.items() if name != "deflated"}


def corrected(data):
    return correct(data, BY_LABEL["knee"], None, version="0.1.0", now=NOW)


@pytest.mark.parametrize("syntax", WITHOUT_DEFLATED.values(), ids=WITHOUT_DEFLATED)
def test_a_header_by_itself_is_rewritten_as_in_its_file(syntax):
    data = radiograph(syntax)
    end = header_end(data)
    assert end < len(data)
    assert corrected(data[:end]).data + data[end:] == corrected(data).data
    done = corrected(data).data
    end = header_end(done)
    assert restore(done[:end]).data + done[end:] == data


def behind_the_pixels():
    dataset = dcmread(BytesIO(radiograph()))
    signature = Dataset()
    signature.MACIDNumber = 1
    dataset.DigitalSignaturesSequence = [signature]
    return phantoms.file_bytes(dataset)


def without_pixels():
    dataset = dcmread(BytesIO(radiograph()))
    del dataset.PixelData
    return phantoms.file_bytes(dataset)


@pytest.mark.parametrize(
    "data",
    [
        radiograph(uids.DeflatedExplicitVRLittleEndian),
        behind_the_pixels(),
        without_pixels(),
        radiograph()[:-1],
        b"no DICOM file",
        b"",
    ],
    ids=["deflated", "signed", "without pixels", "cut short", "not DICOM", "empty"],
)
def test_the_rest_is_rewritten_whole(data):
    assert header_end(data) == len(data)


def test_a_deflated_file_is_not_unfolded_for_it(monkeypatch):
    """The service asks, and a small file may unfold to 256 MB."""

    def unfold(_):
        raise AssertionError

    data = radiograph(uids.DeflatedExplicitVRLittleEndian)
    monkeypatch.setattr(part10, "_inflate", unfold)
    assert header_end(data) == len(data)
