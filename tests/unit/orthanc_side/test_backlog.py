import pytest


class Log:
    """A change log and properties in memory, in the place of Orthanc's."""

    def __init__(self, monkeypatch):
        from orthanc_side import archive

        self.entries = []
        self.properties = {}
        monkeypatch.setattr(archive, "changes", self.changes)
        monkeypatch.setattr(archive, "last_change", lambda: len(self.entries))
        monkeypatch.setattr(archive, "get_property", lambda n: self.properties.get(n, ""))
        monkeypatch.setattr(archive, "set_property", self.properties.__setitem__)

    def changes(self, since, limit):
        page = [entry for entry in self.entries if entry.sequence > since][:limit]
        return page, len(self.entries)

    def add(self, *instances, kind="NewInstance"):
        from orthanc_side.archive import Change

        for instance in instances:
            self.entries.append(Change(len(self.entries) + 1, kind, instance))


@pytest.fixture
def log(monkeypatch):
    return Log(monkeypatch)


@pytest.fixture
def index(tmp_path):
    from orthanc_side.index import Index

    return Index(tmp_path / "index.sqlite")


def backlog(index, **options):
    from orthanc_side.backlog import Backlog

    return Backlog(index, **{"live": True, **options})


def drain(queue):
    taken = []
    while task := queue.take(wait=0):
        taken.append(task)
    return taken


def test_the_first_start_leaves_the_old_stock_alone(log, index):
    log.add("old")
    queue = backlog(index)
    log.add("new")
    queue.wake()
    assert [task.instance for task in drain(queue)] == ["new"]


def test_unfinished_instances_come_again_after_a_restart(log, index):
    queue = backlog(index)
    log.add("a", "b", "c", kind="NewInstance")
    queue.wake()
    a, b, c = drain(queue)
    queue.finished(a)
    queue.finished(c)
    queue.stop()
    assert [task.instance for task in drain(backlog(index))] == ["b", "c"]
    assert b.sequence == 2


def test_other_changes_move_the_cursor_only(log, index):
    queue = backlog(index)
    log.add("x", kind="NewPatient")
    log.add("y", kind="StableSeries")
    queue.wake()
    assert drain(queue) == []
    queue.stop()
    assert backlog(index).pending() == 0


def test_a_retry_waits_and_holds_the_cursor(log, index):
    queue = backlog(index)
    log.add("a")
    queue.wake()
    (task,) = drain(queue)
    queue.again(task, 60)
    assert drain(queue) == []
    assert queue.pending() == 1
    queue.stop()
    assert [t.instance for t in drain(backlog(index))] == ["a"]


def test_uploads_go_before_the_back_fill(log, index):
    from orthanc_side.archive import Ancestors

    queue = backlog(index)
    for n in range(3):
        index.put_unseen(f"old{n}", Ancestors("s", "t", "p"))
    queue.filling = True
    log.add("new")
    queue.wake()
    taken = [queue.take(wait=0).instance for _ in range(4)]
    assert taken[0] == "new"
    assert set(taken[1:]) == {"old0", "old1", "old2"}


def test_what_is_stored_counts_as_pending_before_it_was_heard_of(log, index):
    queue = backlog(index)
    log.add("a", "b")
    log.add("p", kind="NewPatient")
    assert queue.pending() == 2
    queue.wake()
    for task in drain(queue):
        queue.finished(task)
    assert queue.pending() == 0
    log.add(*(f"i{n}" for n in range(1000)))
    assert queue.pending() == 1000
    assert backlog(index, live=False).pending() == 0


def test_no_upload_is_queued_when_uploads_are_not_wanted(log, index):
    queue = backlog(index, live=False)
    log.add("a")
    queue.wake()
    assert drain(queue) == []


def test_a_log_that_was_emptied_is_read_from_its_new_start(log, index):
    log.properties[5100] = "900"
    log.add("a")
    queue = backlog(index)
    log.add("b")
    queue.wake()
    assert [task.instance for task in drain(queue)] == ["b"]


def test_many_changes_are_read_in_pages_without_losing_one(log, index):
    queue = backlog(index)
    log.add(*(f"i{n}" for n in range(1000)))
    queue.wake()
    seen = []
    while task := queue.take(wait=0):
        seen.append(task.instance)
        queue.finished(task)
    assert seen == [f"i{n}" for n in range(1000)]


def test_a_burst_is_waited_for_but_not_a_stream(log, index, monkeypatch):
    from orthanc_side import backlog as module

    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    queue = backlog(index)
    assert queue.burst() == 0
    queue.wake()
    assert 0 < queue.burst() <= 0.05
    now[0] += 0.06
    assert queue.burst() == 0
    for _ in range(100):
        now[0] += 0.03
        queue.wake()
    assert queue.burst() == 0


def test_two_tasks_about_one_instance_are_told_apart(log, index):
    """A rewrite in place is in the log as well, while its own task is still out."""
    queue = backlog(index)
    log.add("i")
    queue.wake()
    (first,) = drain(queue)
    log.add("i")
    queue.wake()
    (second,) = drain(queue)
    queue.finished(first)
    assert queue.has("i")
    assert queue.pending() == 1
    queue.drop("i")
    assert second.dropped
    assert not queue.has("i")


def test_what_was_asked_for_before_a_removal_is_dropped_and_a_new_upload_is_not(log, index):
    queue = backlog(index)
    log.add("out", "waits", "retried")
    queue.wake()
    out, waits, retried = drain(queue)
    queue.again(retried, 0)
    log.add("unread", "other")
    for instance in ("out", "retried", "unread"):
        queue.drop(instance)
    queue.wake()
    assert out.dropped
    assert retried.dropped
    assert not waits.dropped
    taken = {task.instance: task.dropped for task in drain(queue)}
    assert taken == {"other": False, "retried": True}
    log.add("unread")
    queue.wake()
    assert [(task.instance, task.dropped) for task in drain(queue)] == [("unread", False)]
