"""Real Orthancs: Debian 12's own, and the newer one where the chroot is there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orthanc_server import Server, targets

KNOWN = ("bookworm", "trixie")


def need(target: str) -> None:
    """Skip, with the reason, where there is no such Orthanc."""
    if target not in targets():
        pytest.skip(f"there is no Orthanc of {target} here (see tests/newer_orthanc.sh)")


@pytest.fixture(scope="module", params=KNOWN)
def orthanc(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A running Orthanc with the shipped configuration, one for each module and version."""
    need(request.param)
    server = Server(tmp_path_factory.mktemp(request.param), request.param)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Make Orthancs of one's own, with a configuration; they are closed after the test."""
    need("bookworm")
    made: list[Server] = []

    def make(configuration: dict | None = None, **options) -> Server:
        server = Server(
            tmp_path / f"server{len(made)}", configuration=configuration or {}, **options
        )
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()
