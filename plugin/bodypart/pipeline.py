"""The steps for one instance: DICOM bytes → data set → picture, headers → fusion → annotation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from pydicom import Dataset

from bodypart.annotation import Annotation, Examined, ModelIdentity
from bodypart.dicom_out.own_tags import OwnTags, without_own_tags
from bodypart.element_values import value_of
from bodypart.evidence import BLANK, ImageReading
from bodypart.fusion.fuse import fuse
from bodypart.fusion.sides import side_wanted
from bodypart.headers import Vocabulary, read_headers
from bodypart.labels import BY_LABEL, LABELS
from bodypart.memory import Recall
from bodypart.pixel_digest import digest_of, is_digest_of
from bodypart.pixels import (
    PIXEL_KEYWORDS,
    DatasetError,
    Picture,
    PictureError,
    is_blank,
    read_dataset,
    read_picture,
)
from bodypart.sop_class import Kind, kind_of, modality_of, shown_class

if TYPE_CHECKING:
    from bodypart.evidence import HeaderReading
    from bodypart.model import BodyPartModel
    from bodypart.model.side_marker import MarkerReader
    from bodypart.record import CarriedRecord, ImageRecord, Status
    from bodypart.settings import Settings

WITHOUT_EXPOSURE = {
    "SR": "a structured report",
    "DOC": "a document",
    "PR": "a presentation state",
    "KO": "a key object selection",
    "SEG": "a segmentation",
    "REG": "a registration",
    "FID": "a set of fiducials",
    "PLAN": "a plan",
    "M3D": "a 3D model",
    "ECG": "a waveform",
    "HD": "a waveform",
    "EPS": "a waveform",
    "RTSTRUCT": "a radiotherapy object",
    "RTPLAN": "a radiotherapy object",
    "RTDOSE": "a radiotherapy object",
    "RTRECORD": "a radiotherapy object",
}
"""Modalities of objects that show no body part themselves."""

SMALLEST_SIDE = 48
"""Pixels; a picture with a shorter side shows too little to be classified."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that the steps took, for the metrics."""

    decode: float = 0.0
    classify: float = 0.0
    total: float = 0.0


class Pipeline:
    """Everything that turns the bytes of one instance into its annotation.

    Parameters
    ----------
    model : BodyPartModel
        The image model.
    settings : Settings
        The checked ``BodyPart`` section.
    markers : MarkerReader, optional
        Reads side markers; without it none are read.
    """

    def __init__(
        self, model: BodyPartModel, settings: Settings, markers: MarkerReader | None = None
    ) -> None:
        self.model = model
        self.markers = markers
        self.settings = settings
        self._vocabulary = Vocabulary.load(settings.terms)
        self._identity = ModelIdentity(model.name, model.version, model.sha256)
        self.recall = Recall(model.sha256)

    def annotate(
        self, data: bytes | memoryview, instance: str = "", said_of: str | None = None
    ) -> tuple[Annotation, Timing]:
        """Annotate one DICOM file.

        Parameters
        ----------
        data : bytes or memoryview
            The file, with or without its preamble.
        instance : str
            Orthanc id to write into the annotation.
        said_of : str, optional
            Digest, of any version, of the picture that a person's word is about. The annotation
            keeps it if it belongs to this picture.

        Returns
        -------
        tuple of Annotation and Timing
            A file that cannot be read gives status ``failed``; this never raises for bad input.
        """
        start = perf_counter()
        try:
            # Tags that we wrote ourselves are no evidence for a new answer.
            dataset, ours = without_own_tags(data, read_dataset(data))
        except DatasetError as error:
            return Annotation(instance, "failed", reason=str(error)), Timing()
        kind = kind_of(dataset)
        without = _without_exposure(dataset, kind)
        if without:
            return Annotation(instance, "skipped", reason=without), Timing()
        header, pixels = read_headers(dataset, self._vocabulary), _pixels(dataset)
        known = None
        if pixels:
            # Right before they are decoded: each pass over a raw film empties the processor's
            # caches, which slows down the next step.
            known = said_of if said_of and is_digest_of(said_of, pixels) else digest_of(pixels)
        if kind == "foreign":
            annotation, timing = self._from_header(instance, header, dataset), Timing()
        else:
            annotation, timing = self._from_both(instance, dataset, kind, header)
        annotation = replace(annotation, pixels=known)
        if pixels and ours and ours.decision.by_person:
            annotation = _carried(annotation, ours, pixels)
        total = perf_counter() - start
        return annotation, Timing(timing.decode, timing.classify, total)

    def picture(self, data: bytes, long_side: int = 320) -> Picture:
        """Return the picture of one DICOM file as the model sees it, or larger.

        Raises
        ------
        DatasetError, PictureError
            If the file or its pixels cannot be read.
        """
        return read_picture(read_dataset(data), long_side=long_side)

    def _from_both(
        self, instance: str, dataset: Dataset, kind: Kind, header: HeaderReading
    ) -> tuple[Annotation, Timing]:
        start = perf_counter()
        try:
            picture = read_picture(dataset)
            unfit = _unfit(picture, kind)
        except PictureError as error:
            picture, unfit = None, str(error)
        decoded = perf_counter()
        if picture is None or unfit:
            if not header.labels:
                status: Status = "failed" if picture is None else "skipped"
                return Annotation(instance, status, reason=unfit, picture=picture), Timing()
            unseen = ImageReading(probabilities={}, rejected=True, reason=unfit)
            image_json: ImageRecord = {"top": [], "rejected": True, "reason": unfit}
            fused = self._fused(instance, unseen, header, image_json)
            return replace(fused, picture=picture), Timing()
        if is_blank(picture.values):
            reading = ImageReading({}, rejected=True, reason=BLANK, blank=True)
        else:
            reading = self.model.read(picture.values)
        if not header.labels and not reading.answered:
            # Failed, like a picture that cannot be decoded: so it is listed and can be retried.
            return Annotation(instance, "failed", reason=reading.reason, picture=picture), Timing()
        seen, recalled = reading.seen, None
        if self.settings.learn != "off":
            informed, recalled = self.recall.consult(reading)
            reading = informed if self.settings.learn == "on" else reading
        if self.markers is not None and side_wanted(reading, header):
            reading = replace(reading, marker=self.markers.read(picture.values))
        timing = Timing(decoded - start, perf_counter() - decoded)
        fused = self._fused(instance, reading, header, _image_record(reading, picture))
        annotation = replace(fused, seen=seen, picture=picture)
        if reading.rejected and kind == "possible" and not header.labels:
            reason = reading.reason or "the picture is not like a radiograph"
            annotation = replace(
                annotation, status="skipped", reason=reason, needs_review=False, review_reason=None
            )
        if recalled is not None:
            # Last: also what is skipped is marked for review if the words would accept it.
            annotation = recalled.noted(annotation, applied=self.settings.learn == "on")
        return annotation, timing

    def _from_header(self, instance: str, header: HeaderReading, dataset: Dataset) -> Annotation:
        if not header.evidence:
            named = (
                f"the header names {header.outside}, which is none of the {len(LABELS)} body parts"
                if header.outside
                else "nothing in the header names a body part"
            )
            reason = f"{shown_class(dataset)} is not a radiograph, and {named}"
            return Annotation(instance, "skipped", reason=reason)
        return self._fused(instance, None, header, None)

    def _fused(
        self,
        instance: str,
        reading: ImageReading | None,
        header: HeaderReading,
        image_json: ImageRecord | None,
    ) -> Annotation:
        fused = fuse(
            reading,
            header,
            child_age=self.settings.child_age,
            review_threshold=self.settings.review_threshold,
        )
        examined = None
        if fused.label is not None and fused.source is not None:
            examined = Examined(fused.label, fused.probability, fused.source)
        return Annotation(
            instance=instance,
            status="done",
            examined=examined,
            visible=fused.visible,
            laterality=fused.laterality,
            group=fused.group,
            child=fused.child,
            image=image_json
            and {**image_json, "visible": [guess.to_json() for guess in fused.visible]},
            header=header.to_json(),
            agreement=fused.agreement,
            needs_review=fused.needs_review,
            review_reason=fused.review_reason,
            model=self._identity,
        )


def _image_record(reading: ImageReading, picture: Picture) -> ImageRecord:
    return {
        "top": [guess.to_json() for guess in reading.top()],
        "rejected": reading.rejected,
        "reason": reading.reason,
        "view": reading.view,
        "child": None if reading.child is None else round(reading.child, 3),
        "frame": picture.frame,
        "marker": reading.marker.to_json() if reading.marker else None,
    }


def _pixels(dataset: Dataset) -> bytes | memoryview | None:
    value = value_of(dataset, "PixelData")
    return value if isinstance(value, bytes | memoryview) and len(value) else None


def _carried(annotation: Annotation, ours: OwnTags, pixels: bytes | memoryview) -> Annotation:
    """Add a person's word that came with the file; ask for a review if it is of another picture."""
    if ours.decision.pixels and is_digest_of(ours.decision.pixels, pixels):
        said: CarriedRecord = {"examined": ours.label, "laterality": ours.decision.side}
        if ours.decision.at:
            said["at"] = ours.decision.at
        return replace(annotation, carried=said)
    name = BY_LABEL[ours.label].code.meaning.lower()
    reason = f"A person said {name} of other pixel data before this copy was made."
    return replace(annotation, needs_review=True, review_reason=annotation.review_reason or reason)


def _without_exposure(dataset: Dataset, kind: Kind) -> str | None:
    """Return why an instance shows no body part, or None if it may show one."""
    modality = modality_of(dataset)
    if kind != "radiograph" and modality in WITHOUT_EXPOSURE:
        return f"{WITHOUT_EXPOSURE[modality]} shows no body part of its own"
    if "EncapsulatedDocument" in dataset:
        return "an encapsulated document shows no body part of its own"
    if "WaveformSequence" in dataset:
        return "a waveform shows no body part"
    if not any(keyword in dataset for keyword in PIXEL_KEYWORDS):
        return "no pixel data"
    return None


def _unfit(picture: Picture, kind: Kind) -> str | None:
    """Return why a decoded picture is not given to the model, or None."""
    if min(picture.shape_original) < SMALLEST_SIDE:
        rows, columns = picture.shape_original
        return f"the picture of {columns} x {rows} pixels is too small to be classified"
    if picture.colour and kind != "radiograph":
        return "a colour picture is not a radiograph"
    return None
