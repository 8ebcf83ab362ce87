"""Write the lock files from pyproject.toml: ``make lock``.

Each is whole for Python 3.11 to 3.14, with the hash of every file, and is installed without looking
at what packages ask for. What two locks share, they share at one version.
"""

from __future__ import annotations

import re
import subprocess
import sys

from distribution import ROOT

SERVICE = "requirements.lock"
EXTRAS = {
    SERVICE: ("cpu",),
    "requirements-gpu.lock": ("gpu",),
    "requirements-test.lock": ("cpu", "test"),
    "requirements-ray.lock": ("cpu", "ray"),
    "requirements-train.lock": ("train",),
}
TOOLS = "requirements-tools.lock"
TRITON = "requirements-triton.lock"
CUDA = "requirements-train-cuda.lock"
CPU = "requirements-train-cpu.lock"
_CUDA_PACKAGE = re.compile(r"(?:torch|nvidia|cuda|triton)\b")
_TORCH_FOR_CPUS = """\
# PyTorch's build for CPUs, for Python 3.11: another file, from another index, a tenth as large.
torch==2.13.0+cpu \\
    --hash=sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b
"""


def main() -> None:
    """Write all lock files."""
    for name, extras in EXTRAS.items():
        constraint = [] if name == SERVICE else ["--constraint", SERVICE]
        if name == "requirements-ray.lock":
            # Both are installed where the tests run.
            constraint += ["--constraint", "requirements-test.lock"]
        wanted = [word for extra in extras for word in ("--extra", extra)]
        compile_lock(name, "pyproject.toml", *constraint, *wanted)
    compile_lock(TOOLS, "--group", "tools")
    # The server alone: what its Python side asks for would clash, and is not run.
    compile_lock(TRITON, "--group", "triton", "--no-deps")
    train = ROOT / "requirements-train.lock"
    rest, cuda = without_cuda(train.read_text(encoding="utf-8"))
    train.write_text(rest, encoding="utf-8")
    (ROOT / CUDA).write_text(cuda, encoding="utf-8")
    (ROOT / CPU).write_text(_TORCH_FOR_CPUS, encoding="utf-8")


def compile_lock(name: str, *arguments: str) -> None:
    """Have uv write one lock file; what it holds already stays at its version where it can."""
    options = [
        *("--quiet", "--universal", "--generate-hashes", "--python-version", "3.11"),
        *("--no-emit-index-url", "--no-emit-find-links"),
        *("--custom-compile-command", "make lock"),
    ]
    subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", *options, *arguments, "-o", name],
        cwd=ROOT,
        check=True,
    )


def without_cuda(lock: str) -> tuple[str, str]:
    """Part a lock into what every machine needs, and PyTorch with the gigabytes of CUDA."""
    header, *blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)
    cuda = [block for block in blocks if _CUDA_PACKAGE.match(block)]
    rest = [block for block in blocks if not _CUDA_PACKAGE.match(block)]
    return header + "".join(rest), header + "".join(cuda)


if __name__ == "__main__":
    main()
