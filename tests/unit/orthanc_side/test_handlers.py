"""What is answered of an instance that is just being written."""

import json
from types import SimpleNamespace

import pytest

from unit.orthanc_side.memory import Memory, note


@pytest.fixture
def parts(monkeypatch, tmp_path):
    """Return handlers, the archive in memory, and the parts of the service that they ask."""
    from orthanc_side import handlers
    from orthanc_side.handlers import Handlers
    from orthanc_side.index import Index

    memory = Memory(monkeypatch)
    service = SimpleNamespace(
        index=Index(tmp_path / "index"),
        backlog=SimpleNamespace(filling=False, has=lambda _: False),
        in_place=SimpleNamespace(is_away=lambda _: False),
        settings=SimpleNamespace(on_upload=True),
    )
    monkeypatch.setattr(handlers.archive, "stored", memory.annotation)
    return Handlers(service), memory, service


def read(handlers, instance):
    path = {"level": "instances", "id": instance}
    return json.loads(handlers.read(None, path).body)


def test_what_was_uploaded_and_not_looked_at_is_pending(parts):
    handlers, memory, _ = parts
    memory.files["i"] = b"file"
    assert read(handlers, "i")["status"] == "pending"


def test_an_annotation_that_comes_between_two_looks_is_answered(parts, monkeypatch):
    """It was not there, then it was no longer waited for: that is no 404."""
    from orthanc_side import archive

    handlers, memory, service = parts
    memory.files["i"] = b"file"
    service.index.put(note("i"), archive.ancestors("i"))
    looks = [None, {"status": "done"}]
    monkeypatch.setattr(archive, "stored", lambda *_: looks.pop(0))
    assert read(handlers, "i")["status"] == "done"


def test_an_instance_between_its_deletion_and_its_return_is_pending(parts):
    """Not done: who reads "done" reads the metadata next."""
    handlers, _, service = parts
    service.in_place.is_away = lambda _: True
    assert read(handlers, "i")["status"] == "pending"


def test_what_orthanc_does_not_have_is_not_found(parts):
    from orthanc_side.archive import NotFoundError

    handlers, *_ = parts
    with pytest.raises(NotFoundError):
        read(handlers, "i")


@pytest.mark.parametrize("state", ["put_unseen", "put_forgotten"])
def test_what_nobody_asked_for_is_not_found_and_told_how_to_ask(parts, state):
    from orthanc_side import archive
    from orthanc_side.http import HttpError

    handlers, memory, service = parts
    memory.files["i"] = b"file"
    getattr(service.index, state)("i", archive.ancestors("i"))
    with pytest.raises(HttpError, match="POST here, or back-fill"):
        read(handlers, "i")
