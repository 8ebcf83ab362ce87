"""The sheet's pages and the thumbnails, through the routes of a real Orthanc."""

import io

import pytest
from PIL import Image

from orthanc_server import USUAL, running
from phantoms import file_bytes, foreign, radiograph

_PARTS = ("HAND", "KNEE", "CHEST", "FOOT", "HAND", "KNEE", "HAND")
_STATIONS = ("ROOM 2", None, "ROOM 1")


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sheet"), USUAL) as server:
        yield server


@pytest.fixture(scope="module")
def stored(orthanc):
    """Hands with various headers, and a slice of a CT."""
    ids = [
        orthanc.upload(
            file_bytes(
                radiograph(
                    "hand", seed=number, BodyPartExamined=part, PatientID=f"SHEET{number}",
                    StudyDate=f"2026010{1 + number % 3}", StationName=_STATIONS[number % 3],
                )
            )
        )
        for number, part in enumerate(_PARTS)
    ]  # fmt: skip
    ct = orthanc.upload(file_bytes(foreign("CT", BodyPartExamined="KNEE", PatientID="SHEETCT")))
    for instance in (*ids, ct):
        orthanc.annotation(instance)
    orthanc.settle()
    return ids, ct


def pages(orthanc, **query):
    found, after = [], ""
    while after is not None:
        answer = orthanc.request(
            "GET", "/bodypart/sheet", params={**query, "limit": 2, "after": after}
        )
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        after = answer.json()["next"]
    return found


@pytest.mark.parametrize("order", ["odd", "sure", "new", "old"])
@pytest.mark.parametrize("group", ["", "answer", "picture", "pair", "study", "station"])
def test_pages_give_each_instance_once_in_one_order(orthanc, stored, order, group):
    found = pages(orthanc, order=order, group=group)
    assert sorted(item["instance"] for item in found) == sorted(stored[0])
    if group == "pair":
        pairs = [(item["header_label"], item["image_label"]) for item in found]
        assert len({*pairs}) == sum(a != b for a, b in zip(pairs, [None, *pairs], strict=False))
    if group == "station":
        stations = [item["station"] for item in found]
        assert stations == ["ROOM 1"] * 2 + ["ROOM 2"] * 3 + [""] * 2


def test_slices_wait_in_all_but_not_in_what_is_open(orthanc, stored):
    everything = {item["instance"] for item in pages(orthanc, show="all")}
    assert everything == {*stored[0], stored[1]}


def test_a_page_of_another_order_is_refused(orthanc, stored):
    for after in ("nonsense", "[1, 2, 3]", '{"a": 1}', "[[]]"):
        answer = orthanc.request("GET", "/bodypart/sheet", params={"after": after})
        assert answer.status_code == 400, after
        assert "after" in answer.json()["details"]


def test_a_thumbnail_is_small_kept_and_that_of_the_stored_file(orthanc, stored):
    instance = stored[0][0]
    for query, longest in (("", 192), ("?size=64", 64), ("?size=400", 400)):
        answer = orthanc.request("GET", f"/bodypart/instances/{instance}/thumbnail{query}")
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert len(answer.content) < 20_000
        assert max(Image.open(io.BytesIO(answer.content)).size) <= longest
    asked = orthanc.request("GET", f"/bodypart/instances/{instance}/thumbnail?size=9")
    assert asked.status_code == 400
    assert "size" in asked.json()["details"]


def test_a_thumbnail_goes_with_its_instance(orthanc):
    instance = orthanc.upload(file_bytes(radiograph("hand", seed=99, PatientID="SHEET-GONE")))
    orthanc.annotation(instance)
    path = f"/bodypart/instances/{instance}/thumbnail"
    assert orthanc.request("GET", path).status_code == 200
    orthanc.request("DELETE", f"/instances/{instance}")
    assert orthanc.request("GET", path).status_code == 404


def test_what_has_no_picture_has_no_thumbnail(orthanc):
    instance = orthanc.upload(file_bytes(foreign("SR", PatientID="SHEET-SR")))
    orthanc.annotation(instance)
    answer = orthanc.request("GET", f"/bodypart/instances/{instance}/thumbnail")
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "details"}
