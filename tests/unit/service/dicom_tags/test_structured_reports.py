"""Reports of studies: what stands in them while files are rewritten."""

import pytest
import sqlalchemy as sa

from bodypart.dicom_out.codes import PRODUCT
from service.databases.tables import reports
from service.decoders.pool import RefusedError
from service.dicom_tags.file_mark import FileMark
from service.dicom_tags.structured_reports import Reports
from service.errors import LostFileError, NotFoundError
from service.orthanc_api.resources import Stored
from service.queue.tasks import Kind, Mode
from unit.service.house import PARENTS


class Writer:
    """In the place of the decoders: remembers of what a report was to be made."""

    def __init__(self):
        self.asked = []

    def ask(self, task, request, payload, *, urgent=False):
        if task == "report":
            self.asked.append(request["annotations"])
            self.uid, self.payload = request["uid"], payload
        return {}, payload


@pytest.fixture
def writer():
    return Writer()


@pytest.fixture
def stored(house, monkeypatch):
    """Give the UIDs of the reports that Orthanc holds; the test adds some."""
    uids = []
    answers = {
        f"/studies/{PARENTS.study}/series": [
            {"MainDicomTags": {"Modality": "SR"}, "Instances": uids},
            {"MainDicomTags": {"Modality": "CR"}, "Instances": ["i"]},
        ],
    }

    class Client:
        def get_json(self, path):
            uid = path.removeprefix("/instances/").removesuffix("/simplified-tags")
            tags = {"SOPInstanceUID": uid, "ManufacturerModelName": PRODUCT}
            return answers.get(path, tags)

    monkeypatch.setattr(house.orthanc, "client", Client(), raising=False)
    monkeypatch.setattr(
        house.orthanc, "identifiers_of_study", lambda _: ("P", "2.25.1"), raising=False
    )
    return uids


@pytest.fixture
def write(house, writer, stored):
    """Return a function that writes the report of a study whose one answer changed since."""
    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.answer = Stored("report", "Success")
    made = Reports(
        house.orthanc,
        writer,
        house.index,
        house.durable,
        annotation_of=house.in_place.annotation_of,
        log=house.lines.append,
    )
    house.ask(Kind.REPORT, PARENTS.study, level="studies")
    task = house.claim(Kind.REPORT)

    def write_it(*, once_more=False):
        # As before a kill: what was stored is not noted.
        row = {"study": PARENTS.study, "fingerprint": "of another answer"}
        if not once_more:
            with house.durable.write() as connection:
                connection.execute(sa.delete(reports))
                connection.execute(sa.insert(reports).values(**row, instance="older report"))
        made.write(task)

    return write_it


def test_what_is_being_rewritten_is_in_the_report(house, writer, write):
    """Left out it would stay out: the study is reported on again when an answer changes."""
    annotation = house.orthanc.annotation("i")
    held = house.orthanc.held([("instances", "i")])
    house.backups.take("i", PARENTS, held, annotation, FileMark.of(b"after", signed=True))
    house.orthanc.metadata_.clear()
    write()
    assert writer.asked == [[annotation]]


def test_a_report_follows_only_another_answer(house, writer, write):
    """A report that is stored makes its study settle once more."""
    write()
    write(once_more=True)
    assert len(writer.asked) == 1
    house.annotator.annotate("i", Mode.AGAIN)
    write(once_more=True)
    assert len(writer.asked) == 1
    house.decoders.label = "foot"
    house.annotator.annotate("i", Mode.AGAIN)
    write(once_more=True)
    assert len(writer.asked) == 2


def test_a_report_that_orthanc_does_not_take_leaves_the_one_before(house, write):
    house.orthanc.arrive("older report", b"report")
    house.orthanc.answer = Stored("", "FilteredOut")
    write()
    assert "older report" in house.orthanc.files
    assert "FilteredOut" in house.lines[-1]
    house.orthanc.answer = Stored("report", "Success")
    write()
    assert "older report" not in house.orthanc.files


def test_a_study_that_is_gone_gets_no_report(house, writer, write):
    house.orthanc.delete_instance("i")
    write()
    assert writer.asked == []


def test_no_report_is_left_where_only_a_header_speaks(house, writer, write):
    """So it is where the one word on a blank picture was taken back."""
    annotation = house.orthanc.annotation("i")
    annotation |= {"visible": [], "examined": {**annotation["examined"], "source": "header"}}
    house.annotations.put(annotation, PARENTS)
    house.orthanc.files["older report"] = b""
    write()
    assert writer.asked == []
    assert "older report" not in house.orthanc.files
    assert house.lines == []


def test_the_older_report_is_fetched_once(house, writer, write, monkeypatch):
    fetched, good = [], house.orthanc.dicom

    def dicom(instance, **more):
        fetched.append(instance)
        return good(instance, **more)

    monkeypatch.setattr(house.orthanc, "dicom", dicom)
    house.orthanc.files["older report"] = b"older"
    write()
    assert fetched == ["older report", "i"]
    assert writer.payload.endswith(b"older")


def test_what_cannot_be_reported_takes_the_older_report_with_it(house, writer, write):
    def refuse(*_, **__):
        raise RefusedError("NothingToReportError", "no image with an answer has valid UIDs")

    writer.ask = refuse
    house.orthanc.files["older report"] = b""
    write()
    assert "older report" not in house.orthanc.files
    assert "no image with an answer has valid UIDs" in house.lines[-1]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("TaskError", "no reports without highdicom, which is not installed"),
        ("TaskError", "headers cannot be copied"),
        ("DecoderError", "unexpected ValueError"),
    ],
)
def test_what_does_not_speak_of_the_images_leaves_the_older_report(house, writer, write, kind, why):
    """A package that was missing after an update deleted the reports of all studies that change."""

    def refuse(*_, **__):
        raise RefusedError(kind, why)

    writer.ask = refuse
    house.orthanc.files["older report"] = b""
    write()
    assert "older report" in house.orthanc.files
    assert why in house.lines[-1]


def test_an_older_report_whose_file_is_lost_does_not_end_all_reports(
    house, writer, write, stored, monkeypatch
):
    good, tags = house.orthanc.dicom, house.orthanc.client.get_json

    def dicom(instance, **more):
        if instance == "older report":
            raise LostFileError(instance)
        return good(instance, **more)

    def get_json(path):
        if path == "/instances/lost/simplified-tags":
            raise NotFoundError(path)
        return tags(path)

    monkeypatch.setattr(house.orthanc, "dicom", dicom)
    monkeypatch.setattr(house.orthanc.client, "get_json", get_json)
    house.orthanc.files["older report"] = b""
    stored.append("lost")
    write()
    assert len(writer.asked) == 1
    assert "older report" not in house.orthanc.files
    assert house.lines == []


def test_one_that_was_stored_just_before_a_kill_is_not_made_again(house, writer, write, stored):
    write()
    assert len(writer.asked) == 1
    stored.append(writer.uid)
    write()
    assert len(writer.asked) == 1
