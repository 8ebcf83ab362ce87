"""Real Orthancs: Debian 12's own, and the newer ones where their chroots are there.

Whatever a test asks them, each answer of the REST API must have the shape that is documented.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from answer_shapes import check
from orthanc_server import KNOWN, USUAL, Server, require, running


@pytest.fixture(scope="module", params=KNOWN)
def orthanc(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A running Orthanc with the shipped configuration, one for each module and version."""
    with running(tmp_path_factory.mktemp(request.param), request.param) as server:
        server.session.hooks["response"].append(check)
        yield server


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Make Orthancs of one's own, with a configuration; they are closed after the test.

    They are Debian 12's, or those of the Debian that `make integration ON=sid` names.
    """
    require(USUAL)
    made: list[Server] = []

    def make(configuration: dict | None = None, **options) -> Server:
        options.setdefault("target", USUAL)
        server = Server(
            tmp_path / f"server{len(made)}", configuration=configuration or {}, **options
        )
        server.session.hooks["response"].append(check)
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()
