"""Parents of many series come in few questions, and each is asked for once."""

from collections import OrderedDict

import pytest

from service.errors import NotFoundError
from service.orthanc_api.places import Places
from service.orthanc_api.resources import Parents


class Orthanc:
    """Two studies of a patient with three series."""

    def __init__(self):
        self.asked = 0
        self.held = {"s1": "st1", "s2": "st1", "s3": "st2"}
        self.date = "20260101"
        self.deleted = set()

    def question(self, path, asked):
        self.asked += 1
        assert path == "/tools/bulk-content"
        found = []
        for one in asked["Resources"]:
            if one in self.deleted:
                continue
            if one in self.held:
                tags = {"Modality": "DX", "StationName": "ROOM 1"}
                series = {"ID": one, "ParentStudy": self.held[one], "MainDicomTags": tags}
                found.append(series)
            elif one in self.held.values():
                tags = {"StudyDate": self.date}
                found.append({"ID": one, "ParentPatient": "p", "MainDicomTags": tags})
        return found


def test_many_series_take_two_questions_and_then_none():
    orthanc = Orthanc()
    places = Places(orthanc)
    places.learn(["s1", "s2", "s3", "s1", "gone"])
    assert orthanc.asked == 2
    assert places.of_series("s3") == Parents("s3", "st2", "p", "DX", "20260101", "ROOM 1")
    places.learn(["s1", "s2"])
    assert orthanc.asked == 2
    with pytest.raises(NotFoundError):
        places.of_series("gone")


def test_one_alone_is_asked_for_by_itself():
    orthanc = Orthanc()
    places = Places(orthanc)
    assert places.of_series("s1").study == "st1"
    assert orthanc.asked == 2


def test_a_study_deleted_between_the_two_questions_leaves_its_series_out():
    orthanc = Orthanc()
    places = Places(orthanc)
    orthanc.deleted.add("st1")
    with pytest.raises(NotFoundError):
        places.of_series("s1")


def test_what_is_deleted_and_sent_again_may_have_another_date():
    orthanc = Orthanc()
    places = Places(orthanc)
    assert places.of_series("s1").study_date == "20260101"
    orthanc.date = "20260102"
    places.forget("s1")
    places.forget("never asked for")
    assert places.of_series("s1").study_date == "20260102"


class Forgetful(OrderedDict):
    """Kept series, of which another thread forgets one as soon as it was looked for or kept."""

    def __contains__(self, series):
        found = super().__contains__(series)
        self.pop(series, None)
        return found

    def __setitem__(self, series, parents):
        super().__setitem__(series, parents)
        self.pop(series)


def test_a_series_that_is_forgotten_while_it_is_asked_for_is_not_gone():
    """Another picture of it was deleted: the one that is being annotated is still there."""
    places = Places(Orthanc())
    places.of_series("s1")
    places._of_series = Forgetful(places._of_series)
    assert places.of_series("s1").study == "st1"
    assert places.of_series("s2").study == "st1"
