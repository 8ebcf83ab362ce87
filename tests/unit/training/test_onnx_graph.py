"""What is exported runs as few steps as its network has."""

# ruff: noqa: E402 (the imports below need what is skipped without)

from collections import Counter

import pytest

from shipped import MODEL

torch = pytest.importorskip("torch", reason="training needs the train extra (torch)")
onnx = pytest.importorskip("onnx", reason="training needs the train extra (onnx)")

import onnxruntime

from training.network import FEATURES, Network
from training.onnx_graph import Graph, to_onnx


def steps_of(network, folder):
    """Return what the runtime makes of a network, by the kind of step."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(folder / "optimized.onnx").graph.node)


def exported():
    return to_onnx(Graph(Network(2, 3), torch.zeros(FEATURES, 4), torch.zeros(4, 9)), 64)


@pytest.mark.parametrize("network", [exported, MODEL.read_bytes], ids=["exported", "shipped"])
def test_the_runtime_makes_each_padding_one_step_with_its_convolution(network, tmp_path):
    steps = steps_of(network(), tmp_path)
    assert steps["Conv"] > 50
    assert not steps["Pad"]
