"""The exported graph: the network, its activation maps, and the distance to known radiographs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from bodypart.network import INPUT, OUTPUTS

if TYPE_CHECKING:
    from pathlib import Path

    from training.network import Network

OPSET = 17
NEIGHBOURS = 5
"""Number of nearest references whose mean distance is the output."""

LEAST_HALVED = 512
"""Tensors with fewer values stay in single precision."""


def _unit(rows: Tensor) -> Tensor:
    """Scale rows to unit length; a row of zeros stays zero in every runtime."""
    return rows * torch.rsqrt((rows * rows).sum(dim=1, keepdim=True) + 1e-12)


class Graph(nn.Module):
    """The network with all outputs that the service reads, in the order of ``OUTPUTS``.

    Each has one row per picture and at least one column: inference servers refuse batches of
    scalars.

    Parameters
    ----------
    network : Network
        The trained network.
    projection : Tensor, shape (1280, d)
        Principal axes of the normalised embeddings of training radiographs.
    references : Tensor, shape (d, n)
        Unit embeddings of known radiographs, one per column.
    """

    def __init__(self, network: Network, projection: Tensor, references: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("projection", projection)
        self.register_buffer("references", references)

    def embed(self, pooled: Tensor) -> Tensor:
        """Return unit embeddings (N, d) of pooled features (N, 1280)."""
        return _unit(_unit(pooled) @ self.projection)

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        """Read (N, 1, S, S)."""
        answer = self.network(picture)
        embedding = self.embed(answer.features.mean(dim=(2, 3)))
        similarity = (embedding @ self.references).topk(NEIGHBOURS, dim=1).values
        cam = functional.conv2d(answer.features, self.network.examined.weight[:, :, None, None])
        return (
            answer.logits,
            answer.visible,
            answer.child[:, None],
            answer.view,
            1 - similarity.mean(dim=1, keepdim=True),
            embedding,
            cam,
        )


def reference_embeddings(features: Tensor, dimensions: int) -> tuple[Tensor, Tensor]:
    """Return the projection and the references of :class:`Graph`.

    Parameters
    ----------
    features : Tensor, shape (n, 1280)
        Pooled features of the radiographs that become references.
    dimensions : int
        Principal axes to keep.
    """
    unit = _unit(features)
    # In single precision, the decomposition fails on rows that are almost equal.
    axes = torch.linalg.svd(unit.double(), full_matrices=False).Vh[:dimensions].T.float()
    return axes.contiguous(), _unit(unit @ axes).T.contiguous()


def _halve(model: onnx.ModelProto) -> None:
    """Store large tensors in half precision; the runtime widens them once, when it loads."""
    casts, kept = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < LEAST_HALVED:
            kept.append(tensor)
            continue
        stored = f"{tensor.name}_half"
        kept.append(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [tensor.name], to=TensorProto.FLOAT))
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _spell_out(model: onnx.ModelProto) -> None:
    """Remove empty optional inputs from the end of each node's list.

    onnxruntime fuses a padding with the convolution after it, but not if the padding's value is
    given as an empty input; that costs a seventh of the network's time.
    """
    for node in model.graph.node:
        while node.input and not node.input[-1]:
            del node.input[-1]


def weights_of(path: Path) -> dict[str, Tensor]:
    """Return the network's weights in an exported file, by their names in the network."""
    weights = {}
    for tensor in onnx.load(path).graph.initializer:
        if tensor.name.startswith("network."):
            name = tensor.name.removeprefix("network.").removesuffix("_half")
            values = numpy_helper.to_array(tensor).astype(np.float32)
            weights[name] = torch.from_numpy(values)
    return weights


def to_onnx(graph: Graph, size: int) -> bytes:
    """Return the ONNX file's bytes; the batch size is free, the picture's side is ``size``."""
    graph.eval()
    buffer = io.BytesIO()
    torch.onnx.export(
        graph,
        (torch.zeros(1, 1, size, size),),
        buffer,
        input_names=[INPUT],
        output_names=list(OUTPUTS),
        dynamic_axes={name: {0: "pictures"} for name in (INPUT, *OUTPUTS)},
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load_from_string(buffer.getvalue())
    _halve(model)
    _spell_out(model)
    onnx.checker.check_model(model)
    return model.SerializeToString()
