"""The pages without a server: files from the disk, answers from the test.

What a page does when answers are late, lost or strange needs no Orthanc, and takes a moment.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image

from bodypart.labels import LABELS
from service.routes.pages import page as page_of

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

HOST = "http://pages.test"
_API, _UI = "/bodypart/", "/bodypart/ui/"
GRAYMAP = b"P5\n40 30\n65535\n" + bytes(range(0, 240, 2)) * 20
"""40 by 30 pixels, 16 bits each."""


def picture(colour: str = "gray") -> bytes:
    """Return a small PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "PNG")
    return buffer.getvalue()


def instance(number: int) -> str:
    """Return an id as Orthanc's are."""
    return "-".join(f"{number:08x}" for _ in range(5))


def item(number: int, **other: Any) -> dict[str, Any]:
    """Return a picture as sheet and work list have it: a left hand."""
    return {
        "instance": instance(number), "revision": "1", "series": instance(1_000 + number),
        "study": instance(9_000), "state": "done", "examined": "hand", "probability": 0.97,
        "source": "image+header", "agreement": "agree", "laterality": "L", "needs_review": False,
        "modality": "DX", "study_date": "20260314", "station": "", "image_label": "hand",
        "header_label": "hand", "reviewed_at": None, "reviewed_by": None, "tags_state": "none",
        "side_in_doubt": False, "patient_name": "Phantom^Ann", "study_description": "Hand li.",
        **other,
    }  # fmt: skip


def annotation(number: int, **other: Any) -> dict[str, Any]:
    """Return a picture's annotation, as of `item`."""
    return {
        "instance": instance(number), "revision": "1", "status": "done", "reason": None,
        "examined": {
            "label": "hand", "code": {"value": "85562004", "scheme": "SCT", "meaning": "Hand"},
            "body_part_examined": "HAND", "probability": 0.97, "source": "image+header",
        },
        "visible": [], "laterality": {"value": "L", "source": "header"}, "agreement": "agree",
        "image": {
            "rejected": False, "reason": None,
            "top": [
                {"label": "hand", "probability": 0.9}, {"label": "wrist", "probability": 0.1},
            ],
        },
        "header": {"label": "hand", "labels": ["hand"], "evidence": []},
        "needs_review": False, "review_reason": None, "review": None, "memory": None,
        "model": None, "annotated_at": "2026-11-20T12:00:00Z", "tags": {"state": "none"}, **other,
    }  # fmt: skip


def labels() -> list[dict[str, Any]]:
    """Return what `GET labels` answers, as far as the pages ask."""
    return [
        {
            "label": part.label,
            "code": {"value": part.code.value, "meaning": part.code.meaning},
            "body_part_examined": part.body_part_examined,
            "paired": part.paired,
        }
        for part in LABELS
    ]


class PagesAlone:
    """Answers in the service's place.

    Attributes
    ----------
    answers : dict
        By a pattern of "METHOD path": JSON, bytes, or a function of the request that returns one
        of these, or handles the route itself. The last one that fits is taken.
    asked : list of tuple of str, str, dict and object
        Method, path, query and JSON body of every request of the API, in order.
    """

    def __init__(self, page: Page, items: int = 3) -> None:
        self.page = page
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        everything = [item(number) for number in range(1, items + 1)]
        self.answers: dict[str, Any] = {
            r"GET labels": labels(),
            r"GET modalities": ["DX"],
            r"GET status": {
                "ready": True, "tags": "none", "queue": {"pending": 0, "failed": 0, "done": items},
            },
            r"GET backfill": {"state": "idle", "open": 0, "pending": 0, "done": 0, "total": 0},
            r"GET sheet": {"total": items, "next": None, "items": everything, "meaning": None},
            r"GET worklist": {"total": items, "next": None, "items": everything, "meaning": None},
            r"GET instances/(\w{8})\S*": lambda route: annotation(number_of(route)),
            r"GET instances/\S*/(thumbnail|heatmap)": picture(),
            r"GET instances/\S*/picture": GRAYMAP,
            r"GET instances/\S*/simplified-tags": {"ViewPosition": "PA", "PatientAge": "045Y"},
            r"GET instances/\S*/preview": picture(),
            r"GET instances/\S*/alike": {"items": []},
            r"PUT instances/\S*": lambda route: said(number_of(route)),
            r"POST reviews\S*": lambda route: {
                "failed": {},
                "revisions": dict.fromkeys(route.request.post_data_json["instances"], "2"),
            },
        }  # fmt: skip
        page.route(f"{HOST}/**", self._answer)

    def open(self, address: str) -> None:
        """Open a place of the pages, and wait until they stand."""
        self.page.goto(f"{HOST}{_UI}{address}")
        self.page.locator("body[data-ready]").wait_for()

    def asked_for(self, pattern: str) -> list[tuple[str, str, dict[str, str], Any]]:
        """Return the requests that a pattern of "METHOD path" fits."""
        return [one for one in self.asked if re.fullmatch(pattern, f"{one[0]} {one[1]}")]

    def _answer(self, route: Route) -> None:
        request = route.request
        address = urlsplit(request.url)
        if address.path.startswith(_UI):
            found = page_of(address.path.removeprefix(_UI))
            route.fulfill(status=200, headers=dict(found.headers), body=bytes(found.body))
            return
        path = address.path.removeprefix(_API).removeprefix("/")
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.asked.append((request.method, path, query, request.post_data_json))
        for pattern, answer in reversed(self.answers.items()):
            if re.fullmatch(pattern, f"{request.method} {path}"):
                self._fulfil(route, answer)
                return
        route.fulfill(status=404, json={"error": "Not found", "details": path})

    def _fulfil(self, route: Route, answer: Any) -> None:
        if isinstance(answer, Callable):
            answer = answer(route)
        if isinstance(answer, bytes):
            route.fulfill(body=answer)
        elif answer is not None:
            route.fulfill(content_type="application/json", body=json.dumps(answer))


def number_of(route: Route) -> int:
    """Return the number of the instance in a request's address."""
    return int(re.search(r"instances/(\w{8})", route.request.url)[1], 16)


def said(number: int) -> dict[str, Any]:
    """Return the annotation of a picture on which a person has just spoken."""
    return annotation(
        number, revision="2", review={"by": "ann", "at": "2026-11-29T10:00:00Z", "examined": "hand"}
    )
