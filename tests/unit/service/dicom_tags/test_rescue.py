"""Orthanc's side watches over a rewrite: it is heard, and what it kept is found."""

import errno
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from orthanc_side.service_process import ServiceProcess
from service.dicom_tags import rescue
from service.dicom_tags.file_mark import FileMark
from service.dicom_tags.rescue import Rescue
from service.errors import ArchiveError, StorageFullError

OURS = FileMark(100_000, 65_536, "digest")


class Side:
    """Orthanc's side: acknowledges at once, if it does."""

    def __init__(self, *, answers=True):
        self.said, self.answers, self.rescue = [], answers, None

    def __call__(self, message):
        self.said.append(message)
        if "rewriting" in message and self.answers:
            self.rescue.acknowledge(message["rewriting"])


@pytest.fixture
def side(tmp_path):
    made = Side()
    made.rescue = Rescue(tmp_path / "kept", made)
    return made


def test_a_rewrite_is_announced_and_its_end_told(side, tmp_path):
    told = tmp_path / "kept/i.json"
    assert side.said == [{"rescued": str(tmp_path / "kept")}]
    assert not side.rescue.watches("i")
    with side.rescue.watching("i", OURS):
        assert side.rescue.watches("i")
        assert side.said[1:] == [{"rewriting": "i"}]
        whole = {"length": 100_000, "beginning": 65_536, "md5": "digest"}
        assert json.loads(told.read_text()) == whole
    assert not told.exists()
    assert not side.rescue.watches("i")


def test_what_a_kill_left_announced_is_over_at_the_next_start(tmp_path):
    """Unless another node may have announced it."""
    for name in ("i.json", "i.dcm"):
        (tmp_path / name).touch()
    Rescue(tmp_path, print, shared=True)
    assert (tmp_path / "i.json").exists()
    Rescue(tmp_path, print).drop("j")
    assert not (tmp_path / "i.json").exists()
    assert (tmp_path / "i.dcm").exists()


def test_what_a_node_that_died_had_announced_ends_with_its_mending(tmp_path):
    for name in ("i.json", "i.new", "i.dcm", "i.part"):
        (tmp_path / name).touch()
    Rescue(tmp_path, print, shared=True).drop("i")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_announced_is_not_begun(side, tmp_path):
    (tmp_path / "kept").rmdir()
    with (
        pytest.raises(ArchiveError, match="cannot be announced: No such file"),
        side.rescue.watching("i", OURS),
    ):
        pytest.fail("it went on")
    assert not side.rescue.watches("i")


def test_what_there_is_no_room_to_announce_is_told_as_such_and_leaves_nothing(
    side, tmp_path, monkeypatch
):
    def no_room(path, _):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", no_room)
    with pytest.raises(StorageFullError), side.rescue.watching("i", OURS):
        pytest.fail("it went on")
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize(
    ("blocks", "free", "begins"), [(9**9, 99, False), (9**9, 9**8, True), (0, 0, True)]
)
def test_a_rewrite_needs_room_on_the_disk_of_the_index(
    side, tmp_path, monkeypatch, blocks, free, begins
):
    """Amid an overwrite without room for SQLite, Orthanc 1.10 deleted the file that it had.

    Some network disks tell of no blocks at all.
    """
    disk = SimpleNamespace(f_blocks=blocks, f_bavail=free, f_frsize=4096)
    monkeypatch.setattr(rescue.os, "statvfs", lambda place: asked.append(place) or disk)
    index, kept, asked, begun = tmp_path / "index", tmp_path / "kept", [], False
    index.mkdir()
    side.rescue = Rescue(kept, side, disk=index)
    with suppress(StorageFullError), side.rescue.watching("i", OURS):
        begun = True
    # Not where BodyPart.IndexFile is.
    assert (begun, asked) == (begins, [index])
    assert list(kept.iterdir()) == []


def test_where_orthanc_s_index_is_no_file_there_is_no_disk_of_it(side, tmp_path):
    side.rescue = Rescue(tmp_path / "kept", side, disk=tmp_path / "nowhere")
    with side.rescue.watching("i", OURS):
        pass


def test_an_entry_is_ours_once_that_was_noted_and_uncertain_until_then(side, monkeypatch):
    monkeypatch.setattr(rescue, "_KEPT_ENTRIES", 1)
    assert side.rescue.is_own("i", 7) is False
    with side.rescue.watching("i", OURS):
        assert side.rescue.is_own("i", 7) is None
        side.rescue.note_own("i", 7)
        assert side.rescue.is_own("i", 7) is True
    assert side.rescue.is_own("i", 7) is True
    assert side.rescue.is_own("i", 8) is False
    side.rescue.note_own("j", 9)
    assert side.rescue.is_own("i", 7) is False


def test_without_an_answer_nothing_is_stored_and_the_end_is_told(side, tmp_path, monkeypatch):
    monkeypatch.setattr(rescue, "_ACKNOWLEDGED_WITHIN", 0.01)
    side.answers = False
    with (
        pytest.raises(ArchiveError, match="did not confirm"),
        side.rescue.watching("i", OURS),
    ):
        pytest.fail("it went on")
    assert not (tmp_path / "kept/i.json").exists()


def test_a_deletion_just_before_is_given_way(side, tmp_path, monkeypatch):
    """Orthanc let it in before it could see the rewrite, and carries it out any moment."""
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with side.rescue.watching("i", OURS):
        assert slept == []
    here = ServiceProcess({}, "", print)
    here._take(side.said[0])
    here.hold_deletion()
    with side.rescue.watching("i", OURS):
        assert slept == [rescue._GIVEN_WAY]


@pytest.mark.parametrize("apart", [-2, 3_600], ids=["long ago", "before the clock was set back"])
def test_a_deletion_long_ago_is_over(side, tmp_path, monkeypatch, apart):
    (tmp_path / "kept/deleting").touch()
    at = time.time() + apart
    os.utime(tmp_path / "kept/deleting", (at, at))
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with side.rescue.watching("i", OURS):
        assert slept == []


def test_a_deletion_at_another_node_is_seen_though_nfs_remembers_an_older_one(
    side, tmp_path, monkeypatch
):
    """NFS answers stat(2) from what it knew up to a minute ago, and looks again at an open(2)."""
    deleting = tmp_path / "kept/deleting"
    deleting.touch()
    os.utime(deleting, (1e9, 1e9))
    known, stat = deleting.stat(), Path.stat
    monkeypatch.setattr(Path, "stat", lambda path: known if path == deleting else stat(path))
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    os.utime(deleting)
    with side.rescue.watching("i", OURS):
        assert slept == [rescue._GIVEN_WAY]


def test_what_was_kept_is_found_and_dropped(side, tmp_path):
    assert side.rescue.kept("i", 0.0) is None
    (tmp_path / "kept/i.dcm").write_bytes(b"theirs")
    assert side.rescue.kept("i") == b"theirs"
    side.rescue.drop("i")
    assert side.rescue.kept("i", 0.0) is None
