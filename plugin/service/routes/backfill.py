"""The back-fill: started, watched, cancelled."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from service.routes.models import Nothing
from service.routes.requests import TheService

router = APIRouter()


@router.post("/bodypart/backfill", summary="Annotate what has no annotation")
def start(service: TheService, body: Nothing | None = None) -> dict[str, Any]:
    """Look for what has no annotation, and start to annotate it."""
    return service.backfill.start()


@router.get("/bodypart/backfill", summary="Progress of the back-fill")
def progress(service: TheService) -> dict[str, Any]:
    """Answer how far the back-fill is."""
    return service.backfill.progress()


@router.delete("/bodypart/backfill", summary="Cancel the back-fill")
def cancel(service: TheService) -> dict[str, Any]:
    """Stop the back-fill."""
    return service.backfill.cancel()
