"""Decoders ask back: the same answers wherever the network runs, and distrust of what they ask."""

import json
import sys
import threading
import time

import numpy as np
import pytest

from bodypart.model.panels import MOST
from bodypart.model.parameters import read_parameters
from bodypart.network import LOOKS, NetworkError
from bodypart.network.local import LocalNetwork
from bodypart.network.tensors import pictures_from
from bodypart.settings import Settings
from inference_server import InferenceServer
from phantoms import dataset_of, draw, file_bytes, radiograph
from service.decoders.elsewhere import NetworkDownError
from service.decoders.pool import DecoderDiedError, DecoderPool, EngineDownError, RefusedError
from service.inference.choice import network_of
from service.inference.shared import SharedNetwork
from shipped import MODEL
from stand_in import stand_in
from waiting import eventually

DESCRIBED = read_parameters(MODEL)
SHAPE = (len(DESCRIBED.sides), 1, DESCRIBED.size, DESCRIBED.size)
LONGEST_START = 60.0


class Elsewhere:
    """The model in this process, and whatever is to go wrong."""

    provider = "remote"
    shape = SHAPE

    def __init__(self, *, own_too=False):
        self.own_too = own_too
        self.down_reason = None
        self.error = None
        self.asked = 0
        self._local = LocalNetwork.load(MODEL, "cpu")

    @property
    def ready(self):
        return self.down_reason is None

    def start(self):
        """Be there."""

    stop = start

    def run(self, pictures):
        self.asked += 1
        if self.error:
            raise self.error
        return self._local.run(pictures)

    def to_json(self):
        return {}


@pytest.fixture
def decoders():
    started = []

    def started_with(network, **settings):
        own = {"python": sys.executable, "model": str(MODEL), "provider": "cpu", **settings}
        decoders = DecoderPool(Settings(**own), lambda _: None, None, network)
        started.append(decoders)
        decoders.start()
        eventually(lambda: decoders.running, LONGEST_START)
        return decoders

    yield started_with
    for decoders in started:
        decoders.stop()


def knee():
    return file_bytes(radiograph("knee", 300, 260, StudyDescription="Knie rechts"))


def read(decoders, data):
    answer, _ = decoders.ask("annotate", {"instance": "i"}, data)
    return answer["annotation"]


def test_the_answer_is_the_same_wherever_the_network_runs(decoders):
    inside, elsewhere = decoders(None), Elsewhere()
    outside = decoders(elsewhere)
    data = knee()
    own, asked = read(inside, data), read(outside, data)
    assert elsewhere.asked == 1
    assert {**own, "annotated_at": ""} == {**asked, "annotated_at": ""}
    assert (inside.provider, outside.provider) == ("cpu", "remote")
    heat = {"label": "knee", "over": "picture"}
    assert outside.ask("heatmap", heat, data)[1] == inside.ask("heatmap", heat, data)[1]
    assert elsewhere.asked == 2


def test_what_is_rejected_is_looked_at_again_wherever_the_network_runs(decoders):
    elsewhere = Elsewhere()
    films = np.block([[np.pad(draw("hand", 400, 320), 15)] * 3] * (MOST // 3))
    data = file_bytes(dataset_of(films))
    own, asked = read(decoders(None), data)["image"], read(decoders(elsewhere), data)["image"]
    assert own == asked
    assert not own["rejected"]
    assert 1 + MOST <= elsewhere.asked <= LOOKS


def test_while_it_is_down_pictures_wait_and_the_rest_goes_on(decoders):
    elsewhere = Elsewhere()
    asking = decoders(elsewhere)
    elsewhere.down_reason = "the inference server is away"
    assert (asking.ready, asking.running) == (False, True)
    assert asking.down_reason == "the inference server is away"
    with pytest.raises(EngineDownError, match="is away"):
        read(asking, knee())
    assert asking.ask("headers", {}, knee())[1]


def test_trouble_amid_a_question_is_told_by_its_kind_and_the_decoder_lives(decoders):
    elsewhere = Elsewhere()
    asking = decoders(elsewhere)
    elsewhere.error = NetworkDownError("no answer: ReadTimeoutError")
    with pytest.raises(EngineDownError, match="no answer"):
        read(asking, knee())
    elsewhere.error = NetworkError("it answers 400")
    with pytest.raises(RefusedError, match="it answers 400"):
        read(asking, knee())
    elsewhere.error = None
    assert read(asking, knee())["image"]["top"]


def test_with_a_network_of_their_own_decoders_do_without(decoders):
    elsewhere = Elsewhere(own_too=True)
    asking = decoders(elsewhere)
    expected = read(asking, knee())
    elsewhere.error, elsewhere.down_reason = NetworkDownError("away"), "away"
    assert asking.ready
    assert (asking.provider, asking.warning) == ("cpu", "the model runs on the CPU: away")
    assert read(asking, knee())["image"] == expected["image"]


def test_waiting_for_the_network_is_not_the_decoder_s_time(decoders):
    elsewhere = Elsewhere()
    asking = decoders(elsewhere, time_limit=3.0)
    run = elsewhere.run

    def slowly(pictures):
        time.sleep(4)
        return run(pictures)

    elsewhere.run = slowly
    assert read(asking, knee())["status"] == "done"


HOSTILE = """
question = read_frame(incoming)
model = {{"name": "m", "version": "1", "sha256": ""}}
hello = {{"model": model, "labels": [], "provider": "remote", "warning": None}}
write_frame(out, Frame(hello, number=question.number))
while True:
    question = read_frame(incoming)
    {trick}
    write_frame(out, Frame({{"error": "NetworkError", "details": ""}}, number=question.number))
"""
WHOLE = "bytes(4 * 2 * 160 * 160)"
TRICKS = {
    "too often": (
        f"[(write_frame(out, Frame({{'network': 2}}, {WHOLE})), read_frame(incoming))"
        f" for _ in range({LOOKS + 1})]"
    ),
    "huge": "write_frame(out, Frame({'network': 2}, bytes(2**24)))",
    "other": "write_frame(out, Frame({'network': 2}, b'name of a patient'))",
    "with more": f"write_frame(out, Frame({{'network': 2, 'patient': 'x'}}, {WHOLE}))",
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_decoder_that_asks_for_what_none_asks_for_is_killed(decoders, tmp_path, trick):
    program = stand_in(tmp_path / "hostile", HOSTILE.format(trick=TRICKS[trick]))
    asking = decoders(Elsewhere(), python=program)
    with pytest.raises(DecoderDiedError, match="cannot be trusted"):
        read(asking, b"")


@pytest.mark.parametrize(
    "data", [b"name of a patient", b"\xff" * (4 * 2 * 160 * 160), np.full(SHAPE, 2, "f4").tobytes()]
)
def test_what_is_no_picture_does_not_pass(data):
    with pytest.raises(ValueError, match="pictures"):
        pictures_from(data, SHAPE)


def test_nothing_of_a_header_reaches_the_server(decoders):
    data = file_bytes(
        radiograph("knee", 300, 260, PatientName="Geheim^Vorname", StudyDescription="Knie Geheim")
    )
    with InferenceServer() as server:
        settings = Settings(provider="remote", model=str(MODEL), server={"Url": server.url})
        asking = decoders(network_of(settings, lambda _: None), provider="remote")
        eventually(lambda: asking.ready, LONGEST_START)
        assert read(asking, data)["header"]["label"] == "knee"
        body, headers = server.asked[-1], server.headers[-1]
    question = json.loads(body[: int(headers["Inference-Header-Content-Length"])])
    assert question["inputs"][0].keys() == {"name", "shape", "datatype", "parameters"}
    assert not [sent for sent in server.asked if b"Geheim" in sent or b"Vorname" in sent]
    assert "Geheim" not in str(headers)


def test_one_process_serves_all_decoders_in_batches_and_its_death_is_bridged(decoders):
    settings = Settings(python=sys.executable, model=str(MODEL), provider="cpu")
    shared = SharedNetwork(settings, SHAPE, lambda _: None, provider="cpu")
    asking = decoders(shared, workers=2)
    eventually(lambda: shared.ready, LONGEST_START)
    expected = read(decoders(None), knee())["image"]
    assert read(asking, knee())["image"] == expected
    pictures = np.random.default_rng(0).uniform(-1, 1, SHAPE).astype(np.float32)
    alone = shared.run(pictures)
    given = []
    threads = [
        threading.Thread(target=lambda: given.append(shared.run(pictures))) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.allclose(one["logits"], alone["logits"], atol=1e-4) for one in given)
    told = shared.to_json()
    assert told["questions"] == 14
    assert told["batches"] < told["questions"]
    locked = asking.hello["lockdown"]
    assert told["lockdown"]["held"].keys() == locked["held"].keys()
    assert told["lockdown"]["missing"] == locked["missing"]
    shared._process.kill()
    assert read(asking, knee())["image"] == expected
    eventually(lambda: shared.ready, LONGEST_START)


def test_one_that_runs_elsewhere_than_it_should_is_not_kept(decoders):
    """As on a machine with a GPU whose onnxruntime has no CUDA."""
    settings = Settings(python=sys.executable, model=str(MODEL), provider="cuda")
    shared = SharedNetwork(settings, SHAPE, lambda _: None)
    asking = decoders(shared)
    eventually(lambda: shared.down_reason != "the network's process is starting", LONGEST_START)
    assert asking.warning.startswith("the model runs on the CPU: the installed onnxruntime")
    assert asking.provider == "cpu"
    assert read(asking, knee())["image"]["top"]
    assert shared._process.poll() is not None


def test_without_a_gpu_each_decoder_runs_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr("service.inference.choice._NVIDIA", tmp_path / "none")
    for provider in ("auto", "cuda", "cpu"):
        assert network_of(Settings(provider=provider, model=str(MODEL)), lambda _: None) is None
    monkeypatch.setattr("service.inference.choice._NVIDIA", tmp_path)
    assert network_of(Settings(provider="cpu", model=str(MODEL)), lambda _: None) is None
    assert isinstance(
        network_of(Settings(provider="auto", model=str(MODEL)), lambda _: None), SharedNetwork
    )
