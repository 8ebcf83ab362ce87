"""What `make run` starts Orthanc with, and what it says when it cannot."""

import fcntl
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Return a function that runs the script under an environment, up to becoming Orthanc."""
    spec = importlib.util.spec_from_file_location("start", ROOT / "orthanc-config/start.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    became, held = [], []

    monkeypatch.setattr(module.shutil, "which", lambda *_, **__: "/usr/sbin/Orthanc")
    monkeypatch.setattr(module.os, "execv", lambda program, words: became.append(words))
    monkeypatch.setattr(module.os, "set_inheritable", lambda descriptor, _: held.append(descriptor))
    checked = module.check_ports

    def run(config=None, *, ports_too=False, **environment):
        # Whatever runs on this machine.
        monkeypatch.setattr(module, "check_ports", checked if ports_too else lambda _: None)
        for name in [n for n in os.environ if n.startswith(("ORTHANC_", "BODYPART_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("ORTHANC_STORAGE", str(tmp_path / "storage"))
        if config is not None:
            text = config if isinstance(config, str) else json.dumps(config)
            (tmp_path / "own.json").write_text(text)
            monkeypatch.setenv("BODYPART_CONFIG", str(tmp_path / "own.json"))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        try:
            module.main()
        finally:
            # Whatever it became ends at once.
            while held:
                os.close(held.pop())
        return json.loads(Path(became[-1][1]).read_text())

    run.module = module
    return run


def test_the_shipped_configuration_is_the_base(start, tmp_path):
    made = start()
    assert made["HttpPort"] == 8042
    assert made["BodyPart"]["Tags"] == "in-place"
    assert made["StorageDirectory"] == str(tmp_path / "storage/db")
    # At others Debian's GDCM ends Orthanc: integration/test_every_orthanc.py
    assert len(made["Gdcm"]["RestrictTransferSyntaxes"]) == 4


def test_a_plugin_that_is_not_there_is_not_asked_for(start, monkeypatch, tmp_path):
    there = tmp_path / "libOrthancDicomWeb.so"
    there.touch()
    monkeypatch.setattr(start.module, "USEFUL", (tmp_path / "libOrthancGdcm.so", there))
    assert start()["Plugins"] == [str(start.module.PLUGINS / "libOrthancPython.so"), str(there)]


def test_a_file_overrides_key_by_key_and_a_named_variable_overrides_the_file(start):
    own = {"HttpPort": 1, "DicomPort": 2, "BodyPart": {"Workers": 2}}
    made = start(own, ORTHANC_HTTP_PORT="9000")
    assert (made["HttpPort"], made["DicomPort"]) == (9000, 2)
    assert made["BodyPart"]["Workers"] == 2
    assert made["BodyPart"]["Tags"] == "in-place"


def test_pictures_and_index_lie_together_where_the_file_says(start, monkeypatch, tmp_path):
    made = start({"StorageDirectory": "/pictures"}, ORTHANC_STORAGE="")
    assert (made["StorageDirectory"], made["IndexDirectory"]) == ("/pictures", "/pictures")
    made = start({"StorageDirectory": "/pictures", "IndexDirectory": "/index"}, ORTHANC_STORAGE="")
    assert (made["StorageDirectory"], made["IndexDirectory"]) == ("/pictures", "/index")


def test_no_password_is_asked_for_on_loopback_alone(start):
    assert start()["AuthenticationEnabled"] is False
    for own in ({"RemoteAccessAllowed": True}, {"RegisteredUsers": {"ann": "secret"}}):
        assert start(own)["AuthenticationEnabled"] is True
        assert start({**own, "AuthenticationEnabled": False})["AuthenticationEnabled"] is False


def test_it_listens_on_loopback_alone_unless_told_otherwise(start):
    assert start()["HttpBindAddresses"] == ["127.0.0.1"]
    assert "HttpBindAddresses" not in start({"RemoteAccessAllowed": True})
    own = ["127.0.0.1", "10.0.0.7"]
    assert start({"HttpBindAddresses": own})["HttpBindAddresses"] == own


def test_a_folder_that_is_made_for_pictures_is_for_its_owner(start, tmp_path):
    start()
    assert (tmp_path / "storage").stat().st_mode & 0o777 == 0o700


def test_only_the_owner_may_read_what_may_hold_passwords(start, tmp_path):
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage/orthanc.json").touch(mode=0o644)
    start({"RegisteredUsers": {"ann": "secret"}})
    assert (tmp_path / "storage/orthanc.json").stat().st_mode & 0o777 == 0o600


def test_a_storage_in_which_an_orthanc_runs_is_named_and_left_alone(start, tmp_path):
    start()
    before = (tmp_path / "storage/orthanc.json").read_text()
    other = os.open(tmp_path / "storage", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(SystemExit, match="an Orthanc is running in it"):
        start({"DicomPort": 2})
    assert (tmp_path / "storage/orthanc.json").read_text() == before
    os.close(other)
    assert start({"DicomPort": 2})["DicomPort"] == 2


def test_the_lock_of_a_storage_lasts_as_long_as_orthanc(tmp_path):
    """It goes with the descriptor through `exec`, and no child of Orthanc has it."""
    script = (
        "import os, runpy, sys; from pathlib import Path;"
        f"take = runpy.run_path({str(ROOT / 'orthanc-config/start.py')!r})['take'];"
        "take(Path(sys.argv[1])); os.execv('/bin/sleep', ['sleep', '60'])"
    )
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with subprocess.Popen([sys.executable, "-c", script, tmp_path]) as orthanc:
        name = Path(f"/proc/{orthanc.pid}/comm")
        while name.read_text() != "sleep\n":
            assert orthanc.poll() is None
            time.sleep(0.01)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        orthanc.kill()
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)


@pytest.mark.parametrize("key", ["HttpPort", "DicomPort"])
def test_a_port_that_is_taken_is_named(start, key, capsys):
    with socket.socket() as taken, socket.socket() as free:
        for one in (taken, free):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", 0))
        taken.listen()
        ports = {"HttpPort": free.getsockname()[1], "DicomPort": free.getsockname()[1]}
        free.close()
        ports[key] = taken.getsockname()[1]
        named = f"{key} {ports[key]} cannot be had, set ORTHANC_"
        with pytest.raises(SystemExit, match=named):
            start(ports, ports_too=True)
        assert "Explorer" not in capsys.readouterr().out
        server = key.replace("Port", "ServerEnabled")
        assert start({**ports, server: False}, ports_too=True)[server] is False


@pytest.mark.parametrize(
    ("config", "environment", "named"),
    [
        ("{", {}, "own.json is not valid JSON"),
        ("[]", {}, "own.json holds no JSON object"),
        (None, {"BODYPART_CONFIG": "/no/such.json"}, "/no/such.json"),
        (None, {"ORTHANC_HTTP_PORT": "99999"}, "ORTHANC_HTTP_PORT must be a port number"),
        (None, {"ORTHANC_DICOM_PORT": "x"}, "ORTHANC_DICOM_PORT must be a port number"),
        (None, {"ORTHANC_STORAGE": __file__}, "set ORTHANC_STORAGE to another"),
        ('{"HttpPort": 1e999}', {}, "a number that is too large"),
    ],
)
def test_what_cannot_be_used_ends_with_one_line_that_names_it(start, config, environment, named):
    with pytest.raises(SystemExit) as stopped:
        start(config, **environment)
    assert named in str(stopped.value)
    assert "\n" not in str(stopped.value)


def said_by(folder, orthanc, *, ends="", **environment):
    """Return what the script says, and what is said by an Orthanc that is a shell script."""
    (folder / "Orthanc").write_text(f"#!/bin/sh\n{orthanc}\n")
    (folder / "Orthanc").chmod(0o755)
    (folder / "own.json").write_text('{"HttpServerEnabled": false, "DicomServerEnabled": false}')
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" "$1" {ends}', sys.executable, ROOT / "orthanc-config/start.py"],
        env={
            "PATH": f"{folder}:/bin",
            "ORTHANC_STORAGE": str(folder / "Röntgen"),
            "BODYPART_CONFIG": str(folder / "own.json"),
            **environment,
        },
        capture_output=True,
        check=True,
    )
    said, _, by_orthanc = done.stdout.decode().partition("\n")
    return said, by_orthanc


def test_a_folder_with_an_umlaut_is_that_folder_in_any_locale(tmp_path):
    """In a locale without it the pictures lay in a folder of another name."""
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    said, configuration = said_by(tmp_path, 'cat "$1"', **locale)
    assert str(tmp_path / "Röntgen/db") in said
    assert json.loads(configuration)["StorageDirectory"] == str(tmp_path / "Röntgen/db")


def test_orthancs_log_goes_into_no_file_where_stderr_is_closed(tmp_path):
    """The first files that were opened took the numbers of stdin and stderr."""
    _, ends = said_by(tmp_path, "readlink /proc/$$/fd/0 /proc/$$/fd/2", ends="<&- 2>&-")
    assert ends.split() == ["/dev/null"] * 2


def test_the_mark_that_an_editor_put_before_the_json_does_no_harm(start):
    assert start('\ufeff{"BodyPart": {"Tags": "none"}}')["BodyPart"]["Tags"] == "none"
