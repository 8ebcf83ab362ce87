"""The golden pictures and the server's configuration are those of the shipped model."""

import pytest

from bodypart.network.golden import TOLERANCE, Golden, GoldenError
from shipped import MODEL
from training.golden import CONFIG, config_of, golden_of


def test_the_committed_files_are_of_the_committed_model(model):
    """After a new model: make golden."""
    golden = Golden.read(MODEL, model.sha256)
    assert golden.difference(golden_of(model).answers) is None
    assert CONFIG.read_text() == config_of(golden)


def test_the_file_is_small():
    assert MODEL.with_suffix(".golden.npz").stat().st_size < 200_000


def test_it_comes_back_as_it_was_written(model, tmp_path):
    golden = golden_of(model)
    golden.write(tmp_path / "a.onnx")
    again = Golden.read(tmp_path / "a.onnx", model.sha256)
    assert (again.pictures == golden.pictures).all()
    assert again.difference(golden.answers) is None


def test_one_of_another_model_is_refused(tmp_path, model):
    golden_of(model).write(tmp_path / "a.onnx")
    with pytest.raises(GoldenError, match="another model"):
        Golden.read(tmp_path / "a.onnx", "0" * 64)
    (tmp_path / "a.golden.npz").write_bytes(b"PK no archive")
    with pytest.raises(GoldenError, match="cannot be read"):
        Golden.read(tmp_path / "a.onnx", "0" * 64)


def test_pictures_keep_a_distance_to_the_tolerance_that_processors_do_not_use_up(model):
    """Kept in 8 bits, and answered anew from there: what rounding is left is far below."""
    golden = Golden.read(MODEL, model.sha256)
    again = model.network.run(golden.pictures)
    for name, rows in golden.answers.items():
        assert abs(again[name] - rows).max() < TOLERANCE / 5 * max(abs(rows).max(), 1e-6)
