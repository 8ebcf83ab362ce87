"""The one process on the GPU: whatever it does, another one follows, and nobody waits for ever."""

import threading

import numpy as np
import pytest

from bodypart.settings import Settings
from service.decoders.elsewhere import NetworkDownError
from service.inference import shared
from service.inference.shared import SharedNetwork
from stand_in import stand_in
from waiting import eventually

SHAPE = (2, 1, 160, 160)
PICTURES = np.zeros(SHAPE, np.float32)
PROCESS = """
import os, time
from pathlib import Path
Path({starts!r}).open("a").write(f"{{os.getpid()}}\\n")
read_frame(incoming)
{trick}
"""
GREETING = "write_frame(out, Frame({'provider': 'cpu', 'warning': None}))\n"
BAD_GREETINGS = (
    "write_frame(out, Frame({}))",
    "write_frame(out, Frame({'provider': ['cpu']}))",
    "write_frame(out, Frame({'provider': 'cuda', 'warning': 5}))",
    "out.write(b'this is no frame, but long enough for one'); out.flush()",
)
BAD_ANSWERS = (
    "{}",
    "{'together': 0}",
    "{'together': float('nan')}",
    "{'together': 'many'}",
    "{'together': 1}",
    "{'together': 1, 'shapes': [[-1]]}",
)


@pytest.fixture
def network(tmp_path, monkeypatch):
    """A network around a process of a few lines; `starts` counts how many there were."""
    monkeypatch.setattr(shared, "_PAUSES", (0.05,))
    made = []
    list_of_starts = tmp_path / "starts"
    list_of_starts.touch()

    def network_of(trick):
        source = PROCESS.format(starts=str(list_of_starts), trick=trick)
        program = stand_in(tmp_path / "python", source)
        settings = Settings(python=program, model="m.onnx", provider="cpu")
        own = SharedNetwork(settings, SHAPE, lambda _: None, provider="cpu")
        own.starts = lambda: len(list_of_starts.read_text().split())
        made.append(own)
        own.start()
        return own

    yield network_of
    for own in made:
        own.stop()


def asked(network):
    """Ask in a thread; return what it was told, which must come in time."""
    told = []

    def ask():
        try:
            told.append(network.run(PICTURES))
        except NetworkDownError as error:
            told.append(str(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(20)
    return told


@pytest.mark.parametrize("trick", BAD_GREETINGS)
def test_a_process_with_an_invalid_greeting_is_replaced(network, trick):
    own = network(trick + "\ntime.sleep(60)")
    eventually(lambda: own.starts() > 1)
    assert not own.ready
    assert own.down_reason.startswith("the network's process did not start: ")


@pytest.mark.parametrize("answer", BAD_ANSWERS)
def test_a_process_with_an_invalid_answer_is_replaced(network, answer):
    own = network(
        f"{GREETING}question = read_frame(incoming)\n"
        f"write_frame(out, Frame({answer}, b'', question.number))\ntime.sleep(60)"
    )
    eventually(lambda: own.ready)
    assert asked(own) == ["the network's process is gone"]
    eventually(lambda: own.starts() > 1 and own.ready)


def test_a_process_that_answers_twice_is_replaced(network):
    own = network(
        f"{GREETING}question = read_frame(incoming)\n"
        "for _ in range(2): write_frame(out, Frame({'together': 1}, b'', question.number))\n"
        "time.sleep(60)"
    )
    eventually(lambda: own.ready)
    asked(own)
    eventually(lambda: own.starts() > 1 and own.ready)


def test_one_that_does_not_greet_is_killed_in_time(network, monkeypatch):
    monkeypatch.setattr(shared, "_LONGEST_START", 0.5)
    own = network("time.sleep(60)")
    eventually(lambda: own.starts() > 1)
    assert "it took longer than 0.5 s" in own.down_reason


@pytest.mark.parametrize("trick", ["", "read_frame(incoming)\n"])
def test_one_that_does_not_answer_or_even_read_is_killed_in_time(network, monkeypatch, trick):
    """Pictures are more than a pipe holds."""
    monkeypatch.setattr(shared, "_LONGEST_RUN", 0.5)
    own = network(f"{GREETING}{trick}time.sleep(60)")
    eventually(lambda: own.ready)
    assert asked(own) == ["the GPU took too long"]
    eventually(lambda: own.starts() > 1 and own.ready)


def test_where_none_can_be_started_it_is_tried_again(network, tmp_path):
    """As while the environment is replaced by an update."""
    own = network(f"{GREETING}read_frame(incoming)")
    eventually(lambda: own.ready)
    program = tmp_path / "python"
    away = program.rename(tmp_path / "away")
    own._process.kill()
    eventually(lambda: "No such file" in (own.down_reason or ""))
    away.rename(program)
    eventually(lambda: own.ready)
