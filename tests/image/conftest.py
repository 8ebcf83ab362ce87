"""The image, built once, and containers of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from image.containers import Container, build, buildah
from orthanc_server import require


@pytest.fixture(scope="session")
def image() -> Iterator[str]:
    """The image of this checkout."""
    require("sid")
    if not shutil.which("buildah"):
        pytest.skip("there is no buildah")
    name = build()
    yield name
    buildah("rmi", name)


@pytest.fixture
def started(image: str, tmp_path: Path) -> Iterator[Callable[..., Container]]:
    """Start the image, see `Container`."""
    running: list[Container] = []

    def start(*given: object, **options: object) -> Container:
        log = tmp_path / f"log{len(running)}"
        running.append(Container(image, log, *given, **options))
        return running[-1]

    yield start
    for container in running:
        container.close()
