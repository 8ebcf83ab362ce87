"""What fails in tests of tasks, and how long a task then waits."""

import time

import sqlalchemy as sa

from service.databases.tables import tasks

TRIED_LONG = 15
"""Tries after which the pauses have reached their longest."""


def pause_of(house, kind):
    """Return the seconds until a task that waits is due."""
    due = house.database.value(sa.select(tasks.c.due).where(tasks.c.kind == kind))
    return due - time.time()


def raiser(error):
    """Return a function that takes anything and raises this."""

    def fail(*_, **__):
        raise error

    return fail


def unforeseen(*_, **__):
    """Fail with a text that nobody may be told of."""
    raise ValueError("a patient's name")
