"""What was learned from people's words, and which pictures are like one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from service.learning.alike import nearest
from service.routes.requests import TheService, not_found, one_at_a_time
from service.routes.worklist import lines

router = APIRouter()
_MOST_ALIKE = 200
_DEFAULT_ALIKE = 30


@router.get("/bodypart/memory", summary="What was learned from confirmed pictures, by part")
def memory(service: TheService) -> dict[str, Any]:
    """Answer how many words there are on each part, and what they do for patients left out."""
    return service.learning.told()


@router.delete("/bodypart/memory", summary="Forget every word; annotations and audit trail stay")
def forget(service: TheService) -> dict[str, Any]:
    """Forget all that was learned so far."""
    service.learning.forget_all()
    return service.learning.told()


@router.get(
    "/bodypart/instances/{id:orthanc_id}/alike",
    summary="The unreviewed pictures most like one, as lines of the work list",
)
def alike(
    id: str,  # noqa: A002
    service: TheService,
    limit: Annotated[int, Query(ge=1, le=_MOST_ALIKE)] = _DEFAULT_ALIKE,
) -> dict[str, Any]:
    """Answer which pictures a person may confirm or correct along with this one."""
    model, sightings = service.learning.model, service.learning.sightings
    seen = sightings.get(id, model) if model else None
    if model is None or seen is None:
        raise not_found(f"no model has looked at {id}: classify it again")
    with one_at_a_time():
        found = dict(nearest(sightings, model, seen.embedding, limit, but=id))
    items = [
        {**line, "likeness": round(found[line["instance"]], 3)}
        for line in lines(service, list(found))
    ]
    return {"instance": id, "items": items}
