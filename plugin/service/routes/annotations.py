"""One annotation, or the roll-up of several: read, made anew, corrected, taken back, removed."""

from __future__ import annotations

import time
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from typing_extensions import TypedDict

from bodypart.annotation import pending, tags_state, utc_now
from bodypart.record import AnnotationRecord, FileRecord, RollUpAnswer
from bodypart.rollup import Summary, roll_up
from service.errors import NotFoundError, UnannotatedError
from service.queue.tasks import Kind, Mode, Priority
from service.records.annotations import NO_TAGS
from service.records.index import REMOVED, UNSEEN
from service.routes.models import AskedAnswer, Classify, Correction
from service.routes.requests import (
    SeenRevisions,
    TheService,
    User,
    bad_request,
    etag,
    not_found,
)
from service.routes.router import Router
from service.unstored_file import annotate_file

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from service.dicom_tags.in_place import InPlace
    from service.main import Service

router = Router()
_INSTANCE = "/bodypart/instances/{id:orthanc_id}"
_RESOURCE = "/bodypart/{level:level}/{id:orthanc_id}"
_FILE_LIMIT = 1.0
"""Seconds that the answer to a correction waits for the file, to tell what became of it."""
_CROWD, _CROWD_OF_ROLL_UPS = 3, 9
"""With more files and roll-ups than this to follow, no answer waits for its own."""
_RESTORE_LIMIT, _RESTORE_LIMIT_OF_ALL = 10.0, 60.0
"""Seconds that a removal waits for an original file to return, and for those of a whole study."""
_AT_ONCE = 500
"""Instances that one statement to the database names."""
_FILE = {"content": {"application/dicom": {"schema": {"type": "string", "format": "binary"}}}}


class ForgottenAnswer(TypedDict):
    """How many annotations were removed, and which instances keep their tags, and why."""

    level: str
    id: str
    forgotten: int
    tags_kept: dict[str, str]


@router.get(
    _RESOURCE,
    summary="The annotation, or the roll-up",
)
def read(
    level: str, id: str, service: TheService, response: Response
) -> AnnotationRecord | RollUpAnswer:
    """Answer the annotation of an instance, or the roll-up with its children."""
    if level != "instances":
        return _roll_up(service, level, id)
    annotation = annotation_of(service, id)
    response.headers.update(etag(annotation))
    return annotation


@router.post(_RESOURCE, summary="Classify now, also once more")
def classify(
    level: str,
    id: str,
    service: TheService,
    response: Response,
    seen: SeenRevisions,
    body: Classify | None = None,
) -> AnnotationRecord | RollUpAnswer | AskedAnswer:
    """Classify now, also what is annotated already; a person's word still outranks the result."""
    instances = service.archive.instances_of(level, id)
    if seen is not None and level == "instances":
        service.reviewer.must_have(id, seen)
    if body and body.Asynchronous:
        service.tasks.ask_now(Kind.ANNOTATE, instances, mode=Mode.AGAIN, priority=Priority.PERSON)
        return AskedAnswer(level=level, id=id, status="pending")
    for instance in instances:
        with _unless_gone(level):
            service.annotator.annotate(instance, Mode.AGAIN, urgent=True)
    service.settle(instances)
    return read(level, id, service, response)


@router.put(_INSTANCE, summary="A person's correction")
def correct(
    id: str,
    body: Correction,
    service: TheService,
    user: User,
    seen: SeenRevisions,
    response: Response,
) -> AnnotationRecord:
    """Take a person's correction; once it is answered it is recorded, and the file follows."""
    annotation = review_and_follow(service, id, body, user, seen)
    response.headers.update(etag(annotation))
    return annotation


@router.delete(
    f"{_INSTANCE}/review",
    summary="Take a person's word back; the machine's answer returns",
)
def withdraw(
    id: str,
    service: TheService,
    user: User,
    seen: SeenRevisions,
    response: Response,
) -> AnnotationRecord:
    """Take a person's word back; the audit trail keeps the word and its withdrawal."""
    annotation_of(service, id)
    try:
        annotation = service.reviewer.withdraw(id, by=user, seen=seen)
    except NotFoundError:
        if not service.archive.exists("instances", id):
            raise
        raise not_found(f"nobody said anything of instances {id}") from None
    annotation = _followed(service, id, annotation)
    response.headers.update(etag(annotation))
    return annotation


@router.delete(
    _RESOURCE,
    summary="Forget the annotation; tags written in place are undone, as with ?tags=true",
)
def remove(
    level: str,
    id: str,
    service: TheService,
    user: User,
    seen: SeenRevisions,
) -> ForgottenAnswer:
    """Remove the annotations of all instances of a resource, and tags written in place.

    Orthanc (1.10 and 1.12) does not pass the query of a DELETE to plugins, so ``?tags=true`` makes
    no difference.
    """
    instances = service.archive.instances_of(level, id)
    revisions = seen if level == "instances" else None
    forgotten = 0
    for one in instances:
        with _unless_gone(level):
            forgotten += service.reviewer.remove(one, by=user, seen=revisions)
    kept = _tags_kept(service.in_place, instances) if service.in_place else {}
    service.settle(instances)
    return {"level": level, "id": id, "forgotten": forgotten, "tags_kept": kept}


@router.post(
    "/bodypart/classify",
    summary="The annotation of the DICOM file in the body; nothing is stored",
    openapi_extra={"requestBody": _FILE},
)
async def classify_file(request: Request, service: TheService) -> FileRecord:
    """Annotate the DICOM file in the body."""
    data = await request.body()
    if not data:
        raise bad_request("the body is empty; send a DICOM file")
    annotation, _ = await run_in_threadpool(annotate_file, service.decoders, service.metrics, data)
    return {**annotation, "tags": NO_TAGS, "revision": None}


def annotation_of(service: Service, instance: str) -> AnnotationRecord:
    """Return the annotation of an instance, or what stands for it while it waits.

    Raises
    ------
    NotFoundError
        If Orthanc has no such instance.
    UnannotatedError
        If it has no annotation, and none is under way.
    """
    annotation = service.annotation(instance)
    if annotation:
        return annotation
    if service.in_place and service.in_place.is_away(instance):
        return waiting(instance)
    if not service.archive.exists("instances", instance):
        raise NotFoundError(instance)
    if _is_waiting(service, instance):
        return waiting(instance)
    # It may have been written between the two looks.
    annotation = service.archive.annotation(instance)
    if annotation:
        return annotation
    service.annotator.note_lost(instance)
    raise UnannotatedError(instance)


def waiting(instance: str) -> AnnotationRecord:
    """Return the placeholder for the annotation of an instance that waits for it."""
    return {**pending(instance), "tags": NO_TAGS, "revision": None}


def review_and_follow(
    service: Service, instance: str, body: Correction, user: str, seen: frozenset[str] | None
) -> AnnotationRecord:
    """Put a person's word on an instance, and wait a moment for what follows, if it comes soon."""
    review = body.review(by=user, at=utc_now())
    return _followed(service, instance, service.reviewer.review(instance, review, seen))


def _followed(service: Service, instance: str, annotation: AnnotationRecord) -> AnnotationRecord:
    """Return an annotation, with what became of its file unless many others wait to follow."""
    if (
        service.tasks.count(Kind.REWRITE) >= _CROWD
        or service.tasks.count(Kind.ROLL_UP) >= _CROWD_OF_ROLL_UPS
    ):
        return annotation
    if service.in_place and tags_state(annotation) == "pending":
        service.in_place.outcome(instance, _FILE_LIMIT)
        present = service.archive.annotation(instance)
        if present and present.get("revision") == annotation.get("revision"):
            annotation = present
    service.settle([instance])
    return annotation


def _tags_kept(in_place: InPlace, instances: list[str]) -> dict[str, str]:
    """Wait for original files to be restored; return which instances keep their tags, and why."""
    end = time.monotonic() + _RESTORE_LIMIT_OF_ALL
    kept = {}
    for instance in instances:
        limit = min(_RESTORE_LIMIT, max(0.0, end - time.monotonic()))
        if why := in_place.outcome(instance, limit):
            kept[instance] = why
    return kept


def _unless_gone(level: str) -> AbstractContextManager[None]:
    """Leave out an instance that was deleted since the others above it were asked for."""
    return nullcontext() if level == "instances" else suppress(NotFoundError)


def _is_waiting(service: Service, instance: str) -> bool:
    state = service.index.state(instance)
    # What was stored over an annotated instance stands in the log first, then among the tasks.
    unread = state is not None and service.change_log.is_unread(instance)
    if unread or service.tasks.stands(Kind.ANNOTATE, instance):
        return True
    if state == REMOVED:
        return False
    return service.backfill.running or (state is None and service.settings.on_upload)


def _roll_up(service: Service, level: str, resource: str) -> RollUpAnswer:
    # In this order, so that what is annotated between the two is among the children.
    expected = _waiting_below(service, level, resource)
    children = service.index.children(level, resource)
    expected -= {child.instance for child in children}
    children += [Summary.of(pending(instance)) for instance in expected]
    if not children:
        service.archive.instances_of(level, resource)
        raise not_found(f"{level} {resource} has no annotation: POST here, or back-fill")
    rolled = roll_up(level, resource, children)
    lines = sorted((child.to_json() for child in children), key=lambda line: line["instance"])
    return {**rolled, "children": lines}


def _waiting_below(service: Service, level: str, resource: str) -> set[str]:
    """Return the instances below a resource that wait; also some that have an annotation."""
    running = service.backfill.running
    if not running and not service.pending():
        return set()
    found: set[str] = set()
    below = service.archive.instances_of(level, resource)
    for start in range(0, len(below), _AT_ONCE):
        some = below[start : start + _AT_ONCE]
        found |= service.tasks.standing(Kind.ANNOTATE, some)
        if running or service.settings.on_upload:
            found.update(service.index.unknown(some))
        if running:
            found.update(service.index.those_in_state(UNSEEN, some))
    return found
