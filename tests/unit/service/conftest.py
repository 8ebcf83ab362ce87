"""The service's parts, made anew for each test."""

import pytest

from postgres import Postgres
from unit.service.house import House


@pytest.fixture
def house(tmp_path):
    """Give a house whose Orthanc holds one instance, `i`."""
    made = House(tmp_path)
    made.orthanc.arrive("i", b"file")
    return made


@pytest.fixture(scope="module")
def postgres():
    """Give a real PostgreSQL, for several services to share."""
    server = Postgres().start()
    yield server
    server.stop()
