"""Orthanc with a real inference server: Triton, on the repository that is shipped."""

import pytest

from phantoms import file_bytes, radiograph
from triton_server import Triton


@pytest.fixture
def triton(tmp_path):
    server = Triton(tmp_path / "triton")
    yield server.start()
    server.stop()


def beside(triton, **section):
    return {
        "BodyPart": {
            "Workers": 2,
            "Provider": "remote",
            "Server": {"Url": triton.url, "Timeout": 5, **section},
        }
    }


def answered(annotation):
    return {name: annotation[name] for name in ("examined", "visible", "group", "image", "child")}


def test_triton_answers_for_the_decoders_goes_away_and_comes_back(make_server, triton):
    server = make_server(beside(triton)).start()
    status = server.status()
    assert (status["provider"], status["ready"]) == ("remote", True)
    assert status["network"]["version"] == "1"
    files = [file_bytes(radiograph(part, 200, 160)) for part in ("knee", "hand", "chest")]
    served = [answered(server.annotation(server.upload(data))) for data in files]
    assert triton.statistics()["inferences"] >= 3
    server.quieten()
    # Gone: what arrives waits, what a person asks for is told why not.
    triton.stop()
    response = server.request("POST", "/bodypart/classify", data=files[0])
    assert response.status_code == 503
    assert "inference server" in response.text
    assert not server.status()["ready"]
    waiting = [server.upload(file_bytes(radiograph(part, 200, 160))) for part in ("foot", "skull")]
    # One whose entry in the change log is still unread counts twice for a moment.
    server.wait_until(lambda: server.status()["queue"]["pending"] == len(waiting), 10)
    triton.start()
    server.settle()
    assert {server.annotation(instance)["status"] for instance in waiting} == {"done"}
    server.stop()
    # The same files without it.
    alone = make_server().start()
    assert [answered(alone.annotation(alone.upload(data))) for data in files] == served


def test_a_triton_with_less_precision_is_not_ready(make_server, tmp_path):
    halved = Triton(tmp_path / "triton", halved=True).start()
    try:
        server = make_server(beside(halved)).start(wait=False)
        server.wait_until(server._answers)
        server.wait_until(lambda: "precision" in (server.status()["reason"] or ""))
        assert not server.status()["ready"]
    finally:
        halved.stop()


def test_with_the_fallback_decoders_do_without(make_server, tmp_path):
    gone = Triton(tmp_path / "triton")  # never started
    server = make_server(beside(gone, Fallback="cpu")).start()
    status = server.status()
    assert (status["provider"], status["ready"]) == ("cpu", True)
    assert "the inference server is away" in status["warning"]
    instance = server.upload(file_bytes(radiograph("knee", 200, 160)))
    assert server.annotation(instance)["image"]["top"]
