"""Work list, statistics and manifest on an index that is filled directly."""

import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from bodypart.annotation import Annotation, Examined, Laterality
from bodypart.evidence import Guess
from bodypart.reviews import apply_review, parse_review

ROOT = Path(__file__).resolve().parents[3]


def ident(number):
    return "-".join([f"{number:08x}"] * 5)


def annotation(number, seen="knee", read="knee", *, final=None, probability=0.9, agreement="agree"):
    return Annotation(
        ident(number),
        "done",
        examined=Examined(final or read or seen, probability, "image+header"),
        visible=(Guess("knee", 0.9),),
        laterality=Laterality("L", "header"),
        group="others",
        image={"top": [{"label": seen, "probability": 0.8}], "rejected": False},
        header={"label": read, "labels": [read] if read else [], "evidence": []},
        agreement=agreement,
        needs_review=agreement == "conflict",
    ).to_json()


def reviewed(record, label, at="2026-01-02T03:04:05Z", **said):
    return apply_review(record, parse_review({"examined": label, **said}, by="ann", at=at))


def above(number, modality="DX", date="20260115"):
    from orthanc_side.archive import Ancestors

    return Ancestors(ident(100 + number), ident(200 + number), ident(300), modality, date)


@pytest.fixture
def index(tmp_path, monkeypatch):
    from orthanc_side import archive, worklist
    from orthanc_side.index import Index

    def unknown(path):
        raise archive.NotFoundError(path)

    monkeypatch.setattr(archive, "get_json", unknown)
    worklist._description.cache_clear()
    made = Index(tmp_path / "index.sqlite")
    made.put(annotation(1, probability=0.95), above(1))
    made.put(annotation(2, "hand", "knee", agreement="conflict"), above(2, "CR", "20260210"))
    made.put(annotation(3, "hand", "hand", final="hand", probability=0.7), above(3))
    made.put(annotation(4, "chest", "hand", agreement="conflict", probability=0.6), above(4))
    yield made
    made.close()


def numbers(index, **query):
    from orthanc_side.worklist import page

    return [int(item["instance"][:8], 16) for item in page(index, query)["items"]]


def test_only_what_needs_a_review_is_listed_the_least_sure_first(index):
    assert numbers(index) == [4, 2]


def test_conflicts_come_before_the_rest(index):
    assert numbers(index, show="all") == [4, 2, 3, 1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"label": "hand"}, [4, 3]),
        ({"label": "upper_limb"}, [4, 3]),
        ({"picture": "hand"}, [2, 3]),
        ({"header": "knee"}, [2, 1]),
        ({"agreement": "agree"}, [3, 1]),
        ({"modality": "CR"}, [2]),
        ({"from": "20260201"}, [2]),
        ({"to": "20260131"}, [4, 3, 1]),
        ({"source": "person"}, []),
        ({"instances": ident(3)}, [3]),
        ({"studies": ident(202)}, [2]),
        ({"patients": ident(300), "agreement": "conflict"}, [4, 2]),
    ],
)
def test_each_filter_narrows(index, query, expected):
    assert numbers(index, show="all", **query) == expected


def test_pages_follow_each_other_and_tell_the_total(index):
    from orthanc_side.worklist import page

    first = page(index, {"show": "all", "limit": "3"})
    second = page(index, {"show": "all", "limit": "3", "since": "3"})
    assert (first["total"], len(first["items"]), len(second["items"])) == (4, 3, 1)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"}, {"limit": "501"}, {"since": "-1"}, {"since": "x"}, {"show": "some"},
        {"label": "tail"}, {"agreement": "maybe"}, {"from": "yesterday"}, {"studies": "' OR 1"},
        {"colour": "red"},
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(index, query):
    from orthanc_side.http import HttpError
    from orthanc_side.worklist import page

    with pytest.raises(HttpError) as refused:
        page(index, query)
    assert refused.value.status == 400
    assert next(iter(query)) in refused.value.details


def test_reviewed_and_corrected_are_told_apart(index):
    index.put(reviewed(annotation(1), "knee"), above(1))
    index.put(reviewed(annotation(2), "hand"), above(2))
    index.put(reviewed(annotation(3), None), above(3))
    assert sorted(numbers(index, show="reviewed")) == [1, 2, 3]
    assert sorted(numbers(index, show="corrected")) == [2, 3]


def test_statistics_count_parts_conflicts_months_and_corrections(index):
    from orthanc_side.statistics import statistics

    index.put(reviewed(annotation(1, probability=0.95), "knee"), above(1))
    twice = reviewed(reviewed(annotation(5, probability=0.92), "hand"), "foot")
    index.put(twice, above(5))
    found = statistics(index)
    assert {row["label"]: row["instances"] for row in found["examined"]} == {
        "knee": 2, "hand": 2, "foot": 1,
    }  # fmt: skip
    assert {"header": "knee", "image": "hand", "instances": 1} in found["confusion"]
    assert {"month": "202602", "agreement": "conflict", "instances": 1} in found["agreement"]
    assert found["reviews"] == {"reviewed": 2, "corrected": 1, "waiting": 2}
    assert found["calibration"] == [
        {"from": 0.9, "to": 1.0, "reviewed": 2, "probability": 0.935, "right": 0.5}
    ]
    assert found["modalities"] == ["CR", "DX"]


def test_the_manifest_holds_what_people_said_and_nothing_of_a_header(index):
    from orthanc_side.manifest import COLUMNS, as_csv, manifest

    index.put(reviewed(annotation(2), "hand", laterality="R", comment="Mr. Secret"), above(2))
    index.put(
        reviewed(annotation(1), "knee", "2026-01-01T00:00:00Z", visible=["patella"]), above(1)
    )
    first, second = manifest(index, "our archive")
    assert tuple(first) == COLUMNS
    assert first["file"] == f"{ident(1)}.png"
    assert first["visible"] == "knee;patella"
    assert first["laterality"] == ""
    assert first["group"] == ident(300)
    assert first["notes"].startswith("confirmed")
    assert (second["examined"], second["laterality"]) == ("hand", "R")
    assert second["notes"].startswith("corrected from knee")
    assert b"Secret" not in as_csv(COLUMNS, [first, second])


def test_the_manifest_is_what_training_reads(index, tmp_path):
    from orthanc_side.manifest import COLUMNS, as_csv, manifest
    from training.manifest import read_manifest

    index.put(reviewed(annotation(1), "knee"), above(1))
    index.put(reviewed(annotation(2), None), above(2))
    path = tmp_path / "manifest.csv"
    path.write_bytes(as_csv(COLUMNS, manifest(index, "our archive")))
    one, two = sorted(read_manifest(path), key=lambda example: example.file)
    assert (one.examined, one.source, one.visible) == ("knee", "our archive", ("knee",))
    assert two.examined is None


def test_a_table_is_safe_to_open_in_a_spreadsheet():
    from orthanc_side.manifest import as_csv

    assert as_csv(("a", "b"), [{"a": "=1+1", "b": "x,y"}]) == b'a,b\r\n\'=1+1,"x,y"\r\n'


def test_the_buttons_of_explorer_2_open_the_page_with_a_filter_that_it_knows():
    from orthanc_side.worklist import FILTERS

    shipped = json.loads((ROOT / "orthanc-config/orthanc.json").read_text(encoding="utf-8"))
    levels = shipped["OrthancExplorer2"]["UiOptions"]["CustomButtons"]
    assert set(levels) == {"study", "series", "instance"}
    for buttons in levels.values():
        address = urlsplit(buttons[0]["Url"])
        assert address.path == "../../bodypart/ui/"
        assert {name for name, _ in parse_qsl(address.query)} <= dict(FILTERS).keys()
