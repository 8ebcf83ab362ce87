"""How training pictures are cropped, changed and measured."""

# ruff: noqa: E402 (the imports below need what is skipped without)

import numpy as np
import pytest

for module in ("torch", "cv2", "matplotlib"):
    pytest.importorskip(module, reason=f"the training needs the train extra ({module})")

from bodypart.model.model_input import Box
from training.augmentation import LOPSIDED, Crops, crop_box, loose_crop, varied
from training.manifest import NONE, Example
from training.measured import Readings
from training.metrics import exact_sets
from training.pictures import Picture
from training.robustness import CHANGES


def plate():
    random = np.random.default_rng(0)
    return Picture.whole(random.integers(0, 255, (300, 200)).astype(np.uint8))


def test_a_close_up_keeps_the_plate_around_it():
    closeup = plate().closeup((10, 20, 60, 50))
    assert closeup.values.shape == (300, 200)
    assert closeup.region == closeup.field == Box(60, 150, 20, 120)
    assert closeup.outer == Box(0, 300, 0, 200)


@pytest.mark.parametrize("box", [(10, 20, 60, 50), (0, 0, 30, 30), (60, 80, 100, 100)])
def test_a_loose_collimation_keeps_the_part_in_its_middle(box):
    closeup = plate().closeup(box)
    field = closeup.field
    random = np.random.default_rng(2)
    areas = set()
    for _ in range(100):
        top, bottom, left, right = loose_crop(random, closeup, Crops(loose=2.4))
        assert 0 <= top <= field.top < field.bottom <= bottom <= 300
        assert 0 <= left <= field.left < field.right <= right <= 200
        middle = (field.top + field.bottom) / 2
        before, after = middle - top, bottom - middle
        assert max(before, after) <= LOPSIDED * min(before, after) + 1e-9
        areas.add(round((bottom - top) * (right - left) / (field.height * field.width), 1))
    assert max(areas) > 1.3
    assert max(areas) <= 2.4**2 + 0.1


def test_a_close_up_is_never_cropped_to_its_plate_by_the_tight_ways():
    closeup = plate().closeup((10, 20, 60, 50))
    random = np.random.default_rng(3)
    for _ in range(100):
        top, bottom, left, right = crop_box(random, closeup, Crops(least=0.8))
        assert 60 <= top < bottom <= 150
        assert 20 <= left < right <= 120


def test_the_same_draw_gives_the_same_picture():
    once, part = varied(np.random.default_rng(5), plate(), 64, Crops())
    again, _ = varied(np.random.default_rng(5), plate(), 64, Crops())
    assert once.shape == (64, 64)
    assert np.array_equal(once, again)
    assert -1 <= once.min() <= once.max() <= 1
    assert 0 < part <= 1.01


def readings(said, rejected, also=()):
    row = Example("a", "s", "clear", "", "g", "wrist", ("wrist",), None, "unknown", "", also=also)
    one = np.ones(1)
    no = np.zeros((1, 36))
    out = np.array([rejected])
    return Readings([row], [said], one, one, no > 0, no, one, [""], one, one, out)


def test_a_rejected_radiograph_counts_as_wrong():
    assert readings("wrist", rejected=False).right.all()
    rejected = readings("wrist", rejected=True)
    assert rejected.found.all()
    assert not rejected.right.any()
    assert not rejected.tolerable.any()
    assert rejected.answered == [NONE]


def test_any_label_that_is_right_counts_as_right():
    assert not readings("hand", rejected=False).right.any()
    either = readings("hand", rejected=False, also=("hand",))
    assert either.right.all()
    assert either.answered == ["wrist"]


def test_a_set_is_exact_where_all_that_is_known_is_right():
    said = np.array([[True, False, True], [True, True, False]])
    truth = np.array([[1.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
    assert exact_sets(said, truth)["value"] == 0.5


def test_every_change_of_a_film_leaves_a_film():
    values = plate().values
    for name, change in CHANGES.items():
        changed = change(values)
        assert changed.dtype == np.uint8, name
        assert changed.ndim == 2, name
    assert np.array_equal(CHANGES["inverted"](CHANGES["inverted"](values)), values)
    assert max(CHANGES["coarse"](values).shape) == 64
