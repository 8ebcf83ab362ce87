"""The routes do what the OpenAPI document says, whatever is sent (`make attack NAME=api`)."""

import importlib.util
import os

import pytest

from attacks import api

SECONDS = 30


def test_no_request_gets_an_answer_that_the_document_does_not_have(make_server, tmp_path):
    if importlib.util.find_spec("schemathesis") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("schemathesis is not installed")
    server = api.configure(make_server()).start()
    requests, findings, said = api.ask(server, tmp_path, examples=10, seconds=SECONDS, seed=1)
    assert findings == 0, said[-6000:]
    assert requests > 100
    assert server.status()["ready"]
