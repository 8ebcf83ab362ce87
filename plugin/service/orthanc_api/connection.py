"""Connects to the Orthanc to which this service belongs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from service.errors import ArchiveError
from service.orthanc_api.archive import Archive
from service.orthanc_api.client import Client

_CERTIFICATE = "certificate.pem"
"""The file that Orthanc uses if ``SslCertificate`` is not set."""


def connected(given: dict[str, Any], client_certificate: str) -> Archive:
    """Connect to Orthanc, with the address and configuration that Orthanc's side sent.

    Parameters
    ----------
    given : dict
        ``configuration``, ``folder``, ``url`` and ``token``.
    client_certificate : str
        PEM file for an Orthanc that asks for one; empty if it does not.

    Raises
    ------
    ArchiveError
        If it does not answer.
    """
    configuration = given["configuration"]
    folder = Path(given["folder"])
    certificate = folder / str(configuration.get("SslCertificate", _CERTIFICATE))
    try:
        return Archive(
            Client(
                given["url"],
                given["token"],
                certificate=certificate if configuration.get("SslEnabled") else None,
                client_certificate=Path(client_certificate) if client_certificate else None,
            ),
            registered_metadata=frozenset(configuration.get("UserMetadata") or {}),
            registered_attachments=frozenset(configuration.get("UserContentType") or {}),
            storage=folder / str(configuration.get("StorageDirectory", "OrthancStorage")),
        )
    except ArchiveError as error:
        if not client_certificate:
            raise
        # Orthanc only hangs up if it does not accept the client's certificate.
        hint = "is BodyPart.ClientCertificate among Orthanc's SslTrustedClientCertificates?"
        raise ArchiveError(f"{error}; {hint}") from None
