"""A removed annotation stays removed until a new file is sent, whichever version noted it."""

import pytest

from service.records.audit_trail import REMOVED, WITHDRAWN, LastEvent
from service.records.removals import stays_removed

AT = "2026-11-28T10:00:00Z"


def removed(file=None, change=None, action=REMOVED):
    return LastEvent(1, AT, action, None, file, change)


@pytest.mark.parametrize(
    ("word", "sequence", "stays"),
    [
        (None, None, False),
        (removed("file-1"), None, True),
        (removed("file-0"), None, False),
        (removed("file-1", action=WITHDRAWN), None, False),
        # Version 0.2 noted Orthanc's newest change, which tells by which the file was stored.
        (removed(change=5), 5, True),
        (removed(change=5), 6, False),
    ],
)
def test_it_stays_while_the_file_is_the_one_of_then(house, word, sequence, stays):
    assert stays_removed(house.orthanc, "i", word, sequence) is stays


@pytest.mark.parametrize("word", [removed(), removed(change=5)])
@pytest.mark.parametrize(
    ("received", "stays"), [("20261128T095959", True), ("20261128T100001", False)]
)
def test_where_no_more_was_noted_the_time_tells(house, word, received, stays):
    house.orthanc.arrive("i", b"file", received=received)
    assert stays_removed(house.orthanc, "i", word) is stays


def test_what_is_gone_has_nothing_that_stays_removed(house):
    house.orthanc.delete_instance("i")
    assert not stays_removed(house.orthanc, "i", removed("file-1"))
