"""A decoder in a stranger's hands at the other end of the pipe: whatever it does, it dies alone."""

import resource
import sys
import threading
import time
from pathlib import Path

import pytest

import other_tasks
from bodypart.settings import Settings
from orthanc_server import ROOT
from service.decoders import process as process_module
from service.decoders.process import (
    DecoderDiedError,
    DecoderKilledError,
    DecoderProcess,
    EngineDownError,
)
from stand_in import stand_in

other_tasks.take("trick")

PROGRAM = """
import json, os, signal, struct, time

def raw(number, header, payload=b"", header_length=None, payload_length=None):
    lengths = (len(header) if header_length is None else header_length,
               len(payload) if payload_length is None else payload_length)
    out.write(struct.pack(">QIQ", number, *lengths) + header + payload)
    out.flush()

question = read_frame(incoming)
hello = {
    "model": {"name": "m", "version": "1", "sha256": ""},
    "labels": [],
    "provider": "cpu",
    "pid": os.getpid(),
}
write_frame(out, Frame(hello, number=question.number))
while True:
    question = read_frame(incoming)
    number, trick = question.number, question.header["trick"]
    if trick.startswith("deep"):
        levels = int(trick[4:])
        raw(number, b'{"a":' + b"[" * levels + b"]" * levels + b"}")
    elif trick == "long payload":
        raw(number, b"{}", payload_length=2**36)
    elif trick == "payload over the bound":
        raw(number, b"{}", payload_length=2**27)
    elif trick == "long header":
        raw(number, b"{}", header_length=2**31)
    elif trick == "garbage":
        out.write(os.urandom(4096))
        out.flush()
    elif trick == "close":
        os.close(1)
        time.sleep(60)
    elif trick == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif trick == "spin":
        while True:
            pass
    elif trick == "slow":
        for byte in struct.pack(">QIQ", number, 100, 0) + b" " * 100:
            out.write(bytes([byte]))
            out.flush()
            time.sleep(0.5)
    elif trick == "shout":
        os.write(2, b"x" * 10_000_000)
        raw(number, b"{}")
    elif trick == "twice":
        raw(number, b"{}")
        raw(number, b"{}")
    else:
        raw(number, trick.encode("latin-1"))
"""

TRICKS = [
    "deep65",
    "deep700",
    "deep5000",
    "deep500000",
    "long payload",
    "payload over the bound",
    "long header",
    "garbage",
    "close",
    "stop",
    "spin",
    "slow",
    "[]",
    "null",
    "{nope",
    '{"a":"\xff"}',
    '{"a":NaN}',
    '{"a":1e999}',
    '{"a":"\\ud800"}',
    '{"a":' + "9" * 5000 + "}",
    '{"error":"SystemExit","details":""}',
]


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(source=PROGRAM):
        program = stand_in(tmp_path / f"decoder{len(started)}", source)
        process = DecoderProcess(Settings(python=program, model="none"))
        started.append(process)
        return process

    yield begin
    for process in started:
        process.close()


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick[:24])
def test_a_trick_ends_the_decoder_and_costs_nothing(start, trick):
    process = start()
    process.greet()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ends(process, trick, 1.5)
    assert process.process.wait(5) < 0
    assert not process.alive()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def ends(process, trick, limit):
    with pytest.raises(DecoderDiedError):
        process.ask("trick", {"trick": trick}, b"", limit)


def test_a_flood_of_words_is_dropped(start):
    process = start()
    process.greet()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert process.ask("trick", {"trick": "shout"}, b"", 30) == ({}, b"")
    assert process.alive()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 5_000


def test_an_answer_that_nobody_asked_for_is_seen_before_the_next_question(start):
    process = start()
    process.greet()
    assert process.ask("trick", {"trick": "twice"}, b"", 30) == ({}, b"")
    time.sleep(0.2)
    assert not process.fit()


def test_the_last_line_says_why_a_start_failed(start):
    process = start("print('a'); sys.exit('no model here')\n")
    with pytest.raises(EngineDownError, match="did not start: no model here"):
        process.greet()


def test_a_start_that_takes_too_long_is_told_as_one_whatever_was_said_last(start, monkeypatch):
    """A warning of onnxruntime was all that stood there."""
    monkeypatch.setattr(process_module, "_START_LIMIT", 2.0)
    process = start(
        "import time; print('W: no GPU', file=sys.stderr, flush=True); time.sleep(60)\n"
    )
    with pytest.raises(EngineDownError, match=r"W: no GPU \(the decoder took longer than 2 s\)"):
        process.greet()


@pytest.mark.parametrize(
    ("by", "kind", "why"),
    [
        ("SIGKILL", DecoderKilledError, "was killed: most likely memory ran out"),
        ("SIGILL", DecoderDiedError, "died: Illegal instruction"),
    ],
)
def test_a_signal_that_ended_one_is_told(start, by, kind, why):
    """Where memory ran out, a warning that there is no GPU was all that the log had."""
    kills = f"os.kill(os.getpid(), signal.{by})"
    process = start(
        f"import os, signal; print('W: no GPU', file=sys.stderr, flush=True); {kills}\n"
    )
    words = "" if by == "SIGKILL" else r"W: no GPU \("
    with pytest.raises(EngineDownError, match=f"did not start: {words}the decoder {why}"):
        process.greet()
    process = start(PROGRAM.replace("trick.encode", kills))
    process.greet()
    with pytest.raises(DecoderDiedError, match=f"^the decoder {why}$") as told:
        process.ask("trick", {"trick": "{}"}, b"", 30)
    assert told.type is kind


def test_a_start_may_take_minutes(start, monkeypatch):
    """With thirty programs on two cores it took more than two, and was begun anew for ever."""
    given = []
    monkeypatch.setattr(DecoderProcess, "ask", lambda *asked: given.append(asked[-1]) or ({}, b""))
    start().greet()
    assert given[0] >= 300


@pytest.mark.parametrize("other", ['"provider": 7', '"provider": "cpu", "lockdown": [1]'])
def test_a_greeting_of_another_shape_is_no_start(start, other):
    process = start(PROGRAM.replace('"provider": "cpu"', other))
    with pytest.raises(EngineDownError, match="cannot be trusted"):
        process.greet()


def test_its_processor_time_is_counted(start, monkeypatch):
    """Also where /proc hides it from its own user, as it cannot be dumped (ProtectProc)."""

    def hidden(_):
        raise FileNotFoundError

    process = start()
    process.greet()
    monkeypatch.setattr(Path, "read_bytes", hidden)
    assert not process.worn()
    began = process.cpu_seconds()
    spinning = threading.Thread(target=ends, args=(process, "spin", 10.0))
    spinning.start()
    while process.cpu_seconds() < began + 0.1:
        assert spinning.is_alive()
        time.sleep(0.02)
    process.kill()
    spinning.join()


def test_a_deep_answer_does_not_overflow_a_small_stack(start):
    """Orthanc's threads have 100 kB; the parser took a level of it for each bracket."""
    process = start()
    process.greet()
    caught = []

    def ask():
        assert process.fit()
        ends(process, "deep700", 5)
        caught.append("nothing worse")

    previous = threading.stack_size(25 * 4096)
    try:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(previous)
    assert caught == ["nothing worse"]


def test_one_that_died_for_want_of_memory_is_told_apart():
    """Also where the file alone needs more than all of it."""
    model = str(ROOT / "models/bodypart.onnx")
    limited = Settings(python=sys.executable, model=model, provider="cpu", memory_limit_mb=512)
    process = DecoderProcess(limited)
    try:
        process.greet()
        with pytest.raises(DecoderDiedError, match=r"at its memory limit \(MemoryLimitMB 512\)$"):
            process.ask("annotate", {"instance": "i"}, bytes(600 * 2**20), 60)
    finally:
        process.close()
