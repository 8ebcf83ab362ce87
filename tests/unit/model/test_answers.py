"""From outputs to answers: calibration, rejection, heat map, description, provider."""

import ctypes
import json

import numpy as np
import pytest

from bodypart.model.air import tissue
from bodypart.model.calibration import sigmoid, softmax
from bodypart.model.heat_map import heat_map
from bodypart.model.model_input import Box, Placement
from bodypart.model.parameters import Parameters, Rejection, read_parameters
from bodypart.model.rejection import rejection_reason
from bodypart.network import ModelError, provider

LIMITS = Rejection(distance=0.3, none=0.5)


def test_softmax_sums_to_one_and_a_temperature_softens_it():
    logits = np.array([[3.0, 1.0, -900.0]])
    assert softmax(logits).sum() == pytest.approx(1)
    assert softmax(logits, 2.0).max() < softmax(logits).max()


def test_sigmoid_bears_extreme_logits():
    assert sigmoid(np.array([-1e9, 0.0, 1e9])) == pytest.approx([0, 0.5, 1])


def test_a_near_picture_is_accepted():
    assert rejection_reason(0.1, 0.1, "knee", LIMITS) is None


def test_a_far_picture_is_rejected_with_its_distance():
    assert "distance 0.4," in (rejection_reason(0.4, 0.1, "knee", LIMITS) or "")


def test_a_distance_that_is_no_number_is_no_reason_to_accept():
    assert rejection_reason(float("nan"), 0.1, "knee", LIMITS)


def test_a_picture_of_no_body_part_is_rejected():
    assert "no body part" in (rejection_reason(0.1, 0.9, "knee", LIMITS) or "")


def test_a_label_may_have_a_limit_of_its_own():
    limits = Rejection(distance=0.3, none=0.5, none_by_label={"jaw": 0.95})
    assert rejection_reason(0.1, 0.9, "jaw", limits) is None
    assert rejection_reason(0.1, 0.9, "knee", limits)
    assert rejection_reason(0.4, 0.1, "jaw", limits)


def test_a_probability_that_is_no_number_is_no_reason_to_accept():
    assert rejection_reason(0.1, float("nan"), "knee", LIMITS)


def test_the_heat_map_lies_where_the_activation_was_and_zero_outside_the_field():
    activation = np.zeros((4, 4), np.float32)
    activation[0, 0] = 5
    where = Placement(field=Box(20, 120, 10, 110), inside=Box(0, 64, 0, 64))
    heat = heat_map(activation, 64, where, np.ones((150, 130), np.float32))
    assert heat.shape == (150, 130)
    assert heat.max() == pytest.approx(1)
    assert np.unravel_index(heat.argmax(), heat.shape) < (60, 60)
    assert heat[:20].max() == 0
    assert heat[:, 110:].max() == 0


def test_nothing_speaking_for_a_label_gives_an_empty_heat_map():
    where = Placement(field=Box(0, 50, 0, 50), inside=Box(0, 64, 0, 64))
    nothing = np.full((4, 4), -1, np.float32)
    assert heat_map(nothing, 64, where, np.ones((50, 50), np.float32)).max() == 0


def two_exposures(rows=300, columns=320):
    """Draw two limbs on one plate, with black between them, and a lung in the left one."""
    plate = np.full((rows, columns), 0.02, np.float32)
    plate[:, :110] = plate[:, 210:] = 0.6
    plate[140:160, 30:50] = 0.02
    return plate + np.random.default_rng(0).normal(0, 0.002, plate.shape).astype(np.float32)


def test_the_heat_map_leaves_the_gap_between_two_exposures_out():
    """The network's few places see both limbs, and the middle of both is the gap."""
    activation = np.zeros((5, 5), np.float32)
    activation[:, :4] = (2, 5, 5, 2)
    where = Placement(field=Box(0, 300, 0, 320), inside=Box(2, 62, 0, 64))
    heat = heat_map(activation, 64, where, two_exposures())
    assert heat[:, 130:190].max() < 0.05
    assert heat.max() == pytest.approx(1)
    assert heat[:, 80:100].max() > 0.5
    assert heat[:, 220:240].max() > 0.5


def test_a_dark_spot_inside_is_no_air():
    seen = tissue(two_exposures())
    assert seen[150, 40] > 0.9
    assert seen[150, 160] < 0.05


def test_heat_in_the_air_alone_is_shown_as_it_is():
    activation = np.zeros((5, 5), np.float32)
    activation[:, 2] = 5
    where = Placement(field=Box(0, 300, 130, 190), inside=Box(2, 62, 0, 64))
    assert heat_map(activation, 64, where, two_exposures()).max() == pytest.approx(1)


def described(**changes):
    record = {
        "name": "x",
        "version": "1",
        "sha256": "0",
        "labels": ["knee"],
        "visible_labels": ["knee"],
        "visible_thresholds": {"knee": 0.5},
        "views": ["frontal"],
        "temperature": 1.0,
        "visible_temperature": 1.0,
        "preprocessing": {"size": 128, "sides": [128], "mirrored": False},
        "rejection": {"distance": 0.3, "none": 0.5},
    }
    return {**record, **changes}


def test_a_description_with_an_unknown_label_is_refused():
    with pytest.raises(ModelError, match="tail"):
        Parameters.from_json(described(labels=["tail"]))
    # Its answers would be taken for those of a decoder in a stranger's hands.
    with pytest.raises(ModelError, match="sunrise"):
        Parameters.from_json(described(views=["frontal", "sunrise"]))


def test_a_description_without_a_key_names_it():
    record = described()
    del record["temperature"]
    with pytest.raises(ModelError, match="temperature"):
        Parameters.from_json(record)


def test_a_description_without_a_tone_of_the_field_leaves_the_greys_as_they_are():
    assert Parameters.from_json(described()).field_tone is None
    preprocessing = {**described()["preprocessing"], "field_tone": 0.65}
    assert Parameters.from_json(described(preprocessing=preprocessing)).field_tone == 0.65


@pytest.mark.parametrize("tone", [0, 1, -0.5, "grey", True])
def test_a_tone_that_is_no_grey_is_refused(tone):
    preprocessing = {**described()["preprocessing"], "field_tone": tone}
    with pytest.raises(ModelError, match="field_tone"):
        Parameters.from_json(described(preprocessing=preprocessing))


def test_a_model_file_that_is_not_the_described_one_is_refused(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"other")
    (tmp_path / "m.json").write_text(json.dumps(described()))
    with pytest.raises(ModelError, match="not the file"):
        read_parameters(tmp_path / "m.onnx")


def test_a_missing_model_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"m\.json"):
        read_parameters(tmp_path / "m.onnx")


def test_asking_for_the_cpu_gives_no_warning():
    assert provider.providers("cpu") == ([provider.CPU_PROVIDER], None)


def pretend_cuda(monkeypatch, missing):
    """Make onnxruntime claim CUDA, as its GPU build does, on a machine lacking libraries."""

    def load(name):
        if name.startswith(missing):
            raise OSError(name)

    claimed = [provider.CUDA_PROVIDER, provider.CPU_PROVIDER]
    monkeypatch.setattr(provider.onnxruntime, "get_available_providers", lambda: claimed)
    monkeypatch.setattr(provider.onnxruntime, "preload_dlls", lambda: None)
    monkeypatch.setattr(ctypes, "CDLL", load)


@pytest.mark.parametrize("missing", ["libcuda.so.1", "libcudart.so.13", "libcudnn.so.9"])
def test_a_cuda_library_that_is_missing_is_named(monkeypatch, missing):
    pretend_cuda(monkeypatch, missing.split(".so")[0] + ".so")
    wanted, warning = provider.providers("cuda")
    assert wanted == [provider.CPU_PROVIDER]
    assert missing in (warning or "")


def test_auto_takes_the_cpu_without_a_warning_where_cuda_cannot_run(monkeypatch):
    pretend_cuda(monkeypatch, "libcuda.so")
    assert provider.providers("auto") == ([provider.CPU_PROVIDER], None)


def test_auto_takes_cuda_where_its_libraries_load(monkeypatch):
    pretend_cuda(monkeypatch, "nothing")
    assert provider.providers("auto")[0][0] == provider.CUDA_PROVIDER


def test_a_build_without_cuda_says_so(monkeypatch):
    monkeypatch.setattr(
        provider.onnxruntime, "get_available_providers", lambda: [provider.CPU_PROVIDER]
    )
    assert "without CUDA" in (provider.providers("cuda")[1] or "")
