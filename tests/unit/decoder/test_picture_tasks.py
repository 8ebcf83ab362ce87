"""Pictures as they are drawn; those that show next to nothing are, or are refused with a reason."""

import io

import numpy as np
import pytest
from PIL import Image

from bodypart.pipeline import Pipeline
from bodypart.settings import Settings
from decoder.tasks import TASKS, TaskError
from phantoms import dataset_of, file_bytes, radiograph


@pytest.fixture(scope="module")
def pipeline(model):
    return Pipeline(model, Settings())


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 2), (300, 200)], ids=str)
@pytest.mark.parametrize("values", ["flat", "black", "white", "noise"])
def test_tiny_or_flat_pictures_are_drawn_or_said_to_be_blank(pipeline, shape, values):
    levels = {"flat": 1000, "black": 0, "white": 4095}
    pixels = np.full(shape, levels.get(values, 0), np.uint16)
    if values == "noise":
        pixels = np.random.default_rng(1).integers(0, 4095, shape).astype(np.uint16)
    data = file_bytes(dataset_of(pixels, BodyPartExamined="KNEE"))
    for task, request in (
        ("heatmap", {"label": "knee", "over": "picture"}),
        ("heatmap", {"label": "knee", "over": "nothing"}),
        ("picture", {}),
        ("thumbnail", {"side": 192}),
    ):
        try:
            assert TASKS[task](pipeline, request, data)[1]
        except TaskError as why:
            assert task == "heatmap"
            assert "blank" in str(why)


def test_a_thumbnail_is_drawn_for_whom_it_is_wanted_by_alone(pipeline):
    data = file_bytes(radiograph("knee", 200, 160))
    drawn = TASKS["annotate"](pipeline, {"instance": "i", "thumbnail": 64}, data)[1]
    assert Image.open(io.BytesIO(drawn)).size == (51, 64)
    for task, request in (("annotate", {"instance": "i"}), ("classify", {})):
        assert TASKS[task](pipeline, request, data)[1] == b""
