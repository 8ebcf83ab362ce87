"""What asking an inference server takes, beside running the network in the decoder.

A real Triton on this machine, one thread each; the network of both is onnxruntime's. Clients and
runtimes that are not installed are left out.

python tests/benchmarks/inference.py
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import requests

from bodypart.network import INPUT, OUTPUTS
from bodypart.network.golden import Golden
from bodypart.network.local import LocalNetwork
from bodypart.settings import Settings
from phantoms import file_bytes, radiograph
from service.decoders.pool import DecoderPool
from service.inference.choice import network_of
from service.inference.open_inference import OpenInferenceServer
from service.inference.server_settings import ServerSettings
from triton_server import Triton

MODEL = Path(__file__).resolve().parents[2] / "models" / "bodypart.onnx"
ROUNDS = 150
_SINGLE = {"INFERENCE_PRECISION_HINT": "f32"}


def fast(tasks: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Return what each task takes when little is in its way: the fastest tenth, in milliseconds.

    They take turns, each round in another order, so that what else the machine does hits all.
    """
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for task in tasks.values():
        task()
    shuffled, chance = list(tasks), random.Random(0)
    for _ in range(rounds):
        chance.shuffle(shuffled)
        for name in shuffled:
            started = time.perf_counter()
            tasks[name]()
            taken[name].append(1000 * (time.perf_counter() - started))
    return {name: statistics.quantiles(times, n=10)[0] for name, times in taken.items()}


def by_requests(url: str, pictures: np.ndarray) -> Callable[[], object]:
    """Return the same request with the client that is best known."""
    session = requests.Session()
    session.trust_env = False
    tensor = {"name": INPUT, "shape": list(pictures.shape), "datatype": "FP32"}
    tensor["parameters"] = {"binary_data_size": pictures.nbytes}
    outputs = [{"name": name, "parameters": {"binary_data": True}} for name in OUTPUTS]

    def ask() -> bytes:
        head = json.dumps({"inputs": [tensor], "outputs": outputs}).encode()
        return session.post(
            f"{url}/v2/models/bodypart/infer",
            data=head + pictures.tobytes(),
            headers={"Inference-Header-Content-Length": str(len(head))},
            timeout=10,
        ).content

    return ask


def by_tritonclient(url: str, pictures: np.ndarray) -> Callable[[], object] | None:
    """Return it with NVIDIA's client, None where that is not installed."""
    try:
        from tritonclient import http
    except ImportError:
        return None
    client = http.InferenceServerClient(url.removeprefix("http://"))

    def ask() -> object:
        tensor = http.InferInput(INPUT, list(pictures.shape), "FP32")
        tensor.set_data_from_numpy(pictures)
        outputs = [http.InferRequestedOutput(name) for name in OUTPUTS]
        answer = client.infer("bodypart", [tensor], outputs=outputs)
        return [answer.as_numpy(name) for name in OUTPUTS]

    return ask


def pool(**settings: object) -> DecoderPool:
    """Return a decoder that is ready."""
    own = {"python": sys.executable, "model": str(MODEL), **settings}
    checked = Settings(**own)
    started = DecoderPool(checked, lambda _: None, None, network_of(checked, lambda _: None))
    started.start()
    while not started.ready:
        time.sleep(0.05)
    return started


def main() -> None:
    """Print the tables."""
    # As decoders are: a server that stands back for nobody would win on a busy machine.
    os.nice(19)
    with tempfile.TemporaryDirectory() as folder:
        triton = Triton(Path(folder)).start()
        try:
            measure(triton.url)
        finally:
            triton.stop()


def measure(url: str) -> None:
    """Measure the network alone, then whole pictures."""
    sha256 = json.loads(MODEL.with_suffix(".json").read_text())["sha256"]
    golden = Golden.read(MODEL, sha256)
    pictures = np.ascontiguousarray(golden.pictures[: golden.views])
    local = LocalNetwork.load(MODEL, "cpu")
    server = OpenInferenceServer(ServerSettings(url))
    tasks: dict[str, Callable[[], object]] = {
        "in process": lambda: local.run(pictures),
        "Triton, our client (urllib3)": lambda: server.infer(pictures),
        "Triton, `tritonclient[http]`": by_tritonclient(url, pictures) or (lambda: None),
        "Triton, `requests`": by_requests(url, pictures),
        "Triton, our client by JSON": lambda: server.infer(pictures, binary=False),
    }
    took = fast(tasks)
    print(f"| the {len(pictures)} views of an answer, one thread | ms, the fastest tenth | ratio |")
    print("|---|---|---|")
    for name, milliseconds in took.items():
        if milliseconds > 0.01:
            print(f"| {name} | {milliseconds:.1f} | {milliseconds / took['in process']:.2f} |")
    inside, outside = pool(provider="cpu"), pool(provider="remote", server={"Url": url})
    print("\n| one film to its answer, one decoder | in process, ms | Triton, ms | ratio |")
    print("|---|---|---|---|")
    for title, rows, columns in (("720 x 600", 720, 600), ("3000 x 2500, 15 MB", 3000, 2500)):
        data = file_bytes(radiograph("hand", rows, columns))
        took = fast(
            {
                name: lambda one=one, data=data: one.ask("annotate", {"instance": "i"}, data)
                for name, one in (("inside", inside), ("outside", outside))
            },
            40,
        )
        ratio = took["outside"] / took["inside"]
        print(f"| {title} | {took['inside']:.1f} | {took['outside']:.1f} | {ratio:.2f} |")
    inside.stop()
    outside.stop()
    precision(golden)


def precision(golden: Golden) -> None:
    """Print how far the answers of OpenVINO's runtime are off, as it comes and as it should be."""
    try:
        import openvino
    except ImportError:
        return
    core = openvino.Core()
    network = core.read_model(MODEL)
    print("\n| OpenVINO | largest difference, part of an output's range | is told |\n|---|---|---|")
    for title, hint in (("as it comes", {}), ("`INFERENCE_PRECISION_HINT` f32", _SINGLE)):
        compiled = core.compile_model(network, "CPU", hint)
        given = compiled(golden.pictures)
        answers = {
            name: given[port] for port in compiled.outputs for name in port.names if name in OUTPUTS
        }
        off = max(
            float(np.abs(answers[name] - rows).max() / np.abs(rows).max())
            for name, rows in golden.answers.items()
        )
        told = golden.difference(answers) or "nothing: it is taken"
        print(f"| {title} | {off:.1e} | {told} |")


if __name__ == "__main__":
    main()
