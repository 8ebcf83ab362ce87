"""Orthanc's end, seen by the signals that it catches: a process that does as Orthanc does."""

import os
import subprocess
import sys
import threading

import pytest

from service.orthanc_process import OrthancProcess

ORTHANC = """
import signal, sys
for line in sys.stdin:
    signal.signal(signal.SIGTERM, (lambda *_: None) if line == "on\\n" else signal.SIG_DFL)
    print(flush=True)
"""


@pytest.fixture
def orthanc():
    """A process that is told "on" and "off"."""
    with subprocess.Popen(
        [sys.executable, "-c", ORTHANC],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        yield process
        process.kill()


def switch(process, to):
    process.stdin.write(to + "\n")
    process.stdout.readline()


def test_it_has_begun_when_it_catches_and_ends_when_it_does_not(orthanc):
    seen = OrthancProcess(orthanc.pid)
    assert not seen.catches()
    ended = threading.Event()
    following = threading.Thread(target=seen.follow, args=(ended.set,), daemon=True)
    following.start()
    assert not ended.wait(0.1), "it has not begun yet"
    switch(orthanc, "on")
    assert not ended.wait(0.1)
    switch(orthanc, "off")
    assert ended.wait(5)


def test_it_waits_to_be_told_and_not_where_orthanc_goes_on(orthanc):
    seen, told = OrthancProcess(orthanc.pid), threading.Event()
    hearing = threading.Thread(target=told.wait, daemon=True)
    hearing.start()
    waiting = threading.Thread(target=seen.wait_to_be_told, args=(hearing,), daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    switch(orthanc, "on")
    waiting.join(5)
    assert not waiting.is_alive(), "it is started again"
    switch(orthanc, "off")
    told.set()
    seen.wait_to_be_told(hearing)


def test_where_nobody_may_look_it_does_not_end():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert OrthancProcess(gone.pid).catches()
    assert isinstance(OrthancProcess(os.getpid()).catches(), bool)


OBEYS = """
import os, signal
from service import orthanc_process
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
os.kill(os.getpid(), signal.SIGTERM)
orthanc_process._BOTH_SIGNALLED = 0.0
orthanc_process.OrthancProcess(os.getppid()).obey(lambda: print("ended"))
"""


def test_a_signal_that_only_the_service_gets_ends_it():
    """Whoever kills it without Orthanc wants a new one."""
    command = [sys.executable, "-c", OBEYS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.returncode) == ("ended\n", 0)
