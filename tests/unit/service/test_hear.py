"""What Orthanc's side tells: a service that cannot take it in ends, and is started again."""

import io
import subprocess
import sys
from types import SimpleNamespace

import pytest

from orthanc_server import ROOT
from service import __main__ as service_main


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
