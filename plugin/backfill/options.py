"""The command line, and the credentials, which are never on it."""

from __future__ import annotations

import argparse
import base64
import os
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from backfill.errors import UsageError
from bodypart.loopback import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
MODEL = str(ROOT / "models/bodypart.onnx")
USER, PASSWORD = "ORTHANC_USER", "ORTHANC_PASSWORD"
_MOST_WORKERS = 4096
_EPILOG = f"""\
User and password stand in a file (--credentials), or in {USER} and {PASSWORD}: others may
read the command line. The command can be stopped and typed again at will; what it had taken
returns to the queue.
"""


@dataclass(frozen=True, slots=True)
class Order:
    """What a helper needs to know to start; it may be sent to another machine.

    Attributes
    ----------
    url : str
        Orthanc's address, without a slash at the end.
    credentials : str
        File with ``user:password``; if empty, the environment has them, or none are needed. The
        password itself is never in this record.
    authority : str
        PEM file with the certificates against which an HTTPS Orthanc is checked; if empty, the
        machine's own.
    certificate : str
        PEM file with a certificate and its key, for an Orthanc that requires one.
    model : str
        ONNX file of the model.
    provider : str
        Where the model runs: ``auto``, ``cuda`` or ``cpu``.
    """

    url: str
    credentials: str = ""
    authority: str = ""
    certificate: str = ""
    model: str = MODEL
    provider: str = "auto"


@dataclass(frozen=True, slots=True)
class Options:
    """The parsed command line: the order, and the workers that carry it out."""

    order: Order
    workers: int
    ray: str | None


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; an invalid one ends the program with the reason."""
    parser = argparse.ArgumentParser(
        prog="make backfill",
        usage='make backfill ARGS="URL [--workers N] [--ray auto] [...]"',
        description="Annotate an archive's old stock with the processors of this machine, or of a "
        "Ray cluster.",
        epilog=_EPILOG,
    )
    parser.add_argument("url", metavar="URL", help="Orthanc's address, like http://orthanc:8042")
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="decoders that work side by side; default: a processor each",
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="have a Ray cluster do it; auto: the one that this machine belongs to",
    )
    parser.add_argument("--credentials", metavar="FILE", help="user:password in one line")
    parser.add_argument(
        "--authority",
        metavar="PEM",
        help="certificates that Orthanc's is checked against, or Orthanc's own",
    )
    parser.add_argument(
        "--certificate", metavar="PEM", help="certificate and key to show to Orthanc"
    )
    parser.add_argument("--model", default=MODEL, metavar="ONNX", help="the service's model")
    parser.add_argument("--provider", default="auto", choices=("auto", "cuda", "cpu"))
    given = parser.parse_args(arguments)
    if not 0 <= given.workers <= _MOST_WORKERS:
        parser.error(f"--workers must be from 1 to {_MOST_WORKERS}")
    try:
        order = Order(
            address(given.url),
            credentials=_absolute(given.credentials),
            authority=_absolute(given.authority),
            certificate=_absolute(given.certificate),
            model=_absolute(given.model),
            provider=given.provider,
        )
        check_files(order)
    except UsageError as error:
        parser.error(str(error))
    return Options(order, given.workers, given.ray)


def address(url: str) -> str:
    """Return Orthanc's address without a slash at the end.

    Raises
    ------
    UsageError
        If it is not a valid address, or has a user or a password.
    """
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise UsageError("the address must be like http://orthanc:8042 or https://orthanc:8042")
    if parts.username or parts.password:
        raise UsageError(
            "no user or password in the address, which others can read: "
            f"use --credentials FILE, or {USER} and {PASSWORD}"
        )
    if parts.query or parts.fragment:
        raise UsageError("the address must end with the port, or with the path of a proxy")
    return parts.geturl().rstrip("/")


def check_files(order: Order) -> None:
    """Check that the files that an order names exist.

    Raises
    ------
    UsageError
        If one does not.
    """
    for file in (order.credentials, order.authority, order.certificate, order.model):
        if file and not _is_there(Path(file)):
            raise UsageError(f"there is no file {file}")
    description = Path(order.model).with_suffix(".json")
    if not _is_there(description):
        raise UsageError(f"there is no file {description} beside the model")


def _is_there(file: Path) -> bool:
    try:
        return S_ISREG(file.stat().st_mode)  # Python 3.14's is_file tells no reason.
    except FileNotFoundError:
        return False
    except OSError as error:  # In a folder of another user, for one.
        raise UsageError(f"{file} cannot be used: {error.strerror}") from None


def credentials(
    order: Order, environment: Mapping[str, str] = os.environ
) -> tuple[str, str] | None:
    """Return user and password, None if there are none.

    Raises
    ------
    UsageError
        If the file cannot be read, or has other content.
    """
    if not order.credentials:
        user = environment.get(USER, "")
        return (user, environment.get(PASSWORD, "")) if user else None
    try:
        line = Path(order.credentials).read_text(encoding="utf-8-sig").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{order.credentials} cannot be read: {type(error).__name__}") from None
    user, colon, password = line.partition(":")
    if not (user and colon) or "\n" in line:
        raise UsageError(f"{order.credentials} must hold one line: user:password")
    return user, password


def authorization(known: tuple[str, str]) -> str:
    """Return the header field that names user and password.

    It is in UTF-8, as Orthanc reads its configuration (RFC 7617, section 2.1).
    """
    return f"Basic {base64.b64encode(':'.join(known).encode()).decode()}"


def _absolute(file: str | None) -> str:
    return str(Path(file).absolute()) if file else ""


def unprotected(url: str) -> bool:
    """Tell whether pictures would go unencrypted over a network on which others may listen."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")
