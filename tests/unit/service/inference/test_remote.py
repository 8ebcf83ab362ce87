"""An inference server is believed once it answers as the model does, and as long as it does."""

import subprocess
import time

import numpy as np
import pytest

from bodypart.model.parameters import read_parameters
from bodypart.network import OUTPUTS, NetworkError
from bodypart.network.golden import Golden
from inference_server import MODEL, InferenceServer
from service.decoders.elsewhere import NetworkDownError
from service.inference.open_inference import OpenInferenceServer
from service.inference.remote import RemoteNetwork
from service.inference.server_settings import ServerSettings
from waiting import eventually


@pytest.fixture(scope="module")
def golden():
    return Golden.read(MODEL, read_parameters(MODEL).sha256)


@pytest.fixture
def server():
    with InferenceServer() as server:
        yield server


@pytest.fixture
def network(golden):
    started = []

    def started_on(server, **section):
        settings = ServerSettings.parse({"Url": server.url, **section})
        network = RemoteNetwork(OpenInferenceServer(settings), settings, golden, lambda _: None)
        started.append(network)
        network.start()
        eventually(lambda: network.down_reason != "the inference server was not asked yet")
        return network

    yield started_on
    for network in started:
        network.stop()


def bfloat16(rows):
    """Round to the seven bits that OpenVINO computes with, by itself, on processors that can."""
    return ((rows.view(np.uint32) + 0x8000) & 0xFFFF0000).view(np.float32)


def precise(answers):
    """An error as large as OpenVINO's with bfloat16 on the shipped model: 2 % of the range."""
    return {name: rows + np.float32(0.02) * np.abs(rows).max() for name, rows in answers.items()}


def test_the_model_s_own_answers_come_back(server, network, golden):
    remote = network(server)
    assert remote.ready
    answers = remote.run(golden.pictures[: golden.views])
    for name in OUTPUTS:
        expected = golden.answers[name][: golden.views]
        assert answers[name] == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_a_server_without_binary_tensors_is_asked_by_json(server, network, golden):
    server.binary = False
    remote = network(server)
    assert remote.ready
    assert remote.run(golden.pictures[:2])["logits"].shape[0] == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (precise, "less than single precision"),
        (
            lambda answers: {n: np.roll(a, 1, axis=-1) for n, a in answers.items()},
            "another version",
        ),
        (lambda answers: {n: a for n, a in answers.items() if n != "cam"}, "the output cam"),
        (lambda answers: {n: a * np.nan for n, a in answers.items()}, "no numbers"),
        (lambda answers: {n: a[:, :1] for n, a in answers.items()}, "has the shape"),
    ],
)
def test_what_answers_otherwise_is_not_ready_and_says_how(server, network, change, told):
    server.change = change
    remote = network(server)
    assert not remote.ready
    assert told in remote.down_reason
    with pytest.raises(NetworkDownError):
        remote.run(np.zeros(remote.shape, np.float32))


@pytest.mark.parametrize(
    ("describe", "told"),
    [
        (lambda m: {**m, "outputs": m["outputs"][:-1]}, "lacks the outputs cam"),
        (lambda m: {**m, "inputs": [{**m["inputs"][0], "name": "x"}]}, "no input picture"),
        (lambda m: {**m, "inputs": [{**m["inputs"][0], "datatype": "FP16"}]}, "FP16"),
        (lambda m: {**m, "inputs": [{**m["inputs"][0], "shape": [-1, 3, 9, 9]}]}, "shape"),
        (lambda _: {"name": "bodypart"}, "metadata"),
        (lambda _: [], "not JSON"),
    ],
)
def test_metadata_of_another_model_are_told(server, network, describe, told):
    server.describe = describe
    remote = network(server)
    assert not remote.ready
    assert told in remote.down_reason


def test_bfloat16_alone_in_the_outputs_is_seen(golden):
    answers = {name: bfloat16(rows) for name, rows in golden.answers.items()}
    assert "less than single precision" in golden.difference(answers)


def test_one_that_comes_back_is_used_again(server, network, golden):
    remote = network(server)
    server.status = 503
    with pytest.raises(NetworkDownError, match="503"):
        remote.run(golden.pictures[:2])
    assert not remote.ready
    server.status = 200
    eventually(lambda: remote.ready)


def test_another_version_is_checked_before_its_answers_are_used(server, network, golden):
    remote = network(server)
    server.version = "2"
    with pytest.raises(NetworkDownError, match="another version"):
        remote.run(golden.pictures[:2])
    eventually(lambda: remote.ready)
    assert remote.to_json()["version"] == "2"


def test_a_version_that_answers_otherwise_is_never_the_checked_one(server, network, golden):
    remote = network(server)
    server.version, server.change = "2", precise
    with pytest.raises(NetworkDownError, match="another version"):
        remote.run(golden.pictures[:2])
    eventually(lambda: "less than single precision" in (remote.down_reason or ""))
    assert remote.to_json()["version"] != "2"


def test_a_refusal_is_the_pictures_and_the_server_stays(server, network, golden):
    remote = network(server)
    server.status = 400
    with pytest.raises(NetworkError, match="400: not like this") as caught:
        remote.run(golden.pictures[:2])
    assert not isinstance(caught.value, NetworkDownError)
    assert remote.ready


def test_a_server_that_hangs_is_left_after_the_timeout(server, network, golden):
    remote = network(server, Timeout=2)
    server.delay = 4
    started = time.monotonic()
    with pytest.raises(NetworkDownError, match="no answer"):
        remote.run(golden.pictures[:2])
    assert time.monotonic() - started < 3.5


def test_an_answer_that_trickles_in_is_cut_off(server, network, golden):
    remote = network(server, Timeout=1)
    server.trickle = 0.5
    started = time.monotonic()
    with pytest.raises(NetworkDownError, match="takes too long"):
        remote.run(golden.pictures[:2])
    assert time.monotonic() - started < 4


def test_idle_connections_that_the_server_closed_cost_nobody_an_answer(server, network, golden):
    server.rude = True
    remote = network(server)
    for _ in range(3):
        assert remote.run(golden.pictures[:2])["view"].shape == (2, 3)
        time.sleep(0.05)


ODD = [
    b"",
    b"\xff\xfe",
    b"[]",
    b"{}",
    b'{"outputs": 5}',
    b'{"outputs": [{"name": [], "datatype": "FP32", "shape": [1], "data": [1]}]}',
    b'{"outputs": [{"name": "view", "datatype": "FP32", "shape": [1e999], "data": [1]}]}',
    b'{"outputs": [{"name": "view", "datatype": "FP32", '
    b'"shape": [9999999999999999999], "data": []}]}',
    b'{"outputs": [{"name": "view", "datatype": "FP32", "shape": [3], "data": ["x", {}, null]}]}',
    b'{"outputs": [{"name": "view", "datatype": "FP32", "shape": [-1], "parameters": '
    b'{"binary_data_size": -8}}]}',
    b'{"outputs": [{"name": "view", "datatype": "FP16", "shape": [0], "data": []}]}',
    b'{"outputs":' + b"[" * 5000,
]


def test_an_invalid_answer_is_an_error_of_the_network(server):
    client = OpenInferenceServer(ServerSettings.parse({"Url": server.url}))
    for body in ODD:
        for length in (None, "5", "9" * 5000, "-1"):
            server.answer = lambda *_, body=body, length=length: (body, length)
            with pytest.raises(NetworkError):
                client.infer(np.zeros((1, 1, 8, 8), np.float32))
    client.close()


def test_redirects_are_not_followed(server, network):
    server.status = 307
    remote = network(server)
    assert not remote.ready
    assert "307" in remote.down_reason


def test_the_token_is_sent_read_anew_and_told_nowhere(server, network, golden, tmp_path):
    file = tmp_path / "token"
    file.write_text("first-word\n")
    remote = network(server, TokenFile=str(file))
    assert server.headers[-1]["Authorization"] == "Bearer first-word"
    file.write_text("second-word\n")
    remote.run(golden.pictures[:2])
    assert server.headers[-1]["Authorization"] == "Bearer second-word"
    assert "word" not in str(remote.to_json())


def test_proxies_of_the_environment_get_nothing(server, network, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert network(server).ready


@pytest.fixture
def certificate(tmp_path):
    file = tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command, "-keyout", tmp_path / "key.pem", "-out", file], check=True, capture_output=True
    )
    whole = tmp_path / "whole.pem"
    whole.write_bytes(file.read_bytes() + (tmp_path / "key.pem").read_bytes())
    return file, whole


def test_tls_is_checked_by_the_given_authority(network, certificate):
    file, whole = certificate
    with InferenceServer(whole) as server:
        assert network(server, CaFile=str(file)).ready
        stranger = network(server)
        assert not stranger.ready
        assert "certificate is not trusted" in stranger.down_reason


def test_only_pictures_travel(server, network, golden):
    remote = network(server)
    remote.run(golden.pictures[:2])
    body = server.asked[-1]
    length = int(server.headers[-1]["Inference-Header-Content-Length"])
    assert body[length:] == golden.pictures[:2].tobytes()
    assert server.headers[-1].keys() <= {
        *("Host", "Content-Length", "Content-Type", "User-Agent", "Accept-Encoding"),
        "Inference-Header-Content-Length",
    }
