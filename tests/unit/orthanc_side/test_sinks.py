"""The roll-up goes on after a failure."""

import sqlite3
import time

import pytest

from unit.orthanc_side.memory import Memory, note


@pytest.fixture
def memory(monkeypatch):
    memory = Memory(monkeypatch)
    memory.files["i"] = b"file"
    return memory


@pytest.fixture
def parts(memory, tmp_path):
    from orthanc_side.index import Index
    from orthanc_side.sinks import Sinks

    changed = []
    index = Index(tmp_path / "index")
    sinks = Sinks(index, with_labels=False, study_changed=changed.append)
    sinks.start()
    yield sinks, index, changed
    sinks.stop()


def until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_error_of_the_index_does_not_end_the_roll_up(parts, memory, monkeypatch):
    sinks, index, changed = parts

    def locked(_instance):
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(index, "remove", locked)
    sinks.deleted("gone")
    until(lambda: memory.logged)
    sinks.put(note("i"))
    until(lambda: memory.annotation("i") and ("studies", "study") in memory.metadata)
    assert changed == ["study"]


def test_a_roll_up_that_always_fails_is_given_up(parts, memory, monkeypatch):
    from orthanc_side import sinks as module

    sinks, _, _ = parts

    def fails(*_):
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(module, "roll_up", fails)
    monkeypatch.setattr(module, "_PAUSE_AFTER_FAILURE", 0.01)
    sinks.put(note("i"))
    started = time.monotonic()
    sinks.settle(["i"])
    time.sleep(0.3)
    assert time.monotonic() - started < 5
    logged = len(memory.logged)
    assert logged == 3 * (1 + module._TRIES)
    time.sleep(0.3)
    assert len(memory.logged) == logged


def test_a_roll_up_that_failed_is_done_again(parts, memory, monkeypatch):
    from orthanc_side import sinks as module

    sinks, _, changed = parts
    real, calls = module.roll_up, []

    def fails_once(level, resource, children):
        calls.append(level)
        if calls.count(level) == 1:
            raise sqlite3.OperationalError("database is locked")
        return real(level, resource, children)

    monkeypatch.setattr(module, "roll_up", fails_once)
    monkeypatch.setattr(module, "_PAUSE_AFTER_FAILURE", 0.05)
    sinks.put(note("i"))
    until(lambda: changed == ["study"])
    assert calls.count("studies") == 2
