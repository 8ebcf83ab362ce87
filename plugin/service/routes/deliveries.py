"""Routing: the rules, and which of them take an instance; deliveries that wait, left or failed."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field, ValidationError
from typing_extensions import TypedDict

from bodypart.laterality import Side
from bodypart.record import AnnotationRecord, FileRecord, Label
from service.databases.tables import deliveries
from service.deliveries.delivery import DeliveryRecord, State
from service.deliveries.matching import Case, Found, verdicts
from service.deliveries.overview import DepartureRecord, OpenCounts
from service.deliveries.rules import Given, RuleRecord
from service.errors import ConflictError, NotFoundError
from service.routes.annotations import annotation_of
from service.routes.models import Asked, Body, InstanceId
from service.routes.requests import ORTHANC_ID, TheService, bad_request, not_found, page_of
from service.routes.router import Router
from service.unstored_file import annotate_file
from service.work.rule_application import Progress

if TYPE_CHECKING:
    from service.main import Service

router = Router()
LONGEST_PAGE = 1000
_DEFAULT_PAGE = 100
_MAX_TEST_JSON = 10_000
_STATE = "|".join(State)
_TEST = {
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"Instance": {"type": "string", "pattern": f"^{ORTHANC_ID}$"}},
                "required": ["Instance"],
                "additionalProperties": False,
            }
        },
        "application/dicom": {"schema": {"type": "string", "format": "binary"}},
    }
}


class Tested(Body):
    """The instance to test the rules with."""

    Instance: InstanceId


class Application(Body):
    """The rule to apply to the old stock."""

    Rule: Annotated[str, Field(min_length=1, max_length=100)]
    DryRun: Annotated[bool, Field(strict=True, description="count only")] = True
    Count: str | None = Field(
        None, max_length=40, description="`started_at` of the count that is to be sent"
    )


class Action(Body):
    """What to do with a delivery."""

    Action: Literal["retry", "cancel"]


class ActionOnFailed(Body):
    """What to do with all that failed on the way to a destination."""

    Action: Literal["retry"]
    Destination: Annotated[str, Field(min_length=1, max_length=2000)]


class Page(Asked):
    """Which deliveries; the newest come first."""

    # Orthanc passes on one value for each name.
    state: Annotated[str, Field(pattern=rf"^(({_STATE})(,({_STATE}))*)?$")] = Field(
        "", description="one, or several with commas"
    )
    rule: str = Field("", max_length=100)
    destination: str = Field("", max_length=2000)
    instance: Annotated[str, Field(pattern=rf"^({ORTHANC_ID})?$")] = ""
    after: Annotated[int, Field(ge=0, lt=2**63)] | None = Field(
        None, description="`next` of the page before"
    )
    limit: int = Field(_DEFAULT_PAGE, ge=1, le=LONGEST_PAGE)


class Since(Asked):
    """Which departures, in order."""

    since: int = Field(0, ge=0, lt=2**63, description="number of the last one known")
    limit: int = Field(LONGEST_PAGE, ge=1, le=10_000)


class RulesAnswer(TypedDict):
    """The rules, and by destination what is not delivered."""

    routes: list[RuleRecord]
    open: dict[str, OpenCounts]


class FailureRecord(TypedDict):
    """A condition that does not hold: what was wanted, and what was found instead."""

    condition: str
    wanted: Given
    found: Found


class VerdictRecord(TypedDict):
    """What one rule says of an instance."""

    name: str
    takes: bool
    failed: list[FailureRecord]
    to: list[str]


class CaseRecord(TypedDict):
    """What of an annotation the conditions look at."""

    examined: Label | None
    probability: float
    visible: list[Label]
    group: str | None
    view: str | None
    modality: str
    laterality: Side | None
    child: bool | None
    needs_review: bool


class TrialAnswer(TypedDict):
    """Which rules take an instance, and what each says; ``rule`` is the first that does."""

    instance: str | None
    rule: str | None
    taken_by: list[str]
    rules: list[VerdictRecord]
    case: CaseRecord
    annotation: AnnotationRecord | FileRecord


class DeliveriesAnswer(TypedDict):
    """A page of deliveries; ``next`` is null on the last."""

    deliveries: list[DeliveryRecord]
    next: int | None


class RetriedAnswer(TypedDict):
    """How many deliveries to a destination are tried again."""

    destination: str
    retried: int


@router.get("/bodypart/routes", summary="The rules that send pictures on")
def rules(service: TheService) -> RulesAnswer:
    """Answer the rules, and how many deliveries each destination has that are not delivered."""
    found = [rule.to_json() for rule in service.dispatch.routing.rules]
    return {"routes": found, "open": service.dispatch.open_counts()}


@router.post(
    "/bodypart/routes/test",
    summary="Which rule takes an instance, or a DICOM file in the body, and why others do not",
    openapi_extra={"requestBody": _TEST},
)
async def test(request: Request, service: TheService) -> TrialAnswer:
    """Answer what each rule makes of an instance; nothing is sent."""
    data = await request.body()
    if not data:
        raise bad_request('the body is empty; send {"Instance": id} or a DICOM file')
    text = data.removeprefix(BOM_UTF8).lstrip() if len(data) <= _MAX_TEST_JSON else b""
    if text.startswith(b"{"):
        return await run_in_threadpool(_test_stored, service, _tested(text))
    annotation, modality = await run_in_threadpool(
        annotate_file, service.decoders, service.metrics, data
    )
    return _tested_with(service, annotation, modality)


@router.post(
    "/bodypart/routes/apply",
    summary="Count what a rule takes of the old stock; then, with DryRun false, send it",
)
def apply(body: Application, service: TheService) -> Progress:
    """Start to count what a rule takes of what is stored, or to send what was counted.

    What changed since the count is left out; with `Count`, it is refused if another count came
    since.
    """
    try:
        return service.rule_application.start(body.Rule, dry_run=body.DryRun, count=body.Count)
    except NotFoundError:
        raise not_found("Rule: no rule has this name") from None


@router.get("/bodypart/routes/apply", summary="How far the count, or the application, is")
def applied(service: TheService) -> Progress:
    """Answer how far a rule's count or application is."""
    return service.rule_application.progress()


@router.delete("/bodypart/routes/apply", summary="Stop applying a rule to the old stock")
def stop_applying(service: TheService) -> Progress:
    """Stop the run; deliveries that are in the outbox stay there."""
    return service.rule_application.cancel()


@router.get("/bodypart/deliveries", summary="What waits, was delivered, failed; the newest first")
def listed(query: Annotated[Page, Query()], service: TheService) -> DeliveriesAnswer:
    """Answer one page of the outbox."""
    where = [
        column == value
        for column, value in (
            (deliveries.c.rule, query.rule),
            (deliveries.c.destination, query.destination),
            (deliveries.c.instance, query.instance),
        )
        if value
    ]
    states = dict.fromkeys(query.state.split(",")) if query.state else ()
    found = service.dispatch.overview.page(where, query.after, query.limit + 1, states=states)
    page, last = page_of(found, query.limit)
    return {
        "deliveries": [delivery.to_json() for delivery in page],
        "next": last.number if last else None,
    }


@router.post("/bodypart/deliveries", summary="Retry all that failed on the way to a destination")
def retry_failed(body: ActionOnFailed, service: TheService) -> RetriedAnswer:
    """Try all again that failed on the way to a destination; answer how many that are."""
    dispatch = service.dispatch
    rules = [rule for rule, to in dispatch.routing.pairs() if to == body.Destination]
    if not rules:
        raise not_found(f"no rule sends to {body.Destination}")
    tried = dispatch.overview.all_again(body.Destination, rules)
    dispatch.nudge(body.Destination)
    return {"destination": body.Destination, "retried": tried}


@router.get("/bodypart/departures", summary="What left, when, where to, by which rule and answer")
def departures(query: Annotated[Since, Query()], service: TheService) -> list[DepartureRecord]:
    """Answer the audit of what left the archive, in order."""
    return service.dispatch.overview.departures(query.since, query.limit)


@router.get("/bodypart/deliveries/{number}", summary="One delivery")
def one(number: Annotated[int, Path(ge=1, lt=2**63)], service: TheService) -> DeliveryRecord:
    """Answer one delivery."""
    found = service.dispatch.overview.get(number)
    if found is None:
        raise not_found(f"there is no delivery {number}")
    return found.to_json()


@router.post("/bodypart/deliveries/{number}", summary="Retry or cancel a delivery")
def act(
    number: Annotated[int, Path(ge=1, lt=2**63)], body: Action, service: TheService
) -> DeliveryRecord:
    """Try a delivery again at once, or do not send it."""
    dispatch = service.dispatch
    found = dispatch.overview.get(number)
    if found is None:
        raise not_found(f"there is no delivery {number}")
    if body.Action == "cancel":
        dispatch.overview.cancel(number)
    elif (found.rule, found.destination) not in dispatch.routing.pairs():
        raise ConflictError(f"no rule {found.rule!r} sends to {found.destination} any more")
    else:
        annotation = service.annotation(found.instance)
        dispatch.overview.again(number, Case(annotation, "").answer if annotation else "")
        dispatch.nudge(found.destination)
    return one(number, service)


def _tested(data: bytes) -> str:
    try:
        return Tested.model_validate_json(data).Instance
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "the body"
        raise bad_request(f'{place}: send {{"Instance": id}} or a DICOM file') from None


def _test_stored(service: Service, instance: str) -> TrialAnswer:
    annotation = annotation_of(service, instance)
    if annotation["status"] == "pending":
        raise not_found(f"instances {instance} has no annotation yet: it waits in the queue")
    return _tested_with(service, annotation, service.archive.parents(instance).modality)


def _tested_with(
    service: Service, annotation: AnnotationRecord | FileRecord, modality: str
) -> TrialAnswer:
    case = Case(annotation, modality)
    found = verdicts(service.dispatch.routing.rules, case)
    takers = [verdict.rule.name for verdict in found if verdict.takes]
    return {
        "instance": annotation["instance"],
        "rule": takers[0] if takers else None,
        "taken_by": takers,
        "rules": [
            {
                "name": verdict.rule.name,
                "takes": verdict.takes,
                "failed": [
                    {"condition": f.condition, "wanted": f.wanted, "found": f.found}
                    for f in verdict.failures
                ],
                "to": [str(to) for to in verdict.rule.destinations],
            }
            for verdict in found
        ],
        "case": {
            "examined": case.examined,
            "probability": case.probability,
            "visible": case.visible,
            "group": annotation["group"],
            "view": case.view,
            "modality": modality,
            "laterality": annotation["laterality"]["value"],
            "child": annotation.get("child"),
            "needs_review": annotation["needs_review"],
        },
        "annotation": annotation,
    }
