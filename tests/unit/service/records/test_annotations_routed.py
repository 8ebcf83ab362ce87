"""When an annotation is routed: what arrives and what a person says, not the old stock."""

import pytest

from routed import PARENTS, annotation
from service.databases.database import Database
from service.databases.schema import INDEX_SCHEMA, SEEN_SCHEMA, prepare
from service.errors import RecordError
from service.orthanc_api.resources import StoredFile
from service.queue.tasks import Kind, Mode, Priority, Tasks
from service.records.annotations import Annotations, sealed
from service.records.index import Index

STORED = StoredFile(PARENTS, "file", 1)
NOTE = annotation(agreement="agree", annotated_at="", review=None, model=None)


class Archive:
    """Takes everything."""

    has_labels = False

    def set_metadata(self, *_):
        pass

    def delete_metadata(self, *_):
        pass

    def stored_file(self, _):
        return STORED


class Routing:
    """Keeps what it was asked to route, and what the index knew by then."""

    def __init__(self, index):
        self.taken, self.gone, self.index, self.error = [], [], index, None

    def take(self, note, _, *, if_known):
        if self.error:
            raise self.error
        if if_known and not self.taken:
            return
        self.taken.append((note["instance"], self.index.knows(note["instance"])))

    def removed(self, instance):
        self.gone.append(instance)


class Records:
    """The real index and table of tasks."""

    def __init__(self, folder):
        database = Database.of_file(folder / "index.sqlite")
        prepare(database, INDEX_SCHEMA)
        prepare(database, SEEN_SCHEMA)
        self.index, self.tasks = Index(database), Tasks(database, "node")
        self.routing = Routing(self.index)
        self.annotations = Annotations(
            Archive(),
            self.index,
            self.tasks,
            routing=self.routing,
            with_labels=False,
            in_place=True,
        )

    def task(self, kind=Kind.ANNOTATE, mode=Mode.NEW, priority=Priority.ARRIVAL):
        with self.index.database.write() as connection:
            self.tasks.ask(connection, kind, ["instance"], mode=mode, priority=priority)
        return self.tasks.claim((kind,))


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path)


def test_what_arrives_is_routed_before_it_counts_as_finished(records):
    records.annotations.put(NOTE, PARENTS, done=records.task())
    assert records.routing.taken == [("instance", False)]


def test_where_the_outbox_cannot_be_written_the_task_stays(records):
    records.routing.error = RecordError("disk full")
    with pytest.raises(RecordError):
        records.annotations.put(NOTE, PARENTS, done=records.task())
    assert records.tasks.stands(Kind.ANNOTATE, "instance")
    assert not records.index.knows("instance")


def test_what_a_person_says_is_routed(records):
    records.annotations.put({**NOTE, "review": None}, PARENTS)
    assert len(records.routing.taken) == 1


def test_the_old_stock_is_not_routed(records):
    task = records.task(mode=Mode.ASKED, priority=Priority.BACKFILL)
    records.annotations.put(NOTE, PARENTS, done=task)
    # Neither when our own rewriting makes it arrive once more.
    written = records.annotations.put(NOTE, PARENTS, follow=False)
    records.annotations.adopt(written, PARENTS, records.task())
    assert records.routing.taken == []


def test_what_the_back_fill_finds_annotated_is_not_routed(records):
    """In another Orthanc it was annotated, or before the index was lost."""
    task = records.task(mode=Mode.ASKED, priority=Priority.BACKFILL)
    records.annotations.adopt(NOTE, PARENTS, task)
    assert records.routing.taken == []


def test_what_was_routed_follows_an_answer_of_the_back_fill(records):
    records.annotations.put(NOTE, PARENTS, done=records.task())
    task = records.task(mode=Mode.AGAIN, priority=Priority.BACKFILL)
    records.annotations.put(NOTE, PARENTS, done=task)
    assert len(records.routing.taken) == 2


def test_what_a_kill_left_between_metadata_and_outbox_is_routed(records):
    records.annotations.adopt(NOTE, PARENTS, records.task())
    assert len(records.routing.taken) == 1


def test_what_a_kill_amid_a_back_fill_left_there_is_routed_where_it_was_before(records):
    """Once its removed annotation was made anew, it was sent or not, as the kill came."""
    records.annotations.put(NOTE, PARENTS, done=records.task())
    records.annotations.erase("instance", STORED)
    task = records.task(mode=Mode.ASKED, priority=Priority.BACKFILL)
    records.annotations.adopt(NOTE, PARENTS, task)
    assert len(records.routing.taken) == 2


def test_what_replaced_an_annotated_file_is_routed_where_the_outbox_failed_before(records):
    """The index knew the answer before it: the new one was not sent, the old one not withdrawn."""
    records.annotations.put(NOTE, PARENTS, done=records.task())
    other = sealed({**NOTE, "group": "spine"})
    records.annotations.adopt(other, PARENTS, records.task())
    assert len(records.routing.taken) == 2
    records.annotations.adopt(other, PARENTS, records.task())
    assert len(records.routing.taken) == 2


def test_what_an_earlier_version_knew_is_not_routed_once_more(records):
    """It kept no revision in the index: each of its files that is stored again would be sent."""
    records.annotations.put(NOTE, PARENTS, done=records.task())
    with records.index.database.write() as connection:
        connection.exec_driver_sql("UPDATE instances SET revision = NULL")
    records.annotations.adopt(sealed(NOTE), PARENTS, records.task())
    assert len(records.routing.taken) == 1


def test_a_person_s_word_that_a_kill_interrupted_is_routed(records):
    records.annotations.put(NOTE, PARENTS, done=records.task())
    records.annotations.adopt(NOTE, PARENTS, records.task(kind=Kind.APPLY))
    assert len(records.routing.taken) == 2


def test_what_a_sweep_finds_is_not_routed(records):
    records.annotations.adopt(NOTE, PARENTS)
    assert records.routing.taken == []


def test_a_removed_annotation_is_routed_no_more(records):
    records.annotations.erase("instance", STORED)
    assert records.routing.gone == ["instance"]
