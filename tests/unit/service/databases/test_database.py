"""What SQLite writes at once, and what with the next change."""

import sqlalchemy as sa

from service.dicom_tags.file_mark import FileMark
from unit.service.databases.test_schema import REVIEW
from unit.service.house import PARENTS

NORMAL, FULL = 1, 2
"""As SQLite numbers `PRAGMA synchronous`."""


def synchronous(connection):
    return connection.exec_driver_sql("PRAGMA synchronous").scalar()


def test_what_is_done_again_after_a_power_cut_is_not_waited_for(house):
    with house.durable.write() as connection:
        assert synchronous(connection) == FULL
    with house.durable.write(at_once=False) as connection:
        assert synchronous(connection) == NORMAL
    at_once = []
    sa.event.listen(
        house.durable.engine, "before_cursor_execute", lambda *of: at_once.append(of[2].split()[0])
    )
    number = house.trail.reviewed("i", REVIEW)
    house.backups.take("i", PARENTS, [], None, FileMark.of(b"file", signed=True))
    assert at_once.count("INSERT") == 2
    at_once.clear()
    house.trail.applied(number)
    house.backups.drop("i")
    assert not at_once
    assert house.trail.open(10) == []
    assert house.backups.of("i") is None
