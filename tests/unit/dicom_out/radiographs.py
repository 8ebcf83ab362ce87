"""Valid radiographs with private tags, and checks that do not rely on the code under test."""

import re
import shutil
import subprocess
from collections.abc import Collection
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom.uid as uids
import pytest
from pydicom import Dataset, dcmread

import phantoms

NOW = datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)
SYNTAXES = {
    "implicit little endian": uids.ImplicitVRLittleEndian,
    "explicit little endian": uids.ExplicitVRLittleEndian,
    "explicit big endian": uids.ExplicitVRBigEndian,
    "deflated": uids.DeflatedExplicitVRLittleEndian,
    "RLE": uids.RLELossless,
    "JPEG extended": uids.JPEGExtended12Bit,
    "JPEG lossless": uids.JPEGLossless,
    "JPEG lossless SV1": uids.JPEGLosslessSV1,
    "JPEG-LS lossless": uids.JPEGLSLossless,
    "JPEG-LS near-lossless": uids.JPEGLSNearLossless,
    "JPEG 2000 lossless": uids.JPEG2000Lossless,
    "JPEG 2000": uids.JPEG2000,
    "HTJ2K lossless": uids.HTJ2KLossless,
}


def radiograph(
    syntax: uids.UID = uids.ExplicitVRLittleEndian,
    rows: int = 40,
    columns: int = 32,
    **attributes: Any,
) -> bytes:
    """Return a CR image file; keyword arguments set attributes, or (with None) drop them."""
    dataset = phantoms.radiograph("hand", rows, columns, syntax=syntax)
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SOPInstanceUID = "2.25.1001"
    dataset.StudyInstanceUID = "2.25.1"
    dataset.SeriesInstanceUID = "2.25.2"
    dataset.StudyDate, dataset.StudyTime = "20261101", "101500"
    dataset.AccessionNumber = "A1"
    dataset.Manufacturer = "Phantom"
    dataset.PatientName = "Müller^Zoë"
    dataset.PatientID = "P1"
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = "AP"
    dataset.PatientOrientation = ""
    dataset.Laterality = ""
    private = dataset.private_block(0x0019, "PHANTOM", create=True)
    private.add_new(0x01, "LO", "kept")
    private.add_new(0x02, "OB", b"\x01\x02\x03\x04")
    nested = Dataset()
    nested.add_new(0x00190010, "LO", "PHANTOM")
    nested.add_new(0x00191001, "UN", b"\x05\x06")
    private.add_new(0x03, "SQ", [nested, Dataset()])
    dataset.add_new(0x00091001, "UN", b"\x07\x08")
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
        if value is None:
            del dataset[keyword]
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return phantoms.file_bytes(dataset)


def digital_radiograph(**attributes: Any) -> bytes:
    """Return a DX image, whose Image Laterality is of type 1."""
    return radiograph(
        SOPClassUID=uids.DigitalXRayImageStorageForPresentation,
        Modality="DX",
        Laterality=None,
        **attributes,
    )


def read(data: bytes) -> Dataset:
    """Read a file with pydicom, an implementation of its own."""
    return dcmread(BytesIO(data))


def file_of(dataset: Dataset) -> bytes:
    """Write a file with pydicom."""
    return phantoms.file_bytes(dataset)


def assert_same(before: bytes, after: bytes, *, except_for: Collection[str] = ()) -> None:
    """Compare two files element by element, the file meta information included."""
    old, new = read(before), read(after)
    assert old.file_meta == new.file_meta
    for keyword in except_for:
        for dataset in (old, new):
            if keyword in dataset:
                del dataset[keyword]
    assert list(old.keys()) == list(new.keys())
    for tag in tuple(old.keys()):
        assert tag.element == 0 or old[tag] == new[tag], tag
        assert old[tag].VR == new[tag].VR, tag


def validation_errors(data: bytes, folder: Path) -> set[str]:
    """Return what dciodvfy calls an error."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy (Debian package dicom3tools) is not installed")
    path = folder / "checked.dcm"
    path.write_bytes(data)
    dataset = dcmread(path)
    if dataset.file_meta.TransferSyntaxUID == uids.DeflatedExplicitVRLittleEndian:
        # dciodvfy reads the packed bytes as if they were elements.
        dataset.file_meta.TransferSyntaxUID = uids.ExplicitVRLittleEndian
        dataset.save_as(path)
    result = subprocess.run([program, path], capture_output=True, check=False, timeout=60)
    text = (result.stderr + result.stdout).decode("latin-1")
    return {line for line in text.splitlines() if re.match("Error", line)}
