"""What Orthanc tells of studies, also where it fails at one of them."""

import pytest

from service.errors import ArchiveError, NotFoundError
from service.orthanc_api.studies import dicom_identities, study_description

TAGS = {"StudyDescription": "Hand", "StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3"}
FOUND = {
    "/instances/i": {"ParentSeries": "se", "MainDicomTags": {"SOPInstanceUID": "1.2.3.4"}},
    "/series/se": {"ParentStudy": "st", "MainDicomTags": TAGS},
    "/studies/st": {"MainDicomTags": TAGS, "PatientMainDicomTags": {"PatientName": "Ann"}},
    "/changes?last": {"Last": 7},
}
UIDS = {"study_uid": "1.2", "series_uid": "1.2.3", "instance_uid": "1.2.3.4"}


class Client:
    """An Orthanc that fails at some resources."""

    def __init__(self, *broken):
        self.broken = broken

    def get_json(self, path):
        if path in self.broken:
            raise ArchiveError(f"{path}: status 500")
        if path not in FOUND:
            raise NotFoundError(path)
        return FOUND[path]


def described(*broken):
    client = Client(*broken)
    return [study_description(client, study)["patient_name"] for study in ("st", "gone")]


def identified(*broken):
    found = dicom_identities(Client(*broken), ["i", "gone"])
    return [{name: one[name] for name in UIDS} for one in found.values()]


def test_a_study_that_orthanc_fails_at_has_no_name_and_the_others_have_theirs():
    """The whole work list was refused, as long as the study was on it."""
    assert described() == ["Ann", ""]
    assert described("/studies/st") == ["", ""]
    with pytest.raises(ArchiveError):
        described("/studies/st", "/changes?last")


@pytest.mark.parametrize("broken", ["/instances/i", "/series/se", "/studies/st"])
def test_an_instance_that_orthanc_fails_at_keeps_the_audit_trail_readable(broken):
    nothing = dict.fromkeys(UIDS, "")
    assert identified() == [UIDS, nothing]
    assert identified(broken) == [nothing, nothing]
    with pytest.raises(ArchiveError):
        identified(broken, "/changes?last")
