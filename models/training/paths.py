"""Where the project's pictures, models and runs lie, unless a command is told otherwise."""

from __future__ import annotations

from pathlib import Path

MODELS = Path(__file__).resolve().parents[1]
"""What is shipped: weights, descriptions, evaluations, the card."""

MODEL = MODELS / "bodypart.onnx"
CARD = MODELS / "README.md"

RUNS = MODELS / "training/runs"
"""Checkpoints, logs and candidates; never committed."""

SHARED = MODELS.parents[1] / "shared"
"""Beside the checkout: pictures and weights that are not the project's to give away."""

MANIFEST = SHARED / "radiographs/manifest.csv"
DICOM = SHARED / "dicom"
BACKBONE = SHARED / "backbones/mobilenet_v2_1.0_224_dequant_fp16.npz"
"""ImageNet weights."""
