"""Waiting in tests for what happens in another thread, process or page."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(condition: Callable[[], object], limit: float = 10.0) -> None:
    """Wait until a condition holds.

    For conditions in a browser too: Playwright's own ``wait_for_function`` evaluates text in the
    page, which our content security policy forbids.
    """
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"not within {limit} s"
        time.sleep(0.01)
