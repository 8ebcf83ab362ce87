"""Chromium without its windows, Debian's own, driven by Playwright."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium-headless-shell")
ARTEFACTS = Path(__file__).resolve().parents[1] / "artefacts"
# The tests run as root in a container, and nothing may call home.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def heard(page: Page, events: list[Any], limit: float = 10.0) -> None:
    """Wait for an event; Playwright tells of events only while it is asked something."""
    end = time.monotonic() + limit
    while not events:
        assert time.monotonic() < end, f"nothing within {limit} s"
        page.wait_for_timeout(30)


def meanwhile(page: Page, condition: Callable[[], object], limit: float = 10.0) -> None:
    """Wait until a condition holds elsewhere, and let the routes that a test has put go on."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"not within {limit} s"
        page.wait_for_timeout(30)


@contextmanager
def launched() -> Iterator[Browser]:
    """Give a browser that is closed afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
