"""Fixtures that all tests share."""

from pathlib import Path

import pytest

from shipped import MODEL

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real pictures beside the checkout; skip the test if it is absent."""
    if not (SHARED / "CONTRACT.md").is_file():
        pytest.skip("the real pictures (../shared) are not on this machine")
    return SHARED


@pytest.fixture(scope="session")
def model():
    """The shipped model, on the CPU."""
    from bodypart.model import BodyPartModel

    return BodyPartModel.load(MODEL, provider="cpu")
