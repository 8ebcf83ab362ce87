"""One word on several instances, and taking it back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from bodypart.annotation import utc_now
from bodypart.fusion.sides import open_side
from bodypart.labels import BY_LABEL
from bodypart.reviews import word_before
from service.errors import (
    ConflictError,
    NotFoundError,
    ServiceError,
    StaleError,
    UnannotatedError,
)
from service.reviewer import is_stale
from service.routes.annotations import annotation_of
from service.routes.models import Reviews, Undo
from service.routes.requests import SeenRevisions, TheService, User
from service.routes.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bodypart.record import AnnotationRecord
    from service.main import Service

router = Router()
_SIDE_BY_SIDE = 4


class _Outcomes(TypedDict):
    """What became of each instance: its revision, or why nothing was done."""

    failed: dict[str, str]
    revisions: dict[str, str | None]


class ReviewedAnswer(_Outcomes):
    """How many were reviewed, and what became of each."""

    reviewed: int


class UndoneAnswer(_Outcomes):
    """Of how many a word was taken back, and what became of each."""

    undone: int


@router.post(
    "/bodypart/reviews",
    summary="Confirm several instances (instances: ids), or correct them all alike",
)
def review_many(
    body: Reviews, service: TheService, user: User, if_match: SeenRevisions
) -> ReviewedAnswer:
    """Confirm what stands for several instances, or give them all one answer.

    Where `If-Match` is stale for one of them, nothing is done: 412 with its annotation. An instance
    that is stale by `revisions` fails alone, and is named; so is a confirmation without a side
    where marker and header, or two places of the header, contradict each other and nobody has
    decided.
    """
    if if_match is not None:
        for instance in body.instances:
            service.reviewer.must_have(instance, if_match)
    seen = dict.fromkeys(body.instances, if_match) | _by_instance(body.revisions)

    def review(instance: str) -> AnnotationRecord:
        said, revisions = body, seen.get(instance)
        if "examined" not in body.model_fields_set:
            confirmed = _confirmed(body, service, instance, revisions)
            said = body.model_copy(update={"examined": confirmed})
        word = said.review(by=user, at=utc_now())
        return service.reviewer.review(instance, word, revisions)

    outcomes = _each(service, body.instances, review)
    return {"reviewed": len(outcomes["revisions"]), **outcomes}


@router.post("/bodypart/reviews/undo", summary="Take the last word on several instances back")
def undo(body: Undo, service: TheService, user: User) -> UndoneAnswer:
    """Take the last word on each back: what stood before it returns, the trail keeps both.

    Before it there was an earlier word, which is said again, or the machine's own answer.
    """
    seen = _by_instance(body.revisions)

    def take_back(instance: str) -> AnnotationRecord:
        annotation = annotation_of(service, instance)
        if annotation["review"] is None:
            raise ConflictError("nobody said anything of it")
        # The earlier word is put on the present annotation and on no other; 0.1 knew no revision.
        present = annotation.get("revision")
        revisions = seen.get(instance) or (frozenset({str(present)}) if present else None)
        word = word_before(annotation, by=user, at=utc_now())
        if word is None:
            return service.reviewer.withdraw(instance, by=user, seen=revisions)
        return service.reviewer.review(instance, word, revisions)

    outcomes = _each(service, body.instances, take_back)
    return {"undone": len(outcomes["revisions"]), **outcomes}


def _confirmed(
    body: Reviews, service: Service, instance: str, revisions: frozenset[str] | None
) -> str:
    """Return the label that stands for an instance, for a word that names none.

    Raises
    ------
    NotFoundError, StaleError, ConflictError
        If it is gone, has another revision by now, or has nothing that can be confirmed like this.
    """
    annotation = service.annotation(instance)
    if annotation is None and not service.archive.exists("instances", instance):
        raise NotFoundError(instance)
    if annotation and is_stale(annotation, revisions):
        # What is confirmed is what was seen, even where the same user said this since.
        raise StaleError(annotation)
    examined = annotation["examined"] if annotation else None
    if annotation is None or examined is None:
        raise ConflictError("there is no body part to confirm")
    why = open_side(annotation)
    if why and "laterality" not in body.model_fields_set:
        raise ConflictError(f"{why}: say which")
    if body.laterality and not BY_LABEL[examined["label"]].paired:
        raise ConflictError(f"{examined['label']} has no side")
    return examined["label"]


def _by_instance(revisions: dict[str, str] | None) -> dict[str, frozenset[str] | None]:
    return {instance: frozenset({revision}) for instance, revision in (revisions or {}).items()}


def _each(
    service: Service,
    instances: Iterable[str],
    work: Callable[[str], AnnotationRecord],
) -> _Outcomes:
    """Do something to each instance; return their revisions, and what failed."""
    ids = list(dict.fromkeys(instances))
    with ThreadPoolExecutor(_SIDE_BY_SIDE, "bodypart-review") as threads:
        outcomes = dict(zip(ids, threads.map(lambda one: _tried(one, work), ids), strict=True))
    revisions = {
        one: said.get("revision") for one, said in outcomes.items() if not isinstance(said, str)
    }
    failed = {one: why for one, why in outcomes.items() if isinstance(why, str)}
    service.settle(list(revisions))
    return {"failed": failed, "revisions": revisions}


def _tried(instance: str, work: Callable[[str], AnnotationRecord]) -> AnnotationRecord | str:
    """Return the annotation, or why there is none."""
    try:
        return work(instance)
    except UnannotatedError as why:
        return str(why)
    except NotFoundError:
        return "Orthanc has no such instance"
    except ServiceError as why:
        return str(why)
