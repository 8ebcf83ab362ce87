"""A real Triton Inference Server for tests, from NVIDIA's package pytriton.

The package has the server and its Python backend, but not ONNX Runtime: so it serves the shipped
repository with a few lines of Python in place of the ONNX file.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy
import pytest
import requests

from orthanc_server import ROOT, free_port

REPOSITORY = ROOT / "models/triton"
_MODEL = """\
import sys
sys.path.insert(0, {packages!r})
import numpy as np
import onnxruntime
import triton_python_backend_utils as triton


class TritonPythonModel:
    def initialize(self, _):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession({model!r}, options)
        self.names = [output.name for output in self.session.get_outputs()]

    def execute(self, requests):
        # By DLPack, as the backend was built for an older numpy.
        given = [triton.get_input_tensor_by_name(one, "picture") for one in requests]
        given = [np.from_dlpack(tensor) for tensor in given]
        outputs = self.session.run(self.names, {{"picture": np.concatenate(given)}})
        if {halved!r}:
            outputs = [rows.astype("f2").astype("f4") for rows in outputs]
            outputs = [(rows.view("u4") & 0xFFFF0000).view("f4") for rows in outputs]
        responses, start = [], 0
        for rows in given:
            end = start + len(rows)
            parts = [np.ascontiguousarray(output[start:end]) for output in outputs]
            tensors = map(triton.Tensor.from_dlpack, self.names, parts)
            responses.append(triton.InferenceResponse(list(tensors)))
            start = end
        return responses
"""


class Triton:
    """A server that is started for a test and ended after it.

    Parameters
    ----------
    folder : Path
        Folder for its repository.
    halved : bool
        Whether to cut its answers to half precision and bfloat16.
    """

    def __init__(self, folder: Path, *, halved: bool = False) -> None:
        found = importlib.util.find_spec("pytriton")
        if found is None or found.origin is None:
            reason = "needs requirements-triton.lock (make test-tools), for x86-64"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        self._programs = Path(found.origin).parent / "tritonserver"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        model = folder / "models/bodypart"
        (model / "1").mkdir(parents=True)
        configuration = (REPOSITORY / "bodypart/config.pbtxt").read_text()
        assert 'platform: "onnxruntime_onnx"' in configuration
        (model / "config.pbtxt").write_text(
            configuration.replace('platform: "onnxruntime_onnx"', 'backend: "python"')
        )
        (model / "1/model.py").write_text(
            _MODEL.format(
                packages=str(Path(numpy.__file__).parents[1]),
                model=str(ROOT / "models/bodypart.onnx"),
                halved=halved,
            )
        )
        backend = folder / "backends/python"
        shutil.copytree(self._programs / "backends/python", backend)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        stub = self._programs / "python_backend_stubs" / version / "triton_python_backend_stub"
        (backend / stub.name).symlink_to(stub)

    def start(self) -> Triton:
        """Start it, and wait until it has loaded the model."""
        libraries = self._programs.parents[1] / "nvidia_pytriton.libs"
        log = self._folder / "triton.log"
        self._process = subprocess.Popen(
            [
                self._programs / "bin/tritonserver",
                f"--model-repository={self._folder / 'models'}",
                f"--backend-directory={self._folder / 'backends'}",
                "--http-address=127.0.0.1",
                f"--http-port={self.port}",
                "--allow-grpc=0",
                "--allow-metrics=0",
            ],
            stdout=log.open("ab"),
            stderr=subprocess.STDOUT,
            env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
        )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            try:
                if requests.get(f"{self.url}/v2/health/ready", timeout=5).status_code == 200:
                    return self
            except requests.ConnectionError:
                pass
            time.sleep(0.1)
        self.stop()
        raise AssertionError(log.read_text()[-3000:])

    def statistics(self) -> dict[str, int]:
        """Return how many squares it has read, and in how many batches."""
        told = requests.get(f"{self.url}/v2/models/bodypart/stats", timeout=5).json()
        (one,) = told["model_stats"]
        return {"inferences": one["inference_count"], "batches": one["execution_count"]}

    def stop(self) -> None:
        """Kill it."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
