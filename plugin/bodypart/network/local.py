"""The network in this process: one session of onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnxruntime

from bodypart.network import INPUT, OUTPUTS, ModelError
from bodypart.network.provider import CPU_PROVIDER, CUDA_PROVIDER, Provider, providers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]

_ON_CUDA = {
    # TF32 keeps ten bits of each number: results would differ from the CPU's by more than 1e-3.
    "use_tf32": "0",
    # A search for the fastest convolution takes seconds for each new number of pictures.
    "cudnn_conv_algo_search": "HEURISTIC",
}


def opened(
    path: Path, threads: int, providers: Sequence[Any] = (CPU_PROVIDER,)
) -> onnxruntime.InferenceSession:
    """Return a session of an ONNX file that keeps to its threads and logs only errors.

    Raises
    ------
    ModelError
        If the file does not load.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # onnxruntime's exceptions have no common public base
        raise ModelError(f"{path.name} does not load: {type(error).__name__}") from error


class LocalNetwork:
    """A loaded ONNX file; :meth:`load` makes one.

    Attributes
    ----------
    provider : str
        Where it really runs: ``cpu`` or ``cuda``.
    warning : str or None
        Why it does not run where the settings ask for it.
    """

    def __init__(self, session: onnxruntime.InferenceSession, warning: str | None = None) -> None:
        self._session = session
        self.provider = "cuda" if session.get_providers()[0] == CUDA_PROVIDER else "cpu"
        self.warning = warning

    @classmethod
    def load(cls, path: Path, provider: Provider = "auto", threads: int = 1) -> LocalNetwork:
        """Load an ONNX file.

        Parameters
        ----------
        path : Path
            The ONNX file.
        provider : str
            ``auto``, ``cuda`` or ``cpu``.
        threads : int
            Threads of one run; one is fastest if several processes share the cores.

        Raises
        ------
        ModelError
            If the file is damaged, or lacks one of ``OUTPUTS``.
        """
        wanted, warning = providers(provider)
        asked = [(name, _ON_CUDA) if name == CUDA_PROVIDER else name for name in wanted]
        session = opened(path, threads, asked)
        if CUDA_PROVIDER in wanted and CUDA_PROVIDER not in session.get_providers():
            warning = "the model runs on the CPU: onnxruntime could not start CUDA"
        missing = set(OUTPUTS) - {output.name for output in session.get_outputs()}
        if missing:
            raise ModelError(f"{path.name} lacks the outputs {', '.join(sorted(missing))}")
        return cls(session, warning)

    def run(self, pictures: Float32, outputs: Sequence[str] = OUTPUTS) -> dict[str, Float32]:
        """Run the network on some square pictures; see `bodypart.network.Network`."""
        answers = self._session.run(list(outputs), {INPUT: pictures})
        return dict(zip(outputs, answers, strict=True))
