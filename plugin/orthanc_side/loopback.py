"""Orthanc's own HTTP server, for what must not go through the SDK.

A ``RestApiPost`` from a background thread holds Python's lock while Orthanc calls back into
Python, and hangs for good; a request over HTTP waits without the lock.
"""

from __future__ import annotations

import http.client
import ssl
from typing import Any

import orthanc

_LONGEST_WAIT = 120.0


class StoreError(Exception):
    """Orthanc did not take a request that it should take; the text gives its status."""


class Loopback:
    """Sends requests to the Orthanc that this plugin runs in.

    Parameters
    ----------
    configuration : dict
        Orthanc's whole configuration.
    """

    def __init__(self, configuration: dict[str, Any]) -> None:
        self._port = int(configuration.get("HttpPort", 8042))
        self._encrypted = bool(configuration.get("SslEnabled", False))

    def post(self, path: str, body: bytes) -> bytes:
        """Send a POST and return the answer's body.

        Raises
        ------
        StoreError
            If Orthanc cannot be reached or does not answer with success.
        """
        connection = self._connection()
        try:
            connection.request(
                "POST",
                path,
                body,
                {"Authorization": orthanc.GenerateRestApiAuthorizationToken(), "Expect": ""},
            )
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise StoreError(f"POST {path}: {type(error).__name__}") from error
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise StoreError(f"POST {path}: status {answer.status}")
        return content

    def _connection(self) -> http.client.HTTPConnection:
        if self._encrypted:
            # The certificate names the hospital's host, not the loopback address.
            context = ssl._create_unverified_context()
            return http.client.HTTPSConnection(
                "127.0.0.1", self._port, timeout=_LONGEST_WAIT, context=context
            )
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=_LONGEST_WAIT)
