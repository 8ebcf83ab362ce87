"""Status, labels, and the OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from bodypart import __version__
from bodypart.labels import LABELS
from service.routes.requests import TheService, User
from service.routes.router import Router

router = Router()


@router.get("/bodypart/status", summary="Version, model, provider, queue, readiness")
def status(service: TheService, user: User) -> dict[str, Any]:
    """Answer version, model, provider, queue and readiness, and who asks."""
    hello = service.decoders.hello or {}
    counts = service.index.counts()
    ready = service.decoders.ready
    return {
        "version": __version__,
        "orthanc": service.archive.version,
        "model": hello.get("model"),
        "provider": service.decoders.provider,
        "warning": service.decoders.warning,
        "network": service.decoders.network and service.decoders.network.to_json(),
        "lockdown": hello.get("lockdown"),
        "queue": {
            "pending": service.pending(),
            "failed": counts.get("failed", 0),
            "done": counts.get("done", 0) + counts.get("skipped", 0),
        },
        "tags": service.settings.tags,
        "user": user,
        "ready": ready,
        "reason": None if ready else service.decoders.down_reason,
    }


@router.get("/bodypart/labels", summary="The 36 labels with their codes")
def labels(service: TheService) -> list[dict[str, Any]]:
    """Answer the 36 labels, and which of them the model knows."""
    known = set((service.decoders.hello or {}).get("labels", ()))
    return [part.to_json(image_model=part.label in known) for part in LABELS]


@router.get("/bodypart/openapi.json", summary="This document")
def openapi(request: Request) -> dict[str, Any]:
    """Answer the OpenAPI document of all routes."""
    document: dict[str, Any] = request.app.openapi()
    return document
