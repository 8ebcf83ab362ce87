"""A house with an annotated instance, whose file does not follow yet."""

import pytest

from service.queue.tasks import Mode


@pytest.fixture
def annotated(house):
    house.annotator.annotate("i", Mode.NEW)
    return house
