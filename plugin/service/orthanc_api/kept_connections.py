"""HTTP connections to one server that are kept for the next request.

The service sends Orthanc a dozen small requests for each picture, so that their cost decides that
of the service: requests are therefore written by hand and sent in one piece; `http_answer` reads
what comes back.
"""

from __future__ import annotations

import http.client
import re
import select
import socket
import time
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from service.orthanc_api.http_answer import read_answer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

    from service.orthanc_api.resources import Piece

_LONGEST_CONNECT, _LONGEST_SILENCE = 5.0, 120.0
_MOST_KEPT = 64
_IN_ONE_PIECE = 2**16
"""Bytes up to which head and body are sent in one piece, which wakes the server only once."""
_TRIES = 3
_PAUSE = 0.1
_PLAIN = re.compile(r"[!-~]+")
_LEFT_AS_THEY_ARE = "!#$%&'()*+,/:;=?@[]~"


class NoAnswerError(Exception):
    """The server cannot be reached, or gave no complete answer; the text names the error's kind."""


class KeptConnections:
    """Connections to one server; any number of threads may use them at once.

    Proxies and passwords from the environment are not used.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://``, host and port.
    headers : mapping of str to str
        Header fields of each request.
    context : ssl.SSLContext or None
        TLS context for HTTPS.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], context: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        fields = {"Host": parts.netloc, "Accept-Encoding": "identity", **headers}
        self._fields = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._context = context
        self._idle: deque[socket.socket] = deque(maxlen=_MOST_KEPT)

    def ask(
        self, method: str, path: str, body: Sequence[Piece] | None, *, repeatable: bool
    ) -> tuple[int, bytes]:
        """Return status and body of the answer to a request; redirections are not followed.

        Parameters
        ----------
        method, path, body : str, str, sequence of bytes-like or None
            The request; its body in pieces.
        repeatable : bool
            Whether it may be sent again if no answer came, because repeating it does no harm.

        Raises
        ------
        NoAnswerError
            If no answer came, even after repeating the request if that is allowed.
        """
        tried = 0
        while True:
            tried += 1
            sent = False
            connection = self._kept()
            try:
                if connection is None:
                    connection = self._opened()
                sent = True
                self._send(connection, method, path, body)
                answer = read_answer(connection)
            except (OSError, http.client.HTTPException) as error:
                if connection is not None:
                    connection.close()
                # A request that never left may be sent again in any case.
                if tried == _TRIES or (sent and not repeatable):
                    raise NoAnswerError(type(error).__name__) from None
                # The server may have closed a kept connection just as it was used again.
                time.sleep(_PAUSE * (tried - 1))
                continue
            if answer.last:
                connection.close()
            else:
                self._idle.append(connection)
            return answer.status, answer.content

    def _send(
        self, connection: socket.socket, method: str, path: str, body: Sequence[Piece] | None
    ) -> None:
        length = "" if body is None else f"Content-Length: {sum(map(len, body))}\r\n"
        head = f"{method} {_target(path)} HTTP/1.1\r\n{self._fields}{length}\r\n".encode("latin-1")
        waiting: Piece = head
        for piece in body or ():
            if len(waiting) + len(piece) <= _IN_ONE_PIECE:
                waiting = b"".join((waiting, piece))
            else:
                connection.sendall(waiting)
                waiting = piece
        connection.sendall(waiting)

    def _kept(self) -> socket.socket | None:
        """Return the idle connection used last that the server has not closed, None without one."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # Another thread was faster.
                return None
            if not _has_something_to_read(connection):
                return connection
            connection.close()
        return None

    def _opened(self) -> socket.socket:
        connection = socket.create_connection((self._host, self._port), _LONGEST_CONNECT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context:
            connection = self._context.wrap_socket(connection, server_hostname=self._host)
        connection.settimeout(_LONGEST_SILENCE)
        return connection


def _has_something_to_read(sock: socket.socket) -> bool:
    """Return whether an idle connection was closed, or has unexpected bytes to read."""
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    return bool(waiting.poll(0))


def _target(path: str) -> str:
    """Return a path, which may contain a client's input, encoded for a request line."""
    return path if _PLAIN.fullmatch(path) else quote(path, safe=_LEFT_AS_THEY_ARE)
