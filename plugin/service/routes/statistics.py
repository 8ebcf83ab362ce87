"""What the labels look like as a whole, and which modalities there are."""

from __future__ import annotations

from service.records.statistics import StatisticsRecord
from service.routes.requests import TheService
from service.routes.router import Router

router = Router()


@router.get("/bodypart/statistics", summary="Counts, confusion, calibration")
def statistics(service: TheService) -> StatisticsRecord:
    """Return the numbers of the statistics view.

    What takes more than half a second to count is kept for ten times as long as it took.
    """
    return service.statistics.everything()


@router.get("/bodypart/modalities", summary="The modalities of what is stored")
def modalities(service: TheService) -> list[str]:
    """Return what the lists can be narrowed to."""
    return service.statistics.modalities()
