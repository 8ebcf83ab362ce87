"""Status, labels, and the OpenAPI document."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fastapi import Request
from typing_extensions import TypedDict

from bodypart import __version__
from bodypart.code_record import LabelRecord
from bodypart.labels import LABELS
from bodypart.record import ModelRecord
from service.decoders.elsewhere import NetworkRecord
from service.decoders.greeting import LockdownRecord
from service.routes.requests import TheService, User
from service.routes.router import Router

if TYPE_CHECKING:
    from collections.abc import Collection

    from service.main import Service

router = Router()


class QueueRecord(TypedDict):
    """How many instances wait for their annotation, and how many have one or failed."""

    pending: int
    failed: int
    done: int


class StatusAnswer(TypedDict):
    """Version, model, provider, queue, readiness; ``reason`` is why it is not ready."""

    version: str
    orthanc: str
    model: ModelRecord | None
    provider: str | None
    warning: str | None
    network: NetworkRecord | None
    lockdown: LockdownRecord | None
    queue: QueueRecord
    tags: str
    user: str
    ready: bool
    reason: str | None


class NoServiceAnswer(TypedDict):
    """What Orthanc's side answers while no service runs: it starts, or died a moment ago."""

    version: None
    orthanc: None
    model: None
    provider: None
    ready: Literal[False]
    reason: str
    queue: QueueRecord


@router.get("/bodypart/status", summary="Version, model, provider, queue, readiness")
def status(service: TheService, user: User) -> StatusAnswer | NoServiceAnswer:
    """Answer version, model, provider, queue and readiness, and who asks."""
    hello = service.decoders.hello
    counts = service.index.counts()
    ready, network = service.decoders.ready, service.decoders.network
    return {
        "version": __version__,
        "orthanc": service.archive.version,
        "model": hello["model"] if hello else None,
        "provider": service.decoders.provider,
        "warning": service.decoders.warning,
        "network": network.to_json() if network else None,
        "lockdown": hello.get("lockdown") if hello else None,
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
def labels(service: TheService) -> list[LabelRecord]:
    """Answer the 36 labels, and which of them the model knows."""
    known = _known(service)
    return [part.to_json(image_model=part.label in known) for part in LABELS]


def _known(service: Service) -> Collection[str]:
    """Return the labels that the model knows; before a decoder runs, its description tells."""
    if hello := service.decoders.hello:
        return hello["labels"]
    with suppress(OSError, ValueError, KeyError):
        description = Path(service.settings.model).with_suffix(".json").read_bytes()
        labels: list[str] = json.loads(description)["labels"]
        return labels
    return ()


@router.get("/bodypart/openapi.json", summary="This document")
def openapi(request: Request) -> dict[str, Any]:
    """Answer the OpenAPI document of all routes; its own standard says what is in one."""
    document: dict[str, Any] = request.app.openapi()
    return document
