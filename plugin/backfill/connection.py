"""A helper's requests to Orthanc and to the service behind it, repeated while these are away."""

from __future__ import annotations

import json
import ssl
import threading
from typing import TYPE_CHECKING, Any

import urllib3

from backfill.errors import AwayError, GoneError, RefusedError, UnreadableError, UsageError
from backfill.options import authorization, credentials
from bodypart import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from backfill.options import Order

_TIMEOUT = urllib3.Timeout(connect=5.0, read=120.0)
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
_AWAY = frozenset((429, 502, 503, 504))
_FAILED = 500
_TRIES = 3
"""How often Orthanc may fail to return a file before that counts as unreadable."""
_LONGEST_REASON = 300


class Connection:
    """The REST API of one Orthanc, for one helper; any thread may use it.

    Parameters
    ----------
    order : Order
        Orthanc's address, and the credentials.
    stopping : threading.Event
        Ends the waiting for an Orthanc that is away.
    notice : callable
        Called with the reason if it waits, and with None if it waits no more.

    Raises
    ------
    UsageError
        If a file of the order cannot be used.
    """

    def __init__(
        self,
        order: Order,
        stopping: threading.Event | None = None,
        notice: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        self.url = order.url
        self._stopping = stopping or threading.Event()
        self._notice = notice
        # Compressing a picture takes Orthanc twenty times as long as all the rest.
        headers = {"Accept-Encoding": "identity", "User-Agent": f"orthanc-bodypart/{__version__}"}
        known = credentials(order)
        if known:
            headers["Authorization"] = authorization(known)
        self._pool = urllib3.PoolManager(
            headers=headers,
            timeout=_TIMEOUT,
            # Orthanc may close an idle connection just as it is used again.
            retries=urllib3.Retry(total=2, connect=0, status=0, other=0, allowed_methods=("GET",)),
            maxsize=8,
            ssl_context=_tls(order) if order.url.startswith("https:") else None,
        )

    def file(self, instance: str) -> tuple[bytes, str]:
        """Return a stored DICOM file, and the ``FileUuid`` that it had just before.

        If the file is replaced between the two requests, the ``FileUuid`` is outdated, and the
        service does not accept the answer.

        Raises
        ------
        GoneError
            If the instance is gone.
        UnreadableError
            If Orthanc fails repeatedly with this file.
        RefusedError, AwayError
            See ``get``.
        """
        version = self.version(instance)
        return self._patiently("GET", f"/instances/{instance}/file", tries=_TRIES), version

    def version(self, instance: str) -> str:
        """Return the ``FileUuid`` of an instance; errors are those of ``file``."""
        told = self._parsed(self._patiently("GET", f"/instances/{instance}", tries=_TRIES))
        return str(told["FileUuid"])

    def get(self, path: str) -> Any:
        """Return the parsed answer to a GET, however long it takes.

        Raises
        ------
        RefusedError
            If it is refused for good.
        GoneError
            If there is no such resource.
        AwayError
            If the helper is stopped meanwhile.
        """
        return self._parsed(self._patiently("GET", path))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Return the parsed answer to a POST that may be sent twice; errors are as for ``get``."""
        return self._parsed(self._patiently("POST", path, json.dumps(body).encode()))

    def once(self, path: str) -> Any:
        """Return the parsed answer to a GET that is not repeated if Orthanc is away.

        Raises
        ------
        RefusedError, GoneError
            See ``get``.
        AwayError
            If there is no answer; the text says why.
        """
        try:
            return self._parsed(self._ask("GET", path, None))
        except UnreadableError as error:
            raise RefusedError(str(error)) from None

    def _parsed(self, answer: bytes) -> Any:
        try:
            return json.loads(answer)
        except ValueError:
            raise RefusedError(f"{self.url} does not answer with JSON: is it an Orthanc?") from None

    def _patiently(
        self, method: str, path: str, body: bytes | None = None, *, tries: int | None = None
    ) -> bytes:
        attempt = failed = 0
        while True:
            try:
                answer = self._ask(method, path, body)
            except (AwayError, UnreadableError) as trouble:
                failed += isinstance(trouble, UnreadableError)
                if failed == tries:
                    raise
                self._notice(str(trouble))
                if self._stopping.wait(_PAUSES[min(attempt, len(_PAUSES) - 1)]):
                    raise AwayError(str(trouble)) from None
                attempt += 1
            else:
                if attempt:
                    self._notice(None)
                return answer

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        try:
            answer = self._pool.request(
                method,
                self.url + path,
                body=body,
                headers=None if body is None else {**self._pool.headers, **_JSON},
                decode_content=False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._trouble(error) from None
        if answer.status == 200:
            return bytes(answer.data)
        if answer.status == 404:
            raise GoneError(f"{self.url} has no {path}")
        if answer.status == 401:
            raise RefusedError(
                f"{self.url} needs a user and a password that it knows (401): "
                "use --credentials FILE"
            )
        if answer.status == 403:
            raise RefusedError(f"{self.url} does not allow this user to {method} {path} (403)")
        reason = _reason(answer.data)
        if answer.status == _FAILED:
            raise UnreadableError(f"{self.url} failed at {method} {path} ({answer.status}){reason}")
        if answer.status in _AWAY:
            raise AwayError(f"{self.url} answers {answer.status}{reason}")
        raise RefusedError(f"{self.url} refuses {method} {path} ({answer.status}){reason}")

    def _trouble(self, error: urllib3.exceptions.HTTPError) -> Exception:
        """Return the error for a failed request: `AwayError` if a later one may succeed."""
        cause: BaseException = error
        if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason:
            cause = error.reason
        if isinstance(cause, urllib3.exceptions.SSLError):
            text = str(cause)
            if "CERTIFICATE_VERIFY_FAILED" in text:
                why = text.partition("verify failed: ")[2].partition(" (_ssl")[0]
                if "mismatch" in why:
                    return RefusedError(f"{self.url} shows another machine's certificate: {why}")
                if "expired" in why or "not yet valid" in why:
                    return RefusedError(f"the certificate of {self.url} is not valid now: {why}")
                return RefusedError(
                    f"the certificate of {self.url} is not trusted here ({why}): "
                    "use --authority PEM"
                )
            if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER" in text:
                return RefusedError(f"{self.url} does not speak HTTPS: is it http://?")
            return AwayError(f"the TLS connection to {self.url} failed")
        hint = ""
        if isinstance(cause, urllib3.exceptions.ProtocolError) and self.url.startswith("http:"):
            hint = " (is it https://?)"
        return AwayError(f"{self.url} does not answer: {_in_words(cause)}{hint}")


_JSON = {"Content-Type": "application/json"}
_NO_NAME = (urllib3.exceptions.NameResolutionError, urllib3.exceptions.LocationParseError)


def _tls(order: Order) -> ssl.SSLContext:
    """Return the TLS context for Orthanc.

    Raises
    ------
    UsageError
        If a file has no certificate, or no key that belongs to it.
    """
    try:
        context = ssl.create_default_context(cafile=order.authority or None)
    except OSError:
        raise UsageError(f"{order.authority} holds no certificate (PEM)") from None
    if order.certificate:
        try:
            # The empty password keeps OpenSSL from asking for one on the terminal.
            context.load_cert_chain(order.certificate, password="")
        except OSError:
            file = order.certificate
            raise UsageError(f"{file} holds no certificate with its key (PEM)") from None
    return context


def _reason(body: bytes) -> str:
    """Return the text of an error's body, if it is from the service or from Orthanc."""
    try:
        told = json.loads(body)
        said = told.get("details") or told.get("Message") or ""
    except (ValueError, AttributeError):
        return ""
    return f": {str(said)[:_LONGEST_REASON]}" if said else ""


def _in_words(cause: BaseException) -> str:
    if isinstance(cause, _NO_NAME):
        return "there is no machine of that name"
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        return "connection refused" if "refused" in str(cause) else "the network does not reach it"
    if isinstance(cause, urllib3.exceptions.ConnectTimeoutError):
        return "it could not be connected to in time"
    if isinstance(cause, urllib3.exceptions.ReadTimeoutError):
        return "it took too long"
    return "the connection broke off"
