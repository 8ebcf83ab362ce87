"""The model that is shipped: where it lies; `conftest.py` has it loaded."""

from pathlib import Path

MODEL = Path(__file__).resolve().parents[1] / "models/bodypart.onnx"
