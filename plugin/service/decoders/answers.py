"""What an answer of a decoder may be, task by task.

A hostile file may have taken the decoder over. Whoever reads an answer here need not ask whether
it is as large, as deep and of the shape that it should be, whether it speaks of another instance
or in a person's name, or whether a rewritten file is still the same picture of the same patient.
What cannot be seen from outside, whether the answer is true, stays open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bodypart.dicom_out.decision import Decision
from bodypart.dicom_out.provenance import KEYWORDS
from bodypart.dicom_out.same_picture import identifiers_of, same_picture
from service.decoders.annotation_shape import wrong_in
from service.decoders.picture_size import JPEG, PGM, PNG, size_of
from service.kept_text import can_be_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from decoder.shelf import Unread
    from decoder.wire import Frame

    # A payload is bytes, of "annotate" perhaps an `Unread`.
    Check = Callable[[Mapping[str, Any], Any, Mapping[str, Any], bytes], None]
    """Takes request, its payload, answer and its payload; raises `SurpriseError`."""

_KB, _MB = 2**10, 2**20
_LARGEST_THUMBNAIL = 32 * _KB
_LARGEST_INTEGER = 2**63
_MOST_PIXELS = 2**24
"""Those shown have 1,600 a side at most, but for strips, which are longer and hardly wider."""
_LONGEST_DETAILS = 1_000
_LONGEST_MODALITY = 64
_ERRORS = frozenset(("TaskError", "NothingToReportError", "DecoderError", "NetworkError"))
_STEPS = frozenset(("decode", "classify", "total"))
_LONGEST = 86_400
"""Seconds, more than any decoder is given."""
_SEEN = frozenset(("embedding", "probabilities", "rejected"))
_LONGEST_NUMBERS = 16 * _KB
"""Characters of what the model saw in a picture, in base64; `unpack_seen` looks at the numbers."""
_PROVIDERS = frozenset(("cpu", "cuda", "remote"))
_WRITTEN = frozenset(KEYWORDS.values())
"""Keywords: they get into metadata and into a header of an answer."""
_PERSONS_MARK = Decision(by_person=True).text.encode()


class SurpriseError(Exception):
    """An answer that no healthy decoder gives; the text says what, without quoting it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes that an answer may have."""

    header: int
    payload: int


def bounds(task: str, request: Mapping[str, Any], payload: bytes | Unread) -> Bounds:
    """Return the largest answer to a request."""
    expected = _EXPECTED[task]
    images = len(request.get("annotations") or ())
    return Bounds(
        expected.header + expected.header_per_image * images,
        expected.payload + int(expected.share * len(payload)) + expected.per_image * images,
    )


def check(
    task: str, request: Mapping[str, Any], payload: bytes | Unread, frame: Frame, number: int
) -> None:
    """Look at an answer.

    Parameters
    ----------
    task, request, payload : str, mapping, bytes or Unread
        What was asked.
    frame : Frame
        What came back, within its bounds.
    number : int
        The number of the question.

    Raises
    ------
    SurpriseError
        If no healthy decoder would have given it.
    """
    answer, attachment = frame.header, frame.payload
    if frame.number != number:
        raise SurpriseError("it belongs to another question")
    _plain(answer)
    if "error" in answer:
        _demand(answer.keys() == {"error", "details"}, "an error with further fields")
        _one_of(answer["error"], _ERRORS)
        _text(answer["details"], _LONGEST_DETAILS)
        _demand(not attachment, "an error with a file")
        return
    _EXPECTED[task].check(request, payload, answer, attachment)


def _plain(value: Any) -> None:
    """Refuse values that JSON writers, UTF-8 or databases choke on later."""
    texts: list[str] = []
    found = [value]
    for item in found:  # It grows meanwhile.
        kind = type(item)
        if kind is str:
            texts.append(item)
        elif kind is dict:
            texts += item
            found += item.values()
        elif kind is list:
            found += item
        elif kind is float:
            _demand(math.isfinite(item), "a number that is not finite")
        elif kind is int:
            _demand(abs(item) < _LARGEST_INTEGER, "a number beyond 64 bits")
    _demand(can_be_kept("".join(texts)), "a text that cannot be stored")


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SurpriseError(otherwise)


def _one_of(value: object, choices: frozenset[str]) -> None:
    _demand(
        isinstance(value, str) and value in choices,
        f"a value other than {', '.join(sorted(choices))}",
    )


def _text(value: object, longest: int) -> None:
    _demand(isinstance(value, str) and len(value) <= longest, "a text that is missing or too long")


def _hello(_: Mapping[str, Any], __: bytes, answer: Mapping[str, Any], attachment: bytes) -> None:
    model = answer.get("model")
    _demand(isinstance(model, dict), "a model without identity")
    for name in ("name", "version", "sha256"):
        _text(answer["model"].get(name), 200)
    _demand(isinstance(answer.get("labels"), list), "no labels")
    for label in answer["labels"]:
        _text(label, 100)
    _one_of(answer.get("provider"), _PROVIDERS)
    if answer.get("warning") is not None:
        _text(answer["warning"], _LONGEST_DETAILS)
    lockdown = answer.get("lockdown", {})
    _demand(isinstance(lockdown, dict), "a lockdown that is no object")
    missing = lockdown.get("missing", {})
    _demand(isinstance(missing, dict), "missing layers that are no object")
    for layer, why in missing.items():
        _text(layer, 100)
        _text(why, 200)
    _demand(not attachment, "a greeting with a file")


def _annotation(
    request: Mapping[str, Any],
    payload: bytes | Unread,
    answer: Mapping[str, Any],
    attachment: bytes,
) -> None:
    note = answer.get("annotation")
    _demand(isinstance(note, dict), "no annotation")
    note = answer["annotation"]
    _demand(note.get("instance") == request.get("instance"), "it speaks of another instance")
    _demand(note.get("review") is None, "it speaks for a person")
    wrong = wrong_in(note)
    _demand(wrong is None, f"{wrong} is not valid")
    if note.get("carried") is not None:
        file = payload if isinstance(payload, bytes) else payload.data
        said_at = note["carried"].get("at") or ""
        held = _PERSONS_MARK in file and said_at.encode() in file
        _demand(held, "a person's word that the file does not hold")
    seen = answer.get("seen")
    if seen is not None:
        _demand(isinstance(seen, dict) and seen.keys() == _SEEN, "what it saw has other fields")
        for name in ("embedding", "probabilities"):
            _text(seen[name], _LONGEST_NUMBERS)
    seconds = answer.get("seconds")
    # Each becomes a number of its own in the metrics.
    _demand(
        isinstance(seconds, dict) and seconds.keys() <= _STEPS,
        "seconds that are missing, or of unknown steps",
    )
    for value in answer["seconds"].values():
        _demand(
            isinstance(value, float | int) and 0 <= value < _LONGEST, "seconds that are no duration"
        )
    _demand(not attachment or _is_picture(JPEG, attachment), "an annotation with a file")


def _classification(
    request: Mapping[str, Any], payload: bytes, answer: Mapping[str, Any], attachment: bytes
) -> None:
    """An annotation of a file that is no instance, whatever was asked with it."""
    _demand(not attachment, "an annotation with a file")
    _annotation({**request, "instance": None}, payload, answer, attachment)
    _text(answer.get("modality", ""), _LONGEST_MODALITY)


def _learned(
    request: Mapping[str, Any], _: bytes, answer: Mapping[str, Any], attachment: bytes
) -> None:
    _demand(answer.keys() == {"applied", "revision"}, "a lesson of another shape")
    _demand(isinstance(answer["applied"], bool), "a lesson that says neither true nor false")
    _demand(
        not answer["applied"] or answer["revision"] == request["memory"]["revision"],
        "it learned something else",
    )
    _demand(not attachment, "a lesson with a file")


def _is_picture(magic: bytes, attachment: bytes) -> bool:
    size = size_of(attachment) if attachment.startswith(magic) else None
    return size is not None and 0 < size[0] * size[1] <= _MOST_PIXELS


def _of_kind(magic: bytes) -> Check:
    def check_picture(
        _: Mapping[str, Any], __: bytes, answer: Mapping[str, Any], attachment: bytes
    ) -> None:
        _demand(not answer, "a picture with further fields")
        _demand(_is_picture(magic, attachment), "a picture of another kind, or size")

    return check_picture


def _graymap(
    request: Mapping[str, Any], payload: bytes, answer: Mapping[str, Any], attachment: bytes
) -> None:
    """Look at a picture, what its greys stand for, and the window that the file asks for."""
    _demand(answer.keys() == {"values", "window"}, "a picture with further fields")
    for pair in (answer["values"], answer["window"] or [0.0, 1.0]):
        _demand(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(n, float) for n in pair),
            "a pair that is not two numbers",
        )
    _of_kind(PGM)(request, payload, {}, attachment)


def _correction(
    _: Mapping[str, Any], payload: bytes, answer: Mapping[str, Any], attachment: bytes
) -> None:
    _demand(answer.keys() == {"changed", "refused", "standing"}, "a correction of another shape")
    for name in ("changed", "standing"):
        _demand(isinstance(answer[name], list), "changes that are no list")
    for keyword in [*answer["changed"], *answer["standing"]]:
        _one_of(keyword, _WRITTEN)
    if answer["refused"] is not None:
        _text(answer["refused"], _LONGEST_DETAILS)
    if attachment:
        difference = same_picture(payload, attachment)
        _demand(difference is None, difference or "")


def _copied_headers(
    _: Mapping[str, Any], payload: bytes, answer: Mapping[str, Any], attachment: bytes
) -> None:
    _demand(not answer, "headers with further fields")
    original = identifiers_of(payload)
    # The decoder reads files that are too odd to be compared.
    _demand(original in (None, identifiers_of(attachment)), "headers of another instance")


def _report(
    request: Mapping[str, Any], payload: bytes, answer: Mapping[str, Any], attachment: bytes
) -> None:
    """A report may join its study, under its own name, in a series that is none of its images'."""
    _demand(not answer, "a report with further fields")
    report = identifiers_of(attachment)
    if report is None:
        raise SurpriseError("a report that is no DICOM file")
    files, start = [], 0
    for length in request["lengths"]:
        files.append(identifiers_of(payload[start : start + length]))
        start += length
    previous = files.pop() if request.get("previous") else None
    images = {image.series for image in files if image is not None}
    _demand(report.study == request["study_uid"], "a report in another study")
    _demand(report.series not in images, "a report over an image")
    _demand(previous is None or report.series == previous.series, "a report in a strange series")
    _demand(request["uid"] in (None, report.instance), "a report under another name")
    patient = _bare(request["patient_id"])
    same = _bare(report.patient) == patient
    _demand(same or not patient.isascii(), "a report on another patient")


def _bare(text: str) -> str:
    """Return an identifier without padding: Orthanc ends it at a NUL, and keeps blanks."""
    return text.strip(" \0").partition("\0")[0].strip(" ")


def _resource(
    request: Mapping[str, Any], _: bytes, answer: Mapping[str, Any], attachment: bytes
) -> None:
    resource = answer.get("resource")
    _demand(
        isinstance(resource, dict)
        and resource.get("resourceType") == "ImagingStudy"
        and resource.get("id") == request.get("study"),
        "a resource of another study",
    )
    _demand(not attachment, "a resource with a file")


@dataclass(frozen=True, slots=True)
class _Expected:
    """Bounds of an answer, in bytes, and the look at its shape.

    ``share`` is how much its payload may have of the request's.
    """

    check: Check
    header: int = 64 * _KB
    header_per_image: int = 0
    payload: int = 0
    share: float = 0.0
    per_image: int = 0


_EXPECTED: dict[str, _Expected] = {
    "hello": _Expected(_hello),
    "annotate": _Expected(_annotation, header=_MB, payload=_LARGEST_THUMBNAIL),
    "classify": _Expected(_classification, header=_MB),
    "learn": _Expected(_learned),
    "heatmap": _Expected(_of_kind(PNG), payload=8 * _MB),
    "thumbnail": _Expected(_of_kind(JPEG), payload=_LARGEST_THUMBNAIL),
    "picture": _Expected(_graymap, payload=16 * _MB),
    # A deflated file is packed anew, by another program's rules.
    "correct": _Expected(_correction, payload=_MB, share=1.25),
    "restore": _Expected(_correction, payload=_MB, share=1.25),
    "headers": _Expected(_copied_headers, payload=_MB, share=1.25),
    "report": _Expected(_report, payload=_MB, per_image=16 * _KB),
    "fhir": _Expected(_resource, header=_MB, header_per_image=16 * _KB),
}
