"""A small field on a large plate is found in the scatter that fogs the plate around it."""

import numpy as np
import pytest

from bodypart.model.detailed_field import detailed_field
from phantoms import draw


def fogged(part, top=400, left=500):
    """Lay a film of 400 x 320 on a plate of 1200 x 960 and let scatter fall off around it."""
    film = draw(part, 400, 320).astype(np.float32)
    rows, columns = np.mgrid[0:1200, 0:960]
    away = np.hypot(
        np.maximum(np.maximum(top - rows, rows - top - 399), 0),
        np.maximum(np.maximum(left - columns, columns - left - 319), 0),
    )
    random = np.random.default_rng(0)
    plate = 900 * np.exp(-away / 80) + 120 + random.normal(0, 30, away.shape)
    plate[top : top + 400, left : left + 320] = film
    return np.clip(plate, 0, 4095).astype(np.float32)


@pytest.mark.parametrize("place", [(400, 500), (0, 0), (800, 640)])
@pytest.mark.parametrize("letter", [False, True], ids=["", "letter"])
def test_the_field_is_found_in_what_scatter_fogged(place, letter):
    plate = fogged("hand", *place)
    if letter:
        plate[600:624, 450:470] = 4095
    top, left = place
    field = detailed_field(plate)
    assert field is not None
    assert abs(field.top - top) < 40
    assert abs(field.bottom - top - 400) < 40
    assert abs(field.left - left) < 40
    assert abs(field.right - left - 320) < 40


@pytest.mark.parametrize(
    "values",
    [
        draw("chest", 400, 320),
        np.random.default_rng(0).normal(size=(300, 300)),
        np.mgrid[0:300, 0:200][0],
        np.full((300, 200), 7.0),
        np.zeros((1, 1)),
    ],
    ids=["film", "noise", "ramp", "blank", "pixel"],
)
def test_no_field_is_told_where_detail_is_all_over_or_nowhere(values):
    assert detailed_field(values.astype(np.float32)) is None


def test_a_plate_that_is_rejected_as_a_whole_is_read_by_its_field(model, monkeypatch):
    plate, answer = fogged("hand"), model.answer

    def without_plates(values):
        given = answer(values)
        far = values.shape in {plate.shape, plate.shape[::-1]}
        return given._replace(distance=2.0 if far else given.distance)

    monkeypatch.setattr(model, "answer", without_plates)
    reading = model.read(plate)
    assert not reading.rejected
    assert reading.top(1)[0].label == "hand"
