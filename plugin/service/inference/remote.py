"""The network on an inference server: checked before its answers are used, and regularly after."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from bodypart.network import INPUT, OUTPUTS, NetworkError
from service.decoders.elsewhere import NetworkDownError, NetworkOnServer
from service.lasting import lasting, lengthening

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from bodypart.network.golden import Golden
    from service.inference.open_inference import OpenInferenceServer
    from service.inference.server_settings import ServerSettings

    Float32 = NDArray[np.float32]

_PAUSES = (0.2, 1.0, 5.0, 15.0)
"""Seconds between checks of a server that is down."""
_LONGEST_FAREWELL = 1.0
_LOOK_AGAIN = 600.0
"""Seconds after which a server that is well is checked again: its model may have been replaced."""


class RemoteNetwork:
    """See `service.decoders.elsewhere.ElsewhereNetwork`.

    Parameters
    ----------
    server : OpenInferenceServer
        Who is asked.
    settings : ServerSettings
        The checked section.
    golden : Golden
        What it must answer.
    log : callable
        Takes a line.
    """

    provider = "remote"

    def __init__(
        self,
        server: OpenInferenceServer,
        settings: ServerSettings,
        golden: Golden,
        log: Callable[[str], None],
    ) -> None:
        self.own_too = settings.fallback == "cpu"
        self._server = server
        self._settings = settings
        self._golden = golden
        self._log = log
        self._reason: str | None = "the inference server was not asked yet"
        self._version: str | None = None
        self._binary = True
        self._due = threading.Event()
        self._stopping = threading.Event()
        self._thread = lasting("inference", self._keep, self._stopping, log, daemon=True)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the pictures of one question."""
        return (self._golden.views, *self._golden.pictures.shape[1:])

    @property
    def ready(self) -> bool:
        """Whether the server answered as the model does when it was last checked."""
        return self._reason is None

    @property
    def down_reason(self) -> str | None:
        """Why it is not ready."""
        return self._reason

    def start(self) -> None:
        """Check the server now, and again in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop checking; a question under way ends by its timeout, and is not waited for."""
        self._stopping.set()
        self._due.set()
        if self._thread.ident:
            self._thread.join(_LONGEST_FAREWELL)
        self._server.close()

    def run(self, pictures: Float32) -> Mapping[str, Float32]:
        """Have the server run the network.

        Raises
        ------
        NetworkDownError
            If it is down, or has another version than the one that was checked.
        NetworkError
            If it refuses these pictures.
        """
        if self._reason is not None:
            raise NetworkDownError(self._reason)
        try:
            answers, version = self._server.infer(pictures, binary=self._binary)
        except NetworkDownError as error:
            raise self._down(f"the inference server is away: {error}") from error
        except NetworkError as error:
            raise NetworkError(f"the inference server refused the pictures: {error}") from error
        if version != self._version:
            raise self._down("the inference server has another version of the model")
        for name, golden in self._golden.answers.items():
            given = answers.get(name)
            if given is None or given.shape != (len(pictures), *golden.shape[1:]):
                raise NetworkError(f"the inference server's output {name} has another shape")
            if not np.isfinite(given).all():
                raise NetworkError(
                    f"the inference server's output {name} holds values that are no numbers"
                )
        return answers

    def to_json(self) -> NetworkOnServer:
        """Return what the status tells."""
        return {
            "where": "server",
            "url": self._settings.url,
            "model": self._settings.model,
            "version": self._version,
            "ready": self.ready,
            "reason": self._reason,
            "fallback": self._settings.fallback,
        }

    def _down(self, reason: str) -> NetworkDownError:
        """Note that it is down, to be checked again at once; return the error to raise."""
        self._reason = reason
        self._due.set()
        return NetworkDownError(reason)

    def _keep(self) -> None:
        pauses, told = lengthening(_PAUSES), ""
        while not self._stopping.is_set():
            self._due.clear()
            problem = self._problem()
            if problem != told:
                self._log(problem or f"the network runs on {self._settings.url}")
                told = problem or ""
            self._reason = problem
            if problem is None:
                pauses = lengthening(_PAUSES)
                self._due.wait(_LOOK_AGAIN)
            else:
                self._stopping.wait(next(pauses))

    def _problem(self) -> str | None:
        """Return why the server cannot be used; None if it answers as the model does."""
        try:
            wrong = _lacking(self._server.metadata(), self.shape)
            if wrong is None:
                answers, version = self._golden_answers()
                wrong = self._golden.difference(answers)
                if wrong is None:
                    # Not before: answers of this version may be under way.
                    self._version = version
        except NetworkDownError as error:
            return f"the inference server is away: {error}"
        except NetworkError as error:
            return f"the inference server cannot be used: {error}"
        model = self._settings.model
        return (
            wrong
            and f"the inference server's model {model!r} is not the one of this plugin: {wrong}"
        )

    def _golden_answers(self) -> tuple[dict[str, Float32], str | None]:
        """Ask for the golden pictures: by binary tensors, or by JSON where it knows no others."""
        try:
            answer = self._server.infer(self._golden.pictures)
            self._binary = True
        except NetworkDownError:
            raise
        except NetworkError as refused:
            try:
                answer = self._server.infer(self._golden.pictures, binary=False)
            except NetworkError:
                raise refused from None
            self._binary = False
        return answer


def _lacking(metadata: Mapping[str, Any], shape: tuple[int, ...]) -> str | None:
    """Return what a model's metadata lack of ours, in a sentence's end."""
    try:
        inputs = {tensor["name"]: tensor for tensor in metadata["inputs"]}
        outputs = {tensor["name"]: tensor for tensor in metadata["outputs"]}
        missing = [name for name in OUTPUTS if name not in outputs]
        if missing:
            return f"it lacks the outputs {', '.join(missing)}"
        if INPUT not in inputs:
            return f"it has no input {INPUT}"
        if inputs[INPUT]["datatype"] != "FP32":
            return f"its input is {inputs[INPUT]['datatype']}, not FP32"
        size = list(inputs[INPUT]["shape"])
        if size != [-1, *shape[1:]]:
            return f"its input has the shape {size}, not {[-1, *shape[1:]]}"
    except (KeyError, TypeError, IndexError):
        return "its metadata are not those of the Open Inference Protocol"
    return None
