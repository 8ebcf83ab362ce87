"""Pictures: small ones, where the model looked, and the grey values."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar

from fastapi import Query, Response
from pydantic import Field

from bodypart.labels import UnknownLabelError, body_part
from service.decoders.pool import DecoderDiedError, RefusedError
from service.records.thumbnails import USUAL_SIZE
from service.routes.annotations import annotation_of
from service.routes.models import Asked
from service.routes.requests import TheService, bad_request
from service.routes.router import Router

if TYPE_CHECKING:
    from service.main import Service

T = TypeVar("T")
router = Router()
_SHORT_CACHE = {"Cache-Control": "private, max-age=60"}
_KEPT = 64
_LEFT_ALONE = 600.0
"""Seconds for which a picture that a decoder died on is not shown to another one."""
_SMALLEST, _LARGEST = 32, 512
_INSTANCE = "/bodypart/instances/{id:orthanc_id}"


class Latest(Generic[T]):
    """The latest of something, kept for the next request."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, ...]) -> T | None:
        """Return one, None if it is not kept."""
        with self._lock:
            return self._kept.get(key)

    def put(self, key: tuple[str, ...], value: T) -> None:
        """Keep one, in the place of the oldest."""
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


_drawings = Latest[bytes]()
_deaths = Latest[float]()
"""When a decoder last died on a file."""


class Explained(Asked):
    """What a heat map explains, and over what it is drawn."""

    label: str = Field(
        "", description="the label to explain; the model's first choice if it is missing"
    )
    over: Literal["picture", "nothing"] = Field(
        "picture", description="nothing gives a transparent layer"
    )


class Size(Asked):
    """How large a small picture is."""

    size: int = Field(USUAL_SIZE, ge=_SMALLEST, le=_LARGEST, description="longest side, in pixels")


@router.get(
    f"{_INSTANCE}/heatmap",
    summary="Where the model looked, drawn over the picture",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
def heatmap(id: str, service: TheService, query: Annotated[Explained, Query()]) -> Response:
    """Draw where the model looked."""
    label = _label(query.label or _likely_label(service, id))
    hello = service.decoders.hello
    model = hello["model"]["sha256"] if hello else ""
    # A file that was replaced may show something else; one that is gone shows nothing.
    key = (id, service.archive.stored_file(id).version, label, model, query.over)
    png = _drawings.get(key)
    if png is None:
        question = {"label": label, "over": query.over}
        _, png = _asked(service, key[:2], "heatmap", question, urgent=True)
        _drawings.put(key, png)
    return Response(png, media_type="image/png", headers=_SHORT_CACHE)


@router.get(
    f"{_INSTANCE}/picture",
    summary="The picture's grey values, 16 bits, bright where dense, at most 1600 pixels a side",
    response_class=Response,
    responses={200: {"content": {"image/x-portable-graymap": {}}}},
)
def picture(id: str, service: TheService) -> Response:
    """Answer the picture with all its grey values.

    ``BodyPart-Values`` tells the values that 0 and 65535 stand for, ``BodyPart-Window`` the centre
    and the width that the file asks to be shown through, if it does.
    """
    key = (id, service.archive.stored_file(id).version)
    told, pgm = _asked(service, key, "picture", {}, urgent=True)
    headers = {"BodyPart-Values": _pair(told["values"]), **_SHORT_CACHE}
    if told["window"]:
        headers["BodyPart-Window"] = _pair(told["window"])
    return Response(pgm, media_type="image/x-portable-graymap", headers=headers)


@router.get(
    f"{_INSTANCE}/thumbnail",
    summary="The picture small, as a JPEG under 20 kB",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
def thumbnail(id: str, service: TheService, query: Annotated[Size, Query()]) -> Response:
    """Answer the small picture that was drawn when the instance was read; else draw it now."""
    version = service.archive.stored_file(id).version
    data = service.thumbnails.get(id, query.size, version)
    if data is None:
        question = {"side": query.size}
        _, data = _asked(service, (id, version), "thumbnail", question, urgent=False)
        service.thumbnails.put(id, query.size, version, data)
        if not service.archive.exists("instances", id):
            # It was deleted while it was drawn: perhaps its thumbnails were removed before.
            service.thumbnails.remove(id)
    return Response(data, media_type="image/jpeg", headers=_SHORT_CACHE)


def _asked(
    service: Service, key: tuple[str, str], task: str, question: dict[str, Any], *, urgent: bool
) -> tuple[dict[str, Any], bytes]:
    """Have a decoder draw an instance's file; one that decoders die on is left alone for a while.

    A page asks for it again and again.
    """
    died = _deaths.get(key)
    if died is not None and time.monotonic() - died < _LEFT_ALONE:
        raise RefusedError("TaskError", "the decoder died on this picture a moment ago")
    try:
        return service.decoders.ask(task, question, service.archive.dicom(key[0]), urgent=urgent)
    except DecoderDiedError:
        _deaths.put(key, time.monotonic())
        raise


def _pair(numbers: list[float]) -> str:
    return " ".join(f"{number:.9g}" for number in numbers)


def _label(text: str) -> str:
    try:
        return body_part(text).label
    except UnknownLabelError:
        raise bad_request("label: neither a label nor a SNOMED CT code of one") from None


def _likely_label(service: Service, instance: str) -> str:
    image = annotation_of(service, instance)["image"]
    if not image or not image["top"]:
        raise bad_request("label is missing, and the model has not looked at this picture")
    return image["top"][0]["label"]
