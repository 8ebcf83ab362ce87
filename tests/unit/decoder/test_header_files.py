"""The headers that a decoder hands out are a DICOM file, whatever they came from."""

import struct
from io import BytesIO

import pydicom.uid as uids
import pytest
from pydicom import dcmread
from pydicom.errors import BytesLengthException

from decoder.tasks import fhir, headers, report
from phantoms import file_bytes, foreign, radiograph
from unit.dicom_out.annotations import annotation


def meta_end(data):
    return 144 + struct.unpack_from("<I", data, 140)[0]


def group_2_in_the_body(data):
    at = meta_end(data)
    return data[:at] + b"\x02\x00\x10\x00UI\x12\x001.2.840.10008.1.2\0" + data[at:]


def zero_group(data):
    at = meta_end(data)
    return data[:at] + bytes(16) + data[at:]


def no_meta(data):
    return data[meta_end(data) :]


def another_syntax(data):
    return data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0", 1)


def a_long_text(data):
    at = data.index(b"\x10\x00\x10\x00")
    return data[:at] + b"\x09\x00\x01\x10UT\0\0\0\0\x10\0" + b"x" * 0x100000 + data[at:]


@pytest.mark.parametrize(
    "damage",
    [bytes, group_2_in_the_body, zero_group, no_meta, another_syntax, a_long_text],
)
def test_headers_of_odd_files_come_back(damage):
    _, written = headers(None, {}, damage(file_bytes(radiograph("knee", StudyID="S7"))))
    dataset = dcmread(BytesIO(written))
    assert dataset.StudyID == "S7"
    assert "PixelData" not in dataset
    assert len(written) < 10_000


@pytest.mark.parametrize(
    "syntax",
    [
        uids.ImplicitVRLittleEndian,
        uids.ExplicitVRBigEndian,
        uids.DeflatedExplicitVRLittleEndian,
        uids.JPEG2000Lossless,
    ],
)
def test_headers_of_every_encoding_come_back(syntax):
    _, written = headers(None, {}, file_bytes(radiograph("knee", StudyID="S7", syntax=syntax)))
    assert dcmread(BytesIO(written)).StudyID == "S7"


def test_headers_of_a_document_come_without_the_document():
    _, written = headers(None, {}, file_bytes(foreign("PDF", StudyID="S7")))
    dataset = dcmread(BytesIO(written))
    assert "EncapsulatedDocument" not in dataset
    assert dataset.StudyID == "S7"


def test_an_element_that_cannot_be_read_costs_a_study_neither_report_nor_resource():
    _, written = headers(None, {}, file_bytes(radiograph("knee")))
    end = written.index(b"\x10\x00\x40\x00")
    after = end + 8 + struct.unpack_from("<H", written, end + 6)[0]
    odd = written[:end] + b"\x10\x00\x40\x00US\x03\0abc" + written[after:]
    with pytest.raises(BytesLengthException):
        dcmread(BytesIO(odd)).get("PatientSex")
    note = annotation("knee", 0.97)
    asked = {"annotations": [note], "lengths": [len(odd)], "study": "a", "uid": "2.25.7"}
    _, stored = report(None, asked, odd)
    assert dcmread(BytesIO(stored)).SOPInstanceUID == "2.25.7"
    answer, _ = fhir(None, asked, odd)
    assert answer["resource"]["resourceType"] == "ImagingStudy"
