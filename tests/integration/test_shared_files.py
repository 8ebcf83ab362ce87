"""Real radiographs and real broken files through a real Orthanc."""

import csv
import subprocess

import pytest
from pydicom.uid import generate_uid

from phantoms import file_bytes, radiograph

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def uploaded(orthanc, shared):
    """Upload every good and broken file by REST; give path to Orthanc id, None if refused."""
    ids = {}
    for folder in (shared / "dicom", shared / "dicom/broken"):
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.suffix not in {".csv", ".md"}:
                answer = orthanc.request("POST", "/instances", data=path.read_bytes())
                body = answer.json() if answer.status_code == 200 else {}
                ids[path] = body.get("ID") if isinstance(body, dict) else None
    orthanc.settle(120)
    return ids


def test_every_instance_has_an_annotation_with_a_reason_where_it_says_nothing(orthanc, uploaded):
    stored = {path: instance for path, instance in uploaded.items() if instance}
    assert len(stored) >= 40
    for path, instance in stored.items():
        annotation = orthanc.annotation(instance)
        assert annotation["status"] in {"done", "skipped", "failed"}, path.name
        if annotation["examined"] is None:
            assert annotation["reason"] or annotation["review_reason"], path.name


def test_c_store_of_all_files_ends_in_the_same_answers(make_server, shared):
    server = make_server().start()
    files = sorted((shared / "dicom").glob("*.dcm"))
    # One association proposes one syntax: each takes the files that are in it.
    for syntax in ("-xi", "-xe", "-xy", "-xx", "-xt", "-xu", "-xv", "-xw", "-xr"):
        subprocess.run(
            ["storescu", syntax, "--no-halt", "127.0.0.1", str(server.dicom_port), *files],
            check=False,
            capture_output=True,
        )
    server.settle(120)
    instances = [instance["ID"] for instance in server.get("/instances?expand")]
    assert len(instances) >= 20
    for instance in instances:
        assert server.annotation(instance)["status"] in {"done", "skipped", "failed"}


def test_one_exposure_in_several_encodings_gets_one_answer(orthanc, uploaded):
    for exposure in ("RG2", "RG3"):
        answers = {
            path.name: orthanc.annotation(instance)["image"]["top"][0]["label"]
            for path, instance in uploaded.items()
            if f"_{exposure}_" in path.name and instance
        }
        assert len(answers) >= 4
        assert len(set(answers.values())) == 1, answers


def test_most_real_radiographs_are_named_right(orthanc, uploaded, shared):
    with (shared / "dicom/manifest.csv").open(encoding="utf-8") as file:
        truth = {row["path"]: row["label"] for row in csv.DictReader(file) if row["label"]}
    right = []
    for path, instance in uploaded.items():
        if path.name in truth and instance:
            examined = orthanc.annotation(instance)["examined"]
            right.append(examined is not None and examined["label"] == truth[path.name])
    assert len(right) >= 15
    assert sum(right) / len(right) >= 0.8


def test_a_study_with_dutch_japanese_and_broken_headers(orthanc):
    """Three films of one study; each is labelled right from what its header says."""
    common = {
        "PatientID": generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "SpecificCharacterSet": "ISO_IR 192",
    }
    films = {
        "knee": {"SeriesDescription": "Knie rechts AP", "StudyDescription": "X-knie re"},
        "chest": {"SeriesDescription": "胸部正面", "BodyPartExamined": ""},
        "hand": {"SeriesDescription": "Hand li\x00\x1b$B", "BodyPartExamined": "hand???&links"},
    }
    instances = {}
    for part, headers in films.items():
        dataset = radiograph(part, **common, SeriesInstanceUID=generate_uid())
        for keyword, value in headers.items():
            setattr(dataset, keyword, value)
        instances[part] = orthanc.upload(file_bytes(dataset))
    for part, instance in instances.items():
        assert orthanc.annotation(instance)["header"]["label"] == part
    orthanc.settle()
    study = orthanc.above(instances["knee"])["studies"]
    found = orthanc.get(f"/bodypart/studies/{study}")
    assert {child["instance"] for child in found["children"]} == set(instances.values())
    assert orthanc.annotation(instances["knee"])["laterality"]["value"] == "R"
