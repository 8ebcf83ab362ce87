"""Decoders that die, hang and start slowly, as real processes without a model."""

import errno
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import other_tasks
from bodypart.settings import Settings
from service.decoders import pool, process
from service.decoders.lessons import Lessons
from service.decoders.pool import DecoderDiedError, DecoderPool, EngineDownError
from stand_in import stand_in
from waiting import eventually

other_tasks.take("die", "sleep", "twice", "work", "other number")

WORKER = """
import os, time
time.sleep({slow})
question = read_frame(incoming)
hold = bytearray(200 * 2**20)  # What takes the kernel a moment to clear away.
hello = {{
    "model": {{"name": "m", "version": "1", "sha256": ""}},
    "labels": [],
    "provider": "cpu",
    "warning": None,
    "pid": os.getpid(),
}}
write_frame(out, Frame(hello, number=question.number))
while True:
    question = read_frame(incoming)
    task, answer = question.header["task"], {{"pid": os.getpid(), "length": len(question.payload)}}
    if task in ("die", "learn"):
        os._exit(70)
    if task == "sleep":
        time.sleep(0.5)
    write_frame(out, Frame(answer, number=question.number + (task == "other number")))
    if task == "twice":
        write_frame(out, Frame(answer, number=question.number))
"""


@pytest.fixture
def make(tmp_path):
    pools = []

    def made(slow=0.0, log=lambda _: None, lessons=None):
        program = stand_in(tmp_path / f"worker{len(pools)}", WORKER.format(slow=slow))
        settings = Settings(python=program, model="none", time_limit=5.0)
        decoders = DecoderPool(settings, log, lessons)
        pools.append(decoders)
        decoders.start()
        return decoders

    yield made
    for decoders in pools:
        decoders.stop()


def runs(pid):
    """Tell whether a process is there, also if nobody has taken note of its end yet."""
    return Path(f"/proc/{pid}").exists()


def until_ready(decoders):
    end = time.monotonic() + 10
    while not decoders.ready:
        assert time.monotonic() < end, decoders.down_reason
        time.sleep(0.01)


def answered(decoders):
    """Ask until a worker runs again."""
    while True:
        try:
            return decoders.ask("work", {}, b"12345")[0]
        except EngineDownError:
            time.sleep(0.01)


def test_the_request_after_a_death_is_not_blamed_for_it(make):
    decoders = make()
    for _ in range(10):
        until_ready(decoders)
        with pytest.raises(DecoderDiedError):
            decoders.ask("die", {}, b"")
        assert answered(decoders)["length"] == 5


def test_an_answer_to_another_question_ends_the_decoder(make):
    lines = []
    decoders = make(log=lines.append)
    until_ready(decoders)
    with pytest.raises(DecoderDiedError, match="belongs to another question"):
        decoders.ask("other number", {}, b"")
    assert "belongs to another question" in lines[-1]
    assert answered(decoders)["length"] == 5


def test_a_second_answer_ends_the_decoder_before_the_next_question(make):
    decoders = make()
    until_ready(decoders)
    first = decoders.ask("twice", {}, b"")[0]["pid"]
    time.sleep(0.1)
    assert answered(decoders)["pid"] != first


def test_one_that_served_long_enough_is_replaced_without_a_gap(make, monkeypatch):
    monkeypatch.setattr(process, "MOST_ANSWERS", 3)
    decoders = make()
    until_ready(decoders)
    seen = set()
    end = time.monotonic() + 20
    while len(seen) < 3:
        seen.add(decoders.ask("work", {}, b"")[0]["pid"])
        assert time.monotonic() < end
        time.sleep(0.01)
    assert sum(map(runs, seen)) <= 2


def test_a_decoder_serves_on_where_there_are_no_descriptors_of_processes(make, monkeypatch):
    """On Linux before 5.3, and where a container forbids them, each was ended at its start."""

    def refused(_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refused)
    lines = []
    decoders = make(log=lines.append)
    until_ready(decoders)
    time.sleep(0.1)
    assert len({answered(decoders)["pid"] for _ in range(3)}) == 1
    assert not any("failed" in line for line in lines)


def test_one_at_work_is_replaced_after_its_answer(make, monkeypatch):
    monkeypatch.setattr(process, "MOST_ANSWERS", 1)
    decoders = make()
    until_ready(decoders)
    seen = []
    while len(set(seen)) < 3:
        seen.append(decoders.ask("sleep", {}, b"")[0]["pid"])
    eventually(lambda: not runs(seen[0]))


def test_a_stop_is_not_blamed_on_the_picture_that_a_decoder_looks_at(make):
    """Two of them would have counted as a picture that kills decoders."""
    decoders = make()
    until_ready(decoders)
    stopping = threading.Timer(0.2, decoders.stop)
    stopping.start()
    with pytest.raises(EngineDownError, match="stopping"):
        decoders.ask("sleep", {}, b"")
    stopping.join()


def test_a_stop_does_not_wait_for_a_decoder_that_is_still_starting(make):
    decoders = make(slow=30)
    time.sleep(0.3)
    started = time.monotonic()
    decoders.stop()
    assert time.monotonic() - started < 5


class Words:
    """A memory of one state, which kills who learns it."""

    ready = True

    def after(self, revision):
        return None if revision == "words" else ({"revision": "words"}, b"")


def test_a_memory_that_kills_decoders_is_left_out_and_no_picture_blamed(make, monkeypatch):
    """A picture that two decoders died with is never tried again, and has an answer no more."""
    monkeypatch.setattr(pool, "_WITH_MEMORY", ("work",))
    monkeypatch.setattr(process.answers, "check", lambda *_: None)
    lines = []
    decoders = make(log=lines.append, lessons=Words())
    until_ready(decoders)
    assert answered(decoders)["length"] == 5
    assert sum("while it loaded the memory" in line for line in lines) == 2


def test_no_picture_is_looked_at_before_the_memory_is_ready(make, monkeypatch):
    monkeypatch.setattr(pool, "ASKING", ("work",))
    lessons = Lessons()
    decoders = make(lessons=lessons)
    while not decoders.running:
        time.sleep(0.01)
    assert not decoders.ready
    with pytest.raises(EngineDownError, match="is being learned"):
        decoders.ask("work", {}, b"")
    lessons.ready = True
    assert decoders.ready


class Slow:
    """A picture on a disk that stands still."""

    def __init__(self):
        self.goes_on = threading.Event()

    def __len__(self):
        return 7

    @property
    def data(self):
        self.goes_on.wait(20)
        return b"1234567"

    def read_into(self, place):
        return False


def test_no_decoder_waits_for_a_disk(make):
    """Where there is one, a film on a storage that stood still held up all that people asked."""
    decoders, picture = make(), Slow()
    until_ready(decoders)
    with ThreadPoolExecutor(2) as pool_of_threads:
        slow = pool_of_threads.submit(decoders.ask, "work", {}, picture)
        time.sleep(0.2)
        try:
            asked = pool_of_threads.submit(decoders.ask, "work", {}, b"12345", urgent=True)
            assert asked.result(5)[0]["length"] == 5
            assert not slow.done()
        finally:
            picture.goes_on.set()
        assert slow.result(5)[0]["length"] == 7
