"""A data set with given headers, and the vocabulary that comes with the package."""

import pytest

from bodypart.headers import Vocabulary


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary.load()
