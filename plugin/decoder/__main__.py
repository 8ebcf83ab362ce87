"""A decoder behind its pipe: reads frames from stdin, answers on stdout, dies with its parent.

It may crash, hang or run out of memory on a hostile file without harm to Orthanc: it is killed and
restarted.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from bodypart.pipeline import Pipeline

from bodypart.settings import MARKER_FILES, Settings
from decoder import shelf
from decoder.lockdown import Lockdown, close_inherited
from decoder.outside import OutsideNetwork
from decoder.quiet import keep_quiet, private_stdout
from decoder.wire import ON_THE_SHELF, OUT_OF_MEMORY, Frame, WireError, read_frame, write_frame

Answer = tuple[dict[str, Any], bytes]
_NICENESS = 10
_FIRST_TO_GO = "1000"
"""See proc_pid_oom_score_adj(5)."""
_LONGEST_DETAILS = 1_000


def main() -> None:
    """Serve one parent until it closes the pipe.

    The first frame holds the ``settings``, and where the ``network`` runs: ``inside``, ``outside``
    (the parent is asked), or ``either`` (the parent says each time).
    """
    given = shelf.inherited()
    close_inherited(given)
    pictures = None if given is None else shelf.opened(given)
    incoming, outgoing = sys.stdin.buffer, private_stdout()
    keep_quiet()
    _give_way()
    question = read_frame(incoming)
    settings = Settings.parse(question.header["settings"])
    # A GPU belongs to another process, which never gets files: see `gpu_network`.
    more = MARKER_FILES if settings.side_marker else ()
    lockdown = Lockdown(Path(settings.model), cuda=False, more=more)
    lockdown.close_files()
    # Imported this late so that files are closed off before libraries of native code are loaded,
    # and a broken installation is reported as a failed start.
    from bodypart.model import BodyPartModel
    from bodypart.model.parameters import read_parameters
    from bodypart.model.side_marker import MarkerReader
    from bodypart.pipeline import Pipeline

    path, where = Path(settings.model), question.header["network"]
    if where == "inside":
        # Asked for CUDA, the model gives a warning why there is none.
        asked = settings.provider == "cuda"
        model = BodyPartModel.load(path, "cuda" if asked else "cpu", settings.threads)
    else:
        own = BodyPartModel.load(path, "cpu", settings.threads) if where == "either" else None
        network = OutsideNetwork(incoming, outgoing, own.network if own else None)
        model = BodyPartModel(network, read_parameters(path))
    markers = None
    if settings.side_marker:
        markers = MarkerReader.load(threads=settings.threads, model=model)
    pipeline = Pipeline(model, settings, markers)
    lockdown.close_system_calls(settings.memory_limit_mb, cuda=False)
    hello = {
        "model": {"name": model.name, "version": model.version, "sha256": model.sha256},
        "labels": list(model.labels),
        "provider": model.provider,
        "warning": model.warning,
        "pid": os.getpid(),
        "lockdown": lockdown.to_json(),
        "shelf": pictures is not None,
    }
    write_frame(outgoing, Frame(hello, number=question.number))
    try:
        serve(pipeline, incoming, outgoing, pictures)
    except MemoryError:
        # The process is in an unknown state now: the parent sees its death and counts it.
        os._exit(OUT_OF_MEMORY)


def _give_way() -> None:
    """Give Orthanc's storing priority; on an idle machine the decoder still gets all it needs.

    If memory runs out, as in a container, a decoder is killed before Orthanc.
    """
    os.nice(_NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    with suppress(OSError):
        # Linux may group processes by session; niceness then only counts within a group, and a
        # decoder has a group of its own (sched(7), "The autogroup feature").
        Path("/proc/self/autogroup").write_text(str(_NICENESS), encoding="ascii")


def serve(
    pipeline: Pipeline, incoming: BinaryIO, outgoing: BinaryIO, pictures: memoryview | None = None
) -> None:
    """Answer frames until the pipe closes; a question's picture may lie on the shelf."""
    from decoder.tasks import TASKS

    while True:
        try:
            question = read_frame(incoming)
        except WireError:
            return
        task = TASKS[question.header["task"]]
        length = question.header.get(ON_THE_SHELF)
        payload = question.payload if length is None or pictures is None else pictures[:length]
        answer, attachment = perform(task, pipeline, question.header, payload)
        write_frame(outgoing, Frame(answer, attachment, question.number))


def perform(
    task: Callable[[Pipeline, dict[str, Any], Any], Answer],
    pipeline: Pipeline,
    request: dict[str, Any],
    payload: bytes | memoryview,
) -> Answer:
    """Run one task; an exception other than `MemoryError` becomes an answer with its type.

    The answer never has the text of a library's exception, which may quote a header, hence patient
    data.
    """
    from bodypart.network import NetworkError
    from decoder.tasks import TaskError

    try:
        return task(pipeline, request, payload)
    except (TaskError, NetworkError) as error:
        return {"error": type(error).__name__, "details": str(error)[:_LONGEST_DETAILS]}, b""
    except MemoryError:
        raise
    except Exception as error:
        return {"error": "DecoderError", "details": f"unexpected {type(error).__name__}"}, b""


if __name__ == "__main__":
    main()
