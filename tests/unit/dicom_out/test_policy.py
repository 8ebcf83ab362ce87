"""Tags are written only when sure, and agreement leaves what is there."""

from dataclasses import replace

import pytest

from bodypart.annotation import Examined, Laterality
from bodypart.dicom_out.policy import tags_to_write
from bodypart.labels import BY_LABEL
from bodypart.rollup import Summary
from unit.dicom_out.annotations import annotation, evidence, review, side


def test_a_sure_answer_is_written():
    tags = tags_to_write(annotation("knee", 0.9, laterality=side("L")), 0.9)
    assert tags.examined is BY_LABEL["knee"]
    assert tags.laterality == "L"
    assert tags.agreeing == frozenset()
    assert not tags.mixed_series


@pytest.mark.parametrize(
    "unsure",
    [
        annotation("knee", 0.899),
        annotation(None),
        annotation("knee", 1.0, status="pending"),
        annotation(None, status="failed", reason="truncated"),
        annotation("knee", 0.99, needs_review=True),
    ],
)
def test_an_unsure_answer_is_not(unsure):
    assert tags_to_write(unsure, 0.9) is None


CONFLICT = annotation("knee", 0.97, agreement="conflict", needs_review=True)


def test_a_picture_that_contradicts_its_header_is_written_unless_a_person_must_look_first():
    assert tags_to_write(CONFLICT, 0.9).examined.label == "knee"
    assert tags_to_write(CONFLICT, 0.9, write_conflicts=False) is None


@pytest.mark.parametrize(
    "unsure",
    [
        annotation("knee", 0.85, agreement="conflict", needs_review=True),
        annotation("knee", 0.95, source="header", agreement="conflict", needs_review=True),
        annotation("knee", 0.95, source="header", agreement="header-only", needs_review=True),
        annotation("knee", 0.95, agreement="agree", needs_review=True),
    ],
)
def test_what_waits_for_a_person_otherwise_is_not_written(unsure):
    assert tags_to_write(unsure, 0.9) is None


def test_conflicts_that_are_not_written_do_not_mix_a_series():
    ankle = annotation("ankle")
    assert tags_to_write(ankle, 0.9, [CONFLICT]).mixed_series
    assert not tags_to_write(ankle, 0.9, [CONFLICT], write_conflicts=False).mixed_series


def test_what_the_index_knows_of_a_series_tells_that_it_is_mixed():
    """It left out that a picture contradicts its header: the other's file had a part of its own."""
    sibling = Summary.of(CONFLICT).as_sibling()
    assert tags_to_write(annotation("ankle"), 0.9, [sibling]).mixed_series


def test_a_persons_word_needs_no_probability():
    note = annotation(examined=Examined("knee", 0.0, "person"))
    assert tags_to_write(note, 0.99).examined.label == "knee"


@pytest.mark.parametrize(("carried", "at"), [(False, "2026-11-20T12:00:00Z"), (True, None)])
def test_the_file_tells_when_a_person_said_it_here(carried, at):
    """The time of a word that came from elsewhere is that of its arrival."""
    said = replace(review(), carried=carried)
    spoken = annotation("knee", 1.0, source="person", review=said)
    assert tags_to_write(spoken, 0.9).decision.at == at


def test_an_unpaired_part_has_no_side():
    assert tags_to_write(annotation("chest", laterality=side("L")), 0.5).laterality is None


def test_the_side_that_a_marker_tells_is_not_written():
    marker = Laterality("L", "marker")
    assert tags_to_write(annotation("knee", 0.99, laterality=marker), 0.9).laterality is None


@pytest.mark.parametrize(
    ("header", "agreeing"),
    [
        (evidence("BodyPartExamined", "knee"), {"BodyPartExamined"}),
        (evidence("AnatomicRegionSequence", "knee"), {"AnatomicRegionSequence"}),
        (evidence("BodyPartExamined", "ankle"), set()),
        (evidence("BodyPartExamined", "knee", "ankle"), set()),
        (evidence("StudyDescription", "knee"), set()),
        (None, set()),
    ],
)
def test_only_an_attribute_that_names_just_this_part_agrees(header, agreeing):
    assert tags_to_write(annotation(header=header), 0.5).agreeing == agreeing


@pytest.mark.parametrize(
    ("named", "contradicts"),
    [(["hand"], True), (["patella"], False), (["hand", "patella"], False), ([], False)],
)
def test_an_attribute_contradicts_that_names_other_parts_only(named, contradicts):
    header = evidence("PrimaryAnatomicStructureSequence", *named)
    tags = tags_to_write(annotation("knee", header=header), 0.5)
    assert ("PrimaryAnatomicStructureSequence" in tags.contradicting) == contradicts


def test_a_series_is_mixed_if_sure_answers_differ():
    knee, ankle = annotation("knee"), annotation("ankle")
    assert tags_to_write(knee, 0.5, [knee, ankle]).mixed_series
    assert not tags_to_write(knee, 0.5, [knee, annotation("ankle", 0.2)]).mixed_series


def test_parts_with_one_term_do_not_mix_a_series():
    """Body Part Examined is one value: two parts that share it are no contradiction."""
    face = annotation("facial_bones")
    assert not tags_to_write(face, 0.5, [annotation("nasal_bone")]).mixed_series
