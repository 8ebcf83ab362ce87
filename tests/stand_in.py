"""Programs of a few lines that run instead of a decoder or the network's process."""

from __future__ import annotations

import sys
from pathlib import Path

PLUGIN = str(Path(__file__).resolve().parents[1] / "plugin")
_BEGINNING = f"""#!{sys.executable}
import sys
sys.path.insert(0, {PLUGIN!r})
from decoder.wire import Frame, read_frame, write_frame
incoming, out = sys.stdin.buffer, sys.stdout.buffer
"""


def stand_in(path: Path, source: str) -> str:
    """Write a program for the setting ``Python``; return its path.

    ``Frame``, ``read_frame``, ``write_frame``, ``incoming`` and ``out`` are defined in it.
    """
    path.write_text(_BEGINNING + source, "utf-8")
    path.chmod(0o755)
    return str(path)
