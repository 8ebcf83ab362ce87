"""What an overwrite wipes comes back, also when Orthanc's answer is lost or giving back fails."""

import json

import pytest

from unit.orthanc_side.memory import Engine, Memory, note


class Loopback:
    """Stores a file as Orthanc does; the answers to the first ``lost`` requests are lost."""

    def __init__(self, memory, lost=0):
        self.memory, self.lost = memory, lost

    def post(self, _path, body):
        from orthanc_side.loopback import StoreError

        self.memory.files["i"] = body
        self.memory.wipe("i")
        if self.lost:
            self.lost -= 1
            raise StoreError("POST /instances: TimeoutError")
        return b"{}"


@pytest.fixture
def memory(monkeypatch):
    memory = Memory(monkeypatch)
    memory.files["i"] = b"file"
    memory.metadata["instances", "i"] = {"Hospital": "precious"}
    memory.labels["instances", "i"] = ["teaching"]
    return memory


@pytest.fixture
def make(memory, tmp_path):
    from orthanc_side.in_place import InPlace
    from orthanc_side.index import Index
    from orthanc_side.sinks import Sinks

    index = Index(tmp_path / "index")
    sinks = Sinks(index, with_labels=False, study_changed=lambda _: None)

    def made(lost=0):
        loopback = Loopback(memory, lost)
        return InPlace(Engine(), sinks, index, loopback, tmp_path / "kept", threshold=0.9)

    return made


def kept(tmp_path):
    return sorted(path.name for path in (tmp_path / "kept").iterdir())


def lose_the_answer(in_place):
    """Write an annotation in place, with Orthanc's answer to the overwrite lost."""
    from orthanc_side.loopback import StoreError

    with pytest.raises(StoreError):
        in_place.put(note("i"))


def assert_whole(memory, label):
    assert memory.metadata["instances", "i"]["Hospital"] == "precious"
    assert memory.labels["instances", "i"] == ["teaching"]
    assert memory.annotation("i")["examined"]["label"] == label


def test_a_lost_answer_loses_nothing_when_it_is_tried_again(make, memory, tmp_path):
    in_place = make(lost=1)
    lose_the_answer(in_place)
    in_place.put(note("i"))
    assert_whole(memory, "hand")
    assert kept(tmp_path) == []


def test_an_instance_is_away_until_everything_is_given_back(make, memory):
    in_place = make(lost=1)
    assert not in_place.is_away("i")
    lose_the_answer(in_place)
    assert in_place.is_away("i")
    in_place.put(note("i"))
    assert not in_place.is_away("i")


def test_a_lost_answer_loses_nothing_when_another_word_follows(make, memory, tmp_path):
    in_place = make(lost=1)
    lose_the_answer(in_place)
    in_place.put(note("i", "wrist"))
    make().recover()
    assert_whole(memory, "wrist")
    assert kept(tmp_path) == []


def test_the_next_start_finishes_what_was_interrupted(make, memory, tmp_path):
    lose_the_answer(make(lost=1))
    make().recover()
    assert_whole(memory, "hand")
    assert kept(tmp_path) == []


def test_an_error_while_giving_back_leaves_the_rest_to_the_next_write(make, memory, monkeypatch):
    from orthanc_side import archive
    from orthanc_side.archive import ArchiveError

    lose_the_answer(make(lost=1))
    real = archive.set_metadata

    def busy_once(*arguments):
        monkeypatch.setattr(archive, "set_metadata", real)
        raise ArchiveError("the database is busy")

    monkeypatch.setattr(archive, "set_metadata", busy_once)
    in_place = make()
    in_place.recover()
    assert any("waits (ArchiveError)" in line for line in memory.logged)
    in_place.put(note("i", "wrist"))
    assert_whole(memory, "wrist")


def test_a_damaged_keepsake_is_set_aside_for_good_and_the_others_are_finished(
    make, memory, tmp_path
):
    lose_the_answer(make(lost=1))
    (tmp_path / "kept/j.json").write_text("")
    (tmp_path / "kept/j.instances.note").write_text("attached")
    in_place = make()
    in_place.recover()
    assert_whole(memory, "hand")
    memory.files["j"] = b"file"
    in_place.put(note("j"))
    assert kept(tmp_path) == ["failed"]
    aside = sorted(path.name for path in (tmp_path / "kept/failed").iterdir())
    assert aside == ["j.instances.note", "j.json"]
    assert any("j: a damaged keepsake is set aside" in line for line in memory.logged)


def test_a_mixed_series_is_aligned_again_after_a_failure(make, memory, monkeypatch):
    from orthanc_side.engine import WorkerDiedError

    memory.files["j"] = b"file"
    in_place = make()
    monkeypatch.setattr(in_place._loopback, "post", lambda *_: b"{}")
    in_place.put(note("i", "hand"))
    real, failed = in_place._engine.ask, []

    def dies_once(task, request, data, *, urgent=False):
        if request["annotation"]["instance"] == "i" and not failed:
            failed.append(1)
            raise WorkerDiedError("the worker died")
        return real(task, request, data, urgent=urgent)

    monkeypatch.setattr(in_place._engine, "ask", dies_once)
    with pytest.raises(WorkerDiedError):
        in_place.put(note("j", "foot"))
    in_place.put(note("j", "foot"))
    texts = [memory.metadata["instances", name]["BodyPart"] for name in ("i", "j")]
    assert [json.loads(text)["tags"]["mixed_series"] for text in texts] == [True, True]
