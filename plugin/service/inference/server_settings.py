"""The section ``Server``: where the inference server is, and how to reach it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bodypart.loopback import is_loopback
from bodypart.settings import SettingsError, did_you_mean

_KEYS = {
    "Url": "url",
    "Model": "model",
    "CaFile": "ca_file",
    "TokenFile": "token_file",
    "Timeout": "timeout",
    "Fallback": "fallback",
}
_LONGEST_TIMEOUT = 600


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The checked section.

    Attributes
    ----------
    url : str
        Address above ``/v2``, without a slash at its end.
    model : str
        The model's name there.
    ca_file : str
        PEM file of the authority that signed its certificate; empty: the system's.
    token_file : str
        File whose content is sent as bearer token; empty: none.
    timeout : float
        Seconds that it may take to answer.
    fallback : str
        What happens while it is down: ``wait``, or ``cpu`` (decoders run the network themselves).
    """

    url: str
    model: str = "bodypart"
    ca_file: str = ""
    token_file: str = ""
    timeout: float = 10.0
    fallback: str = "wait"

    @classmethod
    def parse(cls, section: Mapping[str, Any]) -> ServerSettings:
        """Check the section.

        Raises
        ------
        SettingsError
            If a key is unknown, missing or wrong; the text names it.
        """
        for key in section:
            if key not in _KEYS:
                hint = did_you_mean(key, _KEYS)
                raise SettingsError(f"BodyPart.Server.{key} is not a setting{hint}")
        if "Url" not in section:
            raise SettingsError('BodyPart.Server.Url is missing, which "Provider": "remote" needs')
        values = {_KEYS[key]: value for key, value in section.items()}
        for key, name in _KEYS.items():
            if key != "Timeout" and not isinstance(values.get(name, ""), str):
                raise SettingsError(f"BodyPart.Server.{key} must be a string")
        server = cls(**{**values, "url": values["url"].rstrip("/").removesuffix("/v2")})
        server._check()
        return server

    def _check(self) -> None:
        if not self.model or "/" in self.model:
            raise SettingsError("BodyPart.Server.Model must be the name of a model")
        limit, number = self.timeout, isinstance(self.timeout, int | float)
        if not number or isinstance(limit, bool) or not 0 < limit <= _LONGEST_TIMEOUT:
            raise SettingsError(
                f"BodyPart.Server.Timeout must be a number of seconds up to {_LONGEST_TIMEOUT}"
            )
        if self.fallback not in ("wait", "cpu"):
            raise SettingsError("BodyPart.Server.Fallback must be one of 'wait', 'cpu'")
        read_token(self.token_file)
        try:
            ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as error:  # a broken certificate is one, too
            why = error.strerror or type(error).__name__
            raise SettingsError(f"BodyPart.Server.CaFile: {self.ca_file}: {why}") from None
        except ValueError as error:  # A NUL in it, for one.
            raise SettingsError(f"BodyPart.Server.CaFile: {error}") from None
        self._check_url()

    def _check_url(self) -> None:
        try:
            address = urlsplit(self.url)
            host, _ = address.hostname, address.port
        except ValueError:
            host = None
        if not host or address.scheme not in ("http", "https") or address.query or address.fragment:
            raise SettingsError("BodyPart.Server.Url must be like https://host:8000")
        if address.username or address.password:
            raise SettingsError("BodyPart.Server.Url: a password belongs into TokenFile")
        if address.scheme == "http" and not is_loopback(host):
            raise SettingsError(
                "BodyPart.Server.Url: pictures leave this machine by https only; http is for "
                "loopback"
            )


def read_token(file: str) -> str | None:
    """Return the token in a file, None if there is no file; read anew so that it may change.

    Raises
    ------
    SettingsError
        If the file cannot be read, or holds no token.
    """
    if not file:
        return None
    try:
        token = Path(file).read_text(encoding="ascii").strip()
    except OSError as error:
        raise SettingsError(f"BodyPart.Server.TokenFile: {file}: {error.strerror}") from None
    except ValueError:
        token = ""
    if not token or not token.isprintable() or " " in token:
        raise SettingsError(f"BodyPart.Server.TokenFile: {file} holds no token")
    return token
