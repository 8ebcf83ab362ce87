"""The committed model in use."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from bodypart.labels import BY_LABEL
from bodypart.model import BodyPartModel
from bodypart.model.model_input import Box, network_input
from bodypart.network import OUTPUTS
from bodypart.network.local import LocalNetwork
from phantoms import draw
from shipped import MODEL


def picture(part="chest"):
    return draw(part, 400, 360).astype(np.float32)


def test_the_model_gives_only_known_labels(model):
    assert set(model.labels) <= set(BY_LABEL)
    assert len(set(model.labels)) == len(model.labels)


def test_probabilities_are_a_posterior_over_the_labels(model):
    reading = model.read(picture())
    assert tuple(reading.probabilities) == model.labels
    assert 0 <= sum(reading.probabilities.values()) <= 1 + 1e-6


def test_visible_labels_come_most_probable_first(model):
    given = [guess.probability for guess in model.read(picture("hand")).visible]
    assert given == sorted(given, reverse=True)


def test_view_and_child_are_told(model):
    reading = model.read(picture())
    assert reading.view in ("frontal", "lateral", "oblique")
    assert 0 <= reading.child <= 1


def test_the_same_picture_at_another_scale_and_offset_reads_the_same(model):
    values = picture()
    first, second = model.read(values), model.read(values * 16 + 300)
    for label in model.labels:
        assert first.probabilities[label] == pytest.approx(second.probabilities[label], abs=0.02)


def test_a_blank_picture_is_rejected_without_a_guess(model):
    reading = model.read(np.zeros((200, 200), np.float32))
    assert reading.rejected
    assert reading.reason == "the picture is blank"
    assert reading.top() == ()


def test_white_noise_is_rejected_with_a_reason(model):
    noise = np.random.default_rng(3).integers(0, 256, (320, 320)).astype(np.float32)
    reading = model.read(noise)
    assert reading.rejected
    assert reading.reason


@pytest.mark.parametrize("output", ["logits", "visible", "child", "view", "distance", "embedding"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_that_is_not_finite_rejects_the_picture(model, output, value):
    answer = model.answer(picture())
    broken = np.asarray(getattr(answer, output)).copy()
    broken.flat[0] = value
    reading = answer._replace(**{output: broken}).reading(model.parameters)
    assert reading.rejected
    assert not reading.answered
    assert reading.reason
    assert (reading.top(), reading.child, reading.seen) == ((), None, None)


def test_the_activation_map_is_exact(model):
    """Its mean and the label's bias make the logit, so their difference is the same anywhere."""
    first, second = (
        model.network.run(network_input(picture(part), model.parameters.size)[0])
        for part in ("hand", "chest")
    )
    bias, again = (
        given["logits"][0] - given["cam"][0].mean(axis=(1, 2)) for given in (first, second)
    )
    assert bias == pytest.approx(again, abs=1e-3)


def test_the_heat_map_has_the_picture_s_geometry(model):
    values = picture("knee")
    heat = model.heatmap(values, "knee")
    assert heat.shape == values.shape
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    assert heat.max() <= 1


def test_a_heat_map_of_a_label_that_is_not_given_is_refused(model):
    with pytest.raises(KeyError):
        model.heatmap(picture(), "neck")


def test_the_embedding_has_unit_length(model):
    answer = model.answer(picture())
    assert np.linalg.norm(answer.embedding) == pytest.approx(1, abs=1e-3)


def test_reading_needs_little_memory_and_no_torch():
    """The worker may take 350 MB; the model is the larger part of it."""
    code = (
        "import sys, numpy as np; from pathlib import Path;"
        "from bodypart.model import BodyPartModel;"
        f"model = BodyPartModel.load(Path({str(MODEL)!r}));"
        "model.read(np.random.default_rng(0).normal(size=(600, 500)).astype('f4'));"
        "assert 'torch' not in sys.modules;"
        "status = Path('/proc/self/status').read_text();"
        "print(int(status.split('VmHWM:')[1].split()[0]) // 1024)"
    )
    plugin = str(MODEL.parents[1] / "plugin")
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": plugin},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(result.stdout) < 250


def test_the_field_is_looked_for_at_the_tone_of_the_description(model):
    """A dark film's soft tissue was cut off with the border before 2.1.1."""
    film = np.random.default_rng(0).uniform(0, 1, (150, 200)).astype(np.float32)
    film[:, :60] = 0.2 + 0.2 * film[:, :60]
    assert model.answer(film**3).where.field == Box(0, 150, 0, 200)
    plain = BodyPartModel(model.network, replace(model.parameters, field_tone=None))
    assert plain.answer(film**3).where.field.left > 40


def test_every_output_has_a_row_a_picture_and_a_column(model):
    """Inference servers refuse batches of plain numbers."""
    tensor = network_input(picture(), model.parameters.size, (160, 96))[0]
    shapes = {name: output.shape for name, output in model.network.run(tensor).items()}
    assert tuple(shapes) == OUTPUTS
    assert all(shape[0] == 2 and len(shape) >= 2 for shape in shapes.values())
    assert shapes["child"] == shapes["distance"] == (2, 1)


@pytest.mark.parametrize("columns", [(), (1,)])
def test_child_and_distance_may_come_as_numbers_or_as_columns(model, columns):
    """Models up to 1.2 gave them as numbers, and an archive may keep its own."""

    class Answering:
        def run(self, names, inputs):
            outputs = model.network.run(inputs["picture"])
            for name in ("child", "distance"):
                outputs[name] = outputs[name].reshape(-1, *columns)
            return list(outputs.values())

        def get_providers(self):
            return ["CPUExecutionProvider"]

    other = BodyPartModel(LocalNetwork(Answering()), model.parameters)
    assert other.read(picture()) == model.read(picture())


def test_the_file_stays_small():
    assert MODEL.stat().st_size < 10e6
