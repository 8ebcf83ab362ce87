"""Requests to Orthanc's REST API: connections are kept open, errors are sorted by kind."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any

from service.errors import ArchiveError, NotFoundError, StorageFullError
from service.orthanc_api.kept_connections import KeptConnections, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from service.orthanc_api.resources import Piece

_OK, _NOT_FOUND, _INSUFFICIENT_STORAGE = 200, 404, 507
_FULL_STORAGE = 19
"""Orthanc's error code for a storage area that cannot take a file (``FullStorage``)."""
_NO_CHECK_TIME = 0x200000
"""OpenSSL's ``X509_V_FLAG_NO_CHECK_TIME``, which Python's ssl has no name for."""


class Client:
    """The REST API of one Orthanc.

    Parameters
    ----------
    url : str
        Its address, without a slash at the end.
    token : str
        Value of the header ``Authorization``.
    certificate : Path or None
        Orthanc's own certificate; over HTTPS no other is accepted.
    client_certificate : Path or None
        PEM file with certificate and key, for an Orthanc that asks for one.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        certificate: Path | None = None,
        client_certificate: Path | None = None,
    ) -> None:
        secure = url.startswith("https:")
        self._connections = KeptConnections(
            url,
            {"Authorization": token},
            _tls(certificate, client_certificate) if secure else None,
        )

    def get(self, path: str) -> bytes:
        """Return the body of the answer to a GET.

        Raises
        ------
        NotFoundError
            If there is no such resource.
        ArchiveError
            If Orthanc cannot be reached, or refuses.
        """
        return self._ask("GET", path, None)

    def get_json(self, path: str) -> Any:
        """Return the parsed answer to a GET; errors as in ``get``."""
        return json.loads(self.get(path))

    def put(self, path: str, data: bytes) -> None:
        """Send a PUT; errors as in ``get``."""
        self._ask("PUT", path, (data,))

    def post(self, path: str, *data: Piece) -> Any:
        """Send a POST, its body in pieces, and return the parsed answer.

        A POST is never sent twice: if it got no answer, the caller must find out whether it was
        carried out.

        Raises
        ------
        NotFoundError, ArchiveError
            As in ``get``.
        StorageFullError
            If there is no room for what was to be stored.
        """
        return json.loads(self._ask("POST", path, data, repeatable=False) or b"null")

    def question(self, path: str, asked: object) -> Any:
        """Send a POST that changes nothing, and so may be repeated; return the parsed answer.

        Raises
        ------
        NotFoundError, ArchiveError
            As in ``get``.
        """
        body = json.dumps(asked).encode()
        return json.loads(self._ask("POST", path, (body,), repeatable=True))

    def delete(self, path: str) -> None:
        """Send a DELETE; it is no error if the resource is already gone."""
        try:
            self._ask("DELETE", path, None)
        except NotFoundError:
            return

    def _ask(
        self, method: str, path: str, data: Sequence[Piece] | None, *, repeatable: bool = True
    ) -> bytes:
        try:
            status, content = self._connections.ask(method, path, data, repeatable=repeatable)
        except NoAnswerError as error:
            raise ArchiveError(f"{method} {path}: {error}") from None
        if status == _OK:
            return content
        if status == _NOT_FOUND:
            raise NotFoundError(path)
        if _orthanc_error(content) == _FULL_STORAGE or status == _INSUFFICIENT_STORAGE:
            raise StorageFullError("storage full")
        raise ArchiveError(f"{method} {path}: status {status}")


def _tls(certificate: Path | None, client_certificate: Path | None) -> ssl.SSLContext:
    """Return the TLS context for HTTPS to the loopback.

    The certificate is for the hospital's host name, so it is pinned instead of checking the name.
    Orthanc keeps using one that has expired, so its date is not checked either.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    if certificate:
        context.load_verify_locations(certificate)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    if client_certificate:
        context.load_cert_chain(client_certificate)
    return context


def _orthanc_error(data: bytes) -> int | None:
    """Return the code that Orthanc gives in the body of an error."""
    try:
        body = json.loads(data)
    except ValueError:
        return None
    return body.get("OrthancStatus") if isinstance(body, dict) else None
