"""How candidates are compared."""

import pytest
from PIL import Image

from bodypart.model import BodyPartModel
from phantoms import draw
from shipped import MODEL
from training.choose import figures
from training.manifest import NONE, Example
from training.split import Split


@pytest.fixture
def example(tmp_path):
    def drawn(part, examined):
        name = f"{part}_{examined}.png"
        Image.fromarray(draw(part, 320, 320, 8)).save(tmp_path / name)
        return Example(name, "drawn", "clear", "", name, examined, (), None, "unknown", "")

    return drawn


def test_only_what_a_candidate_can_say_is_asked_of_it(example, tmp_path):
    """A label that is left to the headers is never right: it would hide the others' figure."""
    model = BodyPartModel.load(MODEL, provider="cpu")
    knee = example("knee", "knee")
    parts = Split(
        train=(),
        calibration=(knee, example("knee", NONE)),
        test=(),
        labels=model.labels,
        unseen=frozenset(),
        limbs=frozenset(),
        made_to_choose=(knee, example("knee", "rib")),
    )
    found = figures(model, parts, tmp_path)
    assert found["strict top-1"] == found["made exposures"] == 1
    assert found["loose wrists"] is None
