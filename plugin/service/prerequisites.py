"""What must hold before the service starts."""

from __future__ import annotations

import os
import sqlite3
import ssl
import sys
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from bodypart.headers.vocabulary import Vocabulary, VocabularyError
from bodypart.settings import MARKER_FILES, Settings, SettingsError
from service.deliveries.rules import Rule, parse_rules
from service.deliveries.webhook import read_secret
from service.inference.choice import checked_server
from service.inference.server_settings import ServerSettings
from service.orthanc_api.archive import ANNOTATION, CODE

_ROOT = Path(__file__).resolve().parents[2]
_HERE = frozenset(("127.0.0.1", "0.0.0.0", "localhost"))
"""Where Orthanc listens so that the service finds it."""
_FIRST_SQLITE = (3, 35, 0)
"""The first with ``RETURNING``."""
_LOSSY = frozenset(
    f"1.2.840.10008.1.2.4.{number}"
    for number in (50, 51, 81, 91, 93, 100, 101, 102, 103, 104, 105, 106, 107, 108, 203)
)
"""Transfer syntaxes that may lose something (PS3.5 section 10); Orthanc then changes the UID."""


def checked_settings(configuration: dict[str, Any]) -> Settings:
    """Return the settings, with the decoders' interpreter and the model's file filled in.

    Parameters
    ----------
    configuration : dict
        Orthanc's whole configuration.

    Raises
    ------
    SettingsError
        If the ``BodyPart`` section, or what it needs beside it, is wrong.
    """
    if sqlite3.sqlite_version_info < _FIRST_SQLITE:
        raise SettingsError(
            f"{sys.executable} has SQLite {sqlite3.sqlite_version}; 3.35 or newer is needed"
        )
    for key in configuration:
        if key != "BodyPart" and get_close_matches(key.lower(), ["bodypart"], cutoff=0.85):
            raise SettingsError(
                f"{key} is not a section; did you mean BodyPart? "
                "In the environment: ORTHANC__BODY_PART__ and the setting"
            )
    settings = Settings.parse(configuration.get("BodyPart"))
    if settings.terms:
        try:
            Vocabulary.load(settings.terms)
        except VocabularyError as error:
            raise SettingsError(f"BodyPart.Terms: {error}") from None
    _require_metadata_names(configuration)
    _require_http(configuration, settings)
    _require_jobs(configuration, parse_rules(settings.routes, configuration))
    if settings.tags == "in-place":
        _require_overwriting(configuration)
    python = Path(settings.python or _ROOT / ".venv/bin/python")
    model = Path(settings.model or _ROOT / "models/bodypart.onnx")
    needed = [("Python", python), ("Model", model), ("Model", model.with_suffix(".json"))]
    if settings.side_marker:
        needed += [("SideMarker", path) for path in MARKER_FILES]
    for key, path in needed:
        _require_file(key, path)
    if not os.access(python, os.X_OK):
        raise SettingsError(f"BodyPart.Python: {python} is no program")
    for key, file in (("IndexFile", settings.index_file), ("AuditFile", settings.audit_file)):
        if file:
            _require_place(key, Path(file))
    read_secret(settings.webhook_secret_file)
    if settings.client_certificate:
        _require_certificate(settings.client_certificate)
    if settings.database:
        _require_host(settings.database)
    settings = replace(settings, python=str(python), model=str(model))
    if settings.provider == "remote":
        checked_server(settings)
    elif settings.server:
        ServerSettings.parse(settings.server)  # It may be used later.
    return settings


def _require_host(database: str) -> None:
    """Refuse an address in which a part of the password would be read as the host, and logged."""
    try:
        host = make_url(database).host or ""
    except (SQLAlchemyError, ValueError):
        # The error's own text may have a part of the password.
        raise SettingsError(
            "BodyPart.Database must be like postgresql://user:password@host:5432/name"
        ) from None
    if "@" in host:
        raise SettingsError('BodyPart.Database: write each "@" of the password as %40')


def _require_file(key: str, path: Path) -> None:
    if not S_ISREG(_mode_of(key, path) or 0):
        raise SettingsError(f"BodyPart.{key}: there is no file {path}")


def _mode_of(key: str, path: Path) -> int | None:
    """Return the mode of a file, None if there is none; `Path.is_file` would tell no reason."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:  # In a folder of another user, for one.
        raise SettingsError(f"BodyPart.{key}: {path}: {error.strerror}") from None
    except ValueError as error:  # A NUL in it, for one.
        raise SettingsError(f"BodyPart.{key}: {error}") from None


def _require_place(key: str, path: Path) -> None:
    """Refuse what cannot be a file, before Orthanc runs and the service fails again and again."""
    if not path.is_absolute():
        # Otherwise Orthanc, started in another folder, would begin another audit trail.
        raise SettingsError(f"BodyPart.{key} must be an absolute path, not {path}")
    mode = _mode_of(key, path)
    if mode is not None and S_ISDIR(mode):
        raise SettingsError(f"BodyPart.{key}: {path} is a folder; name a file in it")
    if mode is not None and not S_ISREG(mode):
        raise SettingsError(f"BodyPart.{key}: {path} is no file but a device or the like")
    if not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
        raise SettingsError(f"BodyPart.{key}: no file can be written to {path.parent}")


def _require_metadata_names(configuration: dict[str, Any]) -> None:
    names = configuration.get("UserMetadata") or {}
    missing = [name for name in (ANNOTATION, CODE) if name not in names]
    if missing:
        raise SettingsError(
            f"UserMetadata lacks {' and '.join(missing)}: give each a number from 1024 to 65535"
        )
    if configuration.get("CheckRevisions"):
        raise SettingsError("CheckRevisions must be false: the plugin updates its own metadata")


def _require_http(configuration: dict[str, Any], settings: Settings) -> None:
    """Refuse an Orthanc whose HTTP server the service cannot use: it needs a thread for itself."""
    if configuration.get("HttpServerEnabled", True) is not True:
        raise SettingsError('the service needs "HttpServerEnabled": true')
    if int(configuration.get("HttpThreadsCount", 50)) < 2:
        raise SettingsError("HttpThreadsCount must be at least 2: one is the service's own")
    bound = configuration.get("HttpBindAddresses") or ()
    if bound and not _HERE.intersection(bound):
        raise SettingsError(
            'HttpBindAddresses needs "127.0.0.1" too, where the service asks Orthanc'
        )
    if configuration.get("ReadOnly") is True:
        raise SettingsError("ReadOnly must be false: annotations are kept in Orthanc's metadata")
    if configuration.get("SslVerifyPeers") and not settings.client_certificate:
        raise SettingsError(
            "SslVerifyPeers needs BodyPart.ClientCertificate: a certificate that Orthanc trusts, "
            "with its key, in one PEM file"
        )


def _require_jobs(configuration: dict[str, Any], rules: tuple[Rule, ...]) -> None:
    """Refuse an Orthanc that forgets a job as soon as it ends: each would be repeated."""
    to_nodes = any(to.is_node for rule in rules for to in rule.destinations)
    if to_nodes and configuration.get("JobsHistorySize") == 0:
        raise SettingsError("JobsHistorySize must be above 0: else no job tells what it delivered")


def _require_certificate(file: str) -> None:
    """Refuse a certificate without its key, or a key with a passphrase: nobody could type it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_cert_chain(file, password="")
    except ssl.SSLError:
        raise SettingsError(
            f"BodyPart.ClientCertificate: {file} must hold a certificate and its key, "
            "without a passphrase, in PEM"
        ) from None
    except OSError as error:
        raise SettingsError(f"BodyPart.ClientCertificate: {file}: {error.strerror}") from None


def _require_overwriting(configuration: dict[str, Any]) -> None:
    """Refuse an Orthanc that would not overwrite files, or would change them lossily.

    Orthanc 1.13 has words for when it overwrites, and still knows true and false.
    """
    if configuration.get("OverwriteInstances") not in (True, "Always", "IfChanged"):
        raise SettingsError('BodyPart.Tags "in-place" needs "OverwriteInstances": true')
    syntax = configuration.get("IngestTranscoding", "")
    if syntax in _LOSSY:
        raise SettingsError(
            'BodyPart.Tags "in-place" cannot be used with the lossy '
            f'"IngestTranscoding": "{syntax}"'
        )


def advice(configuration: dict[str, Any], settings: Settings) -> list[str]:
    """Return a line for each thing that may be wrong and that an operator should check."""
    lines = []
    plugins = ", ".join(
        name
        for name in ("PostgreSQL", "MySQL", "Odbc")
        if (configuration.get(name) or {}).get("EnableIndex")
    )
    if plugins and not settings.database:
        lines.append(
            f"Orthanc keeps its index in {plugins}: if several "
            "Orthancs share it, set BodyPart.Database so that they share their records, too"
        )
    if (configuration.get("Python") or {}).get("AllowThreads") is not True:
        lines.append(
            "a client that reads an answer slowly holds up uploads: set "
            '"Python": {"AllowThreads": true} (with Orthanc\'s Python plugin 4.3 or newer)'
        )
    return lines
