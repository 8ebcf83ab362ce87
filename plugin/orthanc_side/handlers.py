"""What the routes answer: one method a route; the table that names them is in ``routes``."""

from __future__ import annotations

import mimetypes
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bodypart import __version__
from bodypart.annotation import pending, utc_now
from bodypart.labels import LABELS, UnknownLabelError, body_part
from bodypart.reviews import ReviewError, parse_review
from bodypart.rollup import roll_up
from orthanc_side import archive, exports, find
from orthanc_side.archive import NotFoundError
from orthanc_side.engine import RefusedError
from orthanc_side.http import Answer, HttpError, Request, bad_request, not_found
from orthanc_side.index import FORGOTTEN
from orthanc_side.openapi import document
from orthanc_side.review_page import ReviewPage
from orthanc_side.service import Service

_WEB = Path(__file__).resolve().parents[1] / "bodypart/web"
_HEATMAPS_KEPT = 64
_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


class Handlers(ReviewPage):
    """Answers requests.

    Parameters
    ----------
    service : Service
        The running plugin.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._heatmaps: OrderedDict[tuple[str, ...], bytes] = OrderedDict()

    def status(self, _: Request, __: Mapping[str, str]) -> Answer:
        """Answer version, model, provider, queue and readiness."""
        service = self._service
        hello = service.engine.hello or {}
        counts = service.index.counts()
        return Answer.of(
            {
                "version": __version__,
                "orthanc": archive.version(),
                "model": hello.get("model"),
                "provider": hello.get("provider"),
                "warning": hello.get("warning"),
                "lockdown": hello.get("lockdown"),
                "queue": {
                    "pending": service.backlog.pending(),
                    "failed": counts.get("failed", 0),
                    "done": counts.get("done", 0) + counts.get("skipped", 0),
                },
                "tags": service.settings.tags,
                "ready": service.engine.ready,
                "reason": None if service.engine.ready else service.engine.down_reason,
            }
        )

    def labels(self, _: Request, __: Mapping[str, str]) -> Answer:
        """Answer the 36 labels, and which of them the model knows."""
        known = set((self._service.engine.hello or {}).get("labels", ()))
        return Answer.of([part.to_json(image_model=part.label in known) for part in LABELS])

    def read(self, _: Request, path: Mapping[str, str]) -> Answer:
        """Answer the annotation of an instance, or the roll-up with its children."""
        level, resource = path["level"], path["id"]
        if level == "instances":
            return Answer.of(self._instance(resource))
        return Answer.of(self._above(level, resource))

    def _instance(self, instance: str) -> dict[str, Any]:
        annotation = archive.stored(instance)
        if annotation:
            return annotation
        in_place = self._service.in_place
        if in_place and in_place.is_away(instance):
            return pending(instance)
        if archive.exists("instances", instance) and self._is_waiting(instance):
            return pending(instance)
        # It may have been written between the two looks. No lock is taken for a reader: its
        # holder may need the very thread of Orthanc that would wait.
        annotation = archive.stored(instance)
        if annotation:
            return annotation
        if not archive.exists("instances", instance):
            raise NotFoundError(instance)
        raise not_found(f"instances {instance} has no annotation: POST here, or back-fill")

    def _is_waiting(self, instance: str) -> bool:
        service = self._service
        state = service.index.state(instance)
        if state == FORGOTTEN:
            return service.backlog.has(instance)
        if service.backlog.filling or (state is None and service.settings.on_upload):
            return True
        return service.backlog.has(instance)

    def _above(self, level: str, resource: str) -> dict[str, Any]:
        children = self._service.index.children(level, resource)
        if not children:
            instances = archive.instances_of(level, resource)
            waiting = [pending(i) for i in instances if self._is_waiting(i)]
            if not waiting:
                raise not_found(f"{level} {resource} has no annotation: POST here, or back-fill")
            return {**roll_up(level, resource, ()), "children": waiting}
        rolled = roll_up(level, resource, children)
        lines = sorted((child.to_json() for child in children), key=lambda c: c["instance"])
        return {**rolled, "children": lines}

    def classify(self, request: Request, path: Mapping[str, str]) -> Answer:
        """Classify now, also what has an annotation; a person's word stays on top."""
        level, resource = path["level"], path["id"]
        body = request.json()
        for key in body:
            if key != "Asynchronous":
                raise bad_request(f"{key} is not a field of this request")
        asynchronous = body.get("Asynchronous", False)
        if not isinstance(asynchronous, bool):
            raise bad_request("Asynchronous must be true or false")
        instances = archive.instances_of(level, resource)
        if asynchronous:
            for instance in instances:
                self._service.backlog.add(instance, again=True)
            return Answer.of({"level": level, "id": resource, "status": "pending"})
        for instance in instances:
            self._service.annotator.annotate(instance, again=True, urgent=True)
        self._service.sinks.settle(instances)
        return self.read(request, path)

    def correct(self, request: Request, path: Mapping[str, str]) -> Answer:
        """Take a person's correction."""
        instance = path["id"]
        try:
            review = parse_review(request.json(), by=request.user, at=utc_now())
        except ReviewError as error:
            raise bad_request(str(error)) from None
        corrected = self._service.annotator.review(instance, review)
        self._service.reviewed([instance])
        return Answer.of(corrected)

    def forget(self, request: Request, path: Mapping[str, str]) -> Answer:
        """Remove the annotations of all instances of a resource, and tags written in place.

        Orthanc does not hand the query of a DELETE to plugins (1.10 and 1.12), so that
        ``?tags=true`` cannot be told from its absence.
        """
        level, resource = path["level"], path["id"]
        instances = archive.instances_of(level, resource)
        refused = {i: self._service.annotator.forget(i, by=request.user) for i in instances}
        self._service.reviewed(instances)
        kept = {instance: why for instance, why in refused.items() if why}
        answer = {"level": level, "id": resource, "forgotten": len(instances), "tags_kept": kept}
        return Answer.of(answer)

    def heatmap(self, request: Request, path: Mapping[str, str]) -> Answer:
        """Draw where the model looked; drawings are kept for the next request."""
        instance = path["id"]
        label = self._label(request.query.get("label") or self._likely_label(instance))
        model = (self._service.engine.hello or {}).get("model", {}).get("sha256", "")
        over = request.query.get("over", "picture")
        if over not in ("picture", "nothing"):
            raise bad_request("over must be picture or nothing")
        # One that was stored anew may show something else; one that is gone shows nothing.
        if not archive.exists("instances", instance):
            raise NotFoundError(instance)
        stored_at = archive.metadata("instances", instance, "ReceptionDate") or ""
        key = (instance, stored_at, label, model, over)
        png = self._heatmaps.get(key)
        if png is None:
            data = archive.dicom(instance)
            question = {"label": label, "over": over}
            _, png = self._service.engine.ask("heatmap", question, data, urgent=True)
            self._heatmaps[key] = png
            while len(self._heatmaps) > _HEATMAPS_KEPT:
                self._heatmaps.popitem(last=False)
        return Answer(png, "image/png", {"Cache-Control": "private, max-age=60"})

    @staticmethod
    def _label(text: str) -> str:
        try:
            return body_part(text).label
        except UnknownLabelError as error:
            raise bad_request(f"label: {error}") from None

    def _likely_label(self, instance: str) -> str:
        annotation = self._instance(instance)
        top = (annotation.get("image") or {}).get("top")
        if not top:
            raise bad_request("label is missing, and the model has not looked at this picture")
        return str(top[0]["label"])

    def corrected(self, _: Request, path: Mapping[str, str]) -> Answer:
        """Answer the file with corrected tags."""
        service = self._service
        threshold = service.settings.write_threshold
        outcome, file = exports.corrected_file(service.engine, service.index, path["id"], threshold)
        headers = {"BodyPart-Changed": ", ".join(outcome["changed"])}
        if outcome["refused"]:
            headers["BodyPart-Refused"] = outcome["refused"]
        return Answer(file, "application/dicom", headers)

    def report(self, _: Request, path: Mapping[str, str]) -> Answer:
        """Answer the structured report on one instance."""
        study = archive.ancestors(path["id"]).study
        return self._report(study, [path["id"]], f"instances {path['id']}")

    def study_report(self, _: Request, path: Mapping[str, str]) -> Answer:
        """Answer the structured report on a study."""
        instances = archive.instances_of("studies", path["id"])
        return self._report(path["id"], instances, f"studies {path['id']}")

    def _report(self, study: str, instances: list[str], what: str) -> Answer:
        if not any(map(archive.stored, instances)):
            raise not_found(f"{what} has no annotation yet")
        try:
            report = exports.study_report(self._service.engine, study, instances, None)
        except RefusedError as error:
            raise HttpError(409, "Conflict", f"{what} gets no report: {error}") from None
        return Answer(report, "application/dicom")

    def fhir(self, _: Request, path: Mapping[str, str]) -> Answer:
        """Answer the FHIR ImagingStudy of a study."""
        return Answer.of(exports.imaging_study(self._service.engine, path["id"]))

    def find(self, request: Request, _: Mapping[str, str]) -> Answer:
        """Answer the ids, with annotations, that a question selects."""
        question = find.parse(request.json())
        index = self._service.index
        ids = index.select(
            question.level,
            " AND ".join(question.where),
            question.parameters,
            question.since,
            question.limit,
        )
        found = ((resource, archive.stored(resource, question.level)) for resource in ids)
        return Answer.of([{"id": i, "annotation": note} for i, note in found if note])

    def classify_file(self, request: Request, _: Mapping[str, str]) -> Answer:
        """Annotate the DICOM file in the body."""
        limit = self._service.settings.max_upload_mb
        if len(request.body) > limit * 2**20:
            raise HttpError(413, "Too large", f"the body exceeds {limit} MB (MaxUploadMB)")
        if not request.body:
            raise bad_request("the body is empty; send a DICOM file")
        return Answer.of(self._service.annotator.classify(request.body))

    def backfill(self, request: Request, _: Mapping[str, str]) -> Answer:
        """Look for what has no annotation, and start to annotate it."""
        for key in request.json():
            raise bad_request(f"{key} is not a field of this request")
        self._service.sweep.run(self._service.stopping)
        return Answer.of(self._service.backfill.start())

    def backfill_progress(self, _: Request, __: Mapping[str, str]) -> Answer:
        """Answer how far the back-fill is."""
        return Answer.of(self._service.backfill.progress())

    def backfill_cancel(self, _: Request, __: Mapping[str, str]) -> Answer:
        """Stop the back-fill."""
        return Answer.of(self._service.backfill.cancel())

    def openapi(self, _: Request, __: Mapping[str, str]) -> Answer:
        """Answer the OpenAPI document."""
        from orthanc_side.routes import ROUTES

        return Answer.of(document(ROUTES))

    def page(self, _: Request, path: Mapping[str, str]) -> Answer:
        """Answer a file of the review page."""
        file = (_WEB / (path["file"] or "index.html")).resolve()
        if not file.is_relative_to(_WEB) or not file.is_file():
            raise not_found(f"there is no page {path['file']}")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        headers = {
            "Content-Security-Policy": _CONTENT_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        return Answer(file.read_bytes(), kind, headers)

    def page_without_slash(self, request: Request, _: Mapping[str, str]) -> Answer:
        """Answer the script that adds the slash missing after ``/bodypart/ui``."""
        return self.page(request, {"file": "slash.js"})
