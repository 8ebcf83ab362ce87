"""The back-fill: started, watched, cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Query
from typing_extensions import TypedDict

from service.decoders.process import EngineDownError
from service.queue.tasks import Kind, Mode, Priority
from service.routes.models import Backfill, HelpersAnswers, Known, Lease
from service.routes.requests import HttpError, TheService, one_at_a_time
from service.routes.router import Router
from service.work.backfill import BackfillProgress
from service.work.leases import Answer, HelperReference

if TYPE_CHECKING:
    from service.main import Service

router = Router()
_PAGE = 1000


class ReadAgain(BackfillProgress):
    """The progress, and how many instances are read again."""

    again: int


class TakenAnswer(TypedDict):
    """How many answers were taken, and of which instances they were dropped, and why."""

    taken: int
    dropped: dict[str, str]


@router.post(
    "/bodypart/backfill",
    summary="Annotate what has no annotation, what new words change, what an earlier model read, "
    "or what failed",
)
def start(service: TheService, body: Backfill | None = None) -> BackfillProgress | ReadAgain:
    """Annotate what the body asks for; without a body, what has no annotation."""
    asked = body or Backfill.model_validate({})
    if asked.Failed:
        again = _try_failed_again(service)
    elif asked.ModelVersion or asked.OtherModels:
        present = service.learning.model
        if present is None:
            # Before a decoder has told its model, every model would count as another one.
            raise EngineDownError(service.decoders.down_reason)
        again = service.backfill.read_again(asked.ModelVersion, present=present)
    elif asked.LearnedSince:
        with one_at_a_time():
            found = service.learning.read_otherwise(asked.LearnedSince)
        service.tasks.ask_now(Kind.ANNOTATE, found, mode=Mode.AGAIN, priority=Priority.BACKFILL)
        again = len(found)
    else:
        return service.backfill.start()
    return {**progress(service), "again": again}


@router.get("/bodypart/backfill", summary="Progress of the back-fill")
def progress(service: TheService) -> BackfillProgress:
    """Answer how far the back-fill is."""
    return service.backfill.progress()


@router.delete("/bodypart/backfill", summary="Cancel the back-fill")
def cancel(service: TheService) -> BackfillProgress:
    """Stop the back-fill."""
    return service.backfill.cancel()


@router.post(
    "/bodypart/backfill/lease",
    summary="Ids of the back-fill that are a helper's for some seconds",
)
def lease(body: Lease, service: TheService) -> list[str]:
    """Lend instances to a helper on another machine; none while no back-fill runs."""
    return service.leases.lend(body.Count, body.Seconds, body.Helper)


@router.get(
    "/bodypart/backfill/helper",
    summary="What a helper must be, and know, to answer as the service does",
)
def helper(query: Annotated[Known, Query()], service: TheService) -> HelperReference:
    """Answer version, model, settings, and what people's words taught since ``after``."""
    hello = service.decoders.hello
    if hello is None:
        raise EngineDownError(service.decoders.down_reason)
    return service.leases.reference(hello, query.after)


@router.post(
    "/bodypart/backfill/results",
    summary="A helper's answers: what was taken, and why the rest was dropped",
)
def results(body: HelpersAnswers, service: TheService) -> TakenAnswer:
    """Take a helper's answers, except for what was annotated, removed or replaced meanwhile."""
    if body.results:
        _must_be_of_our_model(body, service)
    service.leases.take_back(body.returned, body.helper)
    answers = {
        answer.instance: Answer(answer.annotation, answer.file, answer.seen)
        for answer in body.results
    }
    dropped = service.leases.take(answers, body.helper)
    return {"taken": len(answers) - len(dropped), "dropped": dropped}


def _must_be_of_our_model(body: HelpersAnswers, service: Service) -> None:
    hello = service.decoders.hello
    if hello is None:
        # Just started, perhaps with another model: the helper tries again.
        raise EngineDownError(service.decoders.down_reason)
    own = hello["model"]["sha256"]
    models = [answer.annotation.get("model") for answer in body.results]
    named = [body.model, *(model.get("sha256") for model in models if isinstance(model, dict))]
    for model in named:
        if model and model != own:
            details = f"model: the helper has {str(model)[:12]}, the service {own[:12]}"
            raise HttpError(409, "Another model", details)


def _try_failed_again(service: Service) -> int:
    """Try again what failed; return how many instances that are."""
    count = 0
    for page in service.index.in_state("failed", _PAGE):
        count += len(page)
        service.tasks.ask_now(Kind.ANNOTATE, page, mode=Mode.AGAIN, priority=Priority.BACKFILL)
    return count
