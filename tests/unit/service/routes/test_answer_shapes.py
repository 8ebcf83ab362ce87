"""The document says what every answer in JSON holds; what holds answers against it finds faults."""

import io
import json
from types import SimpleNamespace

import pytest
import requests

from answer_shapes import JSON, Document, check, document
from orthanc_side.forwarder import _without_service
from service.errors import StaleError
from service.routes.app import build
from unit.service.house import note

FREE = {
    # Its own standard says what is in it.
    "GET /bodypart/openapi.json": {"answer"},
}
"""Places in answers that may hold anything, each with its reason."""

READING = Document(
    {
        "paths": {
            "/films": {
                "get": {
                    "responses": {
                        "200": {
                            "content": {JSON: {"schema": {"$ref": "#/components/schemas/Film"}}}
                        }
                    }
                }
            },
            "/{kind}": {"get": {"responses": {}}},
        },
        "components": {
            "schemas": {
                "Film": {
                    "type": "object",
                    "properties": {
                        "side": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
                    },
                    "required": ["side"],
                },
                "Part": {
                    "type": "object",
                    "properties": {"label": {"type": "string"}, "more": {}},
                    "required": ["label"],
                },
            }
        },
    }
)
FILMS = "GET /films"


def test_everything_that_is_answered_has_a_shape():
    found = {name: document().open_places(name) for name in document().operations}
    assert {name: places for name, places in found.items() if places} == FREE
    assert sum(document().schema(name, 200) is not None for name in found) > 30


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ({"side": None, "view": "frontal"}, "view"),
        ({"side": None, "parts": [{"label": "knee", "veiw": 1}]}, "veiw"),
        ({"parts": []}, "side"),
        ({"side": "R", "parts": [{}]}, "label"),
        ({"side": 1}, "side"),
        ([], "[]"),
    ],
)
def test_a_field_too_many_or_too_few_and_another_kind_of_value_are_found(answer, named):
    (wrong,) = READING.wrong_in(answer, FILMS, 200)
    assert named in wrong


def test_what_is_as_the_document_says_is_not_wrong():
    answer = {"side": None, "parts": [{"label": "knee", "more": {"anything": 1}}]}
    assert READING.wrong_in(answer, FILMS, 200) == []
    assert READING.wrong_in(answer, FILMS, 404) == ["there is no JSON in the document"]


def test_where_anything_may_stand_is_found():
    assert READING.open_places(FILMS) == {"Part.more"}


def test_a_fixed_path_goes_before_one_with_a_parameter():
    assert READING.operation("GET", "/films") == FILMS
    assert READING.operation("GET", "/series") == "GET /{kind}"
    assert READING.operation("PUT", "/films") is None


def answer(method, path, status, content):
    made = requests.Response()
    made.status_code, made.raw = status, io.BytesIO(json.dumps(content).encode())
    made.headers["content-type"] = f"{JSON}; charset=utf-8"
    made.request = requests.Request(method, f"http://127.0.0.1:8042{path}").prepare()
    return made


@pytest.mark.parametrize("path", ["/bodypart/memory?limit=5", "/bodypart/labels"])
def test_a_test_fails_that_gets_an_answer_beside_the_document(path):
    with pytest.raises(AssertionError, match=r"GET /bodypart/.* 200: "):
        check(answer("GET", path, 200, {"wrods": 3}))
    with pytest.raises(AssertionError, match="no JSON in the document"):
        check(answer("GET", path, 202, {}))


def test_answers_of_orthanc_s_own_are_not_looked_at():
    check(answer("GET", "/instances", 200, ["i"]))
    check(answer("GET", "/bodypart/labels", 401, {"Message": "Unauthorized"}))


def test_what_is_stale_is_answered_with_the_annotation():
    """The document had the error's two fields there."""
    present = note()
    app = build(SimpleNamespace(settings=SimpleNamespace(max_upload_mb=1), log=print))
    answer = app.exception_handlers[StaleError](None, StaleError(present))
    assert answer.status_code == 412
    operation = "PUT /bodypart/instances/{id}"
    assert document().wrong_in(json.loads(answer.body), operation, 412) == []
    assert document().wrong_in({"error": "", "details": ""}, operation, 412)


def test_the_status_that_orthanc_s_side_answers_is_in_the_document():
    """Without a service there are fewer fields."""
    told = json.loads(_without_service("GET", "/bodypart/status", "it is starting").body)
    assert document().wrong_in(told, "GET /bodypart/status", 200) == []
