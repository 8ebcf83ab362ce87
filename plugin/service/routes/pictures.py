"""Pictures: where the model looked, and the grey values."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query, Response

from bodypart.labels import UnknownLabelError, body_part
from service.routes.annotations import annotation_of
from service.routes.requests import TheService, bad_request

if TYPE_CHECKING:
    from service.main import Service

router = APIRouter()
_SHORT_CACHE = {"Cache-Control": "private, max-age=60"}
_KEPT = 64
_INSTANCE = "/bodypart/instances/{id:orthanc_id}"


class Drawings:
    """The last drawings, kept for the next request."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, ...]) -> bytes | None:
        """Return a drawing, None if it is not kept."""
        with self._lock:
            return self._kept.get(key)

    def put(self, key: tuple[str, ...], png: bytes) -> None:
        """Keep a drawing, in the place of the oldest."""
        with self._lock:
            self._kept[key] = png
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


_drawings = Drawings()


@router.get(
    f"{_INSTANCE}/heatmap",
    summary="Where the model looked, drawn over the picture",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
def heatmap(
    id: str,  # noqa: A002
    service: TheService,
    label: Annotated[
        str, Query(description="the label to explain; the model's first choice if it is missing")
    ] = "",
    over: Annotated[
        Literal["picture", "nothing"], Query(description="nothing gives a transparent layer")
    ] = "picture",
) -> Response:
    """Draw where the model looked."""
    label = _label(label or _likely_label(service, id))
    model = (service.decoders.hello or {}).get("model", {}).get("sha256", "")
    # A file that was stored anew may show something else; one that is gone shows nothing.
    key = (id, service.archive.stored_file(id).version, label, model, over)
    png = _drawings.get(key)
    if png is None:
        question = {"label": label, "over": over}
        data = service.archive.dicom(id)
        _, png = service.decoders.ask("heatmap", question, data, urgent=True)
        _drawings.put(key, png)
    return Response(png, media_type="image/png", headers=_SHORT_CACHE)


@router.get(
    f"{_INSTANCE}/picture",
    summary="The picture's grey values, 16 bits, bright where dense, at most 1600 pixels a side",
    response_class=Response,
    responses={200: {"content": {"image/x-portable-graymap": {}}}},
)
def picture(id: str, service: TheService) -> Response:  # noqa: A002
    """Answer the picture with all its grey values."""
    _, pgm = service.decoders.ask("picture", {}, service.archive.dicom(id), urgent=True)
    return Response(pgm, media_type="image/x-portable-graymap", headers=_SHORT_CACHE)


def _label(text: str) -> str:
    try:
        return body_part(text).label
    except UnknownLabelError as error:
        raise bad_request(f"label: {error}") from None


def _likely_label(service: Service, instance: str) -> str:
    top = (annotation_of(service, instance).get("image") or {}).get("top")
    if not top:
        raise bad_request("label is missing, and the model has not looked at this picture")
    return str(top[0]["label"])
