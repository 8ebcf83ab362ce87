"""What the training is told of a picture: templates, readings, sets of labels, close-ups."""

# ruff: noqa: E402 (the imports below need what is skipped without)

import csv
from dataclasses import replace

import numpy as np
import pytest

for module in ("torch", "cv2"):
    pytest.importorskip(module, reason=f"the training needs the train extra ({module})")

import torch
from torch.nn import functional

from bodypart.labels import BY_LABEL
from training.closeups import closeups
from training.dataset import VISIBLE_LABELS, VariedPictures, target
from training.loss import set_cross_entropy
from training.manifest import Example, ManifestError, read_manifest
from training.pictures import Picture
from training.readings import with_ages, with_readings, with_templates
from training.split import SPLIT, split

LABELS = ("wrist", "hand", "knee")
TEMPLATES = SPLIT.with_name("templates.csv")
READINGS = SPLIT.with_name("readings.csv")


def example(file="a.jpg", examined="wrist", **more):
    given = {
        "source": "here",
        "licence_class": "clear",
        "licence": "",
        "group": "one",
        "visible": (examined,),
        "view": "frontal",
        "age": "unknown",
        "notes": "",
    }
    return Example(file=file, examined=examined, **{**given, **more})


def table(path, columns, *rows):
    path.write_text("\n".join((columns, *rows)) + "\n", encoding="utf-8")
    return path


def seen(goal, label):
    return float(goal[VISIBLE_LABELS.index(label)])


def test_the_first_template_that_fits_says_what_is_visible(tmp_path):
    path = table(
        tmp_path / "templates.csv",
        "source,examined,view,visible,edge",
        "*,knee,lateral,knee;patella,femur",
        "there,knee,*,knee;femur,",
        "*,knee,*,knee,patella;femur",
    )
    lateral, other, plain, wrist = with_templates(
        [
            example(examined="knee", view="lateral", source="there"),
            example(examined="knee", source="there"),
            example(examined="knee"),
            example(),
        ],
        path,
    )
    assert lateral.visible == ("knee", "patella")
    assert other.visible == ("knee", "femur")
    assert plain.edge == ("patella", "femur")
    assert wrist.edge is None


def test_what_is_cut_off_is_neither_taught_nor_measured():
    goal = target(example(visible=("wrist",), edge=("hand",)), LABELS).visible
    assert seen(goal, "wrist") == 1
    assert seen(goal, "hand") == -1
    assert seen(goal, "forearm") == seen(goal, "knee") == 0


def test_two_labels_that_are_right_are_both_taught(tmp_path):
    path = table(tmp_path / "r.csv", "file,examined,visible,edge", "a.jpg,hand;wrist,,")
    (read,) = with_readings([example()], path)
    assert read.accepted == ("hand", "wrist")
    assert "hand" in read.visible
    assert target(read, LABELS).examined.tolist() == [1, 1, 0, 0]


def test_a_part_that_is_left_to_the_headers_teaches_what_encloses_it():
    names = ("wrist", "chest", "spine", "pelvis")
    taught = {part: target(example(examined=part), names).examined for part in ("rib", "sacrum")}
    assert taught["rib"].tolist() == [0, 1, 0, 0, 0]
    assert taught["sacrum"].tolist() == [0, 0, 1, 1, 0]
    assert target(example(examined="wrist"), names).examined.tolist() == [1, 0, 0, 0, 0]


def test_a_reading_outranks_the_template_and_may_find_a_foreign_picture(tmp_path):
    path = table(
        tmp_path / "r.csv",
        "file,examined,visible,edge",
        "a.jpg,,wrist;hand,forearm",
        "b.jpg,none,,",
    )
    first, second = with_readings([example(edge=("hand",)), example("b.jpg")], path)
    assert (first.examined, first.visible, first.edge, first.read) == (
        "wrist",
        ("wrist", "hand"),
        ("forearm",),
        True,
    )
    assert second.foreign


@pytest.mark.parametrize("row", ["a.jpg,wrist,wrist,wrist", "a.jpg,wirst,,", "a.jpg,,wirst,"])
def test_a_reading_that_contradicts_itself_or_names_no_label_is_refused(tmp_path, row):
    path = table(tmp_path / "r.csv", "file,examined,visible,edge", row)
    with pytest.raises(ManifestError):
        with_readings([example()], path)


def test_every_template_and_reading_names_labels_and_no_picture_twice():
    for path in (TEMPLATES, READINGS):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            for column in ("examined", "visible", "edge"):
                assert set(row[column].split(";")) - {""} <= set(BY_LABEL), row
        if path == READINGS:
            assert len({row["file"] for row in rows}) == len(rows)


def test_every_reading_is_of_a_picture_and_every_radiograph_has_a_template(shared):
    rows = read_manifest(shared / "radiographs/manifest.csv")
    with READINGS.open(encoding="utf-8", newline="") as file:
        assert {row["file"] for row in csv.DictReader(file)} <= {row.file for row in rows}
    told = [row for row in split(rows, SPLIT).whole if row.examined and not row.foreign]
    assert all(row.edge is not None for row in told)


def test_a_close_up_does_not_inherit_what_was_read_of_the_plate(tmp_path):
    path = table(
        tmp_path / "c.csv",
        "file,examined,visible,view,left,top,right,bottom",
        "a.jpg,wrist,wrist,AP,10,20,60,80",
    )
    plate = example(examined="hand", visible=("hand", "thumb"), edge=("forearm",), also=("wrist",))
    (closeup,) = closeups([plate], path)
    assert closeup.accepted == ("wrist",)
    assert closeup.edge is None
    assert closeup.on_plate == ("hand", "thumb", "forearm")


def test_one_right_class_gives_the_common_cross_entropy():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 4, generator=random)
    goal = torch.tensor([0, 1, 2, 3, 0, 1])
    right = functional.one_hot(goal, 4).float()
    plain = functional.cross_entropy(logits, goal, label_smoothing=0.1)
    assert set_cross_entropy(logits, right, 0.1) == pytest.approx(float(plain), abs=1e-5)


def test_either_of_two_right_classes_costs_nothing():
    logits = torch.tensor([[9.0, -9.0, -9.0], [-9.0, 9.0, -9.0], [4.0, 4.0, -9.0]])
    right = torch.tensor([[1.0, 1.0, 0.0]] * 3)
    assert set_cross_entropy(logits, right, 0.0) == pytest.approx(0, abs=1e-4)


def test_pictures_of_which_nothing_is_known_cost_nothing():
    logits = torch.randn(2, 3, requires_grad=True)
    value = set_cross_entropy(logits, torch.zeros(2, 3), 0.1)
    value.backward()
    assert value.item() == 0
    assert not logits.grad.any()


def pictures(count):
    random = np.random.default_rng(0)
    return [Picture.whole(random.integers(0, 255, (90, 60)).astype(np.uint8)) for _ in range(count)]


def test_a_loose_close_up_may_show_what_the_plate_shows():
    row = replace(example(), box=(20, 20, 60, 60), on_plate=("hand", "thumb"))
    data = VariedPictures([row], pictures(1), LABELS, count=1, seed=0)
    assert seen(data.goal(0, 1.0).visible, "thumb") == 0
    assert seen(data.goal(0, 2.0).visible, "thumb") == -1
    assert seen(data.goal(0, 2.0).visible, "wrist") == 1
    assert seen(data.goal(0, 2.0).visible, "knee") == 0


def test_a_tight_crop_is_sure_of_the_examined_part_alone():
    row = example(examined="hand", visible=("hand", "wrist"))
    data = VariedPictures([row], pictures(1), LABELS, count=1, seed=0)
    goal = data.goal(0, 0.2).visible
    assert (seen(goal, "hand"), seen(goal, "wrist")) == (1, -1)


def test_two_views_beside_each_other_are_of_one_patient_and_one_part():
    rows = [
        example("a.jpg"),
        example("b.jpg", visible=("wrist", "hand"), view="lateral"),
        example("c.jpg", group="another"),
        example("d.jpg", examined="knee"),
    ]
    data = VariedPictures(rows, pictures(4), LABELS, count=4, seed=0)
    assert data.same == [[1], [0], [], []]
    data.start(epoch=0, size=64)
    square, goal = data.beside(np.random.default_rng(1), 0, 1)
    assert square.shape == (64, 64)
    assert goal.examined.tolist() == [1, 0, 0, 0]
    assert goal.view == -1
    assert (seen(goal.visible, "wrist"), seen(goal.visible, "hand")) == (1, -1)


def test_an_age_that_was_read_takes_the_place_of_an_unknown_one(tmp_path):
    path = table(tmp_path / "ages.csv", "file,age", "a.jpg,child", "b.jpg,adult", "c.jpg,adult")
    rows = [example("a.jpg"), example("b.jpg", age="child"), example("d.jpg")]
    assert [row.age for row in with_ages(rows, path)] == ["child", "child", "unknown"]


def test_an_unknown_age_group_is_refused(tmp_path):
    path = table(tmp_path / "ages.csv", "file,age", "a.jpg,old")
    with pytest.raises(ManifestError, match="'old'"):
        with_ages([example("a.jpg")], path)
