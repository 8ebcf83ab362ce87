"""Databases made ready: new ones, those of version 0.1, damaged ones, several services."""

import json
import random
import socket
import sqlite3

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from orthanc_server import free_port
from service.databases import database as database_module
from service.databases import schema
from service.databases.database import Database
from service.databases.tables import DURABLE, INDEX, instances, reports
from service.errors import DamagedError, RecordError, UnreachableError
from service.orthanc_api.resources import Parents
from service.records.audit_trail import AuditTrail
from service.records.facts import Facts
from service.records.index import Index

REVIEW = {
    "by": "ann",
    "at": "2026-11-20T10:00:00Z",
    "examined": "foot",
    "visible": None,
    "laterality": None,
    "laterality_given": False,
    "comment": "",
    "previous": {"examined": "hand", "laterality": None},
    "history": [],
}
OLD_INDEX = """
CREATE TABLE instances (
    id TEXT PRIMARY KEY, series TEXT NOT NULL, study TEXT NOT NULL, patient TEXT NOT NULL,
    state TEXT NOT NULL, examined TEXT, probability REAL, source TEXT, visible TEXT,
    laterality TEXT, laterality_source TEXT, router_group TEXT, agreement TEXT,
    needs_review INTEGER NOT NULL DEFAULT 0, annotated_at TEXT,
    modality TEXT NOT NULL DEFAULT '', study_date TEXT NOT NULL DEFAULT '',
    image_label TEXT, header_label TEXT, machine_label TEXT, machine_probability REAL,
    reviewed_at TEXT, reviewed_by TEXT
) WITHOUT ROWID;
CREATE INDEX instances_series ON instances (series);
CREATE INDEX instances_study ON instances (study);
CREATE INDEX instances_patient ON instances (patient);
CREATE INDEX instances_state ON instances (state);
CREATE INDEX instances_group ON instances (router_group);
CREATE INDEX instances_reviewed ON instances (reviewed_at) WHERE reviewed_at IS NOT NULL;
CREATE INDEX instances_review ON instances (needs_review, id) WHERE needs_review;
CREATE TABLE mentions (
    label TEXT NOT NULL, witness TEXT NOT NULL, instance TEXT NOT NULL,
    PRIMARY KEY (label, witness, instance)
) WITHOUT ROWID;
CREATE TABLE reports (
    study TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, instance TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX mentions_instance ON mentions (instance);
INSERT INTO instances (id, series, study, patient, state, examined, probability, visible,
    agreement, needs_review, study_date) VALUES
    ('a', 's', 't', 'p', 'done', 'hand', 0.9, '{"hand": 0.9}', 'agree', 0, '20260101'),
    ('b', 's', 't', 'p', 'done', 'knee', 0.4, '{}', 'conflict', 1, '20260201'),
    ('c', 's', 't', 'p', 'unseen', NULL, NULL, NULL, NULL, 0, '');
INSERT INTO mentions VALUES ('hand', 'final', 'a');
INSERT INTO reports VALUES ('t', 'print', 'report');
PRAGMA user_version = 2;
"""
OLD_TRAIL = """
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL, by TEXT NOT NULL, action TEXT NOT NULL, instance TEXT NOT NULL,
    review TEXT
);
CREATE INDEX events_instance ON events (instance, number);
"""


@pytest.fixture
def durable(tmp_path):
    return schema.open_durable(tmp_path / "audit.sqlite")


def columns(database, tables):
    inspector = sa.inspect(database.engine)
    return {table: {column["name"] for column in inspector.get_columns(table)} for table in tables}


def test_what_version_0_1_kept_is_kept(tmp_path):
    with sqlite3.connect(tmp_path / "audit.sqlite") as old:
        old.executescript(OLD_TRAIL)
        old.execute(
            "INSERT INTO events (at, by, action, instance, review) VALUES (?,?,?,?,?)",
            (REVIEW["at"], "ann", "corrected", "a", json.dumps(REVIEW)),
        )
    with sqlite3.connect(tmp_path / "index.sqlite") as old:
        old.executescript(OLD_INDEX)
    old.close()
    durable = schema.open_durable(tmp_path / "audit.sqlite")
    trail = AuditTrail(durable)
    assert trail.last("a").review.examined == "foot"
    assert trail.open(10) == []
    trail.removed("a", by="bob", at="2026-11-28T10:00:00Z", file="f")
    assert [event["number"] for event in trail.events(0, 10)] == [1, 2]

    lines = []
    index = Index(schema.open_index(tmp_path / "index.sqlite", durable, lines.append))
    assert lines == []
    assert {child.instance for child in index.children("studies", "t")} == {"a", "b"}
    assert index.counts() == {"done": 2, "unseen": 1}
    ranked = index.database.rows(sa.text("SELECT id FROM instances ORDER BY rank"))
    assert next(iter(ranked)).id == "b"
    assert index.database.rows(sa.text("SELECT source FROM mentions"))[0].source == "final"
    assert durable.rows(sa.select(reports))[0].instance == "report"
    for database, tables in ((durable, DURABLE.tables), (index.database, INDEX.tables)):
        made = {name: {column.name for column in table.columns} for name, table in tables.items()}
        assert columns(database, tables) == made


def test_reports_of_version_0_1_are_taken_over_once_more(tmp_path, durable, monkeypatch):
    """No start got over it: not after one that was cut short, nor where 0.1 had run again."""
    with sqlite3.connect(tmp_path / "index.sqlite") as old:
        old.executescript(OLD_INDEX)
    old.close()

    def refused(**_):
        raise RecordError("the records cannot be kept: database or disk is full")

    with monkeypatch.context() as full:
        full.setattr(durable, "write", refused)
        with pytest.raises(RecordError):
            schema.open_index(tmp_path / "index.sqlite", durable, print)
    with durable.write() as connection:
        before = {"study": "t", "fingerprint": "before", "instance": "of before"}
        connection.execute(sa.insert(reports), before)
    lines = []
    schema.open_index(tmp_path / "index.sqlite", durable, lines.append)
    assert lines == []
    assert [row.instance for row in durable.rows(sa.select(reports))] == ["report"]


def test_an_index_that_0_1_made_after_this_version_is_made_anew(tmp_path, durable):
    """It does not tell which files this version had still to rewrite: they waited for ever."""
    with sqlite3.connect(tmp_path / "index.sqlite") as old:
        old.executescript(OLD_INDEX)
    old.close()
    Facts(durable, {"installed": "20261101T000000"})
    lines = []
    index = Index(schema.open_index(tmp_path / "index.sqlite", durable, lines.append))
    assert lines == []
    assert index.counts() == {}
    assert [row.instance for row in durable.rows(sa.select(reports))] == ["report"]


def test_folders_may_have_any_name(tmp_path, monkeypatch):
    """ "%41" was read as "A", what follows a "?" not at all: the databases lay elsewhere."""
    folder, plugin = tmp_path / "Archiv%41 alt?\n'ü'", tmp_path / "100%"
    folder.mkdir()
    plugin.symlink_to(schema._MIGRATIONS)
    monkeypatch.setattr(schema, "_MIGRATIONS", plugin)
    schema.open_index(folder / "index.sqlite", schema.open_durable(folder / "audit.sqlite"), print)
    assert {"index.sqlite", "audit.sqlite"} <= {path.name for path in folder.iterdir()}


def test_today_s_database_needs_no_migration(tmp_path, durable):
    for one in (schema.DURABLE_SCHEMA, schema.INDEX_SCHEMA):
        scripts = ScriptDirectory(
            str(schema._MIGRATIONS), version_locations=[str(schema._MIGRATIONS / one.name)]
        )
        assert scripts.get_heads() == [one.head]
    durable.close()
    again = schema.open_durable(tmp_path / "audit.sqlite")
    assert AuditTrail(again).events(0, 10) == []


def test_words_are_missed_where_the_trail_begins_anew_beside_an_index_that_knows_of_them(tmp_path):
    """An emptied file counted as a new one, and nobody was told."""
    path = tmp_path / "audit.sqlite"
    durable = schema.open_durable(path)
    index = schema.open_index(tmp_path / "index.sqlite", durable, print)
    row = dict.fromkeys(("id", "series", "study", "patient"), "i") | {"state": "done"}
    with index.write() as connection:
        connection.execute(sa.insert(instances), row)
    assert schema.words_lost(durable, index) == 0  # Nobody said a word.
    with index.write() as connection:
        connection.execute(sa.update(instances).values(reviewed_at=REVIEW["at"]))
    AuditTrail(durable).reviewed("i", REVIEW)
    assert schema.words_lost(durable, index) == 0
    durable.close()
    path.write_bytes(b"")
    assert schema.words_lost(schema.open_durable(path), index) == 1


def test_of_what_a_newer_version_left_only_the_index_is_made_anew(tmp_path, durable):
    """After a step back no start came of it, and the log named a migration."""
    index = schema.open_index(tmp_path / "index.sqlite", durable, print)
    for database, one in ((index, "index"), (durable, "durable")):
        with database.write() as connection:
            connection.exec_driver_sql(f"UPDATE {one}_version SET version_num = '{one}_9999'")
        database.close()
    lines = []
    schema.open_index(tmp_path / "index.sqlite", durable, lines.append)
    assert lines == ["the index cannot be used (NewerError) and is made anew"]
    before = (tmp_path / "audit.sqlite").read_bytes()
    with pytest.raises(RecordError, match=r"^the database audit\.sqlite is of a newer version"):
        schema.open_durable(tmp_path / "audit.sqlite")
    assert (tmp_path / "audit.sqlite").read_bytes() == before


@pytest.mark.parametrize("shared", [False, True], ids=["SQLite", "PostgreSQL"])
def test_an_index_of_before_knows_sides_in_doubt_afterwards(tmp_path, durable, request, shared):
    if shared:
        database = schema.open_shared(request.getfixturevalue("postgres").driver_url)
    else:
        database = schema.open_index(tmp_path / "index.sqlite", durable, print)
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE instances DROP COLUMN side_in_doubt")
        connection.exec_driver_sql("UPDATE index_version SET version_num = 'index_0006'")
        row = dict.fromkeys(("id", "series", "study", "patient"), "of before")
        row |= {"state": "done", "needs_review": True, "laterality_source": "header"}
        connection.execute(sa.insert(instances), row)
    schema.prepare(database, schema.INDEX_SCHEMA)
    assert Index(database).without_side(5) == ["of before"]
    schema.prepare(database, schema.INDEX_SCHEMA)
    database.close()


@pytest.mark.parametrize("spoiled", [b"no database at all" * 500, b""])
def test_an_index_that_is_damaged_is_made_anew(tmp_path, durable, spoiled):
    path = tmp_path / "index.sqlite"
    path.write_bytes(spoiled)
    lines = []
    index = Index(schema.open_index(path, durable, lines.append))
    assert index.counts() == {}
    assert bool(lines) == bool(spoiled)


@pytest.mark.parametrize(
    "untrue",
    [
        "DELETE FROM index_version",
        "DROP TABLE index_version",
        "UPDATE index_version SET version_num = 'index_0003'",
        "PRAGMA user_version = 2",
    ],
)
def test_an_index_of_another_version_than_it_says_is_made_anew(tmp_path, durable, untrue):
    path, lines = tmp_path / "index.sqlite", []
    schema.open_index(path, durable, lines.append).close()
    with sqlite3.connect(path) as connection:
        connection.execute(untrue)
    connection.close()
    schema.open_index(path, durable, lines.append)
    assert lines == ["the index cannot be used (DamagedError) and is made anew"]


@pytest.mark.parametrize("seed", range(25))
def test_whatever_is_damaged_in_an_index_it_works_again(tmp_path, durable, seed):
    """A damaged definition of a table, for one, ended each start of the service."""
    path = tmp_path / "index.sqlite"
    database = schema.open_index(path, durable, print)
    with database.write() as connection:
        rows = [
            {
                "id": f"i{n}",
                **dict.fromkeys(("series", "study", "patient", "state", "rank"), f"x{n}"),
            }
            for n in range(300)
        ]
        connection.execute(sa.insert(instances), rows)
        connection.exec_driver_sql("INSERT INTO counts VALUES ('done', 300)")
    database.close()
    chance = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice([3, 300, 3000])):
        content[chance.randrange(100, len(content))] = chance.randrange(256)
    path.write_bytes(content)
    for _ in range(3):  # As often as the service is started again.
        try:
            database = schema.open_index(path, durable, lambda _: None)
            index = Index(database)
            index.counts()
            index.after("", 1000)
            list(index.in_state("x7", 10))
            with database.write() as connection:
                index.put_bare(connection, "new", Parents("s", "t", "p", "", ""), "unseen")
            break
        except DamagedError as error:
            assert error.place == str(path)
            schema.set_aside(path)
    else:
        pytest.fail("it is damaged again and again")
    assert index.state("new") == "unseen"


def test_damage_that_shows_later_is_told_apart_from_trouble(tmp_path, durable):
    path = tmp_path / "index.sqlite"
    database = schema.open_index(path, durable, print)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE wide (x)")
        for _ in range(500):
            connection.exec_driver_sql("INSERT INTO wide VALUES (randomblob(2000))")
    database.close()
    with path.open("r+b") as file:
        file.seek(20_000)
        file.write(b"\xff" * 900_000)
    database = schema.Database.of_file(path)
    with pytest.raises(DamagedError) as damaged:
        database.rows(sa.text("SELECT sum(length(x)), count(*) FROM wide"))
        database.rows(sa.text("SELECT * FROM instances"))
    assert damaged.value.place == str(path)
    with pytest.raises(RecordError):
        durable.rows(sa.text("SELECT * FROM nothing"))


def test_the_trail_is_never_replaced(tmp_path):
    path = tmp_path / "audit.sqlite"
    path.write_bytes(b"no database at all" * 500)
    with pytest.raises(RecordError, match=r"audit\.sqlite is damaged: see docs/operations\.md"):
        schema.open_durable(path)
    assert path.read_bytes().startswith(b"no database")


def test_why_a_record_cannot_be_kept_is_said(tmp_path, durable):
    """An operator who reads the kind of an exception does not know that the disk is full."""
    with pytest.raises(RecordError, match="unable to open database file"):
        schema.Database.of_file(tmp_path / "nowhere/index.sqlite").rows(sa.text("SELECT 1"))
    with (
        pytest.raises(RecordError, match="database or disk is full"),
        durable.write() as connection,
    ):
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        connection.exec_driver_sql("CREATE TABLE large AS SELECT randomblob(1000000)")
    nobody = f"postgresql+psycopg://ann:secret@127.0.0.1:{free_port()}/orthanc"
    with pytest.raises(UnreachableError, match="database cannot be reached") as refused:
        schema.Database(nobody).rows(sa.text("SELECT 1"))
    (told,) = refused.value.__notes__
    assert told.startswith("BodyPart.Database: ") and "refused" in told
    assert "secret" not in told
    # REST, helpers and annotations tell it: which server that is, and whose, is for the log.
    assert "127.0.0.1" not in str(refused.value)


def test_a_database_that_does_not_answer_cannot_be_reached(monkeypatch):
    """Only what refused a connection was told so."""
    monkeypatch.setattr(database_module, "_LONGEST_CONNECT", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nobody = f"postgresql+psycopg://127.0.0.1:{silent.getsockname()[1]}/orthanc"
        with pytest.raises(UnreachableError, match="database cannot be reached"):
            schema.Database(nobody).rows(sa.text("SELECT 1"))


def test_what_a_database_says_of_a_statement_is_not_passed_on(durable):
    with pytest.raises(RecordError, match=r"the records cannot be kept: OperationalError$"):
        durable.rows(sa.text("SELECT * FROM doe_john"))


def test_one_service_at_a_time_works_on_a_database(tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "_LOCK_TRIES", 2)
    place = schema.only_one(tmp_path / "audit.sqlite")
    with pytest.raises(RecordError):
        schema.only_one(tmp_path / "audit.sqlite")
    place.close()
    schema.only_one(tmp_path / "audit.sqlite").close()


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    database = Database.of_file(tmp_path / "no such folder" / "bodypart-audit.sqlite")
    with pytest.raises(RecordError, match=r"bodypart-audit\.sqlite: unable to open database file$"):
        database.rows(sa.text("SELECT 1"))


def test_an_index_that_cannot_be_opened_is_named(tmp_path, durable):
    """It ended each start with "unable to open database file", and which one was not told."""
    (tmp_path / "index.sqlite").mkdir()
    with pytest.raises(RecordError, match=r"index\.sqlite: unable to open database file$"):
        schema.open_index(tmp_path / "index.sqlite", durable, print)
