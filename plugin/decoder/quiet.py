"""A process behind a pipe keeps the pipe for frames, and says nothing of what it reads."""

from __future__ import annotations

import logging
import os
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO


def private_stdout() -> BinaryIO:
    """Keep the pipe for frames: whatever a library prints goes to stderr."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe


def keep_quiet() -> None:
    """Silence the libraries: their warnings quote header values (patient data)."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
