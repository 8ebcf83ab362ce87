"""Removes the Orthanc labels that the plugin had set, once the operator has turned labels off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.errors import ServiceError
from service.lasting import kind_and_place, lengthening
from service.records.annotations import LABEL_PREFIX

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from service.orthanc_api.archive import Archive

_LEVELS = {
    "patients": "Patient",
    "studies": "Study",
    "series": "Series",
    "instances": "Instance",
}
_PAGE = 10_000
"""Resources of one question; large, as each question passes again over those already done."""
_PAUSES = (5.0, 60.0, 600.0)


def follow(archive: Archive, stopping: threading.Event, log: Callable[[str], None]) -> None:
    """Remove our labels; if that fails, it is tried again later.

    Parameters
    ----------
    archive : Archive
        Orthanc.
    stopping : threading.Event
        Set when the service stops.
    log : callable
        Takes a line.
    """
    pauses = lengthening(_PAUSES)
    while archive.has_labels and not stopping.is_set():
        try:
            taken = take_away(archive, stopping)
        except ServiceError as error:
            log(f"labels are not taken away yet: {kind_and_place(error)}")
            stopping.wait(next(pauses))
            continue
        if taken:
            log(f"labels were taken away, as the setting Labels is false: of {taken} resources")
        return


def take_away(archive: Archive, stopping: threading.Event) -> int:
    """Remove our labels from all levels; return from how many resources.

    Raises
    ------
    NotFoundError, ArchiveError
        If Orthanc failed.
    """
    known: list[str] = archive.client.get_json("/tools/labels")
    ours = [name for name in known if name.startswith(LABEL_PREFIX)]
    taken = 0
    for level, name in _LEVELS.items() if ours else ():
        question = {
            "Level": name,
            "Query": {},
            "Labels": ours,
            "LabelsConstraint": "Any",
            "Limit": _PAGE,
        }
        while not stopping.is_set() and (found := archive.client.question("/tools/find", question)):
            for resource in found:
                for label in set(ours).intersection(archive.labels(level, resource)):
                    archive.set_label(level, resource, label, present=False)
            taken += len(found)
    return taken
