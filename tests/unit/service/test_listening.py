"""The service's socket: for its own user alone, and gone with it, or with the next one's start."""

import fcntl
import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from service import listening as module
from service.listening import follow, listening


@pytest.fixture
def folder(monkeypatch):
    """Give a folder for such things; the address of a socket must be short."""
    with tempfile.TemporaryDirectory(prefix="t") as made:
        monkeypatch.setattr(tempfile, "tempdir", made)
        yield Path(made)


def left_behind(place, *, age=3600.0, listens=False):
    """Leave a socket in a folder, as a service does that is killed."""
    place.mkdir()
    address = place / "socket"
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    found.bind(str(address))
    if listens:
        found.listen()
    else:
        found.close()
    then = address.stat().st_mtime - age
    os.utime(address, (then, then))
    return found


def test_it_is_for_its_own_user_and_goes_at_the_end(folder):
    with listening(Path("/nowhere")) as (_, address):
        assert stat.S_IMODE(address.parent.stat().st_mode) == 0o700
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.connect(str(address))
    assert list(folder.iterdir()) == []


def test_it_is_locked_so_that_nobody_clears_it_away(folder):
    """systemd-tmpfiles took away the socket of a service that nobody had asked for ten days."""
    with listening(Path("/nowhere")) as (_, address):
        other = os.open(address.parent, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(other)


def test_a_service_whose_socket_somebody_deleted_starts_again(folder, monkeypatch, capsys):
    """After a job that clears old files out of /tmp, all requests got 503 until Orthanc ended."""
    asked = []
    with listening(Path("/nowhere")) as (_, address):
        monkeypatch.setattr(module.time, "sleep", lambda _: shutil.rmtree(address.parent))
        follow(address, lambda: asked.append("to end"))
    assert asked == ["to end"]
    assert capsys.readouterr().err == f"{address} was deleted\n"


def test_what_a_killed_one_left_goes_at_the_next_start(folder):
    left_behind(folder / "bodypart-killed")
    left_behind(folder / "bodypart-just-made", age=0.0)
    left_behind(folder / "another-program")
    (folder / "bodypart-without").mkdir()
    with (
        left_behind(folder / "bodypart-at-work", listens=True),
        listening(Path("/nowhere")) as (_, address),
    ):
        kept = {"bodypart-just-made", "bodypart-at-work", "bodypart-without", "another-program"}
        assert {place.name for place in folder.iterdir()} == {*kept, address.parent.name}


def test_without_a_folder_for_temporary_files_it_lies_beside_the_index(folder, monkeypatch):
    """Where the root partition was full, nobody could ask the service."""

    def none():
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with listening(folder) as (_, address):
        assert address.parents[1] == folder
        assert address.is_socket()


def test_a_folder_for_temporary_files_may_have_any_length(folder, monkeypatch):
    """The address of a socket may not: the service ended at each start."""
    long = folder / ("l" * 90)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with listening(Path("/nowhere")) as (_, address):
        assert address.is_socket()
    assert not address.parent.exists()
