"""DICOM data set → everything its headers say of part, side, view and age."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bodypart.evidence import HeaderMatch, HeaderReading
from bodypart.headers.age import age_at
from bodypart.headers.character_sets import text_of
from bodypart.headers.codes import of_code, of_defined_term
from bodypart.headers.folding import LONGEST_TEXT
from bodypart.headers.laterality import Sides, side_of_code
from bodypart.headers.matching import Reading, read_text
from bodypart.headers.reliability import HANDS, about, posterior
from bodypart.headers.species import is_human
from bodypart.headers.view import view_of_orientation, view_of_position
from bodypart.headers.vocabulary import OTHER, Entry
from bodypart.regions import compatible, narrowest

if TYPE_CHECKING:
    from pydicom import Dataset

    from bodypart.headers.vocabulary import Vocabulary

_SEQUENCES = frozenset(
    {
        "AnatomicRegionSequence",
        "PrimaryAnatomicStructureSequence",
        "ProcedureCodeSequence",
        "RequestedProcedureCodeSequence",
    }
)
_MOST_VALUES = 8
_CLEAR = 0.75
"""Posterior above which contradicting headers still name one label."""


def read_headers(dataset: Dataset, vocabulary: Vocabulary) -> HeaderReading:
    """Read what the headers of an instance say.

    Parameters
    ----------
    dataset : pydicom.Dataset
        Decoded with its Specific Character Set; nothing in it is required, and no value, however
        broken, raises.
    vocabulary : Vocabulary
        The terms.
    """
    evidence: list[HeaderMatch] = []
    sides = Sides()
    views: list[str] = []
    for attribute in HANDS:
        coded = attribute in _SEQUENCES
        pieces = _codes(dataset, attribute) if coded else _plain(dataset, attribute)
        for code, text in pieces:
            entry = of_code(code) if coded else _defined_term(attribute, text)
            reading = read_text(text, vocabulary)
            match = _match(attribute, text or code, entry, reading)
            if match is not None:
                evidence.append(match)
            sides.say(attribute, reading.side, reading.labels)
            if reading.view:
                views.append(reading.view)
    labels = _labels(evidence)
    label = _one_label(labels, evidence)
    _say_coded_sides(dataset, sides)
    side, side_of = sides.first(label)
    view = view_of_position(_text(dataset, "ViewPosition")) or view_of_orientation(
        _texts(dataset, "PatientOrientation")
    )
    age = age_at(
        _text(dataset, "PatientAge"),
        _text(dataset, "PatientBirthDate"),
        _text(dataset, "StudyDate") or _text(dataset, "AcquisitionDate"),
    )
    return HeaderReading(
        label=label,
        labels=labels,
        region=None if labels else narrowest([m.region for m in evidence if m.region]),
        evidence=tuple(evidence),
        laterality=side,
        laterality_of=side_of,
        laterality_conflict=sides.contradict(label),
        view=view or next(iter(views), None),
        age_years=age.years,
        age_unusable=age.unusable,
        human=_is_human(dataset),
        outside=_outside(dataset),
    )


def _outside(dataset: Dataset) -> str | None:
    """Return a known part that is none of ours; a text of unknown words is not repeated."""
    named = [(of_defined_term(text), text) for text in _texts(dataset, "BodyPartExamined")]
    named += [
        (of_code(code), f"code {code}") for code, _ in _codes(dataset, "AnatomicRegionSequence")
    ]
    return next((text for entry, text in named if entry and entry.kind == OTHER), None)


def _is_human(dataset: Dataset) -> bool:
    coded = list(_codes(dataset, "PatientSpeciesCodeSequence"))
    return is_human(
        [code for code, _ in coded if code],
        [*_texts(dataset, "PatientSpeciesDescription"), *(text for _, text in coded if text)],
        [*_texts(dataset, "PatientBreedDescription"), *_texts(dataset, "PatientSexNeutered")],
    )


def _match(attribute: str, text: str, entry: Entry | None, reading: Reading) -> HeaderMatch | None:
    if entry is not None and entry.names_part:
        return HeaderMatch(attribute, text, text, entry.labels, entry.region)
    if reading.labels or reading.region:
        return HeaderMatch(attribute, text, reading.matched, reading.labels, reading.region)
    return None


def _defined_term(attribute: str, text: str) -> Entry | None:
    return of_defined_term(text) if attribute == "BodyPartExamined" else None


def _labels(evidence: list[HeaderMatch]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(label for match in evidence for label in match.labels))


def _one_label(labels: tuple[str, ...], evidence: list[HeaderMatch]) -> str | None:
    """Return the label of headers that name one, or of which one clearly outweighs the others.

    A text that names a region besides its label ("chest, lower extremity") names two parts.
    """
    if not any(len(match.labels) == 1 and match.region is None for match in evidence):
        return None
    if len(labels) == 1:
        return labels[0]
    belief = posterior(about(evidence))
    best = max(labels, key=lambda label: belief[label])
    agreed = all(compatible(best, label) for label in labels)
    return best if agreed or belief[best] >= _CLEAR else None


def _say_coded_sides(dataset: Dataset, sides: Sides) -> None:
    sides.say("ImageLaterality", _text(dataset, "ImageLaterality"))
    sides.say("Laterality", _text(dataset, "Laterality"))
    named = {
        side_of_code(_text(modifier, "CodeValue"))
        for item in _items(dataset, "AnatomicRegionSequence")
        for modifier in _items(item, "AnatomicRegionModifierSequence")
    } - {None}
    # A left and a right modifier together mean both sides.
    sides.say(
        "AnatomicRegionModifierSequence", named.pop() if len(named) == 1 else "B" * bool(named)
    )


def _plain(dataset: Dataset, attribute: str) -> Iterator[tuple[str, str]]:
    for text in _texts(dataset, attribute):
        yield "", text


def _codes(dataset: Dataset, attribute: str) -> Iterator[tuple[str, str]]:
    """Yield value and meaning of every code in a sequence."""
    for item in _items(dataset, attribute):
        yield _text(item, "CodeValue") or _text(item, "LongCodeValue"), _text(item, "CodeMeaning")


def _items(dataset: Dataset, keyword: str) -> list[Any]:
    value = value_of(dataset, keyword)
    if not isinstance(value, (list, tuple)) and not hasattr(value, "__iter__"):
        return []
    return [item for item in list(value)[:_MOST_VALUES] if hasattr(item, "get")]


def _text(dataset: Dataset, keyword: str) -> str:
    return next(iter(_texts(dataset, keyword)), "")


def _texts(dataset: Dataset, keyword: str) -> list[str]:
    """Return the non-empty values of an attribute, as text and cut to a sane length."""
    try:
        value = text_of(dataset, keyword)
    except Exception:  # pydicom raises many kinds for broken bytes; none may stop the reading
        value = None
    if value is None:
        return []
    if isinstance(value, bytes):
        value = value[:LONGEST_TEXT].decode("latin-1")
    several = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else value
    texts = (str(item)[:LONGEST_TEXT].strip(" \0") for item in list(several)[:_MOST_VALUES])
    return [text for text in texts if text]


def value_of(dataset: Dataset, keyword: str) -> object:
    """Return a value, or None where the element is absent or pydicom cannot decode it."""
    try:
        return dataset.get(keyword)
    except Exception:  # pydicom raises many kinds for broken bytes; none may stop the reading
        return None
