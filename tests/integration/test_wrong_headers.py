"""A wrongly labelled study is put right in metadata, tags, report, work list and find."""

import csv
import io

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import generate_uid

from orthanc_server import KNOWN, require
from phantoms import file_bytes, radiograph

pytestmark = pytest.mark.shared

WRONG = {"StudyDescription": "Crâne face/profil", "BodyPartExamined": "SKULL"}


@pytest.fixture(params=KNOWN)
def server(request, make_server):
    require(request.param)
    configuration = {"BodyPart": {"Tags": "in-place", "StructuredReport": True}, "StableAge": 1}
    return make_server(configuration, target=request.param).start()


@pytest.fixture
def knees(shared):
    """Return a real film of a knee under the headers of a skull."""
    with (shared / "radiographs/manifest.csv").open(encoding="utf-8", newline="") as manifest:
        rows = list(csv.DictReader(manifest))
    name = next(r["file"] for r in rows if "NirantK" in r["source"] and r["examined"] == "knee")
    with Image.open(shared / "radiographs" / name) as file:
        grey = np.asarray(file.convert("L"))
    dataset = radiograph("knee", PatientID=generate_uid(), **WRONG)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.Rows, dataset.Columns = grey.shape
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = grey.tobytes() + b"\0" * (grey.size % 2)
    for keyword in ("WindowCenter", "WindowWidth"):
        if keyword in dataset:
            delattr(dataset, keyword)
    return file_bytes(dataset)


def test_a_wrong_header_is_put_right_everywhere(server, knees):
    instance = server.upload(knees)
    annotation = server.annotation(instance)
    assert annotation["examined"]["label"] == "knee"
    assert annotation["examined"]["source"] == "image"
    assert annotation["agreement"] == "conflict"
    assert annotation["needs_review"]
    assert "looks like knee" in annotation["review_reason"]
    assert "says skull" in annotation["review_reason"]
    server.settle()
    server.written(instance)
    dataset = pydicom.dcmread(
        io.BytesIO(server.request("GET", f"/instances/{instance}/file").content)
    )
    assert dataset.BodyPartExamined == "KNEE"
    (entry,) = dataset.OriginalAttributesSequence
    assert entry.ModifiedAttributesSequence[0].BodyPartExamined == "SKULL"
    assert server.metadata("instances", instance, "BodyPartExamined") == "72696002"
    study = server.above(instance)["studies"]
    assert server.get(f"/bodypart/studies/{study}")["examined"]["label"] == "knee"
    report = server.request("GET", f"/bodypart/instances/{instance}/sr")
    assert report.status_code == 200, report.text
    assert b"72696002" in report.content
    assert b"89546000" not in report.content
    marked = server.request(
        "POST", "/bodypart/find", json={"Level": "Instance", "NeedsReview": True}
    )
    assert instance in [found["id"] for found in marked.json()]
