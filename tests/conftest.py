"""Fixtures that all tests share."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder of real pictures beside the checkout; skip where it is absent."""
    if not (SHARED / "CONTRACT.md").is_file():
        pytest.skip("the real pictures (../shared) are not on this machine")
    return SHARED
