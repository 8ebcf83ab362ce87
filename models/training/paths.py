"""Default paths of the project's pictures, models and runs."""

from __future__ import annotations

from pathlib import Path

MODELS = Path(__file__).resolve().parents[1]
"""Folder of what is shipped: weights, descriptions, evaluations, the card."""

MODEL = MODELS / "bodypart.onnx"
CARD = MODELS / "README.md"
DEVELOPMENT = MODELS / "development.md"
"""What only those need who develop the model further."""

LEARNING = MODELS.parent / "docs/learning.md"
"""What the memory of confirmed pictures does, and how much it adds."""


RUNS = MODELS / "training/runs"
"""Checkpoints, logs and candidates; never committed."""

SHARED = MODELS.parents[1] / "shared"
"""Folder beside the checkout for pictures and weights that the project may not distribute."""

MANIFEST = SHARED / "radiographs/manifest.csv"
DICOM = SHARED / "dicom"
BACKBONE = SHARED / "backbones/mobilenet_v2_1.0_224_dequant_fp16.npz"
"""ImageNet weights."""
