"""What Orthanc's errors mean."""

import pytest


@pytest.fixture
def failing(orthanc_module, monkeypatch):
    def made(code):
        def fail(*_):
            raise orthanc_module.OrthancException(code, "why")

        for name in ("RestApiGet", "RestApiPut", "RestApiDelete", "GetDicomForInstance"):
            monkeypatch.setattr(orthanc_module, name, fail, raising=False)

    return made


@pytest.mark.parametrize("code", [17, 7])
def test_what_is_not_there_is_not_found(failing, code):
    from orthanc_side import archive

    failing(code)
    with pytest.raises(archive.NotFoundError):
        archive.dicom("i")
    assert not archive.exists("instances", "i")
    assert archive.metadata("instances", "i", "BodyPart") is None
    assert archive.labels("instances", "i") == []
    archive.delete_metadata("instances", "i", "BodyPart")


def test_another_error_is_not_taken_for_a_deletion(failing):
    from orthanc_side import archive

    failing(11)
    for question in (
        lambda: archive.dicom("i"),
        lambda: archive.exists("instances", "i"),
        lambda: archive.metadata("instances", "i", "BodyPart"),
        lambda: archive.labels("instances", "i"),
        lambda: archive.set_metadata("instances", "i", "BodyPart", "x"),
        lambda: archive.delete_metadata("instances", "i", "BodyPart"),
    ):
        with pytest.raises(archive.ArchiveError, match="error 11"):
            question()
