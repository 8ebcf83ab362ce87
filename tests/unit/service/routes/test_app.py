"""What holds for every route."""

import asyncio
from types import SimpleNamespace

import httpx
import pytest
from pydantic import ValidationError

from service.errors import ConflictError, RecordError, ServiceError, UnreachableError
from service.routes.app import ROUTERS, _complaint, build, complete
from service.routes.models import Asked, Correction

LARGEST = 2**63
"""No database takes a greater number."""


def numbers(schema, path):
    """Yield where a schema takes a whole number, and the schema of it."""
    if isinstance(schema, list):
        for place, part in enumerate(schema):
            yield from numbers(part, f"{path}/{place}")
    if isinstance(schema, dict):
        if schema.get("type") == "integer":
            yield path, schema
        for name, part in schema.items():
            yield from numbers(part, f"{path}/{name}")


def test_every_number_of_a_request_has_an_end():
    """A greater one than the database takes would be an internal error."""
    settings = SimpleNamespace(max_upload_mb=1)
    document = build(SimpleNamespace(settings=settings, log=print)).openapi()
    found = [
        place
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for parameter in operation.get("parameters", ())
        for place in numbers(parameter["schema"], f"{method} {path} {parameter['name']}")
    ]
    assert len(found) > 10
    for place, schema in found:
        end = schema.get("maximum", schema.get("exclusiveMaximum"))
        assert end is not None, place
        assert end <= LARGEST, place


def test_what_a_query_misspells_is_refused():
    """A page asked for with a wrong name would be the first one, again and again."""
    routes = [route for router in ROUTERS for route in router.routes]
    queries = [field for route in routes for field in route.dependant.query_params]
    assert len(queries) > 10
    for field in queries:
        assert issubclass(field.field_info.annotation, Asked), field.name


def test_an_error_is_documented_as_the_newer_orthancs_send_it_too():
    settings = SimpleNamespace(max_upload_mb=1)
    document = build(SimpleNamespace(settings=settings, log=print)).openapi()
    bodies = [
        set(answer["content"])
        for path in document["paths"].values()
        for operation in path.values()
        for status, answer in operation["responses"].items()
        if status >= "400" and "content" in answer
    ]
    assert bodies
    assert all(kinds == {"application/json", "text/plain"} for kinds in bodies)


def test_a_fhir_resource_comes_under_fhir_s_own_type():
    """Its programs may take nothing else, and the route and its document are one."""
    document = build(
        SimpleNamespace(settings=SimpleNamespace(max_upload_mb=1), log=print)
    ).openapi()
    answer = document["paths"]["/bodypart/studies/{id}/fhir"]["get"]["responses"]["200"]
    assert set(answer["content"]) == {"application/fhir+json"}


@pytest.mark.parametrize("by_fastapi", [True, False])
@pytest.mark.parametrize("given", [None, [], "knee", 3])
def test_a_body_that_is_no_json_object_is_refused_as_such(given, by_fastapi):
    with pytest.raises(ValidationError) as caught:
        Correction.model_validate(given, from_attributes=by_fastapi)
    (error,) = caught.value.errors()
    assert _complaint({**error, "loc": ("body",)}) == "the body must be a JSON object"


NAME = "Erika Mustermann"
"""What may stand in a field by mistake: in somebody's script, or in the wrong box of a page."""
INSTANCE = "/bodypart/instances/" + "-".join(["deadbeef"] * 5)


def ask(method, path, *, prepare=lambda app: None, **content):
    """Return what the application around a service that has nothing answers."""
    service = SimpleNamespace(
        settings=SimpleNamespace(max_upload_mb=1),
        log=print,
        users=None,
        index=SimpleNamespace(database=None),
        annotation=lambda instance: None,
        in_place=None,
        archive=SimpleNamespace(exists=lambda level, resource: False),
    )
    app = build(service)
    prepare(app)

    async def answered():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.request(method, path, **content)

    return asyncio.run(answered())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", INSTANCE, {"examined": NAME}),
        ("PUT", INSTANCE, {"examined": [NAME]}),
        ("PUT", INSTANCE, {"examined": "knee", "visible": [NAME]}),
        ("PUT", INSTANCE, {"examined": "knee", "laterality": NAME}),
        ("PUT", INSTANCE, {"examined": "knee", "comment": [NAME]}),
        ("POST", INSTANCE, {"Asynchronous": NAME}),
        ("POST", "/bodypart/find", {"Examined": NAME}),
        ("POST", "/bodypart/find", {"Visible": [NAME]}),
        ("POST", "/bodypart/find", {"Level": NAME}),
        ("POST", "/bodypart/find", {"Group": NAME}),
        ("POST", "/bodypart/find", {"Evidence": NAME}),
        ("POST", "/bodypart/find", {"Limit": NAME}),
        ("POST", "/bodypart/reviews", {"instances": [NAME]}),
        ("POST", "/bodypart/backfill", {"LearnedSince": NAME}),
        ("GET", f"{INSTANCE}/heatmap?label={NAME}", None),
        ("GET", f"{INSTANCE}/thumbnail?size={NAME}", None),
        ("GET", f"/bodypart/audit?since={NAME}", None),
        ("GET", f"/bodypart/manifest?format={NAME}", None),
    ],
)
def test_no_value_comes_back_in_an_error(method, path, body):
    answer = ask(method, path, json=body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "details"}
    assert "Erika" not in answer.text


@pytest.mark.parametrize("body", ["Größe".encode("latin-1"), b"\x1f\x8b\x08\x00", b"{", b"\xff"])
def test_a_body_that_is_no_json_is_refused_as_such(body):
    """Latin-1, and what was compressed on the way, as much as a brace too few."""
    answer = ask("PUT", INSTANCE, content=b'{"comment": "' + body)
    assert answer.status_code == 400
    assert answer.json()["details"] == "the body is not valid JSON"


@pytest.mark.parametrize("before", [b"", b" \n", b"\xef\xbb\xbf"])
def test_an_id_to_try_rules_on_is_read_whatever_stands_before_it(before):
    """Some tools put a byte order mark there; other routes take it, this one saw no DICOM file."""
    instance = INSTANCE.rpartition("/")[2]
    body = before + b'{"Instance": "' + instance.encode() + b'"}'
    answer = ask("POST", "/bodypart/routes/test", content=body)
    assert answer.status_code == 404
    assert answer.json()["details"] == f"Orthanc has no instances {instance}"


def test_a_value_that_is_wrong_is_not_sent_back_whole():
    with pytest.raises(ValidationError) as caught:
        Correction.model_validate({"examined": "x" * 100_000})
    assert len(_complaint(caught.value.errors()[0])) < 200


def test_what_the_state_of_a_delivery_does_not_allow_is_a_conflict():
    settings = SimpleNamespace(max_upload_mb=1)
    app = build(SimpleNamespace(settings=settings, log=print))
    told = app.exception_handlers[ServiceError](None, ConflictError("delivery 7 is sending"))
    assert told.status_code == 409 and b"delivery 7 is sending" in told.body


def test_which_server_cannot_be_reached_is_not_told_to_whoever_asks():
    """libpq names host, address and account; no password, and none is to come near."""
    settings = SimpleNamespace(max_upload_mb=1)
    app = build(SimpleNamespace(settings=settings, log=print))
    answer = app.exception_handlers[ServiceError]
    told = answer(None, UnreachableError('connection to "db.local" failed for user "doe"'))
    assert told.status_code == 503 and b"database cannot be reached" in told.body
    assert b"db.local" not in told.body and b"doe" not in told.body
    assert b"disk is full" in answer(None, RecordError("database or disk is full")).body


def test_the_first_request_finds_all_of_its_route_made(monkeypatch):
    """A person's first correction after a start took half a second longer, and all beside it."""

    def prepare(app):
        complete(app)
        monkeypatch.setattr("fastapi.routing.create_model_field", None)

    assert ask("PUT", INSTANCE, prepare=prepare, json={"examined": 3}).status_code == 400
