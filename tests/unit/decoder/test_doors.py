"""A decoder reaches nothing: every door is there, and locked."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

import doors
from service.decoders.process import DecoderDiedError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="doors of Linux")


@pytest.fixture(scope="module")
def around():
    with doors.surroundings() as around:
        yield around


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    process = doors.decoder_with_doors(tmp_path_factory.mktemp("decoder"), threads=2)
    yield process
    process.close()


def tried(decoder, name, around=None):
    request = {"door": name, "surroundings": around and asdict(around)}
    return decoder.ask("door", request, b"", 30)[0]


@pytest.fixture(scope="module")
def locked(decoder):
    """Skip where the kernel lacks a layer; CI has them all."""
    missing = decoder.hello["lockdown"]["missing"]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"this kernel lacks {', '.join(missing)}")
    return decoder


@pytest.mark.parametrize("name", doors.DOORS)
def test_a_door_is_locked(locked, around, name):
    assert tried(locked, name, around)["opened"] is False


@pytest.mark.parametrize("name", doors.DOORS)
def test_the_same_door_opens_in_a_plain_process(name):
    """Otherwise the test above could not fail."""
    answer = doors.tried_in_a_plain_process(name)
    if not answer["opened"]:
        pytest.skip(f"closed to everybody on this machine, or to this user: {answer['why']}")


def test_most_doors_open_in_a_plain_process():
    """Not every machine has every door, but a test that tries them wrongly would find none."""
    names = ("TCP socket", "a file of Orthanc", "new file", "exec", "fork", "kill", "priority")
    for name in names:
        assert doors.tried_in_a_plain_process(name)["opened"], name


def test_the_table_of_the_documentation_has_every_door():
    page = (doors.ROOT / "docs/security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|*]+) \| (?:opens|closed here[^|]*) \| ([^|]+) \|$", page, re.M)
    assert [name for name, _ in rows] == list(doors.DOORS), "run: make doors"
    assert {held.split(":")[0] for _, held in rows} == {"held"}


def test_no_call_exists_beyond_the_list(locked):
    assert tried(locked, "sweep")["existing"] == []


@pytest.mark.skipif(doors.ARM, reason="32-bit x86")
def test_a_call_by_another_architectures_numbers_ends_it(tmp_path):
    process = doors.decoder_with_doors(tmp_path)
    try:
        with pytest.raises(DecoderDiedError, match="died"):
            tried(process, "other architecture")
        assert process.process.wait() == -signal.SIGSYS
    finally:
        process.close()


def of(pid, name):
    """Return the lines of a file of /proc by their first word."""
    lines = Path(f"/proc/{pid}/{name}").read_text().splitlines()
    return {line.split()[0].rstrip(":"): line.split()[1:] for line in lines if line.split()}


def test_all_threads_are_under_the_filter(locked):
    tasks = list(Path(f"/proc/{locked.process.pid}/task").iterdir())
    assert len(tasks) > 1
    for task in tasks:
        assert of(locked.process.pid, f"task/{task.name}/status")["Seccomp"] == ["2"]


def test_what_the_kernel_says_of_it(locked):
    pid = locked.process.pid
    status = of(pid, "status")
    assert status["NoNewPrivs"] == ["1"]
    assert status["Umask"] == ["0077"]
    assert int(status["CapEff"][0], 16) in (0, 4)
    assert int(status["CapPrm"][0], 16) in (0, 4)
    limits = Path(f"/proc/{pid}/limits").read_text()
    for name in ("core file size", "file size", "locked memory", "msgqueue size"):
        assert f"Max {name}".ljust(26) + "0".ljust(21) + "0" in limits, name


def test_it_knows_nothing_of_the_parents_environment(locked, monkeypatch, tmp_path):
    monkeypatch.setenv("ORTHANC_PASSWORD", "secret")
    process = doors.decoder_with_doors(tmp_path)
    try:
        environment = Path(f"/proc/{process.process.pid}/environ").read_bytes()
        assert b"secret" not in environment
        names = {entry.partition(b"=")[0] for entry in environment.split(b"\0")}
        assert b"PATH" not in names
        command = Path(f"/proc/{process.process.pid}/cmdline").read_bytes()
        assert command.endswith(b"-P\0-s\0-m\0decoder\0")
    finally:
        process.close()


def test_it_holds_its_pipe_and_nothing_else(locked):
    targets = [str(path.readlink()) for path in Path(f"/proc/{locked.process.pid}/fd").iterdir()]
    assert sorted(target.split(":")[0] for target in targets) == [
        "/dev/null",
        "/dev/null",
        "pipe",
        "pipe",
    ]


def test_what_a_parent_left_open_is_closed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    program = (
        "import os; from decoder.lockdown import close_inherited; close_inherited(); print({})"
    )
    with secret.open() as handle:
        done = subprocess.run(
            [sys.executable, "-c", program.format("os.listdir('/proc/self/fd')")],
            pass_fds=(handle.fileno(),),
            env={"PYTHONPATH": str(doors.ROOT / "plugin")},
            capture_output=True,
            text=True,
            check=True,
        )
    assert str(handle) not in done.stdout
    assert len(done.stdout.split(",")) <= 4  # The fourth is the one that lists.


def test_it_ends_with_its_parent_whatever_it_is_doing(tmp_path):
    """Stopped, it cannot see that its pipe has closed."""
    program = f"""
import os, signal, sys
sys.path[:1] = {[str(doors.ROOT / "plugin"), str(doors.ROOT / "tests")]!r}
import doors
from pathlib import Path
process = doors.decoder_with_doors(Path({str(tmp_path)!r}))
os.kill(process.process.pid, signal.SIGSTOP)
print(process.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and of(pid, "status")["State"][0] != "Z":
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_healthy_decoder_is_replaced_long_before_its_limit():
    from decoder.limits import CPU_SECONDS
    from service.decoders.process import MOST_CPU_SECONDS

    assert MOST_CPU_SECONDS <= CPU_SECONDS / 2
