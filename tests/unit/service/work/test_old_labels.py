"""Where no labels are wanted any more, those of before are taken away, and no others."""

import threading

import pytest

from service.errors import ArchiveError
from service.work import old_labels


class Orthanc:
    """Labels of resources by level and id, and what is asked about them."""

    def __init__(self, *, has_labels=True):
        self.has_labels, self.client, self.failures, self.questions = has_labels, self, 0, 0
        self.of = {
            **{("instances", f"i{n}"): {"bodypart-hand", "teaching"} for n in range(5)},
            ("instances", "other"): {"teaching", "bodyparts"},
            ("series", "s"): {"bodypart-hand", "bodypart-review"},
            ("studies", "st"): {"bodypart-hand"},
            ("patients", "p"): {"bodypart-hand"},
        }

    def get_json(self, path):
        assert self.has_labels
        assert path == "/tools/labels"
        return sorted({name for names in self.of.values() for name in names})

    def question(self, path, asked):
        assert (path, asked["LabelsConstraint"], asked["Query"]) == ("/tools/find", "Any", {})
        self.questions += 1
        if self.failures:
            self.failures -= 1
            raise ArchiveError("away")
        level = {"Study": "studies", "Series": "series"}.get(
            asked["Level"], asked["Level"].lower() + "s"
        )
        wanted = set(asked["Labels"])
        return [one for (at, one), names in self.of.items() if at == level and names & wanted][
            : asked["Limit"]
        ]

    def labels(self, level, resource):
        return sorted(self.of[level, resource])

    def set_label(self, level, resource, label, *, present):
        assert not present
        self.of[level, resource].discard(label)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(old_labels, "_PAGE", 2)
    monkeypatch.setattr(old_labels, "_PAUSES", (0.0,))


@pytest.mark.parametrize("failures", [0, 2])
def test_ours_are_taken_from_all_levels_and_those_of_others_stay(failures):
    orthanc, lines = Orthanc(), []
    orthanc.failures = failures
    old_labels.follow(orthanc, threading.Event(), lines.append)
    assert {name for names in orthanc.of.values() for name in names} == {"teaching", "bodyparts"}
    assert all("teaching" in names for (at, _), names in orthanc.of.items() if at == "instances")
    assert len(lines) == failures + 1
    assert lines[-1].endswith("of 8 resources")


def test_an_archive_without_any_is_told_nothing():
    orthanc, lines = Orthanc(), []
    orthanc.of = {("instances", "other"): {"teaching"}}
    old_labels.follow(orthanc, threading.Event(), lines.append)
    old_labels.follow(Orthanc(has_labels=False), threading.Event(), lines.append)
    assert lines == []


def test_orthanc_looks_through_its_index_seldom(monkeypatch):
    """Each question goes through all of a level: a million instances in pages of 500 take long."""
    monkeypatch.undo()
    orthanc = Orthanc()
    orthanc.of = {("instances", f"i{n}"): {"bodypart-hand"} for n in range(10_000)}
    assert old_labels.take_away(orthanc, threading.Event()) == 10_000
    assert orthanc.questions == 5  # The last of each level finds none.
