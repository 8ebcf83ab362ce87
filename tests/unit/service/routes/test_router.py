"""What a route answers: documented from its function, and sent as the function gives it."""

import asyncio

import httpx
from fastapi import FastAPI, Response
from typing_extensions import TypedDict

from service.routes.router import Router


class Answer(TypedDict):
    """Answers."""

    probability: float


def application():
    router = Router()

    @router.get("/number")
    def number() -> Answer:
        return {"probability": 1}

    @router.get("/file", responses={200: {"content": {"text/csv": {}}}})
    def file() -> Response:
        return Response("a,b", media_type="text/csv")

    app = FastAPI()
    app.include_router(router)
    return app


def test_the_document_has_what_the_function_returns():
    answers = application().openapi()
    found = answers["paths"]["/number"]["get"]["responses"]["200"]["content"]
    assert found["application/json"]["schema"]["$ref"] == "#/components/schemas/Answer"
    assert "text/csv" in answers["paths"]["/file"]["get"]["responses"]["200"]["content"]


def test_what_is_sent_is_what_the_function_returned():
    """FastAPI's own check would have made it 1.0, and taken its time for that."""

    async def ask():
        transport = httpx.ASGITransport(application())
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.get("/number"), await client.get("/file")

    number, file = asyncio.run(ask())
    assert number.content == b'{"probability":1}'
    assert number.headers["content-type"] == "application/json"
    assert file.content == b"a,b"
