"""Keeps a process's pipe for frames alone, and its libraries from printing what they read."""

from __future__ import annotations

import logging
import os
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO


def private_stdout() -> BinaryIO:
    """Return the pipe for frames; whatever a library prints to stdout goes to stderr from now."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe


def keep_quiet() -> None:
    """Silence the libraries: their warnings quote header values (patient data)."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
