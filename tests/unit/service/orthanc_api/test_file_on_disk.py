"""A stored file is read where Orthanc keeps it, if it lies there as it was sent."""

import gc
import mmap
import os
import threading
from pathlib import Path

import pytest

from service.errors import LostFileError
from service.orthanc_api.archive import Archive
from service.orthanc_api.file_on_disk import FileOnDisk
from service.orthanc_api.resources import Parents, StoredFile
from unit.service.orthanc_api.test_archive import FILE, Client

NAME = "0f1e2d3c-0000-4000-8000-00000000000a"
PARENTS = Parents("series", "study", "patient")


def lay(storage, content=FILE, name=NAME):
    place = storage / name[:2] / name[2:4] / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return place


def opened_here():
    while gc.collect():  # What tests before have left open, and what that held.
        pass
    return len(list(Path("/proc/self/fd").iterdir()))


def content(storage, name=NAME):
    client = Client(**{"/instances/i/file": b"Orthanc's"})
    return Archive(client, storage=storage).content("i", StoredFile(PARENTS, name, len(FILE)))


def test_what_lies_in_orthanc_s_storage_is_read_there(tmp_path):
    place = lay(tmp_path)
    before = opened_here()
    file = content(tmp_path)
    assert len(file.source) == len(FILE)
    place.unlink()  # Another file came in: this is still the one that was asked for.
    assert file.data == FILE
    assert opened_here() == before + 1
    del file
    assert opened_here() == before


def test_what_was_copied_already_is_not_copied_once_more(tmp_path):
    lay(tmp_path)
    before = opened_here()
    file = content(tmp_path)
    assert file.source.read_into(memoryview(bytearray(len(FILE))))
    mapped = file.data
    del file
    assert isinstance(mapped.obj, mmap.mmap)
    assert mapped == FILE
    del mapped
    assert opened_here() == before


@pytest.mark.parametrize(
    ("laid", "name"),
    [
        (None, NAME),
        (FILE[:-1], NAME),  # Compressed, say.
        (FILE.replace(b"DICM", b"MCID"), NAME),
        (FILE, "../../" + NAME),
        (FILE, "file-1"),
    ],
)
def test_what_does_not_lie_there_as_it_was_sent_orthanc_is_asked_for(tmp_path, laid, name):
    if laid:
        lay(tmp_path / "storage", laid)
        lay(tmp_path / "storage", FILE, "../../" + NAME)
    before = opened_here()
    assert content(tmp_path / "storage", name).data == b"Orthanc's"
    assert opened_here() == before


def test_what_is_no_file_keeps_nobody_waiting(tmp_path):
    place = lay(tmp_path)
    place.unlink()
    os.mkfifo(place)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(content(tmp_path).data), daemon=True)
    asking.start()
    asking.join(5.0)
    assert answers == [b"Orthanc's"]


def test_without_a_storage_on_this_machine_orthanc_is_asked():
    assert content(None).data == b"Orthanc's"


def test_memory_is_filled_with_what_needs_no_disk(tmp_path, monkeypatch):
    lay(tmp_path)
    read, flags = os.preadv, set()

    def in_small_pieces(descriptor, places, start, flag):
        flags.add(flag)  # Not every file system knows it.
        return read(descriptor, [places[0][:50]], start)

    def on_the_disk(*_):
        raise BlockingIOError

    file, memory = FileOnDisk.found(tmp_path, NAME, len(FILE)), bytearray(len(FILE))
    monkeypatch.setattr(os, "preadv", in_small_pieces)
    assert file.read_into(memoryview(memory))
    assert memory == FILE and flags == {os.RWF_NOWAIT}
    monkeypatch.setattr(os, "preadv", on_the_disk)
    assert not file.read_into(memoryview(memory))


def test_a_file_that_cannot_be_read_is_lost_and_no_decoder_s_fault(tmp_path, monkeypatch):
    place = lay(tmp_path)
    file = FileOnDisk.found(tmp_path, NAME, len(FILE))
    place.write_bytes(FILE[:-1])
    assert not file.read_into(memoryview(bytearray(len(FILE))))
    with pytest.raises(LostFileError, match="shorter"):
        file.data  # noqa: B018 (reading it fails)
    file = FileOnDisk.found(tmp_path, NAME, len(FILE) - 1)

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", fail)
    with pytest.raises(LostFileError, match="Input/output error"):
        file.data  # noqa: B018 (reading it fails)
