"""What a configuration may be, but should not."""

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from bodypart.settings import Settings, SettingsError
from orthanc_server import ROOT
from service.databases import schema
from service.own_files import Files
from service.prerequisites import advice, checked_settings

SHIPPED = json.loads((ROOT / "orthanc-config/orthanc.json").read_text(encoding="utf-8"))


@pytest.fixture
def python_3_14(monkeypatch):
    """Have paths answer as in Python 3.14: with no, where they raised an error before."""
    for name, answer in (("is_dir", "isdir"), ("is_file", "isfile"), ("exists", "exists")):
        monkeypatch.setattr(Path, name, getattr(os.path, answer))


def test_the_shipped_configuration_needs_no_advice():
    assert advice(SHIPPED, Settings()) == []


@pytest.mark.parametrize("python", [{}, {"Python": None}, {"Python": {"AllowThreads": False}}])
def test_a_lock_that_a_slow_client_holds_is_told(python):
    (line,) = advice(python, Settings())
    assert '"Python": {"AllowThreads": true}' in line


def test_an_index_that_several_may_share_is_told_unless_their_records_are_shared():
    shared = {**SHIPPED, "PostgreSQL": {"EnableIndex": True}}
    (line,) = advice(shared, Settings())
    assert "PostgreSQL" in line and "BodyPart.Database" in line
    assert advice(shared, Settings(database="postgresql://host/orthanc")) == []
    assert advice({**SHIPPED, "PostgreSQL": {"EnableIndex": False}}, Settings()) == []


@pytest.mark.parametrize("value", [True, "Always", "IfChanged"])
def test_each_word_for_overwriting_will_do_where_files_are_rewritten(value):
    """Orthanc 1.13's own configuration file has words where it was true or false before."""
    assert checked_settings({**SHIPPED, "OverwriteInstances": value}).tags == "in-place"


@pytest.mark.parametrize("value", [False, "Never", "true", 2, None])
def test_where_files_are_rewritten_orthanc_must_overwrite(value):
    with pytest.raises(SettingsError, match="OverwriteInstances"):
        checked_settings({**SHIPPED, "OverwriteInstances": value})


@pytest.mark.parametrize(
    ("to", "kept"), [("modality:PACS", 0), ("folder:/tmp", 0), ("modality:PACS", 1)]
)
def test_orthanc_must_remember_the_jobs_by_which_rules_send(to, kept):
    """It forgot each as it ended: a receiver got every picture a hundred times, in two days."""
    rule = {"Name": "all", "If": {}, "To": [to]}
    nodes = {"DicomModalities": {"PACS": ["PACS", "10.0.0.7", 104]}, "JobsHistorySize": kept}
    configuration = {**SHIPPED, **nodes, "BodyPart": {"Routes": [rule]}}
    if kept or to.startswith("folder"):
        assert checked_settings(configuration).routes == [rule]
        return
    with pytest.raises(SettingsError, match="JobsHistorySize must be above 0"):
        checked_settings(configuration)


def with_database(address):
    return checked_settings({**SHIPPED, "BodyPart": {"Database": address}})


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ann:top@secret@host/name",
        "postgresql://ann:@secret@host",
        "postgresql://ann:x@host:secret/name",
    ],
)
def test_no_part_of_the_database_s_password_counts_as_its_host(address):
    with pytest.raises(SettingsError, match=r"BodyPart\.Database(: write| must)") as caught:
        with_database(address)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ann:top%40secret@host/name",
        "postgresql://adm@server:secret@host/name",
        "postgresql://ann:secret@host/name?application_name=a@b",
        "postgresql:///name?host=/run/postgresql",
    ],
)
def test_an_at_sign_outside_the_password_is_accepted_in_the_database_s_address(address):
    """Azure's users have one, and were refused."""
    assert with_database(address).database == address


def of_the_service(certificate):
    return checked_settings({**SHIPPED, "BodyPart": {"ClientCertificate": str(certificate)}})


@pytest.mark.parametrize(
    ("passphrase", "order", "why"),
    [
        ("-nodes", ("key.pem", "certificate.pem"), None),
        ("-passout pass:secret", ("key.pem", "certificate.pem"), "without a passphrase"),
        ("-nodes", ("certificate.pem",), "and its key"),
        ("-nodes", (), "must hold a certificate"),
    ],
)
def test_a_certificate_of_the_service_comes_with_its_key(tmp_path, passphrase, order, why):
    """It is used once Orthanc runs, where a wrong one would end the service again and again."""
    command = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 {passphrase}"
    command += " -subj /CN=localhost -keyout key.pem -out certificate.pem"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    file = tmp_path / "service.pem"
    file.write_bytes(b"".join((tmp_path / name).read_bytes() for name in order))
    if why is None:
        assert of_the_service(file).client_certificate == str(file)
    else:
        with pytest.raises(SettingsError, match=rf"BodyPart\.ClientCertificate: .* {why}"):
            of_the_service(file)


def test_a_certificate_that_is_not_there_is_named():
    with pytest.raises(SettingsError, match=r"ClientCertificate: /nowhere\.pem: No such file"):
        of_the_service("/nowhere.pem")


@pytest.mark.parametrize("key", ["IndexFile", "AuditFile"])
def test_a_folder_in_the_place_of_a_database_is_named(tmp_path, key):
    with pytest.raises(SettingsError, match=rf"BodyPart\.{key}: .* is a folder"):
        checked_settings({**SHIPPED, "BodyPart": {key: str(tmp_path)}})


@pytest.mark.parametrize("key", ["IndexFile", "AuditFile"])
@pytest.mark.parametrize("file", ["/dev/null", f"/tmp/{'x' * 300}", "/tmp/\0"])
@pytest.mark.usefixtures("python_3_14")
def test_what_can_be_no_database_is_named(key, file):
    """The service would end and be started again for ever, and an error name no setting."""
    with pytest.raises(SettingsError, match=rf"^BodyPart\.{key}: "):
        checked_settings({**SHIPPED, "BodyPart": {key: file}})


@pytest.mark.parametrize("key", ["Model", "Python"])
@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("/none", "no file /none"),
        ("/tmp", "no file /tmp"),
        (f"/{'x' * 300}", "too long"),
        ("/tmp/\0", "null byte"),
    ],
)
@pytest.mark.usefixtures("python_3_14")
def test_a_file_that_cannot_be_used_is_named(key, file, why):
    """Where Orthanc's user may not look into the folder, an error named no setting."""
    with pytest.raises(SettingsError, match=rf"^BodyPart\.{key}: .*{why}"):
        checked_settings({**SHIPPED, "BodyPart": {key: file}})


@pytest.mark.parametrize("key", ["IndexFile", "AuditFile"])
def test_a_database_stands_where_it_stands_whatever_folder_orthanc_is_started_in(key):
    with pytest.raises(SettingsError, match=rf"BodyPart\.{key} must be an absolute path"):
        checked_settings({**SHIPPED, "BodyPart": {key: "archive.sqlite"}})


def test_nodes_tell_each_other_of_rewrites_in_the_storage_that_they_share(tmp_path):
    def rescued(**section):
        (tmp_path / "index").mkdir(exist_ok=True)
        own = {**SHIPPED, "StorageDirectory": "files", "IndexDirectory": "index"}
        own["BodyPart"] = section
        return Files.of(checked_settings(own), own, tmp_path).rescued.parent.name

    shared = {"Database": "postgresql://bodypart@db.example/orthanc"}
    assert rescued(**shared) == "index"
    (tmp_path / "files").mkdir()
    assert rescued(**shared) == "files"
    assert rescued() == "index"


def test_orthanc_s_index_stands_where_it_stands_whatever_ours_does(tmp_path):
    """A rewrite asks for room there, not beside a file of ours on another disk."""
    section = {"IndexFile": str(tmp_path / "own.sqlite")}
    own = {**SHIPPED, "IndexDirectory": "index", "BodyPart": section}
    files = Files.of(checked_settings(own), own, tmp_path)
    assert (files.orthanc, files.index.parent) == (tmp_path / "index", tmp_path)


def own_files(folder, **section):
    """Have the service's files be checked where Orthanc's index lies in a folder."""
    configuration = {**SHIPPED, "IndexDirectory": str(folder), "BodyPart": section}
    Files.of(checked_settings(configuration), configuration, folder).require_own()


def database(path, *tables):
    with closing(sqlite3.connect(path)) as made:
        for table in tables:
            made.execute(f"CREATE TABLE {table} (id INTEGER)")
    return str(path)


def test_one_file_is_not_both_index_and_audit_trail(tmp_path):
    """Who deletes an index, as the manual has it, would delete what people said."""
    own_files(tmp_path)
    own_files(tmp_path, IndexFile=str(tmp_path / "index.sqlite"))
    for section in (
        {"IndexFile": str(tmp_path / "one"), "AuditFile": str(tmp_path / "." / "one")},
        {"IndexFile": str(tmp_path / "bodypart-audit.sqlite")},
        {"AuditFile": str(tmp_path / "bodypart-index.sqlite")},
        {"IndexFile": str(tmp_path / "bodypart-thumbnails.sqlite")},
    ):
        with pytest.raises(SettingsError, match=r"IndexFile and BodyPart\.AuditFile"):
            own_files(tmp_path, **section)


def test_the_database_of_another_program_is_left_alone(tmp_path):
    """Orthanc's own index lies in the same folder, and is called index."""
    orthanc_s = database(tmp_path / "index", "Resources", "Metadata")
    for key in ("IndexFile", "AuditFile"):
        with pytest.raises(SettingsError, match=rf"BodyPart\.{key}: .* of something else"):
            own_files(tmp_path, **{key: orthanc_s})
    # The two of ours, each in the other's place.
    trail = database(tmp_path / "trail", "events", "facts")
    with pytest.raises(SettingsError, match=r"BodyPart\.IndexFile"):
        own_files(tmp_path, IndexFile=trail)
    own_files(tmp_path, AuditFile=trail)


def test_a_damaged_file_is_not_taken_for_another_program_s(tmp_path):
    """What becomes of it is said where it is opened: an index is made anew."""
    file = tmp_path / "bodypart-index.sqlite"
    file.write_bytes(b"SQLite format 3\0" + bytes(5000))
    own_files(tmp_path)
    file.write_bytes(b"")
    own_files(tmp_path)


@pytest.mark.parametrize(
    ("name", "opened"), [("index", schema.open_index), ("audit", schema.open_durable)]
)
@pytest.mark.parametrize("spoiled", [b"CREATE\xfaTABLE", b"CREATE TABL\xc3"])
def test_a_damaged_database_of_ours_ends_no_start_of_orthanc(tmp_path, name, opened, spoiled):
    """The check of the configuration ended with it, and Orthanc with the check."""
    file = tmp_path / f"bodypart-{name}.sqlite"
    database = opened(file) if name == "audit" else opened(file, None, print)
    database.close()
    file.write_bytes(file.read_bytes().replace(b"CREATE TABLE", spoiled))
    own_files(tmp_path)


def test_an_index_of_which_damage_renamed_one_table_is_still_ours(tmp_path):
    index = database(tmp_path / "index", "instänces", "mentions", "counts")
    own_files(tmp_path, IndexFile=index)


@pytest.mark.parametrize("addresses", [None, [], ["127.0.0.1"], ["10.0.0.7", "127.0.0.1"]])
def test_orthanc_listens_where_the_service_asks(addresses):
    checked_settings({**SHIPPED, "HttpBindAddresses": addresses})


@pytest.mark.parametrize(
    ("key", "value"), [("HttpBindAddresses", ["10.0.0.7"]), ("ReadOnly", True)]
)
def test_an_orthanc_that_the_service_could_not_use_is_named(key, value):
    """It would wait for an answer, or for its metadata to be written, for ever."""
    with pytest.raises(SettingsError, match=f"^{key} "):
        checked_settings({**SHIPPED, key: value})


def test_a_python_whose_sqlite_is_too_old_is_named(monkeypatch):
    """That of Red Hat 9 was ready, and took no picture and no correction."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(SettingsError, match=r"python\S* has SQLite .*3\.35 or newer is needed"):
        checked_settings(SHIPPED)
