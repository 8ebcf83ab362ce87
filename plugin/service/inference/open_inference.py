"""A client of the Open Inference Protocol v2: one model's metadata, and its answers.

https://github.com/kserve/open-inference-protocol, with the binary tensors that Triton and OpenVINO
Model Server add to it; without, where a server does not know them.

Plain urllib3, which is installed anyway: docs/benchmarks.md says what other clients take.
No redirects are followed and no proxies taken from the environment.
"""

from __future__ import annotations

import json
import ssl
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import urllib3

from bodypart import __version__, shallow_json
from bodypart.network import INPUT, OUTPUTS, NetworkError
from bodypart.settings import SettingsError
from service.decoders.elsewhere import NetworkDownError
from service.inference.server_settings import read_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from service.inference.server_settings import ServerSettings

    Float32 = NDArray[np.float32]

_HEADER_LENGTH = "Inference-Header-Content-Length"
_LONGEST_ANSWER = 64 * 2**20
_LONGEST_WORDS = 200
_PIECE = 2**16
_MOST_DIGITS = 10
_OVERLOADED = frozenset((408, 425, 429, 502, 503, 504))
"""Statuses that do not mean that the pictures are bad (RFC 9110, section 15; RFC 6585)."""
_CONNECTIONS = 64
"""Connections that are kept open: as many as there may be decoders."""


class OpenInferenceServer:
    """One model on one server.

    Parameters
    ----------
    settings : ServerSettings
        The checked section.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._address = f"{settings.url}/v2/models/{settings.model}"
        options: dict[str, Any] = {}
        if settings.url.startswith("https:"):
            options["ssl_context"] = ssl.create_default_context(cafile=settings.ca_file or None)
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=_CONNECTIONS,
            retries=False,
            timeout=urllib3.Timeout(total=settings.timeout),
            **options,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def metadata(self) -> dict[str, Any]:
        """Return what the server tells of the model.

        Raises
        ------
        NetworkDownError
            If it cannot be reached.
        NetworkError
            If it refuses, or does not have the model.
        """
        _, body = self._ask("GET", self._address)
        return _object(body)

    def infer(
        self, pictures: Float32, *, binary: bool = True
    ) -> tuple[dict[str, Float32], str | None]:
        """Return the answers to some squares, and the version of the model that gave them.

        Parameters
        ----------
        pictures : ndarray of float32, shape (n, 1, size, size)
            As of `bodypart.network.Network`.
        binary : bool
            Whether tensors travel as bytes; as JSON otherwise, which takes several times as long.

        Raises
        ------
        NetworkDownError
            If the server cannot be reached, or is overloaded.
        NetworkError
            If it refuses, or answers with something else.
        """
        tensor: dict[str, Any] = {"name": INPUT, "shape": list(pictures.shape), "datatype": "FP32"}
        if binary:
            tensor["parameters"] = {"binary_data_size": pictures.nbytes}
        else:
            tensor["data"] = pictures.ravel().tolist()
        wanted = {"parameters": {"binary_data": True}} if binary else {}
        outputs = [{"name": name, **wanted} for name in OUTPUTS]
        question = json.dumps({"inputs": [tensor], "outputs": outputs}).encode()
        headers = {"Content-Type": "application/json"}
        if binary:
            headers = {
                "Content-Type": "application/octet-stream",
                _HEADER_LENGTH: str(len(question)),
            }
            question += pictures.astype("<f4", copy=False).tobytes()
        length, body = self._ask("POST", f"{self._address}/infer", question, headers)
        return _answers(body, length)

    def _ask(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[int | None, bytes]:
        """Return the length of the JSON before binary tensors, if there are any, and the body."""
        try:
            token = read_token(self._settings.token_file)
        except SettingsError as error:
            raise NetworkDownError(str(error)) from None
        sent = {"User-Agent": f"orthanc-bodypart/{__version__}", **headers}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        try:
            response = self._tried(method, url, body, sent)
            with response:
                told = _body(response, self._settings.timeout)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NetworkDownError(f"no answer: {_why(error)}") from None
        if response.status in _OVERLOADED:
            raise NetworkDownError(f"it answers {response.status}")
        if response.status != 200:
            raise NetworkError(f"it answers {response.status}{_words(told)}")
        length = response.headers.get(_HEADER_LENGTH, "")
        sane = length.isdecimal() and len(length) < _MOST_DIGITS
        return (int(length) if sane else None), told

    def _tried(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        """Send a request; once more, where the server closed an idle connection just then."""
        for last in (False, True):
            try:
                return self._pool.request(
                    method, url, body=body, headers=headers, redirect=False, preload_content=False
                )
            except urllib3.exceptions.ProtocolError:
                if last:
                    raise
        raise AssertionError


def _body(response: urllib3.BaseHTTPResponse, seconds: float) -> bytes:
    """Return the whole body of an answer; one that comes too slowly is cut off."""
    pieces, length, until = [], 0, time.monotonic() + seconds
    while piece := response.read1(_PIECE, decode_content=False):
        pieces.append(piece)
        length += len(piece)
        if length > _LONGEST_ANSWER:
            raise NetworkError("its answer is too long")
        if time.monotonic() > until:
            raise NetworkDownError("no answer: it takes too long")
    return b"".join(pieces)


def _answers(body: bytes, length: int | None) -> tuple[dict[str, Float32], str | None]:
    record = _object(body if length is None else body[:length])
    start = length or 0
    answers: dict[str, Float32] = {}
    try:
        for output in record["outputs"]:
            if output["datatype"] != "FP32":
                raise NetworkError(f"its output {output['name']} is {output['datatype']}, not FP32")
            size = output.get("parameters", {}).get("binary_data_size")
            if size is None:
                values = np.array(output["data"], dtype=np.float32)
            else:
                values = np.frombuffer(body, dtype="<f4", count=size // 4, offset=start)
                start += size
            answers[output["name"]] = values.reshape(output["shape"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise NetworkError("its answer is not one of the Open Inference Protocol") from error
    version = record.get("model_version")
    return answers, str(version) if version is not None else None


def _object(body: bytes) -> dict[str, Any]:
    try:
        record = shallow_json.parse(body.decode())
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise NetworkError("its answer is not JSON: it is no server of the Open Inference Protocol")
    return record


def _why(error: Exception) -> str:
    """Return the kind of an error, and what TLS says, which operators need."""
    for cause in (error, *error.args):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message})"
    return type(error).__name__


def _words(body: bytes) -> str:
    """Return what a server says of an error, in one short line."""
    try:
        said = json.loads(body[:4096]).get("error")
    except (ValueError, AttributeError, RecursionError):
        said = None
    if not isinstance(said, str):
        return ""
    shown = "".join(letter if letter.isprintable() else " " for letter in said)
    return f": {shown[:_LONGEST_WORDS]}"
