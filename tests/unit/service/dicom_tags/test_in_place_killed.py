"""A start finishes what a kill, or another setting, interrupted."""

import hashlib

import pytest
import sqlalchemy as sa

from service.databases.tables import overwrites
from service.errors import ArchiveError, LostFileError
from service.orthanc_api.resources import Stored
from service.queue.tasks import Kind, Mode
from service.work.recovery import ask_again
from unit.service.dicom_tags.rewritten import (
    after_a_kill,
    killed,
    rewrite_without_answer,
    tags,
)
from unit.service.house import House


def test_a_start_finishes_what_a_kill_interrupted(annotated, tmp_path):
    orthanc = annotated.orthanc
    after = after_a_kill(annotated, tmp_path)
    assert after.in_place.recover() == ["i"]
    assert orthanc.metadata("instances", "i", "Ours") == "kept"
    assert after.backups.left_over() == []


def test_a_backup_that_version_0_2_left_is_given_back(annotated, tmp_path):
    """It names the new file by the MD5 of all of it."""
    after = after_a_kill(annotated, tmp_path)
    digest = hashlib.md5(annotated.orthanc.files["i"]).hexdigest()
    with after.durable.write() as connection:
        connection.execute(sa.update(overwrites).values(md5_after=digest))
    assert after.in_place.recover() == ["i"]
    assert annotated.orthanc.metadata("instances", "i", "Ours") == "kept"
    assert after.backups.left_over() == []


def test_an_annotation_given_back_beside_another_file_is_not_noted_as_that_file_s(
    annotated, tmp_path, monkeypatch
):
    """It came in between the look at ours and the rest, and kept the answer of the one before."""
    orthanc, read = annotated.orthanc, annotated.orthanc.dicom
    after = after_a_kill(annotated, tmp_path)

    def read_before_another_comes(instance):
        ours = read(instance)
        orthanc.arrive("i", b"another picture")
        return ours

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(orthanc, "dicom", read_before_another_comes)
        after.in_place.recover()
    after.decoders.asked.clear()
    after.annotator.annotate("i", Mode.NEW)
    assert after.decoders.asked == ["annotate"]


@pytest.mark.parametrize("theirs", [None, b"another picture"])
def test_where_the_storage_is_away_the_length_tells_whose_backup_it_is(
    annotated, tmp_path, monkeypatch, theirs
):
    """It was dropped, and with it metadata, labels and attachments of others."""
    orthanc = annotated.orthanc
    after = after_a_kill(annotated, tmp_path)
    if theirs:
        orthanc.arrive("i", theirs)

    def lost(instance, **_):
        raise LostFileError(f"Orthanc's storage has no file of {instance}")

    monkeypatch.setattr(orthanc, "dicom", lost)
    assert after.in_place.recover() == ["i"]
    assert orthanc.metadata("instances", "i", "Ours") == (None if theirs else "kept")
    assert after.backups.left_over() == []


def test_a_removal_that_was_said_before_all_was_given_back_stays(annotated):
    """The annotation that was away then came back with the rest, and its file kept it."""
    task = rewrite_without_answer(annotated)
    annotated.tasks.retry(task, 0.0)
    annotated.orthanc.set_metadata("series", "series", "Ours", "kept")
    annotated.reviewer.remove("i", by="ann")
    annotated.follow()
    assert annotated.orthanc.annotation("i") is None
    assert annotated.orthanc.files["i"] == b"file"
    assert annotated.orthanc.metadata("series", "series", "Ours") == "kept"
    assert not annotated.index.knows("i")


def test_what_cannot_be_given_back_does_not_keep_the_service_from_its_start(annotated, tmp_path):
    """Orthanc refuses, say, a name that the operator took from UserMetadata since."""
    orthanc = annotated.orthanc
    after = after_a_kill(annotated, tmp_path)
    set_metadata = orthanc.set_metadata

    def refuse(level, resource, name, value):
        if name == "Ours":
            raise ArchiveError("status 400")
        set_metadata(level, resource, name, value)

    orthanc.set_metadata = refuse
    assert after.in_place.recover() == ["i"]
    orthanc.set_metadata = set_metadata
    after.tasks.claims.release()
    after.ask(Kind.REWRITE, "i")
    after.follow()
    assert orthanc.metadata("instances", "i", "Ours") == "kept"
    assert tags(after)["state"] == "written"


def test_what_waits_when_in_place_is_turned_off_waits_no_more(annotated, tmp_path):
    """Scripts and deliveries wait for the file as long as it is pending."""
    assert tags(annotated)["state"] == "pending"
    after = House(tmp_path, annotated.orthanc, tags="none")
    ask_again(after.records, after.in_place)
    after.follow()
    assert tags(after)["state"] == "none"
    assert after.orthanc.files["i"] == b"file"
    assert after.index.with_pending_tags(1) == []


@pytest.mark.parametrize("mode", ["in-place", "none"])
def test_another_file_is_read_though_the_tags_of_the_one_before_were_given_up(
    annotated, tmp_path, mode
):
    """Its annotation was noted as the new file's, which nobody read then."""
    before = annotated.orthanc.metadata_["instances", "i"]
    annotated.orthanc.arrive("i", b"another")
    annotated.orthanc.metadata_["instances", "i"] = before
    after = House(tmp_path, annotated.orthanc, tags=mode)
    task = after.claim_due(Kind.REWRITE)
    if mode == "none":
        after.in_place.rewrite(task)
    else:
        after.in_place.give_up(task, "it could not be done")
    assert tags(after)["state"] != "pending"
    after.decoders.label = "foot"
    after.annotator.annotate("i", Mode.NEW)
    assert after.orthanc.annotation("i")["examined"]["label"] == "foot"


def test_what_was_written_before_in_place_is_turned_off_stays(annotated, tmp_path):
    annotated.follow()
    after = House(tmp_path, annotated.orthanc, tags="none")
    after.ask(Kind.REWRITE, "i")
    after.follow()
    assert tags(after)["state"] == "written"


@pytest.mark.parametrize("error", [ArchiveError("status 500"), ValueError("a patient's name")])
def test_no_start_hangs_on_what_cannot_be_finished(annotated, monkeypatch, error):
    killed(annotated)
    with monkeypatch.context() as wrong:
        wrong.setattr(annotated.overwriting, "mend", lambda *_: (_ for _ in ()).throw(error))
        assert annotated.in_place.recover() == ["i"]
    assert annotated.in_place.is_away("i")


def test_a_foreign_file_that_orthanc_does_not_take_back_is_kept(annotated):
    """It was dropped after one try, whatever Orthanc said of it."""
    killed(annotated)
    annotated.watch.file = b"theirs"
    annotated.orthanc.answer = Stored("i", "FilteredOut")
    with pytest.raises(ArchiveError, match="FilteredOut"):
        annotated.in_place.mend("i")
    annotated.orthanc.answer = None
    annotated.in_place.mend("i")
    assert annotated.orthanc.files["i"] == b"theirs"


def test_a_backup_is_not_given_to_another_picture(annotated):
    orthanc = annotated.orthanc
    orthanc.set_metadata("instances", "i", "Ours", "of the first")
    killed(annotated)
    orthanc.arrive("i", b"another picture")
    annotated.in_place.recover()
    assert orthanc.metadata("instances", "i", "Ours") is None
    assert annotated.backups.left_over() == []


@pytest.mark.parametrize("moment", ["after_store", "after_end"])
def test_main_tags_are_read_anew_after_a_kill(annotated, tmp_path, moment):
    annotated.orthanc.arrive("j", b"another of the series")
    killed(annotated, moment)
    after = House(tmp_path, annotated.orthanc)
    after.in_place.recover()
    assert after.tasks.stands(Kind.RECONSTRUCT, "series")
