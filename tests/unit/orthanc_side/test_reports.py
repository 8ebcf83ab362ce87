"""When a study gets a structured report, and which reports may be deleted."""

import json

import pytest

from unit.orthanc_side.memory import Memory, note


class Study:
    """One study of an archive in memory, with an engine and a loopback that keep what passes."""

    def __init__(self, monkeypatch, tmp_path):
        from orthanc_side import archive
        from orthanc_side.index import Index
        from orthanc_side.reports import Reports

        self.memory = Memory(monkeypatch)
        self.index = Index(tmp_path / "index")
        self.asked, self.refused, self.foreign = [], False, []
        monkeypatch.setattr(archive, "delete_instance", lambda i: self.memory.files.pop(i, None))
        monkeypatch.setattr(archive, "get_json", self.get_json)
        self.reports = Reports(self, self.index, self)

    def get_json(self, path):
        if path.endswith("/series"):
            return [{"MainDicomTags": {"Modality": "SR"}, "Instances": self.foreign}]
        maker = "orthanc-bodypart" if "ours" in path else "Another"
        return {"ManufacturerModelName": maker}

    def ask(self, task, request, _data, *, urgent=False):
        from orthanc_side.engine import RefusedError

        if task == "headers":
            return {}, b"header"
        if self.refused:
            raise RefusedError("ValueError", "no answer")
        self.asked.append(request)
        return {}, b"report"

    def post(self, _path, data):
        name = f"report{len(self.asked)}"
        self.memory.files[name] = data
        return json.dumps({"ID": name}).encode()

    def has(self, instance, label="hand"):
        from orthanc_side import archive

        self.memory.files[instance] = b"file"
        self.index.put(note(instance, label), archive.ancestors(instance))

    def settle(self):
        self.reports.study_is_stable("study")
        return sorted(name for name in self.memory.files if "report" in name)


@pytest.fixture
def study(monkeypatch, tmp_path):
    made = Study(monkeypatch, tmp_path)
    made.has("i")
    return made


def test_a_report_is_stored_once_for_the_same_results(study):
    assert study.settle() == ["report1"]
    assert study.settle() == ["report1"]
    assert len(study.asked) == 1


def test_a_new_result_replaces_the_report_by_one_that_names_it(study):
    study.settle()
    study.has("i", "foot")
    assert study.settle() == ["report2"]
    assert [request["previous"] for request in study.asked] == [False, True]


def test_the_report_goes_when_no_result_is_left_and_may_come_back(study):
    study.settle()
    study.index.put_forgotten("i", study.index.above("i"))
    assert study.settle() == []
    assert study.settle() == []
    study.has("i")
    assert study.settle() == ["report2"]
    assert study.asked[-1]["previous"] is False


def test_a_report_that_somebody_deleted_is_not_named(study):
    study.settle()
    del study.memory.files["report1"]
    study.has("i", "foot")
    assert study.settle() == ["report2"]
    assert study.asked[-1]["previous"] is False


def test_reports_of_others_and_of_another_archive_stay(study):
    study.foreign = ["theirs-report", "ours-report"]
    study.memory.files.update(dict.fromkeys(study.foreign, b"report"))
    assert study.settle() == ["ours-report", "report1", "theirs-report"]
    assert study.asked[-1]["previous"] is True
    study.has("i", "foot")
    assert study.settle() == ["ours-report", "report2", "theirs-report"]


def test_a_refusal_is_logged_and_tried_again_the_next_time(study):
    study.refused = True
    assert study.settle() == []
    assert study.memory.logged == ["study study gets no report: RefusedError"]
    study.refused = False
    assert study.settle() == ["report1"]
