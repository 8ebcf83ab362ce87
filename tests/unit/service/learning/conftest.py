"""The house that learns, on either kind of database."""

import pytest
import sqlalchemy as sa

from service.databases.database import SCHEMA, Database
from service.databases.schema import (
    DURABLE_SCHEMA,
    INDEX_SCHEMA,
    LEARNED_SCHEMA,
    SEEN_SCHEMA,
    open_shared,
    prepare,
)
from unit.service.learning.pupils import House


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    if request.param == "sqlite":
        made = Database.of_file(tmp_path / "records.sqlite")
        for schema in (DURABLE_SCHEMA, LEARNED_SCHEMA, INDEX_SCHEMA, SEEN_SCHEMA):
            prepare(made, schema)
        yield made
    else:
        made = open_shared(request.getfixturevalue("postgres").driver_url)
        yield made
        with made.write() as connection:
            connection.execute(sa.text(f"DROP SCHEMA {SCHEMA} CASCADE"))
    made.close()


@pytest.fixture
def house(database):
    return House(database)
