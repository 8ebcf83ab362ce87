"""Path of the shipped model, which a fixture in `conftest.py` loads."""

from pathlib import Path

MODEL = Path(__file__).resolve().parents[1] / "models/bodypart.onnx"
