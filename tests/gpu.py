"""Check whether an NVIDIA GPU is used here, answers as the CPU does, and how fast: make gpu-check.

Without a GPU it says why none is used, and succeeds. ``--on cpu`` does the same steps on the CPU,
which shows that they work, and how fast a GPU would have to be.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.encaps import get_frame

from benchmarks.decode import FASTEST
from bodypart.model import BodyPartModel
from bodypart.model.calibration import sigmoid, softmax
from bodypart.network import OUTPUTS
from bodypart.network.local import LocalNetwork
from bodypart.network.provider import why_not_cuda
from bodypart.pixels import read_dataset, read_picture
from bodypart.settings import Settings
from phantoms import draw, file_bytes, radiograph
from service.inference.choice import _NVIDIA
from service.inference.shared import SharedNetwork

MODEL = Path(__file__).resolve().parents[1] / "models" / "bodypart.onnx"
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PARTS = ("chest", "hand", "knee", "pelvis", "skull", "foot")
LARGEST_DIFFERENCE = 1e-3
ASKERS = 16
_LONGEST_START = 60
SECONDS = 1.0
"""Duration of each measurement."""


def why_not() -> str | None:
    """Return why there is nothing to check, None if there is."""
    if not _NVIDIA.exists():
        return "there is no NVIDIA driver on this machine (no /dev/nvidiactl)"
    return why_not_cuda()


def of_the_card() -> dict[str, str]:
    """Return the driver's information: name, memory used and total, driver version."""
    fields = ("name", "memory.used", "memory.total", "driver_version")
    try:
        told = subprocess.run(
            ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader"],
            capture_output=True, text=True, check=True, timeout=30,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return dict.fromkeys(fields, "unknown")
    return dict(zip(fields, map(str.strip, told.splitlines()[0].split(",")), strict=True))


def rate(action: Callable[[], object], each: int) -> float:
    """Return how many a second are done, ``each`` per call; a first call is not timed."""
    action()
    count, started = 0, time.perf_counter()
    while (taken := time.perf_counter() - started) < SECONDS:
        action()
        count += each
    return count / taken


def squares(model: BodyPartModel) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return drawn pictures as the network sees them."""
    return np.concatenate(
        [model.views(draw(part, 400, 360).astype(np.float32))[0] for part in PARTS]
    )


def agreement(model: BodyPartModel, network: LocalNetwork) -> float:
    """Print how far the answers of CPU and GPU differ; return the largest difference."""
    pictures, own = squares(model), model.parameters
    here, there = model.network.run(pictures), network.run(pictures)
    apart = {
        name: float(np.abs(here[name] - there[name]).max() / max(np.abs(here[name]).max(), 1e-6))
        for name in OUTPUTS
    }
    pairs = [
        (softmax(here["logits"], own.temperature), softmax(there["logits"], own.temperature)),
        (sigmoid(here["visible"]), sigmoid(there["visible"])),
        (sigmoid(here["child"]), sigmoid(there["child"])),
    ]
    largest = max(float(np.abs(one - other).max()) for one, other in pairs)
    worst = max(apart, key=lambda name: apart[name])
    print(f"| largest difference of a probability | {largest:.1e} (at most 1e-3) |")
    print(f"| largest difference of an output, part of its range | {apart[worst]:.1e} ({worst}) |")
    return max(largest, apart[worst])


def batches(network: LocalNetwork, size: int, largest: int) -> None:
    """Print how many views a second the network reads, by the size of batches."""
    print("\n| views in a batch | views a second | ms a batch |\n|---|---|---|")
    for count in (batch for batch in BATCHES if batch <= largest):
        pictures = np.random.default_rng(count).uniform(-1, 1, (count, 1, size, size))
        given = pictures.astype(np.float32)
        views = rate(lambda given=given: network.run(given), count)
        print(f"| {count} | {views:,.0f} | {1000 * count / views:.1f} |", flush=True)


def shared(provider: str, shape: tuple[int, ...]) -> None:
    """Print how many pictures a second one process reads for many decoders at once."""
    settings = Settings(python=sys.executable, model=str(MODEL), provider=provider)
    network = SharedNetwork(settings, shape, lambda _: None, provider)
    network.start()
    end = time.monotonic() + _LONGEST_START
    while not network.ready and time.monotonic() < end:
        time.sleep(0.05)
    if not network.ready:
        network.stop()
        print(f"\nThe process for all decoders does not start: {network.down_reason}")
        return
    pictures = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    print("\n| decoders that ask one process | pictures a second | pictures in a batch |")
    print("|---|---|---|")
    for askers in (1, 4, ASKERS):
        before = network.to_json()["batches"]
        counts = [0] * askers
        until = time.perf_counter() + 2 * SECONDS

        def ask(number: int, counts: list[int] = counts, until: float = until) -> None:
            while time.perf_counter() < until:
                network.run(pictures)
                counts[number] += 1

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(askers)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken = time.perf_counter() - started
        runs = network.to_json()["batches"] - before
        together = sum(counts) / max(1, runs)
        print(f"| {askers} | {sum(counts) / taken:,.0f} | {together:.1f} |", flush=True)
    network.stop()


def decoders_of_the_gpu() -> tuple[Callable[[bytes], Any] | None, str]:
    """Return NVIDIA's decoder, or None and why there is none."""
    try:
        from nvidia import nvimgcodec
    except ImportError:
        return None, "nvidia-nvimgcodec is not installed"
    try:
        decoder = nvimgcodec.Decoder()
        params = nvimgcodec.DecodeParams(
            allow_any_depth=True, color_spec=nvimgcodec.ColorSpec.UNCHANGED
        )
    except Exception as error:  # its exceptions have no common public base
        return None, f"nvidia-nvimgcodec does not start: {type(error).__name__}"

    def decode(code: bytes) -> Any:
        image = decoder.decode(nvimgcodec.CodeStream(code), params=params)
        if image is None:
            raise ValueError("not decoded")
        return image.cpu()

    return decode, ""


def decoding() -> None:
    """Print how long a film takes to decode on a core, and on the GPU, by transfer syntax."""
    decode, reason = decoders_of_the_gpu()
    print("\n| one film, 3000 x 2500, 12 bit | CPU, one core, ms | GPU, ms |\n|---|---|---|")
    for syntax, alone in FASTEST.items():
        bits = 8 if syntax.keyword == "JPEGBaseline8Bit" else 12
        data = file_bytes(radiograph("chest", 3_000, 2_500, bits=bits, syntax=syntax))
        dataset = read_dataset(data)
        here = 1000 / rate(lambda dataset=dataset: read_picture(dataset), 1)
        told = ""
        if decode and alone is not None:
            code = get_frame(bytes(dataset.PixelData), 0, number_of_frames=1)
            try:
                told = f"{1000 / rate(lambda code=code: decode(code), 1):.1f}"
            except Exception as error:
                told = type(error).__name__
        print(f"| {syntax.keyword} | {here:.1f} | {told or '–'} |", flush=True)
    if reason:
        print(f"\nNothing was decoded on a GPU: {reason}.")


def main() -> int:
    """Print the tables; return 1 if GPU and CPU do not agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--largest", type=int, default=BATCHES[-1], help="of the batches")
    parser.add_argument("--no-decoding", action="store_true")
    given = parser.parse_args()
    if given.on == "cuda" and (reason := why_not()):
        print(f"No GPU is used here: {reason}.")
        return 0
    model = BodyPartModel.load(MODEL, provider="cpu")
    network = LocalNetwork.load(MODEL, given.on)
    if network.provider != given.on:
        print(f"No GPU is used here: {network.warning}.")
        return 0
    print("| what | here |\n|---|---|")
    if given.on == "cuda":
        card = of_the_card()
        print(f"| GPU | {card['name']}, driver {card['driver_version']} |")
    else:
        print("| GPU | none; the same way on the CPU |")
    print(f"| processor | {platform.machine()}, {os.cpu_count()} cores |")
    print(f"| provider | {network.provider} |")
    apart = agreement(model, network)
    own = model.parameters
    batches(network, own.size, given.largest)
    shared(given.on, (max(1, len(own.sides)), 1, own.size, own.size))
    if given.on == "cuda":
        card = of_the_card()
        print(f"\nMemory of the GPU: {card['memory.used']} of {card['memory.total']} in use.")
    if not given.no_decoding:
        decoding()
    if apart > LARGEST_DIFFERENCE:
        print(f"\nThe answers of {given.on} and CPU are too far apart.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
