"""A decoder behind its pipe: reads frames from stdin, answers on stdout, dies with its parent.

It may crash, hang or run out of memory on a hostile file without hurting Orthanc, which kills
and restarts it.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from bodypart.pipeline import Pipeline

from bodypart.settings import Settings
from decoder.lockdown import Lockdown, close_inherited, gpu_is_there
from decoder.wire import Frame, WireError, read_frame, write_frame

Answer = tuple[dict[str, Any], bytes]
_NICENESS = 19
_LONGEST_DETAILS = 1_000


def main() -> None:
    """Serve one parent until it closes the pipe; the settings come as the first frame."""
    close_inherited()
    incoming, outgoing = sys.stdin.buffer, _private_stdout()
    _keep_quiet()
    # Storing goes before labelling: an idle machine gives the decoder all it wants anyway.
    os.nice(_NICENESS)
    question = read_frame(incoming)
    settings = Settings.parse(question.header)
    lockdown = Lockdown(Path(settings.model), settings.provider != "cpu" and gpu_is_there())
    lockdown.close_files()
    # Imported this late so that libraries with code of their own find the files closed, and a
    # broken installation is reported as a start that failed.
    from bodypart.model import BodyPartModel
    from bodypart.pipeline import Pipeline

    model = BodyPartModel.load(Path(settings.model), settings.provider, settings.threads)
    pipeline = Pipeline(model, settings)
    lockdown.close_system_calls(settings.memory_limit_mb, cuda=model.provider == "cuda")
    hello = {
        "model": {"name": model.name, "version": model.version, "sha256": model.sha256},
        "labels": list(model.labels),
        "provider": model.provider,
        "warning": model.warning,
        "pid": os.getpid(),
        "lockdown": lockdown.to_json(),
    }
    write_frame(outgoing, Frame(hello, number=question.number))
    serve(pipeline, incoming, outgoing)


def serve(pipeline: Pipeline, incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Answer frames until the pipe closes."""
    from decoder.tasks import TASKS

    while True:
        try:
            question = read_frame(incoming)
        except WireError:
            return
        task = TASKS[question.header["task"]]
        answer, attachment = perform(task, pipeline, question.header, question.payload)
        write_frame(outgoing, Frame(answer, attachment, question.number))


def perform(
    task: Callable[[Pipeline, dict[str, Any], bytes], Answer],
    pipeline: Pipeline,
    request: dict[str, Any],
    payload: bytes,
) -> Answer:
    """Run one task; an exception becomes an answer that names its type, never its text.

    The text of a foreign exception may quote a header, hence patient data.
    """
    from decoder.tasks import TaskError

    try:
        return task(pipeline, request, payload)
    except TaskError as error:
        return {"error": "TaskError", "details": str(error)[:_LONGEST_DETAILS]}, b""
    except MemoryError:
        # Nothing can be trusted after that: the parent sees the death and counts it.
        os._exit(70)
    except Exception as error:
        return {"error": "WorkerError", "details": f"unexpected {type(error).__name__}"}, b""


def _private_stdout() -> BinaryIO:
    """Keep the pipe for frames: whatever a library prints goes to stderr."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe


def _keep_quiet() -> None:
    """Silence the libraries: their warnings quote header values (patient data)."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


if __name__ == "__main__":
    main()
