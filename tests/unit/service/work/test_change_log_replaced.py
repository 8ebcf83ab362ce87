"""What the change log makes of files that replace those of annotated instances."""

import pytest
import sqlalchemy as sa

from service.databases.tables import marks
from service.orthanc_api.resources import Change
from service.queue.tasks import Mode
from service.work.change_log import ChangeLog


def log(house, *, live=True):
    return ChangeLog(house.orthanc, house.records, live=live, first=0)


def test_what_replaces_an_annotated_file_is_read_even_where_uploads_are_not(house):
    """A word was lost to it, and a back-fill did not see that anything was missing."""
    house.annotator.annotate("i", Mode.ASKED)
    house.orthanc.arrive("i", b"sent again")
    house.orthanc.arrive("j", b"file")
    reader = log(house, live=False)
    assert [reader.is_unread(instance) for instance in "ij"] == [True, False]
    reader.read()
    assert house.to_annotate() == {"i"}


def test_an_entry_below_the_mark_of_what_replaces_an_annotated_file_is_asked_for(house):
    """So is what else the hook names of several Orthancs, where uploads are annotated."""
    house.annotator.annotate("i", Mode.ASKED)
    reader = log(house, live=False)
    house.database.shared = True
    house.orthanc.arrive("i", b"sent again")
    house.orthanc.log.clear()
    for instance in "ij":
        reader.wake(instance)
    reader.read()
    assert house.to_annotate() == {"i"}


@pytest.mark.parametrize("restarted", [False, True])
def test_a_series_is_looked_up_again_once_its_replaced_files_are_left_alone(house, restarted):
    """A Study Date that was put right stayed wrong in the lists, and a Modality in the rules.

    Of several nodes, too, another one may read that they were left alone.
    """
    reader = log(house)

    def read_stable():
        house.orthanc.log.append(Change(house.orthanc.last_change() + 1, "StableSeries", "series"))
        house.orthanc.skip_a_number()
        (log(house) if restarted else reader).read()
        return house.orthanc.asked_anew, house.to_annotate()

    reader.read()
    house.annotator.annotate("i", Mode.NEW)
    assert read_stable() == ([], {"i"})
    house.orthanc.arrive("i", b"put right")
    reader.read()
    house.annotator.annotate("i", Mode.NEW)
    assert (house.orthanc.asked_anew, house.to_annotate()) == (["series"], {"i"})
    assert read_stable() == (["series"] * 2, {"i"})
    assert read_stable() == (["series"] * 2, set())


def test_the_mark_of_a_series_goes_with_the_last_of_its_files(house):
    """One that was deleted before it was left alone had its mark for ever."""
    reader = log(house)
    house.orthanc.arrive("j", b"file")
    for instance in "ij":
        house.annotator.annotate(instance, Mode.NEW)
    house.orthanc.arrive("i", b"sent again")
    reader.read()

    def marked():
        return house.database.rows(sa.select(marks.c.name).where(marks.c.name != "cursor"))

    house.annotations.gone("i")
    assert marked() == [("replaced series",)]
    house.annotations.gone("j")
    assert not marked()
