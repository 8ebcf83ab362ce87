"""What the review page asks beside the routes of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bodypart.annotation import utc_now
from bodypart.reviews import ReviewError, parse_review
from orthanc_side import archive, audit, manifest, worklist
from orthanc_side.archive import ArchiveError, NotFoundError
from orthanc_side.engine import EngineDownError, RefusedError, WorkerDiedError
from orthanc_side.http import Answer, HttpError, Request, bad_request
from orthanc_side.loopback import StoreError
from orthanc_side.statistics import statistics
from orthanc_side.worklist import is_id

if TYPE_CHECKING:
    from orthanc_side.service import Service

MOST_AT_ONCE = 500
"""Instances that one bulk review may name."""

_EVERYTHING = 10_000_000
_SHORT_CACHE = {"Cache-Control": "private, max-age=60"}


class ReviewPage:
    """Answers the review page; a part of ``Routes``."""

    _service: Service

    def worklist(self, request: Request, _: Mapping[str, str]) -> Answer:
        """Answer one page of the work list."""
        return Answer.of(worklist.page(self._service.index, request.query))

    def statistics(self, _: Request, __: Mapping[str, str]) -> Answer:
        """Answer the numbers of the statistics view."""
        return Answer.of(statistics(self._service.index))

    def manifest(self, request: Request, _: Mapping[str, str]) -> Answer:
        """Answer what people confirmed, as rows of a training manifest."""
        rows = manifest.manifest(self._service.index, self._service.archive_name)
        return _table(request, "bodypart-manifest", manifest.COLUMNS, rows)

    def audit(self, request: Request, _: Mapping[str, str]) -> Answer:
        """Answer the audit trail."""
        events = self._service.audit.events(0, _EVERYTHING)
        return _table(request, "bodypart-audit", audit.COLUMNS, events)

    def picture(self, _request: Request, path: Mapping[str, str]) -> Answer:
        """Answer the picture with all its grey values."""
        data = archive.dicom(path["id"])
        _, pgm = self._service.engine.ask("picture", {}, data, urgent=True)
        return Answer(pgm, "image/x-portable-graymap", _SHORT_CACHE)

    def review_many(self, request: Request, _: Mapping[str, str]) -> Answer:
        """Confirm what stands for several instances, or give them all one answer."""
        body = request.json()
        instances = body.pop("instances", None)
        if not isinstance(instances, list) or not all(map(is_id, instances)):
            raise bad_request("instances must be a list of Orthanc ids")
        if not 1 <= len(instances) <= MOST_AT_ONCE:
            raise bad_request(f"instances must name 1 to {MOST_AT_ONCE} instances")
        try:
            parse_review({"examined": None, **body}, by=request.user, at=utc_now())
        except ReviewError as error:
            raise bad_request(str(error)) from None
        outcomes = {instance: self._review(instance, body, request.user) for instance in instances}
        failed = {instance: why for instance, why in outcomes.items() if why}
        self._service.reviewed([instance for instance in outcomes if instance not in failed])
        return Answer.of({"reviewed": len(outcomes) - len(failed), "failed": failed})

    def _review(self, instance: str, body: dict[str, Any], user: str) -> str | None:
        """Review one of several; return why it did not work, None if it did."""
        try:
            if "examined" not in body:
                annotation = archive.stored(instance)
                if annotation is None and not archive.exists("instances", instance):
                    raise NotFoundError(instance)
                examined = (annotation or {}).get("examined")
                if not examined:
                    return "there is no body part to confirm"
                body = {**body, "examined": examined["label"]}
            self._service.annotator.review(instance, parse_review(body, by=user, at=utc_now()))
        except NotFoundError:
            return "Orthanc has no such instance"
        except (EngineDownError, WorkerDiedError, StoreError, ArchiveError, RefusedError) as error:
            return str(error)
        return None


def _table(
    request: Request, name: str, columns: tuple[str, ...], rows: list[dict[str, Any]]
) -> Answer:
    """Answer rows as JSON, or as CSV to be saved."""
    kind = request.query.get("format", "json")
    if kind == "json":
        return Answer.of(rows)
    if kind != "csv":
        raise HttpError(400, "Bad request", "format must be csv or json")
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Answer(manifest.as_csv(columns, rows), "text/csv; charset=utf-8", headers)
