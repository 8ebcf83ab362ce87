"""The claims of one node, where another one works on the same table."""

from service.databases.database import Database
from service.databases.schema import INDEX_SCHEMA, prepare
from service.queue.tasks import Kind, Tasks


def test_a_clock_that_is_set_right_takes_no_task_from_another_node(tmp_path, monkeypatch):
    """The other's clock is some seconds ahead: its claim seemed to be of the time before."""
    database = Database.of_file(tmp_path / "index.sqlite")
    prepare(database, INDEX_SCHEMA)
    here, other = Tasks(database, "here"), Tasks(database, "other")
    now = [50_000.0]
    monkeypatch.setattr("service.queue.tasks.time.time", lambda: now[0])
    here.ask_now(Kind.ANNOTATE, ["i"])

    class Stopping:
        def wait(self, _):
            if now[0] == 50_000.0:
                return True
            now[0] = 50_020.0
            assert other.claim((Kind.ANNOTATE,))
            now[0] = 50_000.0
            return False

    now[0] = 53_600.0
    here.claims.keep(Stopping())
    assert here.claim((Kind.ANNOTATE,)) is None
