"""The command: ``make backfill ARGS="http://orthanc:8042 --workers 8"``."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from backfill.connection import Connection
from backfill.crew import Crew, LocalCrew
from backfill.driver import Driver
from backfill.errors import AwayError, BackfillError, GoneError, UnreadableError
from backfill.options import parse, unprotected
from backfill.progress import Progress
from backfill.reference import first_contact

if TYPE_CHECKING:
    from types import FrameType

    from backfill.driver import Tally
    from backfill.options import Options

_STOPPED, _FAILED = 130, 1


def main() -> int:
    """Run the command line; return the exit status."""
    options = parse()
    progress = Progress(sys.stderr)
    stopping = threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        if stopping.is_set():
            os._exit(_STOPPED)  # A second signal: do not wait for the crew to end.
        stopping.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
    try:
        tally = run(options, progress, stopping)
    except AwayError as error:
        if not stopping.is_set():
            progress.say(f"backfill: {error}")
            return _FAILED
        tally = None
    except (BackfillError, UnreadableError, GoneError) as error:
        progress.say(f"backfill: {error}")
        return _FAILED
    if stopping.is_set():
        progress.say("stopped; the same command goes on from here")
        return _STOPPED
    assert tally is not None
    progress.say(summary(tally, progress))
    return 0


def run(options: Options, progress: Progress, stopping: threading.Event) -> Tally:
    """Lead the workers through the back-fill.

    Raises
    ------
    BackfillError, AwayError
        If it cannot start or continue; the text says why.
    """
    order = options.order
    connection = Connection(order, stopping, progress.waits)
    reference = first_contact(connection)
    reference.check_model(Path(order.model))
    if unprotected(order.url):
        progress.say(f"{order.url} is not encrypted: pictures and password can be read on the way")
    state = connection.get("/bodypart/backfill")
    if state["state"] != "running":
        connection.post("/bodypart/backfill", {})
    crew = _crew(options, progress)
    try:
        return Driver(connection, crew, reference, progress, stopping).run()
    finally:
        crew.close()


def _crew(options: Options, progress: Progress) -> Crew:
    if options.ray is None:
        workers = options.workers or len(os.sched_getaffinity(0))
        return LocalCrew(options.order, workers, progress.waits)
    from backfill.cluster import RayCrew

    crew = RayCrew(options.order, options.workers, options.ray)
    if crew.workers > crew.processors:
        progress.say(
            f"the cluster has {crew.processors} processors for {crew.workers} workers: the others "
            "start when more machines join"
        )
    return crew


def summary(tally: Tally, progress: Progress) -> str:
    """Return the last line to show: what came of the back-fill."""
    if tally.state == "cancelled":
        return f"the back-fill was cancelled there; {tally.taken:,} instances annotated from here"
    if not (tally.taken or tally.dropped):
        return "nothing was left to do"
    dropped = f", {tally.dropped:,} had an answer by then or were gone" if tally.dropped else ""
    rate = progress.rate_of_all()
    return f"done: {tally.taken:,} instances annotated from here, {rate:.1f} a second{dropped}"


if __name__ == "__main__":
    sys.exit(main())
