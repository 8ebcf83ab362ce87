"""The service's threads: an unexpected error is logged, and they go on."""

from __future__ import annotations

import itertools
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PAUSES = (1.0, 2.0, 5.0, 15.0)
_LONG_ENOUGH = 60.0
"""Seconds of work after which an error counts as the first one."""


def lasting(
    name: str,
    do: Callable[[], None],
    stopping: threading.Event,
    log: Callable[[str], None],
    *,
    daemon: bool = False,
) -> threading.Thread:
    """Return a thread, not started yet, that calls a function until it returns.

    If it ends by an error, it is called again after a pause, unless the service stops.

    Parameters
    ----------
    name : str
        What it does; the thread's name begins with ``bodypart-``.
    do : callable
        Works until the service stops, or there is nothing to do for good.
    stopping : threading.Event
        Set when the service stops.
    log : callable
        Takes a line: kind and place of the error, no value.
    daemon : bool
        Whether the process may end before it.
    """

    def last() -> None:
        pauses = lengthening(_PAUSES)
        while True:
            begun = time.monotonic()
            try:
                return do()
            except Exception as error:
                if stopping.is_set():
                    return None
                if time.monotonic() - begun > _LONG_ENOUGH:
                    pauses = lengthening(_PAUSES)
                log(f"{name} failed and starts again: {kind_and_place(error)}")
            stopping.wait(next(pauses))

    return threading.Thread(target=last, name=f"bodypart-{name}", daemon=daemon)


def lengthening(pauses: Sequence[float]) -> Iterator[float]:
    """Yield the seconds before each further try: these, then the last of them for ever."""
    return itertools.chain(pauses, itertools.repeat(pauses[-1]))


def kind_and_place(error: BaseException) -> str:
    """Return kind and place of an error, the text only of ours: others may hold values."""
    if isinstance(error, ServiceError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return type(error).__name__ + place
