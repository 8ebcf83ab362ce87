"""What the sweep makes of instances that the change log did not tell of."""

import threading

import pytest

from unit.orthanc_side.memory import Memory, note


class Parts:
    """A sweep over an archive in memory; what it asks of the other parts is kept."""

    def __init__(self, monkeypatch, tmp_path, *, live):
        from orthanc_side import archive
        from orthanc_side.index import Index
        from orthanc_side.sweep import INSTALLED_PROPERTY, Sweep

        self.memory = Memory(monkeypatch)
        self.index = Index(tmp_path / "index")
        self.queued, self.gone, self.received, self.odd = [], [], {}, set()
        monkeypatch.setattr(archive, "get_property", {INSTALLED_PROPERTY: "20260601T000000"}.get)
        monkeypatch.setattr(archive, "instance_ids", self.page)
        monkeypatch.setattr(archive, "metadata", lambda _, i, __: self.received.get(i))
        self.removed = set()
        self.sweep = Sweep(self.index, self, self, self, live=live)

    def store(self, instance, received="20260701T000000"):
        self.memory.files[instance] = b"file"
        self.received[instance] = received

    def page(self, since, limit):
        return sorted(self.memory.files)[since:][:limit]

    def has(self, instance):
        return instance in self.queued

    def add(self, instance):
        self.queued.append(instance)

    def deleted(self, instance):
        self.gone.append(instance)

    def adopt(self, instance):
        from orthanc_side.archive import ArchiveError

        if instance in self.odd:
            raise ArchiveError("/instances", "the database is busy")
        return self.memory.annotation(instance) is not None

    def was_removed(self, instance):
        return instance in self.removed

    def run(self):
        self.sweep.run(threading.Event())
        return self.queued


@pytest.fixture
def parts(monkeypatch, tmp_path):
    return Parts(monkeypatch, tmp_path, live=True)


def test_what_came_after_the_installation_is_queued_once(parts):
    parts.store("new")
    assert parts.run() == ["new"]
    assert parts.run() == ["new"]


def test_the_old_stock_waits_for_the_back_fill(parts):
    parts.store("old", received="20260501T000000")
    parts.store("undated", received=None)
    assert parts.run() == []
    assert parts.index.counts() == {"unseen": 2}


def test_nothing_is_queued_where_uploads_are_not_wanted(monkeypatch, tmp_path):
    parts = Parts(monkeypatch, tmp_path, live=False)
    parts.store("new")
    assert parts.run() == []
    assert parts.index.counts() == {"unseen": 1}


def test_an_annotation_that_stands_in_the_metadata_is_taken_over(parts):
    parts.store("known")
    parts.memory.metadata["instances", "known"] = {"BodyPart": '{"instance": "known"}'}
    assert parts.run() == []


def test_what_a_person_had_removed_stays_removed(parts):
    parts.store("removed")
    parts.removed = {"removed"}
    assert parts.run() == []
    assert parts.index.state("removed") == "forgotten"


def test_an_instance_that_cannot_be_asked_for_does_not_hide_the_others(parts):
    for instance in ("a", "b", "c"):
        parts.store(instance)
    parts.odd = {"b"}
    assert parts.run() == ["a", "c"]
    assert parts.memory.logged == ["instance b is left to the next sweep: ArchiveError"]
    parts.odd = set()
    assert parts.run() == ["a", "c", "b"]


def test_what_orthanc_no_longer_has_is_cleared(parts):
    from orthanc_side import archive

    parts.store("there")
    for instance in ("there", "gone"):
        parts.index.put(note(instance), archive.ancestors(instance))
    parts.run()
    assert parts.gone == ["gone"]


def test_a_sweep_that_is_stopped_takes_nothing_for_deleted(parts):
    from orthanc_side import archive

    parts.index.put(note("i"), archive.ancestors("i"))
    stopping = threading.Event()
    stopping.set()
    parts.sweep.run(stopping)
    assert parts.gone == []
