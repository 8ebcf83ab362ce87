"""Who decided, as it stands in a file."""

import pytest

from bodypart.dicom_out.decision import Decision

DIGEST = "0123456789abcdef" * 2
PIXELS = [f"b3:{DIGEST}", DIGEST, None]
"""Of today, of version 0.2.0, not noted."""


@pytest.mark.parametrize("person", [True, False])
@pytest.mark.parametrize("side", ["L", "R", "B", None])
@pytest.mark.parametrize("pixels", PIXELS)
def test_a_decision_is_read_as_it_was_written(person, side, pixels):
    decision = Decision(person, side, pixels)
    assert len(decision.text) <= 64
    assert Decision.read(decision.text + " ") == decision


@pytest.mark.parametrize("text", ["", "DCMR", "orthanc-bodypart", "orthanc-bodypart robot"])
def test_what_others_write_is_no_decision_of_ours(text):
    assert Decision.read(text) is None
