"""Requests to Orthanc's REST API: one session a thread, errors told apart."""

from __future__ import annotations

import json
import ssl
import threading
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from service.errors import ArchiveError, NotFoundError, StorageFullError

_TIMEOUT = (5.0, 120.0)
_FULL_STORAGE = 19
"""Orthanc's error code for a storage area that cannot take a file (``FullStorage``)."""


class Client:
    """The REST API of one Orthanc.

    Parameters
    ----------
    url : str
        Where it listens, without a slash at the end.
    token : str
        Value of the header ``Authorization``.
    certificate : Path or None
        Orthanc's own certificate: over HTTPS no other is accepted.
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
        self._url = url
        self._token = token
        self._certificate = certificate
        self._client_certificate = client_certificate
        self._threads = threading.local()

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
        """Return the parsed answer to a GET; errors as of ``get``."""
        return json.loads(self.get(path))

    def put(self, path: str, data: bytes) -> None:
        """Send a PUT; errors as of ``get``."""
        self._ask("PUT", path, data)

    def post(self, path: str, data: bytes) -> Any:
        """Send a POST and return the parsed answer.

        A POST is never sent twice: whether one that got no answer was carried out is for the
        caller to find out.

        Raises
        ------
        NotFoundError, ArchiveError
            As of ``get``.
        StorageFullError
            If there is no room for what was to be stored.
        """
        return json.loads(self._ask("POST", path, data) or b"null")

    def delete(self, path: str) -> None:
        """Send a DELETE; what is gone already is fine."""
        try:
            self._ask("DELETE", path, None)
        except NotFoundError:
            return

    def _ask(self, method: str, path: str, data: bytes | None) -> bytes:
        try:
            response = self._session().request(
                method, self._url + path, data=data, timeout=_TIMEOUT, allow_redirects=False
            )
        except requests.RequestException as error:
            raise ArchiveError(f"{method} {path}: {type(error).__name__}") from None
        if response.status_code == requests.codes.ok:
            return response.content
        if response.status_code == requests.codes.not_found:
            raise NotFoundError(path)
        if _orthanc_error(response) == _FULL_STORAGE or (
            response.status_code == requests.codes.insufficient_storage
        ):
            raise StorageFullError("storage full")
        raise ArchiveError(f"{method} {path}: status {response.status_code}")

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = self._new_session()
        return session

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        # Proxies and passwords of the environment are not for the loopback.
        session.trust_env = False
        session.headers.update({"Authorization": self._token, "Accept-Encoding": "identity"})
        # Orthanc closes an idle connection after a second, perhaps just as it is used again.
        retries = Retry(
            total=3,
            connect=2,
            read=2,
            backoff_factor=0.05,
            allowed_methods=("GET", "PUT", "DELETE"),
        )
        session.mount("http://", HTTPAdapter(max_retries=retries))
        session.mount("https://", _PinnedAdapter(self._certificate, max_retries=retries))
        if self._client_certificate:
            session.cert = str(self._client_certificate)
        return session


class _PinnedAdapter(HTTPAdapter):
    """HTTPS to the loopback: the certificate names the hospital's host, so it is pinned instead."""

    def __init__(self, certificate: Path | None, **options: Any) -> None:
        self._certificate = certificate
        super().__init__(**options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        if self._certificate:
            context.load_verify_locations(self._certificate)
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        super().init_poolmanager(*arguments, ssl_context=context, assert_hostname=False, **options)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        conn.ca_certs = None


def _orthanc_error(response: requests.Response) -> int | None:
    """Return the code that Orthanc gives in the body of an error."""
    try:
        body = response.json()
    except ValueError:
        return None
    return body.get("OrthancStatus") if isinstance(body, dict) else None
