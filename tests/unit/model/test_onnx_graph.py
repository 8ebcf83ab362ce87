"""What is exported runs as few steps as its network has."""

# ruff: noqa: E402 (the imports below need what is skipped without)

from collections import Counter

import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra (torch)")
onnx = pytest.importorskip("onnx", reason="training needs the train extra (onnx)")

import onnxruntime

from training.network import FEATURES, Network
from training.onnx_graph import Graph, to_onnx


def test_the_runtime_makes_each_padding_one_step_with_its_convolution(tmp_path):
    graph = Graph(Network(2, 3), torch.zeros(FEATURES, 4), torch.zeros(4, 9))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(to_onnx(graph, 64), options, providers=["CPUExecutionProvider"])
    steps = Counter(node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node)
    assert steps["Conv"] > 50
    assert not steps["Pad"]
