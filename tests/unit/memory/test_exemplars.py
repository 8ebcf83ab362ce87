"""What the model learned from is rehearsed beside the words, and lies in a file beside it."""

from dataclasses import replace

import numpy as np
import pytest

import shipped
from bodypart.memory import Memory, Recall
from bodypart.memory.exemplars import Exemplars, ExemplarsError, exemplars_file
from service.decoders.lessons import Lessons
from unit.memory.hospital import LABELS, MODEL, exemplars, reading, words


def labels_of(memory, part, count=20):
    recall = Recall(MODEL)
    recall.apply(*memory.update())
    said = [recall.consult(reading(part, number, sure=0.5))[0] for number in range(count)]
    return [max(one.probabilities, key=one.probabilities.get) for one in said]


def test_words_on_one_part_leave_another_alone_that_was_rehearsed():
    """Nobody said a word on a hand, and this hospital's wrists look like half of one."""
    some = words(12, "wrist", "chest")
    rehearsed = Memory(MODEL, LABELS, some, exemplars("hand", "knee", "chest"))
    alone = Memory(MODEL, LABELS, some)
    assert labels_of(rehearsed, "wrist") == ["wrist"] * 20
    lost = [labels_of(memory, "hand").count("wrist") for memory in (alone, rehearsed)]
    assert lost[1] < lost[0]
    made = exemplars("hand", "knee", "chest")
    wrong = replace(made, labels=tuple("wrist" if part == "hand" else part for part in made.labels))
    assert labels_of(Memory(MODEL, LABELS, some, wrong), "hand") == ["wrist"] * 20


def test_other_exemplars_are_another_revision(tmp_path):
    """Answers changed with the file, and nothing told so."""
    made = exemplars("hand", "knee", count=2)
    made.write(tmp_path / "a.onnx")
    other = replace(made, labels=("hand", "hand", "knee", "wrist"))
    moved = replace(made, embeddings=made.embeddings[::-1])
    kinds = [None, made, other, moved, replace(made, probabilities=made.probabilities * 0.5)]
    assert len({Memory(MODEL, LABELS, (), kind).revision for kind in kinds}) == len(kinds)
    again = Memory(MODEL, LABELS, (), Exemplars.beside(tmp_path / "a.onnx"))
    assert again.revision == Memory(MODEL, LABELS, (), made).revision


def test_what_lies_beside_a_model_comes_back(tmp_path):
    made = exemplars("hand", "knee", count=2)
    assert made.write(tmp_path / "a.onnx") == exemplars_file(tmp_path / "a.onnx")
    again = Exemplars.beside(tmp_path / "a.onnx")
    assert (again.model, again.labels) == (made.model, made.labels)
    assert np.allclose(again.embeddings, made.embeddings, atol=1e-3)
    assert np.allclose(again.probabilities, made.probabilities, atol=1e-3)


def test_a_model_without_them_has_none(tmp_path):
    assert Exemplars.beside(tmp_path / "a.onnx") is None


def unlabelled(made, **others):
    kept = {"labels": made.labels, "embeddings": made.embeddings, "model": made.model}
    return {**kept, "probabilities": made.probabilities, **others}


@pytest.mark.parametrize(
    "spoiled",
    [
        {"labels": ("hand",)},
        {"labels": ("hand", "hoof")},
        {"embeddings": np.full((2, 4), np.nan, dtype=np.float32)},
        {"probabilities": np.zeros(2, dtype=np.float32)},
    ],
)
def test_values_that_are_not_finite_are_refused(spoiled, tmp_path):
    made = unlabelled(exemplars("hand", count=2), **spoiled)
    np.savez(exemplars_file(tmp_path / "a.onnx"), **made)
    with pytest.raises(ExemplarsError, match="ValueError"):
        Exemplars.beside(tmp_path / "a.onnx")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short"])
def test_a_damaged_file_is_named(content, tmp_path):
    exemplars_file(tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(ExemplarsError, match=r"a\.exemplars\.npz"):
        Exemplars.beside(tmp_path / "a.onnx")


@pytest.mark.parametrize(
    ("known", "used"),
    [
        (exemplars("knee"), True),
        (exemplars(*LABELS), True),
        (exemplars("knee", model="1" * 64), False),
        (replace(exemplars("knee", count=1), labels=("femur",)), False),
        (replace(exemplars("knee", count=1), probabilities=np.zeros((1, 3), np.float32)), False),
    ],
)
def test_those_of_another_model_are_not_used(known, used):
    lessons = Lessons(known)
    lessons.learn(MODEL, LABELS, words(6, "wrist", "hand"))
    assert lessons.memory.exemplars is (known if used else None)


def test_the_shipped_ones_are_of_the_shipped_model(model):
    """After a new model: make exemplars."""
    found = Exemplars.beside(shipped.MODEL)
    assert found.model == model.sha256
    assert set(found.labels) <= set(model.labels)
    assert found.probabilities.shape[1] == len(model.labels) + 1
    said = found.probabilities[:, :-1].argmax(axis=1)
    assert [model.labels[index] for index in said] == list(found.labels)
    assert exemplars_file(shipped.MODEL).stat().st_size < 500_000
