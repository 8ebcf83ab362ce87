"""What a decoder is given of a file whose tags it rewrites, and what becomes of its answer."""

from bodypart.dicom_out.correction import correct
from bodypart.labels import BY_LABEL
from service.dicom_tags.rewriting import rewritten
from unit.dicom_out.radiographs import NOW, radiograph

DATA = radiograph()
PIXELS = DATA[DATA.index(b"\xe0\x7f\x10\x00") :]


class Decoders:
    """Corrects what it is given, if it is to change anything."""

    def __init__(self, *, changes=True):
        self.changes, self.given = changes, b""

    def ask(self, _task, _request, payload, *, urgent):
        self.given, self.urgent = payload, urgent
        done = correct(payload, BY_LABEL["knee"], None, version="0.1.0", now=NOW)
        told = {"changed": list(done.changed), "refused": done.refused, "standing": []}
        return told, done.data if self.changes else b""


def test_pixel_data_stay_here_and_stand_in_the_new_file():
    decoders = Decoders()
    outcome, file = rewritten(decoders, "correct", {}, DATA, urgent=True)
    assert decoders.given == DATA[: -len(PIXELS)]
    assert decoders.urgent
    assert "BodyPartExamined" in outcome["changed"]
    assert b"".join(file) == correct(DATA, BY_LABEL["knee"], None, version="0.1.0", now=NOW).data
    assert file[-1] == PIXELS
    # Where the file that was read lies: it may be a gigabyte.
    assert file[-1].obj is DATA


def test_a_correction_that_changes_nothing_gives_no_file():
    assert rewritten(Decoders(changes=False), "correct", {}, DATA, urgent=False)[1] == ()


def test_what_is_no_dicom_file_is_left_to_the_decoder():
    class Refusing(Decoders):
        def ask(self, _task, _request, payload, *, urgent):
            self.given = payload
            return {"changed": [], "refused": "no DICOM file", "standing": []}, b""

    decoders = Refusing()
    assert rewritten(decoders, "restore", {}, b"nothing", urgent=False)[1] == ()
    assert decoders.given == b"nothing"
