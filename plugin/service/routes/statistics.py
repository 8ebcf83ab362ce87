"""What the labels look like as a whole, and which modalities there are."""

from __future__ import annotations

from typing import Any

from service.routes.requests import TheService
from service.routes.router import Router

router = Router()


@router.get("/bodypart/statistics", summary="Counts, confusion, calibration")
def statistics(service: TheService) -> dict[str, Any]:
    """Return the numbers of the statistics view.

    ``states`` (instances by state), ``examined`` (series and instances by label: a CT has hundreds
    of slices of one part), ``modalities``, ``confusion`` (how often the header named one label and
    the picture showed another, and whether one exposure can be both), ``agreement`` (by month of
    the study), ``reviews`` (how many, how many corrected, how many were conflicts),
    ``calibration`` (by the machine's probability: how often a person left its label).

    What takes more than half a second to count is kept for ten times as long as it took.
    """
    return service.statistics.everything()


@router.get("/bodypart/modalities", summary="The modalities of what is stored")
def modalities(service: TheService) -> list[str]:
    """Return what the lists can be narrowed to."""
    return service.statistics.modalities()
