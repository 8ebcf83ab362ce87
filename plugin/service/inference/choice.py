"""Which network the settings and the machine ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bodypart.network.golden import Golden, GoldenError
from bodypart.settings import SettingsError
from service.inference.open_inference import OpenInferenceServer
from service.inference.remote import RemoteNetwork
from service.inference.server_settings import ServerSettings
from service.inference.shared import SharedNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

    from bodypart.settings import Settings
    from service.decoders.elsewhere import ElsewhereNetwork

_NVIDIA = Path("/dev/nvidiactl")
"""Exists where NVIDIA's driver is loaded."""


def network_of(settings: Settings, log: Callable[[str], None]) -> ElsewhereNetwork | None:
    """Return the network that decoders ask, not started; None where each runs its own.

    Parameters
    ----------
    settings : Settings
        The checked section, with ``python`` and ``model`` filled in.
    log : callable
        Takes a line.

    Raises
    ------
    SettingsError
        If ``Server``, or a file that it needs, is wrong.
    """
    if settings.provider == "remote":
        server, golden = checked_server(settings)
        return RemoteNetwork(OpenInferenceServer(server), server, golden, log)
    if settings.provider == "cpu" or not _NVIDIA.exists():
        return None
    return SharedNetwork(settings, _shape(_described(Path(settings.model))), log)


def checked_server(settings: Settings) -> tuple[ServerSettings, Golden]:
    """Return the section ``Server``, and what the server must answer.

    Raises
    ------
    SettingsError
        If the section, or the golden file beside the model, is wrong.
    """
    server, model = ServerSettings.parse(settings.server), Path(settings.model)
    try:
        return server, Golden.read(model, str(_described(model).get("sha256")))
    except GoldenError as error:
        raise SettingsError(f'BodyPart.Provider "remote": {error}') from None


def _described(model: Path) -> dict[str, Any]:
    description = model.with_suffix(".json")
    try:
        record = json.loads(description.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"BodyPart.Model: {description}: {type(error).__name__}") from None
    return record if isinstance(record, dict) else {}


def _shape(described: dict[str, Any]) -> tuple[int, ...]:
    """Return the shape of the pictures of one question, as `bodypart.model.model_input` makes them.

    A description that lacks it is refused by the process that loads the model.
    """
    own = described.get("preprocessing", {})
    views = max(1, len(own.get("sides", ()))) * (2 if own.get("mirrored") else 1)
    return views, 1, int(own.get("size", 0)), int(own.get("size", 0))
