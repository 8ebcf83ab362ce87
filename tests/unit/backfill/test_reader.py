"""One worker: what is a picture's fault, and what is not."""

from collections import Counter
from types import SimpleNamespace

import pytest

from backfill import reader as module
from backfill.errors import (
    AwayError,
    GoneError,
    MismatchError,
    RefusedError,
    UnreadableError,
)
from backfill.options import Order
from backfill.reader import Batch, Reader
from backfill.reference import Reference
from service.decoders.process import DecoderDiedError, EngineDownError
from unit.backfill.archive import MODEL

MEMORY = ({"revision": "words"}, b"")
TIME_LIMIT = 33.0


class Connection:
    """Has every file, and tells of no other model."""

    def __init__(self, *_):
        """Take what a connection takes."""

    troubles = {  # noqa: RUF012
        "strange": KeyError("FileUuid"),
        "gone": GoneError(),
        "unreadable": UnreadableError(),
        "refused": RefusedError("401"),
        "away": AwayError("it is to stop"),
    }

    def file(self, instance):
        if instance in self.troubles:
            raise self.troubles[instance]
        return instance.encode(), "file"

    def version(self, instance):
        self.file(instance)
        return "version"


class Decoder:
    """Dies as often as its class is told to of a task or a file; like a process, for good."""

    started, learned, left = 0, 0, 1_000
    error, applied, starts, python = DecoderDiedError, True, True, True
    told: dict = {}  # noqa: RUF012

    def __init__(self, *_):
        if not self.python:
            raise EngineDownError("no program")
        Decoder.started += 1
        self.dead, self.revision, self.answered = False, None, 0

    def greet(self):
        if not self.starts:
            raise EngineDownError("there is no model")

    def fit(self):
        return not self.dead

    def worn(self):
        return self.answered >= self.left

    def close(self):
        self.dead = True

    def ask(self, task, request, data, limit):
        assert task in ("annotate", "learn") and limit == TIME_LIMIT
        cause = task if task == "learn" else data.decode()
        if self.dead or self.kills[cause]:
            self.kills[cause] -= not self.dead
            self.dead = True
            raise self.error("the worker died")
        if task == "learn":
            Decoder.learned += 1
            return {"applied": self.applied}, b""
        self.answered += 1
        return {"annotation": {"instance": request["instance"], "status": "done"}, **self.told}, b""


@pytest.fixture
def reader(monkeypatch):
    """Give a reader whose decoders learn a memory."""
    monkeypatch.setattr(module, "Connection", Connection)
    monkeypatch.setattr(module, "DecoderProcess", Decoder)
    monkeypatch.setattr(Reference, "check_model", lambda *_: None)
    known = Reference(MODEL, {"TimeLimit": TIME_LIMIT}, "words", MEMORY)
    monkeypatch.setattr(Reference, "of", lambda *_: known)
    for name in ("started", "learned"):
        monkeypatch.setattr(Decoder, name, 0)
    monkeypatch.setattr(Decoder, "kills", Counter(), raising=False)
    made = Reader(Order("http://o", model="m.onnx"))
    yield made
    made.close()


@pytest.fixture
def read(reader, monkeypatch):
    """Give a function that has pictures read after a memory was learned."""

    def status(*instances, **kills):
        monkeypatch.setattr(Decoder, "kills", Counter(kills))
        return [one["annotation"]["status"] for one in reader.read(Batch(instances, "words"))]

    return status


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


def test_what_cannot_be_had_or_read_is_failed_with_the_reason(reader, monkeypatch):
    monkeypatch.setattr(Decoder, "kills", Counter(deadly=2))
    found = reader.read(Batch(("gone", "unreadable", "strange", "deadly", "a"), "words"))
    assert [(one["instance"], one["file"], one["annotation"]["reason"]) for one in found[:-1]] == [
        ("gone", "", "Orthanc has no such instance"),
        ("unreadable", "", "Orthanc cannot read its file"),
        ("strange", "", "the file cannot be fetched: KeyError"),
        ("deadly", "file", "quarantined: the worker died, 2 times"),
    ]
    done = {"instance": "a", "status": "done"}
    assert found[-1] == {"instance": "a", "file": "file", "annotation": done}


def test_what_the_model_saw_goes_along_and_what_a_decoder_refuses_is_failed(reader, monkeypatch):
    monkeypatch.setattr(Decoder, "told", {"seen": {"embedding": ""}})
    (seen,) = reader.read(Batch(("a",), "words"))
    assert seen["seen"] == {"embedding": ""}
    monkeypatch.setattr(Decoder, "told", {"error": "TaskError", "details": "not DICOM"})
    (refused,) = reader.read(Batch(("a",), "words"))
    assert (refused["file"], refused["annotation"]["reason"]) == ("file", "given up: not DICOM")


def test_a_picture_is_given_up_unread_also_where_it_is_gone(reader):
    for instance, file in (("a", "version"), ("gone", ""), ("unreadable", "")):
        found = reader.give_up(instance, "it kills workers")
        assert (found["instance"], found["file"]) == (instance, file)
        assert found["annotation"]["reason"] == "it kills workers"
    assert Decoder.started == 0


@pytest.mark.parametrize(("instance", "error"), [("refused", RefusedError), ("away", AwayError)])
def test_what_is_no_picture_s_fault_ends_the_batch(read, instance, error):
    with pytest.raises(error):
        read("a", instance)


def test_what_is_to_stop_reads_no_further(reader):
    reader._stopping.set()
    with pytest.raises(AwayError):
        reader.read(Batch(("a",), "words"))
    assert Decoder.started == 0


def test_a_decoder_that_cannot_start_or_learn_ends_the_worker_and_itself(read, monkeypatch):
    ended = []
    monkeypatch.setattr(Decoder, "close", lambda decoder: ended.append(decoder.answered))
    monkeypatch.setattr(Decoder, "starts", False)
    with pytest.raises(RefusedError, match=r"no decoder can be started .*: there is no model"):
        read("a")
    monkeypatch.setattr(Decoder, "starts", True)
    monkeypatch.setattr(Decoder, "applied", False)
    with pytest.raises(MismatchError, match="rejects the service's memory"):
        read("a")
    assert (ended, Decoder.started) == ([0, 0], 2)
    monkeypatch.setattr(Decoder, "python", False)
    with pytest.raises(RefusedError, match=r"no decoder can be started .*: no program"):
        read("a")


def test_a_decoder_serves_until_it_is_worn_and_learns_what_is_new_once(reader, monkeypatch):
    known = []
    of = Reference.of
    monkeypatch.setattr(Reference, "of", lambda *asked: known.append(asked[1:]) or of(*asked))
    for memory in ("words", "words", "more", "more"):
        reader.read(Batch(("a",), memory))
    assert (Decoder.started, Decoder.learned) == (1, 2)
    assert known == [(), ("words",)]
    monkeypatch.setattr(Decoder, "left", 4)
    first = reader._decoder
    reader.read(Batch(("a",), "more"))
    assert (Decoder.started, Decoder.learned) == (2, 3)
    last = reader._decoder
    assert (first.dead, last.dead) == (True, False)
    reader.close()
    assert last.dead


def test_two_files_are_fetched_ahead_and_no_more(reader):
    """A whole batch of films at once took as much memory as it has files."""
    asked, ahead = [], []
    fetching = SimpleNamespace(
        submit=lambda _, instance: asked.append(instance), shutdown=lambda **_: None
    )
    reader._fetching.shutdown()
    reader._fetching = fetching
    for instance, _ in reader._files("abcdef"):
        ahead.append((instance, len(asked)))
    assert ahead == [("a", 3), ("b", 4), ("c", 5), ("d", 6), ("e", 6), ("f", 6)]


def test_a_machine_with_another_model_reads_nothing(read, monkeypatch):
    def check_model(_, file):
        assert str(file) == "m.onnx"
        raise MismatchError("another model")

    monkeypatch.setattr(Reference, "check_model", check_model)
    with pytest.raises(MismatchError):
        read("a")
    assert Decoder.started == 0


def test_where_there_is_no_memory_none_is_learned(read, monkeypatch):
    nothing = Reference(MODEL, {"TimeLimit": TIME_LIMIT}, None, None)
    monkeypatch.setattr(Reference, "of", lambda *_: nothing)
    assert read("a", "b") == ["done", "done"]
    assert (Decoder.started, Decoder.learned) == (1, 0)
