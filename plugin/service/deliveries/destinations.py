"""Where pictures go: ``modality:NAME``, ``peer:NAME``, ``dicomweb:NAME``, a webhook, a folder.

Addresses come from the configuration alone. What is known of a node there (its AET, its host)
is kept, so that nothing is sent back to where it came from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bodypart.settings import did_you_mean


class DestinationError(ValueError):
    """A destination that does not exist or is misspelt; the text names it."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One receiver.

    Attributes
    ----------
    kind : str
        ``modality``, ``peer``, ``dicomweb``, ``webhook`` or ``folder``.
    name : str
        What follows the colon: Orthanc's name of the node, an address, a path.
    aet : str
        Application Entity Title of a modality; empty where it has none, or is not known.
    host : str
        Host name or IP of a node that could have sent to us; empty as above.
    """

    kind: str
    name: str
    aet: str = ""
    host: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def is_node(self) -> bool:
        """Whether it is an archive that may send pictures itself."""
        return self.kind in ("modality", "peer", "dicomweb")


def parse(text: object, configuration: Mapping[str, Any]) -> Destination:
    """Read a destination and check that it exists.

    Parameters
    ----------
    text : object
        As it stands in a rule's ``To``.
    configuration : mapping
        Orthanc's whole configuration.

    Raises
    ------
    DestinationError
        If its kind is unknown, its node is not configured, its address or folder cannot be used.
    """
    kind, colon, name = text.partition(":") if isinstance(text, str) else ("", "", "")
    read = _KINDS.get(kind)
    if read is None or not colon or not name:
        raise DestinationError(f"{text!r} must be {', '.join(f'{kind}:…' for kind in _KINDS)}")
    return read(name, configuration)


def _modality(name: str, configuration: Mapping[str, Any]) -> Destination:
    nodes = configuration.get("DicomModalities") or {}
    kept_elsewhere = configuration.get("DicomModalitiesInDatabase") is True
    node = _node(name, nodes, "DicomModalities", kept_elsewhere=kept_elsewhere)
    if isinstance(node, Mapping):
        aet, host = node.get("AET", ""), node.get("Host", "")
    else:
        aet, host = ([*node, "", ""] if isinstance(node, list) else ["", ""])[:2]
    return Destination("modality", name, str(aet), str(host))


def _peer(name: str, configuration: Mapping[str, Any]) -> Destination:
    peers = configuration.get("OrthancPeers") or {}
    kept_elsewhere = configuration.get("OrthancPeersInDatabase") is True
    node = _node(name, peers, "OrthancPeers", kept_elsewhere=kept_elsewhere)
    return Destination("peer", name, host=_host(node))


def _dicomweb(name: str, configuration: Mapping[str, Any]) -> Destination:
    section = configuration.get("DicomWeb") or {}
    kept_elsewhere = section.get("ServersInDatabase") is True
    servers = section.get("Servers") or {}
    node = _node(name, servers, "DicomWeb.Servers", kept_elsewhere=kept_elsewhere)
    return Destination("dicomweb", name, host=_host(node))


def _webhook(name: str, _: Mapping[str, Any]) -> Destination:
    try:
        address = urlsplit(name)
        usable = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise DestinationError(f"'webhook:{name}' must be an http:// or https:// address")
    if address.username or address.password:
        raise DestinationError(
            f"a webhook of {address.hostname} must not hold a password: rules are shown to users"
        )
    return Destination("webhook", name)


def _folder(name: str, _: Mapping[str, Any]) -> Destination:
    path = Path(name)
    if not path.is_absolute():
        raise DestinationError(f"'folder:{name}' must be an absolute path")
    try:
        usable = path.is_dir() and os.access(path, os.W_OK | os.X_OK)
    except OSError:  # In a folder of another user, for one.
        usable = False
    if not usable:
        raise DestinationError(f"'folder:{name}' is no folder that can be written to")
    return Destination("folder", name)


_KINDS: dict[str, Callable[[str, Mapping[str, Any]], Destination]] = {
    "modality": _modality,
    "peer": _peer,
    "dicomweb": _dicomweb,
    "webhook": _webhook,
    "folder": _folder,
}


def _node(name: str, nodes: Mapping[str, Any], section: str, *, kept_elsewhere: bool) -> Any:
    """Return what the configuration says of a node.

    Where Orthanc keeps its nodes in its database, one that is not named here may exist.
    """
    if name in nodes:
        return nodes[name]
    if kept_elsewhere:
        return None
    raise DestinationError(f"{name!r} is not among {section}{did_you_mean(name, nodes)}")


def _host(node: Any) -> str:
    url = node.get("Url", "") if isinstance(node, Mapping) else node[0] if node else ""
    try:
        return urlsplit(str(url)).hostname or ""
    except ValueError:
        return ""
