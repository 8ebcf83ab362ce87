"""Whose name a request bears: that of Basic authentication, as far as it can be believed."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from service.kept_text import can_be_kept

if TYPE_CHECKING:
    from collections.abc import Mapping

ANONYMOUS = "anonymous"


def passwords(configuration: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the passwords against which Orthanc itself checks users, None if it checks none.

    Parameters
    ----------
    configuration : mapping
        Orthanc's whole configuration.
    """
    remote = configuration.get("RemoteAccessAllowed", False)
    users = configuration.get("RegisteredUsers")
    if not configuration.get("AuthenticationEnabled", remote) or not isinstance(users, dict):
        return None
    return users or None  # Without any, Orthanc takes one of its own.


def user_of(authorization: str, known: Mapping[str, str] | None) -> str:
    """Return the user whom a header names (RFC 7617).

    Orthanc has let in only users whose passwords it knows. But of a form it hands on each part with
    the headers that its sender wrote into it, with any name. Where Orthanc knows no users, a proxy
    may have checked the name, or nobody.

    Parameters
    ----------
    authorization : str
        The header, may be empty.
    known : mapping of str to str or None
        Passwords by name, None if Orthanc checks none.
    """
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "basic":
        return ANONYMOUS
    with suppress(ValueError):
        name, _, password = base64.b64decode(token).decode().partition(":")
        believed = known is None or known.get(name) == password
        # A name that no database keeps would make what is signed with it unreadable.
        if name and believed and can_be_kept(name):
            return name
    return ANONYMOUS
