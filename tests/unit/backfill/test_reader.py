"""One worker: what is a picture's fault, and what is not."""

from collections import Counter

import pytest

from backfill import reader as module
from backfill.errors import RefusedError
from backfill.options import Order
from backfill.reader import Batch, Reader
from backfill.reference import Reference
from service.decoders.process import DecoderDiedError
from unit.backfill.archive import MODEL

MEMORY = ({"revision": "words"}, b"")


class Connection:
    """Has every file, and tells of no other model."""

    def __init__(self, *_):
        """Take what a connection takes."""

    def file(self, instance):
        if instance == "strange":
            raise KeyError("FileUuid")
        return instance.encode(), "file"


class Decoder:
    """Dies as often as its class is told to of a task or a file; like a process, for good."""

    started = 0
    error = DecoderDiedError

    def __init__(self, *_):
        Decoder.started += 1
        self.dead, self.revision = False, None

    def greet(self):
        """Be ready."""

    def fit(self):
        return not self.dead

    def worn(self):
        return False

    def close(self):
        self.dead = True

    def ask(self, task, request, data, _limit):
        cause = task if task == "learn" else data.decode()
        if self.dead or self.kills[cause]:
            self.kills[cause] -= not self.dead
            self.dead = True
            raise self.error("the worker died")
        if task == "learn":
            return {"applied": True}, b""
        return {"annotation": {"instance": request["instance"], "status": "done"}}, b""


@pytest.fixture
def read(monkeypatch):
    """Give a function that has pictures read after a memory was learned."""
    monkeypatch.setattr(module, "Connection", Connection)
    monkeypatch.setattr(module, "DecoderProcess", Decoder)
    monkeypatch.setattr(Reference, "check_model", lambda *_: None)
    known = Reference(MODEL, {"ReviewThreshold": 0.75}, "words", MEMORY)
    monkeypatch.setattr(Reference, "of", lambda *_: known)
    monkeypatch.setattr(Decoder, "started", 0)
    reader = Reader(Order("http://o", model="m.onnx"))

    def status(*instances, **kills):
        monkeypatch.setattr(Decoder, "kills", Counter(kills), raising=False)
        return [one["annotation"]["status"] for one in reader.read(Batch(instances, "words"))]

    yield status
    reader.close()


def test_a_picture_that_kills_decoders_is_failed_and_the_others_are_read(read):
    assert read("a", "deadly", "b", deadly=2) == ["done", "failed", "done"]


def test_a_picture_of_which_nobody_foresaw_what_happens_is_failed_and_the_others_are_read(
    read, monkeypatch
):
    """It cost one worker after the other, until none was left."""
    assert read("a", "strange", "b") == ["done", "failed", "done"]
    monkeypatch.setattr(Decoder, "error", KeyError)
    assert read("a", "odd", "b", odd=2) == ["done", "failed", "done"]
    assert read("a", "once", "b", once=1) == ["done"] * 3


def test_a_memory_that_kills_decoders_fails_no_picture_but_the_worker(read):
    with pytest.raises(RefusedError, match="memory"):
        read("a", "b", learn=2)
    assert Decoder.started == 2


def test_a_decoder_that_died_as_it_learned_is_replaced_and_no_picture_blamed(read):
    assert read("a", "deadly", learn=1, deadly=1) == ["done", "done"]
    assert Decoder.started == 3
