"""What is told of the memory."""

from types import SimpleNamespace

import pytest

from service.errors import NotFoundError
from service.routes import memory


def test_what_is_like_a_deleted_picture_is_not_told():
    """Orthanc has it no more, which may not have been heard yet."""
    archive = SimpleNamespace(exists=lambda level, resource: False)
    sightings = SimpleNamespace(get=lambda instance, model: pytest.fail("it was asked for"))
    service = SimpleNamespace(
        archive=archive, learning=SimpleNamespace(model="m", sightings=sightings)
    )
    with pytest.raises(NotFoundError):
        memory.alike("gone", service, memory.Alike())
