"""What Orthanc deleted leaves the records, and what it stored anew at once does not."""

import pytest

from service.errors import ArchiveError
from service.queue.tasks import Kind, Mode
from service.work.deletions import Deletions


def take_in(house, instance):
    """Take in a deletion that Orthanc's side tells of."""
    deletions = Deletions(house.orthanc, house.annotations, house.in_place, house.lines.append)
    deletions.tell(instance)
    deletions.stop()
    deletions.follow(house.stopping)


def test_only_what_is_gone_leaves_the_index(house):
    """An overwrite is told of as a deletion, too."""
    house.annotator.annotate("i", Mode.NEW)
    take_in(house, "i")
    assert house.index.knows("i")
    house.orthanc.delete_instance("i")
    take_in(house, "i")
    assert not house.index.knows("i")


def test_a_file_that_is_sent_while_the_one_before_it_is_found_gone_is_read(house, monkeypatch):
    """Its task was deleted with that of the other, whose answer it then had for ever."""
    house.ask(Kind.ANNOTATE, "i")

    def gone(*_):
        house.orthanc.arrive("i", b"another picture")
        house.ask(Kind.ANNOTATE, "i")
        return False

    def deleted():
        house.decoders.while_asked = lambda: None
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(house.orthanc, "exists", gone)
            take_in(house, "i")

    house.decoders.while_asked = deleted
    while task := house.claim(Kind.ANNOTATE):
        house.annotator.annotate("i", Mode.NEW, task=task)
        house.decoders.label = "knee"
    assert house.orthanc.annotation("i")["examined"]["label"] == "knee"


def test_a_stop_does_not_wait_for_what_a_sweep_finds_as_well(house):
    """After the deletion of thousands of slices it took eight seconds, and a kill."""
    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.delete_instance("i")
    house.stopping.set()
    take_in(house, "i")
    assert house.index.knows("i")


def test_an_orthanc_that_is_away_is_told_of(house, monkeypatch):
    def away(*_):
        raise ArchiveError("GET /instances/i: status 500")

    monkeypatch.setattr(house.orthanc, "exists", away)
    take_in(house, "i")
    (line,) = house.lines
    assert line.startswith("instance i could not be removed from the index")
    assert line.endswith("GET /instances/i: status 500")


def test_the_overwrite_backup_of_a_deleted_instance_is_dropped(house):
    """It was until the next start: a delivery waited for the instance to return."""

    def no_answer():
        raise ArchiveError("Timeout")

    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.after_store = no_answer
    with pytest.raises(ArchiveError):
        house.in_place.rewrite(house.claim(Kind.REWRITE))
    take_in(house, "i")
    assert house.in_place.is_away("i")
    house.orthanc.delete_instance("i")
    take_in(house, "i")
    assert not house.in_place.is_away("i")
