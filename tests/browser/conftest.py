"""A real Orthanc and a real browser."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser.chromium import ARTEFACTS, CHROMIUM, launched
from browser.pages_alone import PagesAlone
from browser.phantoms_uploaded import Uploaded, upload
from orthanc_server import USUAL, Server, running

pytest.importorskip("playwright", reason="Playwright is not installed")


@pytest.fixture(scope="module")
def browser():
    """A Chromium for each module: while it is there its event loop runs, and no other can begin."""
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    with launched() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An Orthanc with the shipped configuration, one for each module."""
    with running(tmp_path_factory.mktemp("browser"), USUAL) as server:
        yield server


@pytest.fixture(scope="module")
def uploaded(server: Server) -> Uploaded:
    """The phantoms of `phantoms_uploaded`, annotated."""
    return upload(server)


@pytest.fixture(scope="module")
def untouched() -> dict[str, Any]:
    """Annotations of the uploaded phantoms as `fresh` left them."""
    return {}


@pytest.fixture
def fresh(server: Server, uploaded: Uploaded, untouched: dict[str, Any]) -> Uploaded:
    """The uploaded phantoms without any person's word: those that a test changed are read anew."""
    instances = (*uploaded.agreeing, *uploaded.conflicting)
    addresses = [f"/bodypart/instances/{instance}" for instance in instances]
    for address in addresses:
        if server.request("GET", address).json() != untouched.get(address):
            server.request("DELETE", address)
            server.request("POST", address)
    server.settle()
    untouched.update({address: server.get(address) for address in addresses})
    return uploaded


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Iterator[None]:
    """Keep a picture of the page on which a test failed."""
    report = yield
    page = item.funcargs.get("page")
    if page and report.when == "call" and report.failed:
        ARTEFACTS.mkdir(exist_ok=True)
        with contextlib.suppress(Exception):  # A page that crashed has no picture.
            page.screenshot(path=ARTEFACTS / f"{Path(item.name).name}.png")
    return report


@pytest.fixture
def page(browser):
    """A page that must stay free of errors."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(10_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.errors = errors
    yield page
    context.close()
    # Not every test lets the page end before the server does.
    assert not [error for error in errors if "Failed to load resource" not in error]


@pytest.fixture
def alone(page) -> PagesAlone:
    """The pages without a server."""
    return PagesAlone(page)
