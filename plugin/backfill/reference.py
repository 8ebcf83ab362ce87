"""The service's version, model and settings, which a helper must match."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backfill.errors import GoneError, MismatchError, RefusedError
from bodypart import __version__
from bodypart.error_rates import FILE, digest
from bodypart.settings import Settings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from backfill.connection import Connection
    from backfill.options import Order

PATH = "/bodypart/backfill/helper"


@dataclass(frozen=True, slots=True)
class Reference:
    """The service as a helper has to match it.

    Attributes
    ----------
    model : dict
        Name, version and SHA-256 of its model.
    settings : dict
        The keys of its configuration section that an answer depends on.
    revision : str or None
        State of the memory that its decoders have.
    memory : tuple of dict and bytes, or None
        Update from the known revision to this one.
    """

    model: dict[str, str]
    settings: dict[str, Any]
    revision: str | None
    memory: tuple[dict[str, Any], bytes] | None

    @classmethod
    def of(cls, connection: Connection, known: str | None = None) -> Reference:
        """Ask the service.

        Parameters
        ----------
        connection : Connection
            Connection to it.
        known : str or None
            Revision of the memory that the decoder already has.

        Raises
        ------
        MismatchError
            If the service has another version than this program, or other error rates.
        RefusedError, AwayError
            See `Connection.get`.
        """
        return _read(connection, connection.get(PATH + (f"?after={known}" if known else "")))

    def check_model(self, file: Path) -> None:
        """Compare the model here with the service's.

        Raises
        ------
        MismatchError
            If they differ.
        """
        own = hashlib.sha256(file.read_bytes()).hexdigest()
        if own != self.model["sha256"]:
            raise MismatchError(
                f"the model here, {file}, has the SHA-256 {own[:12]}…, the service's is "
                f"{self.model['name']} {self.model['version']} with {self.model['sha256'][:12]}…: "
                "copy its .onnx and .json file here, or name them with --model"
            )

    def settings_here(self, order: Order, python: str) -> Settings:
        """Return the settings of a decoder on this machine.

        Raises
        ------
        MismatchError
            If the service has settings that are unknown here.
        """
        own = {"Python": python, "Model": order.model, "Provider": order.provider}
        try:
            return Settings.parse({**self.settings, **own})
        except SettingsError as error:
            raise MismatchError(f"the service's settings are of another version: {error}") from None


def first_contact(connection: Connection) -> Reference:
    """Check that there is an Orthanc with a service that accepts helpers; nothing is retried.

    Raises
    ------
    RefusedError
        If there is none; the text says what is there instead.
    MismatchError
        See `Reference.of`.
    AwayError
        If nothing answers, or the service does not run yet.
    """
    url = connection.url
    try:
        system = connection.once("/system")
    except GoneError:
        system = {}
    if not (isinstance(system, dict) and "ApiVersion" in system):
        raise RefusedError(f"{url} is no Orthanc")
    try:
        status = connection.once("/bodypart/status")
    except GoneError:
        raise RefusedError(f"the Orthanc at {url} runs without orthanc-bodypart") from None
    try:
        return _read(connection, connection.once(PATH))
    except GoneError:
        raise RefusedError(
            f"orthanc-bodypart {status.get('version', '')} at {url} takes no help yet: "
            f"it must be {__version__}, as here"
        ) from None


def _read(connection: Connection, told: Mapping[str, Any]) -> Reference:
    if told["version"] != __version__:
        raise MismatchError(
            f"orthanc-bodypart is {__version__} here and {told['version']} at {connection.url}"
        )
    if told["error_rates"] != digest():
        raise MismatchError(
            f"the error rates here are not those of the service: copy its {FILE.name} to {FILE}"
        )
    memory = told["memory"]
    return Reference(
        told["model"],
        told["settings"],
        told["revision"],
        (memory["record"], base64.b64decode(memory["numbers"])) if memory else None,
    )
