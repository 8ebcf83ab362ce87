"""The cache of thumbnails: bounded, of the very file, never in the way."""

from contextlib import contextmanager

import pytest

from service.databases.database import Database
from service.errors import RecordError
from service.records.thumbnails import Thumbnails


@pytest.fixture
def path(tmp_path):
    return tmp_path / "thumbnails.sqlite"


def test_what_was_kept_is_there_after_a_restart(path):
    cache = Thumbnails(path, 10_000)
    cache.put("a", 192, "file-1", b"jpeg")
    cache.close()
    assert Thumbnails(path, 10_000).get("a", 192, "file-1") == b"jpeg"


def test_another_file_has_another_picture(path):
    cache = Thumbnails(path, 10_000)
    cache.put("a", 192, "file-1", b"old")
    assert cache.get("a", 192, "file-2") is None
    assert cache.get("a", 64, "file-1") is None
    cache.put("a", 192, "file-2", b"new")
    assert cache.get("a", 192, "file-1") is None
    assert cache.get("a", 192, "file-2") == b"new"


def test_a_rewritten_file_keeps_its_picture(path):
    cache = Thumbnails(path, 10_000)
    cache.put("a", 192, "file-1", b"jpeg")
    cache.follow("a", "file-1", "file-2")
    assert cache.get("a", 192, "file-2") == b"jpeg"


def test_the_oldest_make_room(path):
    cache = Thumbnails(path, 1_000_000)
    for number in range(1200):
        cache.put(f"i{number:04}", 192, "file", bytes(1000))
    assert path.stat().st_size < 3_000_000
    assert cache.get("i0000", 192, "file") is None
    assert cache.get("i1199", 192, "file") is not None


def test_an_instance_that_is_gone_is_forgotten(path):
    cache = Thumbnails(path, 10_000)
    cache.put("a", 192, "file", b"jpeg")
    cache.remove("a")
    assert cache.get("a", 192, "file") is None


def test_a_damaged_file_is_replaced_and_none_of_its_pictures_left(path):
    path.write_bytes(b"this is no database, and long enough to be read as one" * 100)
    cache = Thumbnails(path, 10_000)
    cache.put("a", 192, "file", b"jpeg")
    assert cache.get("a", 192, "file") == b"jpeg"
    cache.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_disk_that_takes_no_file_ends_no_start_and_costs_pictures_alone(tmp_path):
    cache = Thumbnails(tmp_path / "later/thumbnails.sqlite", 10_000)
    cache.put("a", 192, "file", b"jpeg")
    cache.remove("a")
    assert cache.get("a", 192, "file") is None
    (tmp_path / "later").mkdir()
    cache.put("a", 192, "file", b"jpeg")
    assert cache.get("a", 192, "file") == b"jpeg"


def test_a_disk_that_is_full_for_a_while_costs_none_of_the_pictures(path, monkeypatch):
    """They were set aside as damaged, for ever, and took the place of as many more."""
    cache = Thumbnails(path, 10_000)
    cache.put("a", 192, "file", b"jpeg")
    cache.close()

    @contextmanager
    def full(*_):
        raise RecordError("database or disk is full")
        yield

    with monkeypatch.context() as for_a_while:
        for_a_while.setattr(Database, "write", full)
        cache = Thumbnails(path, 10_000)
    assert cache.get("a", 192, "file") == b"jpeg"
