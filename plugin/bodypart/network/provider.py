"""Chooses where the network runs, and finds out why a GPU that was asked for is not used."""

from __future__ import annotations

import ctypes
import os
from typing import Literal

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime >= 1.29 phones home

import onnxruntime

Provider = Literal["auto", "cuda", "cpu"]

CUDA_PROVIDER = "CUDAExecutionProvider"
CPU_PROVIDER = "CPUExecutionProvider"

CUDA_LIBRARIES = (
    ("libcuda.so.1",),
    ("libcudart.so.13", "libcudart.so.12"),
    ("libcudnn.so.9",),
)
"""Libraries that the CUDA provider loads; each entry lists the versions that its builds need."""


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def missing_cuda_library() -> str | None:
    """Return the first library that CUDA lacks on this machine, None if all load.

    onnxruntime itself claims CUDA if its GPU build is installed, and falls back without a word.
    """
    if not _loads(CUDA_LIBRARIES[0][0]):
        return CUDA_LIBRARIES[0][0]
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()
    for names in CUDA_LIBRARIES[1:]:
        if not any(_loads(name) for name in names):
            return names[0]
    return None


def why_not_cuda() -> str | None:
    """Return why the GPU cannot be used, as a clause; None if it can be tried."""
    if CUDA_PROVIDER not in onnxruntime.get_available_providers():
        return "the installed onnxruntime is built without CUDA (install requirements-gpu.lock)"
    missing = missing_cuda_library()
    return f"{missing} does not load" if missing else None


def providers(wanted: Provider) -> tuple[list[str], str | None]:
    """Return the providers to ask for, best first, and a warning if the GPU cannot be used.

    Parameters
    ----------
    wanted : str
        ``cuda``, ``cpu``, or ``auto``: CUDA if it can run, else the CPU without a warning.
    """
    if wanted == "cpu":
        return [CPU_PROVIDER], None
    reason = why_not_cuda()
    if reason is None:
        return [CUDA_PROVIDER, CPU_PROVIDER], None
    return [CPU_PROVIDER], f"the model runs on the CPU: {reason}" if wanted == "cuda" else None
