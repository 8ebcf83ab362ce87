"""What Orthanc's side tells: a service that cannot take it in ends, and is started again."""

import io
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from orthanc_server import ROOT
from service import __main__ as service_main
from waiting import eventually


class _Exited(BaseException):
    """In the place of the process's end."""


@pytest.fixture
def ends(monkeypatch):
    """Return a function that has a service hear lines, and tells its exit status and ids."""

    def exit_with(status):
        raise _Exited(status)

    monkeypatch.setattr(service_main.os, "_exit", exit_with)

    def hear(*lines):
        taken = []

        def take(event, resource):
            if event == "impossible":
                raise OSError("full")
            taken.append(resource)

        service = SimpleNamespace(quieten=lambda: None, take=take)
        server = SimpleNamespace(should_exit=False)
        try:
            service_main.hear(io.BytesIO(b"".join(lines)), service, server)
        except _Exited as ended:
            return ended.args[0], taken
        return server.should_exit, taken

    return hear


STORED = b'{"event": "stored", "id": "i"}\n'


def test_a_stop_is_the_server_s_end(ends):
    assert ends(STORED, b'{"event": "stop", "id": ""}\n') == (True, ["i"])


@pytest.mark.parametrize(
    "last",
    [b"", b'{"event": "sto', b"5\n", b"{}\n", b'{"event": "impossible", "id": ""}\n'],
    ids=["end", "cut off", "no message", "no event", "cannot be done"],
)
def test_anything_but_a_stop_ends_the_service_at_once(ends, last):
    assert ends(STORED, last) == (75, ["i"])


def test_a_signal_to_all_of_a_unit_does_not_end_it():
    """systemd's stop ended the service and its decoders amid their work, as a kill does."""
    command = [sys.executable, "-S", "-m", "service", "--check"]
    with subprocess.Popen(
        command, cwd=ROOT / "plugin", env={}, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as service:
        status = Path(f"/proc/{service.pid}/status")
        eventually(lambda: int(re.search(r"SigBlk:\s*(\w+)", status.read_text())[1], 16))
        service.terminate()
        assert b"install.sh" in service.communicate(b"{}")[1]
    assert service.returncode == 1


def test_one_that_cannot_serve_ends_though_threads_run():
    """Without a folder for its socket it went on unseen, and outlived Orthanc."""
    program = """
import threading
from service import __main__ as service_main

def serve(_):
    threading.Thread(target=threading.Event().wait).start()
    raise OSError("no folder")

service_main._serve = serve
service_main.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "plugin",
        env={},
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 75
    assert done.stderr.decode().splitlines()[-1] == "OSError: no folder"


def test_an_environment_without_its_packages_says_what_makes_them():
    """An installation that was cut short leaves an interpreter and nothing beside it."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "service", "--check"],
        cwd=ROOT / "plugin",
        env={},
        input=b'{"configuration": {}}',
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert "orthanc-config/install.sh" in line
