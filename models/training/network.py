"""MobileNetV2 (Sandler et al. 2018) for one grey channel, with the heads of the body-part model.

Batch normalisation is folded into the convolutions, as in the ImageNet weights it starts from.
Convolutions with a stride pad like TensorFlow's SAME: the odd row and column at the far end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

STAGES = (
    # expansion, channels, blocks, stride of the first (table 2 of the paper)
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
FEATURES = 1280
VIEWS = ("frontal", "lateral", "oblique")


class Answer(NamedTuple):
    """Outputs of the network for a batch of N pictures.

    Attributes
    ----------
    logits : Tensor, shape (N, labels + 1)
        Examined part; the last column is "none of them".
    visible : Tensor, shape (N, labels + unemitted)
        Logit, for each of the 36 labels, that it is in the picture.
    child : Tensor, shape (N,)
        Logit that the patient is a child.
    view : Tensor, shape (N, 3)
        Frontal, lateral, oblique.
    features : Tensor, shape (N, 1280, h, w)
        Last feature map; its mean is the input of the heads.
    """

    logits: Tensor
    visible: Tensor
    child: Tensor
    view: Tensor
    features: Tensor


class Convolution(nn.Module):
    """Convolution with TensorFlow's SAME padding for even sides, and ReLU6 unless linear."""

    def __init__(
        self, before: int, after: int, kernel: int, stride: int, groups: int, *, linear: bool
    ) -> None:
        super().__init__()
        padding = 1 if kernel == 3 and stride == 1 else 0
        self.convolution = nn.Conv2d(before, after, kernel, stride, padding, groups=groups)
        self.pad = kernel == 3 and stride == 2
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (N, C, H, W)."""
        if self.pad:
            x = functional.pad(x, (0, 1, 0, 1))
        x = self.convolution(x)
        return x if self.linear else functional.relu6(x)


class Block(nn.Module):
    """Inverted residual: expand, filter each channel, project; add the input if shapes match."""

    def __init__(self, before: int, after: int, expansion: int, stride: int) -> None:
        super().__init__()
        inner = before * expansion
        layers = [Convolution(before, inner, 1, 1, 1, linear=False)] if expansion > 1 else []
        layers.append(Convolution(inner, inner, 3, stride, inner, linear=False))
        layers.append(Convolution(inner, after, 1, 1, 1, linear=True))
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (N, C, H, W)."""
        return x + self.layers(x) if self.residual else self.layers(x)


class Network(nn.Module):
    """The whole network: one grey channel in -1..1 to an :class:`Answer`.

    Parameters
    ----------
    labels : int
        Emitted labels; the examined head has one output more, for "none".
    visible : int
        Labels of the visible head.
    """

    def __init__(self, labels: int, visible: int) -> None:
        super().__init__()
        blocks: list[nn.Module] = [Convolution(1, 32, 3, 2, 1, linear=False)]
        channels = 32
        for expansion, after, repeats, stride in STAGES:
            for index in range(repeats):
                blocks.append(Block(channels, after, expansion, stride if index == 0 else 1))
                channels = after
        blocks.append(Convolution(channels, FEATURES, 1, 1, 1, linear=False))
        self.body = nn.ModuleList(blocks)
        self.examined = nn.Linear(FEATURES, labels + 1)
        self.visible = nn.Linear(FEATURES, visible)
        self.child = nn.Linear(FEATURES, 1)
        self.view = nn.Linear(FEATURES, len(VIEWS))
        self.dropout = nn.Dropout(0.2)
        self.frozen = 0

    def freeze(self, blocks: int) -> None:
        """Exclude the first ``blocks`` blocks from training; no gradients are computed for them."""
        self.frozen = blocks
        for index, block in enumerate(self.body):
            block.requires_grad_(index >= blocks)

    def learn_alone(self, outputs: Sequence[bool], *, child: bool) -> None:
        """Train some outputs only; everything else stays as it is.

        Parameters
        ----------
        outputs : sequence of bool, labels + 1
            Which outputs of the examined part are trained.
        child : bool
            Whether the output ``child`` is trained too.
        """
        self.freeze(len(self.body))
        for head in (self.visible, self.view):
            head.requires_grad_(requires_grad=False)
        self.child.requires_grad_(child)
        kept = torch.tensor([float(learns) for learns in outputs])
        self.examined.weight.register_hook(lambda gradient: gradient * kept[:, None].to(gradient))
        self.examined.bias.register_hook(lambda gradient: gradient * kept.to(gradient))

    def features(self, x: Tensor) -> Tensor:
        """Return the last feature map (N, 1280, H/32, W/32) of a batch (N, 1, H, W)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.frozen == 0):
            for block in self.body[: self.frozen]:
                x = block(x)
        for block in self.body[self.frozen :]:
            x = block(x)
        return x

    def forward(self, x: Tensor) -> Answer:
        """Read a batch (N, 1, H, W) of values in -1..1."""
        features = self.features(x)
        pooled = self.dropout(features.mean(dim=(2, 3)))
        return Answer(
            self.examined(pooled),
            self.visible(pooled),
            self.child(pooled).squeeze(1),
            self.view(pooled),
            features,
        )

    def convolutions(self) -> Iterator[nn.Conv2d]:
        """Yield the body's convolutions in the order of the network's graph."""
        for module in self.body.modules():
            if isinstance(module, nn.Conv2d):
                yield module


def load_imagenet(network: Network, path: Path) -> None:
    """Start the body from ImageNet weights (npz, TFLite layout, batch norm folded).

    The first convolution's three colour kernels are summed: exact for a grey picture, since all
    three channels would carry the same values.
    """
    with np.load(path) as weights:
        names = sorted(name[:-2] for name in weights.files if name.endswith("_w"))
        convolutions = list(network.convolutions())
        for name, convolution in zip(names[: len(convolutions)], convolutions, strict=True):
            kernel = torch.from_numpy(weights[f"{name}_w"].astype(np.float32))
            kernel = (
                kernel.permute(3, 0, 1, 2) if "DEPTHWISE" in name else kernel.permute(0, 3, 1, 2)
            )
            if convolution.in_channels == 1 and convolution.groups == 1:
                kernel = kernel.sum(dim=1, keepdim=True)
            with torch.no_grad():
                convolution.weight.copy_(kernel)
                if convolution.bias is not None:
                    convolution.bias.copy_(torch.from_numpy(weights[f"{name}_b"]))
