"""What the picture says of each part, corrected by how the model errs."""

from dataclasses import replace

import pytest

from bodypart.error_rates import shipped
from bodypart.fusion.confusion import picture_evidence
from bodypart.labels import BY_LABEL


def evidence_of(probabilities, rates=None):
    return dict(zip(BY_LABEL, picture_evidence(probabilities, (), rates), strict=True))


def test_the_picture_takes_a_part_for_its_neighbour_or_the_like_of_the_other_limb():
    image = dict.fromkeys(("knee", "femur", "elbow", "skull"), 0.005) | {"knee": 0.985}
    evidence = evidence_of(image)
    assert sum(evidence.values()) == pytest.approx(1)
    assert evidence["femur"] > evidence["elbow"] > evidence["skull"] > 0


def test_a_part_without_any_probability_may_be_the_right_one_if_the_model_learned_it():
    evidence = evidence_of({"knee": 1.0, "skull": 0.0, "femur": 0.0})
    assert evidence["femur"] > evidence["skull"] > 0
    assert evidence["patella"] == 0
    assert sum(evidence.values()) <= 1


def test_what_the_model_takes_for_no_part_at_all_counts_for_none():
    assert evidence_of({"knee": 0.45, "femur": 0.05}) == evidence_of({"knee": 0.9, "femur": 0.1})


def test_a_part_that_the_model_often_takes_for_another_has_its_share():
    rates = replace(shipped().unmeasured(), habits={"knee": {"patella": 0.5}})
    assert evidence_of({"knee": 1.0}, rates)["patella"] == pytest.approx(0.5, abs=1e-3)
