"""The service is started, told, watched, started again, and ended with Orthanc."""

import errno
import os
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from orthanc_side import service_process
from orthanc_side.service_process import ConfigurationError, ServiceProcess
from waiting import eventually

SERVICE = """
import json, os, sys, time
if "--check" in sys.argv:
    given = json.load(sys.stdin)
    if given["configuration"].get("Wrong"):
        print("noise"); print("Wrong is not a setting", file=sys.stderr); sys.exit(1)
    sys.exit(0)
given = json.loads(sys.stdin.readline())
print(json.dumps({"socket": f"/socket/{os.getpid()}"}), flush=True)
print(json.dumps({"log": f"token {given['token']}"}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    print(json.dumps({"log": f"{message['event']} {message['id']}"}), flush=True)
    if message["event"] == "begin":
        print(json.dumps({"rewriting": message["id"]}), flush=True)
    if message["event"] == "stop":
        sys.exit(0)
    if message["event"] == "deafness":
        time.sleep(300)
    if message["event"] == "babble":
        print("5", flush=True)
    if message["event"] == "die":
        print("Traceback\\nValueError: something", file=sys.stderr, flush=True)
        os._exit(3)
"""


@pytest.fixture
def said():
    return []


@pytest.fixture
def make(tmp_path, monkeypatch, said):
    """Return what makes a process around a service of a few lines, in the place of the real one."""
    script = tmp_path / "service.py"
    script.write_text(SERVICE)
    program = tmp_path / "python"
    program.write_text(
        f'#!/bin/sh\nwhile [ "$1" != service ]; do shift; done\nshift\n'
        f'exec {sys.executable} {script} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(service_process, "_PAUSES", (0.05,))
    # Where there is no environment, the configured interpreter counts.
    monkeypatch.setattr(service_process, "_PLUGIN", tmp_path / "plugin")
    made = []

    def process(report=said.append, **configuration):
        configuration = {"BodyPart": {"Python": str(program)}, **configuration}
        made.append(ServiceProcess(configuration, str(tmp_path), report))
        return made[-1]

    yield process
    for one in made:
        one.stop()


@pytest.fixture
def process(make):
    return make()


def running(process):
    """Start it; return where it listens."""
    process.start({"token": "t"})
    eventually(lambda: process.socket)
    return process.socket


def another(process, first):
    """Wait until another one listens than that at `first`."""
    eventually(lambda: process.socket not in (None, first))


def logged(said, line):
    return {"log": line} in said


def test_it_is_told_of_orthanc_and_of_what_happens(process, said):
    assert process.socket is None
    process.start({"token": "secret"})
    eventually(lambda: process.socket)
    process.tell("stored", "i")
    eventually(lambda: logged(said, "token secret") and logged(said, "stored i"))


def test_one_that_dies_is_started_again(process, said):
    first = running(process)
    process.tell("die", "")
    another(process, first)
    eventually(lambda: logged(said, "the service ended: ValueError: something"))
    process.tell("stored", "i")
    eventually(lambda: logged(said, "stored i"))


def test_one_that_gets_no_thread_is_started_again(process, said, monkeypatch):
    """Where a user may have no more threads (``ulimit -u``), the service stayed down for good."""
    start, refused = threading.Thread.start, []

    def refuse(thread):
        if thread.daemon and thread.name != "bodypart-keep" and not refused:
            refused.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    running(process)
    assert logged(said, "the service cannot start: can't start new thread")


def test_of_orthanc_s_environment_it_gets_zone_and_folders_and_no_proxy(
    process, said, tmp_path, monkeypatch
):
    """Rules that send at night did so by Greenwich's clock, in containers that have a TZ.

    Where SQLite may have its temporary files is told, too: /var/tmp may be full.
    """
    (tmp_path / "service.py").write_text(
        "import json, os, sys\n"
        'print(json.dumps({"log": dict(os.environ)}), flush=True)\n'
        "sys.stdin.read()\n"
    )
    monkeypatch.setenv("TZ", "Pacific/Apia")
    monkeypatch.setenv("SQLITE_TMPDIR", "/index")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    process.start({"token": "t"})
    eventually(lambda: said)
    known = said[0]["log"]
    assert (known["TZ"], known["SQLITE_TMPDIR"]) == ("Pacific/Apia", "/index")
    assert "HTTPS_PROXY" not in known


def test_one_that_worked_for_long_is_started_again_at_once(process, monkeypatch):
    monkeypatch.setattr(service_process, "_HEALTHY", 0.0)
    monkeypatch.setattr(service_process, "_PAUSES", (0.05, 60.0))
    first = running(process)
    process.tell("die", "")
    another(process, first)


def test_one_that_says_what_is_no_message_is_started_again(process):
    first = running(process)
    process.tell("babble", "")
    another(process, first)


def test_one_whose_message_orthanc_does_not_take_is_started_again(make):
    def refuse(message):
        if message == {"log": "stored i"}:
            raise RuntimeError("there is no audit log")

    process = make(refuse)
    first = running(process)
    process.tell("stored", "i")
    another(process, first)


def test_a_stop_is_said_and_leaves_no_process(process, said):
    running(process)
    pid = process.socket.rpartition("/")[2]
    process.stop()
    assert not Path(f"/proc/{pid}").exists()
    assert logged(said, "stop ")
    assert process.socket is None


def ends(process, limit=10):
    """Stop in a thread, and tell whether that ends; then nothing is left that could hold a test."""
    stopping = threading.Thread(target=process.stop, daemon=True)
    stopping.start()
    stopping.join(limit)
    ended = not stopping.is_alive()
    if process._process:
        process._process.kill()
    stopping.join(limit)
    return ended


@pytest.fixture
def impatient(make, monkeypatch):
    monkeypatch.setattr(service_process, "_LONGEST_STOP", 0.5)
    return make(Name="x" * 1_000_000)


def test_a_stop_does_not_wait_for_one_that_hears_nothing(impatient):
    impatient.start({"token": "t"})
    eventually(lambda: impatient.socket)
    impatient.tell("deafness", "")
    for _ in range(50_000):  # more than the pipe holds
        impatient.tell("stored", "0123456789abcdef")
    time.sleep(0.3)
    assert ends(impatient)


def test_a_stop_does_not_wait_for_one_that_does_not_take_the_configuration(impatient, tmp_path):
    (tmp_path / "service.py").write_text("import time; time.sleep(300)")
    impatient.start({"token": "t"})
    time.sleep(0.5)
    assert ends(impatient)


def test_one_that_is_started_amid_a_stop_does_not_stay(impatient, monkeypatch):
    begun, stopped = threading.Event(), threading.Event()
    popen = service_process.subprocess.Popen
    started = []

    def slowly(*given, **options):
        begun.set()
        stopped.wait(10)
        started.append(popen(*given, **options))
        return started[0]

    monkeypatch.setattr(service_process.subprocess, "Popen", slowly)
    impatient.start({"token": "t"})
    begun.wait(10)
    threading.Timer(0.2, stopped.set).start()
    try:
        assert ends(impatient)
        assert started[0].poll() is not None
    finally:
        started[0].kill()


def test_a_stop_without_a_start_does_nothing(process):
    process.stop()


def test_a_rewrite_is_confirmed(process, said):
    running(process)
    process.tell("begin", "i")
    eventually(lambda: logged(said, "rewriting i"))


def test_a_deletion_where_nothing_is_ever_rewritten_waits_for_nothing(process):
    process.hold_deletion()
    assert not process.rescued.is_dir()


def test_a_deletion_waits_for_the_rewrites_under_way_but_for_no_later_one(
    process, tmp_path, monkeypatch
):
    """Whichever node's they are; of a node that died long ago for none."""
    monkeypatch.setattr(service_process, "_LONGEST_HOLD", 60.0)
    looked, sleep = threading.Event(), time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: looked.set() or sleep(seconds))
    first, second, died = (tmp_path / f"{name}.json" for name in ("first", "second", "died"))
    for path in (first, died):
        path.touch()
    os.utime(died, (1e9, 1e9))
    process._take({"rescued": str(tmp_path)})
    held = threading.Thread(target=process.hold_deletion, daemon=True)
    held.start()
    assert looked.wait(10)
    assert (tmp_path / "deleting").exists()
    second.touch()
    assert held.is_alive()
    first.unlink()
    held.join(10)
    assert not held.is_alive()


def test_a_deletion_does_not_wait_for_ever(process, tmp_path, monkeypatch):
    monkeypatch.setattr(service_process, "_LONGEST_HOLD", 0.05)
    process._take({"rescued": str(tmp_path)})
    (tmp_path / "i.json").touch()
    process.hold_deletion()
    assert (tmp_path / "i.json").exists()


def test_a_deletion_knows_rewrites_by_the_clock_of_the_folder_s_disk(
    process, tmp_path, monkeypatch
):
    """A server's clock was behind that of its node: no rewrite was waited for."""
    process._take({"rescued": str(tmp_path)})
    rewrite, here = tmp_path / "i.json", time.time() + 3_600
    rewrite.touch()
    monkeypatch.setattr(service_process.time, "time", lambda: here)
    monkeypatch.setattr(service_process.time, "sleep", lambda _: rewrite.unlink())
    process.hold_deletion()
    assert not rewrite.exists()


def test_a_deletion_goes_on_where_the_folder_cannot_be_read(process, tmp_path, monkeypatch):
    """A network's may be away: no deletion is refused for that."""

    def fail(*_):
        raise OSError("stale file handle")

    process._take({"rescued": str(tmp_path)})
    for method in ("touch", "glob"):
        monkeypatch.setattr(Path, method, fail)
    process.hold_deletion()


def test_a_deletion_that_cannot_be_told_of_still_waits_for_rewrites(process, tmp_path, monkeypatch):
    """Where the disk is full, a file that is just being rewritten would be stored again."""

    def fail(*_):
        raise OSError(errno.ENOSPC, "no space left on device")

    process._take({"rescued": str(tmp_path)})
    rewrite = tmp_path / "i.json"
    rewrite.touch()
    monkeypatch.setattr(Path, "touch", fail)
    monkeypatch.setattr(service_process.time, "sleep", lambda _: rewrite.unlink())
    process.hold_deletion()
    assert not rewrite.exists()


def test_a_wrong_configuration_is_one_line(make):
    make().check()
    with pytest.raises(ConfigurationError) as wrong:
        make(Wrong=True).check()
    assert str(wrong.value) == "Wrong is not a setting"


def test_an_interpreter_that_is_missing_is_named(make):
    with pytest.raises(ConfigurationError, match=r"/nowhere/python .*install\.sh"):
        make(BodyPart={"Python": "/nowhere/python"}).check()


def test_an_interpreter_that_is_too_old_is_named(make, tmp_path):
    """The log had the last line of its help, as with the Python 3.9 of Red Hat 9."""
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\necho 'unknown option -P' >&2\necho 'Try `python -h`' >&2\nexit 2\n")
    old.chmod(0o755)
    with pytest.raises(ConfigurationError, match=f"^{old} must be Python 3.11 or newer$"):
        make(BodyPart={"Python": str(old)}).check()


def test_the_other_interpreter_counts_where_there_is_no_environment(make, tmp_path, monkeypatch):
    asked = []

    def run(command, **_):
        asked.append(command[0])
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(service_process.subprocess, "run", run)
    other = make(BodyPart={"Python": "/opt/python"})
    other.check()
    own = tmp_path / ".venv/bin/python"
    own.parent.mkdir(parents=True)
    own.touch()
    other.check()
    assert asked == ["/opt/python", str(own)]


def test_a_machine_that_starts_everything_at_once_is_waited_for(process, monkeypatch):
    """Orthanc ended where the check took more than half a minute, for want of a processor."""
    waits = []

    def run(*_, timeout, **__):
        waits.append(timeout)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(service_process.subprocess, "run", run)
    process.check()
    assert waits[0] >= 120
