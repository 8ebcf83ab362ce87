"""Several exposures in one picture are read by themselves where together they are rejected."""

import numpy as np
import pytest

from bodypart.model import BodyPartModel
from bodypart.model.model_input import BlankPictureError
from bodypart.model.panels import MOST, halves, panels
from phantoms import draw


def sheet(parts, grey=0.0, gap=30):
    """Lay out rows of parts with a strip of one grey around each."""
    around = [
        [np.pad(draw(p, 400, 320).astype(np.float32), gap // 2, constant_values=grey) for p in row]
        for row in parts
    ]
    return np.block(around).astype(np.float32)


@pytest.mark.parametrize("grey", [0.0, 4095.0])
@pytest.mark.parametrize("layout", [(1, 2), (1, 3), (2, 1), (2, 2), (2, 3)])
def test_a_strip_of_any_grey_parts_two_exposures(layout, grey):
    rows, columns = layout
    found = panels(sheet([["chest"] * columns] * rows, grey))
    assert len(found) == rows * columns
    for panel in found:
        assert 330 <= panel.shape[0] <= 430
        assert 250 <= panel.shape[1] <= 350


@pytest.mark.parametrize("shape", [(300, 500), (500, 300)])
def test_without_a_strip_there_is_one_exposure_and_two_halves_of_the_longer_side(shape):
    picture = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    (alone,) = panels(picture)
    first, second = halves(alone)
    assert first.shape == second.shape == (300, 250) if shape[1] == 500 else (250, 300)
    joined = np.concatenate([first, second], axis=int(shape[1] > shape[0]))
    np.testing.assert_array_equal(joined, picture)


def test_of_a_sheet_of_many_not_each_is_returned():
    assert len(panels(sheet([["hand"] * 3] * 3))) == MOST


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 2), (48, 48)])
def test_odd_shapes_are_parted_or_left(shape):
    parts = panels(np.zeros(shape, np.float32))
    assert len(parts) >= 1
    assert all(half.size for part in parts for half in [part, *halves(part)])


@pytest.mark.parametrize("layout", [(1, 3), (2, 2), (4, 1)])
def test_exposures_of_one_part_are_accepted_where_the_picture_as_a_whole_is_not(model, layout):
    rows, columns = layout
    picture = sheet([["hand"] * columns] * rows)
    assert model.answer(picture).reading(model.parameters).rejected
    reading = model.read(picture)
    assert not reading.rejected
    assert reading.top(1)[0].label == "hand"
    assert np.linalg.norm(reading.seen.embedding) == pytest.approx(1, abs=1e-5)


def test_exposures_of_unlike_parts_stay_rejected(model, monkeypatch):
    picture = sheet([["hand", "knee"]])
    whole = model.answer(picture)
    assert {model.read(part).top(1)[0].label for part in panels(picture)} == {"hand", "knee"}
    monkeypatch.setattr(
        model,
        "answer",
        lambda values: (
            whole._replace(distance=2.0)
            if values.shape == picture.shape
            else BodyPartModel.answer(model, values)
        ),
    )
    assert model.read(picture).rejected


@pytest.mark.parametrize(
    ("part", "rejected"), [("pelvis", True), ("abdomen", True), ("foot", False)]
)
def test_parts_that_fill_a_plate_are_not_exposed_side_by_side(model, monkeypatch, part, rejected):
    picture = sheet([["hand"] * 3])
    answer, places = model.answer, [model.labels.index(label) for label in ("hand", part)]

    def exchanged(values):
        given = answer(values)
        logits = given.logits.copy()
        logits[places] = logits[places[::-1]]
        return given._replace(logits=logits)

    monkeypatch.setattr(model, "answer", exchanged)
    assert model.read(picture).rejected == rejected


def test_panels_with_nothing_in_them_do_not_count(model, monkeypatch):
    picture = sheet([["hand"] * 3])
    given = iter([model.answer(picture), BlankPictureError(), BlankPictureError()])
    one = model.answer(sheet([["hand"]]))

    def answer(_values):
        told = next(given, one)
        if isinstance(told, Exception):
            raise told
        return told

    monkeypatch.setattr(model, "answer", answer)
    assert model.read(picture).rejected


def test_what_is_accepted_as_a_whole_is_read_once(model, monkeypatch):
    asked = []
    answer = model.answer
    monkeypatch.setattr(model, "answer", lambda values: asked.append(1) or answer(values))
    assert not model.read(draw("hand", 400, 320).astype(np.float32)).rejected
    assert len(asked) == 1


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_film_that_is_rejected_as_it_lies_is_read_turned(model, monkeypatch, quarters):
    upright = draw("hand", 400, 320).astype(np.float32)
    answer = model.answer

    def upright_alone(values):
        given = answer(values)
        lies = not (values.shape == upright.shape and np.array_equal(values, upright))
        return given._replace(distance=2.0 if lies else given.distance)

    monkeypatch.setattr(model, "answer", upright_alone)
    reading = model.read(np.ascontiguousarray(np.rot90(upright, -quarters)))
    assert not reading.rejected
    assert reading.top(1)[0].label == "hand"
