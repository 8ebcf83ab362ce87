"""Who decided, as it stands in a file; and the digest of what it was said of."""

import pytest
from pydicom.encaps import encapsulate

from bodypart.dicom_out.decision import Decision, pixel_digest

DIGEST = "0123456789abcdef" * 2


@pytest.mark.parametrize("person", [True, False])
@pytest.mark.parametrize("side", ["L", "R", "B", None])
@pytest.mark.parametrize("pixels", [DIGEST, None])
def test_a_decision_is_read_as_it_was_written(person, side, pixels):
    decision = Decision(person, side, pixels)
    assert len(decision.text) <= 64
    assert Decision.read(decision.text + " ") == decision


@pytest.mark.parametrize("text", ["", "DCMR", "orthanc-bodypart", "orthanc-bodypart robot"])
def test_what_others_write_is_no_decision_of_ours(text):
    assert Decision.read(text) is None


def test_the_digest_is_of_the_picture_not_of_its_offset_table():
    frames = [b"one picture.", b"another one."]
    with_table, without = (encapsulate(frames, has_bot=flag) for flag in (True, False))
    assert with_table != without
    assert pixel_digest(with_table) == pixel_digest(without)
    assert pixel_digest(with_table) != pixel_digest(encapsulate(frames[:1]))
    assert pixel_digest(b"\1\2") != pixel_digest(b"\1\3")
