"""Workers that die, hang and start slowly, as real processes without a model."""

import sys
import time

import pytest

from bodypart.settings import Settings

WORKER = """#!{python}
import os, sys, time
sys.path.insert(0, {plugin!r})
from decoder.wire import read_frame, write_frame
time.sleep({slow})
read_frame(sys.stdin.buffer)
hold = bytearray(200 * 2**20)  # What takes the kernel a moment to clear away.
model = {{"name": "m", "version": "1"}}
hello = {{"model": model, "provider": "cpu", "warning": None, "pid": os.getpid()}}
write_frame(sys.stdout.buffer, hello)
while True:
    request, payload = read_frame(sys.stdin.buffer)
    if request["task"] == "die":
        os._exit(70)
    write_frame(sys.stdout.buffer, {{"payload": len(payload)}})
"""


@pytest.fixture
def make(tmp_path):
    from orthanc_side.engine import _PLUGIN, Engine

    engines = []

    def made(slow=0.0):
        program = tmp_path / f"worker{len(engines)}"
        program.write_text(WORKER.format(python=sys.executable, plugin=str(_PLUGIN), slow=slow))
        program.chmod(0o755)
        settings = Settings(python=str(program), model="none", time_limit=5.0)
        engine = Engine(settings, lambda _: None)
        engines.append(engine)
        engine.start()
        return engine

    yield made
    for engine in engines:
        engine.stop()


def until_ready(engine):
    end = time.monotonic() + 10
    while not engine.ready:
        assert time.monotonic() < end, engine.down_reason
        time.sleep(0.01)


def test_the_request_after_a_death_is_not_blamed_for_it(make):
    from orthanc_side.engine import EngineDownError, WorkerDiedError

    engine = make()
    for _ in range(10):
        until_ready(engine)
        with pytest.raises(WorkerDiedError):
            engine.ask("die", {}, b"")
        while True:
            try:
                answer, _ = engine.ask("work", {}, b"12345")
            except EngineDownError:
                time.sleep(0.01)
            else:
                assert answer == {"payload": 5}
                break


def test_stopping_does_not_wait_for_a_worker_that_is_still_starting(make):
    engine = make(slow=30)
    time.sleep(0.3)
    started = time.monotonic()
    engine.stop()
    assert time.monotonic() - started < 5
