"""The thumbnail that a decoder draws of what it annotates, kept for the pages."""

import pytest

from service.errors import NotFoundError
from service.queue.tasks import Kind, Mode
from service.records.thumbnails import USUAL_SIZE


@pytest.fixture
def drawn(house, monkeypatch):
    """Decoders that draw: the thumbnail says which size was asked for."""
    ask = house.decoders.ask

    def asked(task, request, payload, *, urgent=False):
        side = request["thumbnail"]
        return ask(task, request, payload, urgent=urgent)[0], b"%d pixels" % side

    monkeypatch.setattr(house.decoders, "ask", asked)


def test_a_thumbnail_is_kept_of_the_size_that_was_asked_for(house, drawn):
    house.annotator.annotate("i", Mode.NEW)
    version = house.orthanc.stored_file("i").version
    assert house.thumbnails.get("i", USUAL_SIZE, version) == b"%d pixels" % USUAL_SIZE


def test_no_thumbnail_is_kept_of_what_is_deleted_while_it_is_read(house, drawn):
    """It was written first, and stayed in the cache: a picture of a patient who is gone."""
    version = house.orthanc.stored_file("i").version

    def delete():
        house.orthanc.delete_instance("i")
        house.annotations.gone("i")

    house.decoders.while_asked = delete
    with pytest.raises(NotFoundError):
        house.annotator.annotate("i", Mode.NEW)
    assert house.thumbnails.get("i", USUAL_SIZE, version) is None


def test_no_thumbnail_is_kept_of_what_is_deleted_while_the_memory_has_it_looked_at(house, drawn):
    version = house.orthanc.stored_file("i").version
    house.ask(Kind.LOOK, "i")

    def delete():
        house.orthanc.delete_instance("i")
        house.annotations.gone("i")

    house.decoders.while_asked = delete
    task = house.claim(Kind.LOOK)
    with pytest.raises(NotFoundError):
        house.annotator.look(task)
    house.annotator.gone(task)
    assert house.thumbnails.get("i", USUAL_SIZE, version) is None
    assert not house.tasks.stands(Kind.LOOK, "i")
