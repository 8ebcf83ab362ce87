"""One word on several instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from bodypart.annotation import utc_now
from service.decoders.pool import EngineDownError, RefusedError, WorkerDiedError
from service.errors import NotFoundError, ServiceError, StaleError
from service.routes.models import Reviews
from service.routes.requests import TheService, User, WantedRevision

if TYPE_CHECKING:
    from service.main import Service

router = APIRouter()


@router.post(
    "/bodypart/reviews",
    summary="Confirm several instances (instances: ids), or correct them all alike",
)
def review_many(
    body: Reviews, service: TheService, user: User, wanted: WantedRevision
) -> dict[str, Any]:
    """Confirm what stands for several instances, or give them all one answer."""
    seen = dict.fromkeys(body.instances, wanted) | (body.revisions or {})
    outcomes = {
        i: _review(service, i, body, user, seen.get(i)) for i in seen if i in body.instances
    }
    failed = {instance: why for instance, why in outcomes.items() if why}
    service.settle([instance for instance in outcomes if instance not in failed])
    return {"reviewed": len(outcomes) - len(failed), "failed": failed}


def _review(
    service: Service, instance: str, body: Reviews, user: str, wanted: str | None
) -> str | None:
    """Review one of several; return why it did not work, None if it did."""
    try:
        if "examined" not in body.model_fields_set:
            annotation = service.archive.annotation(instance)
            if annotation is None and not service.archive.exists("instances", instance):
                raise NotFoundError(instance)
            examined = (annotation or {}).get("examined")
            if not examined:
                return "there is no body part to confirm"
            body = body.model_copy(update={"examined": examined["label"]})
        service.annotator.review(instance, body.review(by=user, at=utc_now()), wanted)
    except NotFoundError:
        return "Orthanc has no such instance"
    except StaleError:
        return "the annotation was changed since"
    except (ServiceError, EngineDownError, WorkerDiedError, RefusedError) as error:
        return str(error)
    return None
