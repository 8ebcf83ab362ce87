"""DICOM data set → everything its headers say about part, side, view and age."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from bodypart.element_values import each_of, value_of
from bodypart.evidence import FILLED_BY, ORDER, TABLE, HeaderMatch, HeaderReading
from bodypart.headers.age import age_at
from bodypart.headers.character_sets import text_of
from bodypart.headers.codes import of_code, of_defined_term
from bodypart.headers.folding import LONGEST_TEXT
from bodypart.headers.laterality import Sides, side_of_code
from bodypart.headers.matching import TextReading, read_text
from bodypart.headers.part_sides import PartSide, joined
from bodypart.headers.reliability import about, posterior
from bodypart.headers.species import is_human
from bodypart.headers.view import view_of_orientation
from bodypart.headers.vocabulary import ELSEWHERE, OTHER, Entry
from bodypart.laterality import CODE_OF_SIDE
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
        "ScheduledProtocolCodeSequence",
        "PerformedProtocolCodeSequence",
    }
)
_MODIFIERS = {
    "AnatomicRegionSequence": "AnatomicRegionModifierSequence",
    "PrimaryAnatomicStructureSequence": "PrimaryAnatomicStructureModifierSequence",
}
_DATES = ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate")
MOST_VALUES = 8
"""Values of an attribute that are read."""

MOST_LETTERS = 2048
"""Most characters that are read of all attributes together; a few hundred are usual. A text made to
be ambiguous in every language and code page takes half a millisecond a character."""

_LONGEST_SIDE, _LONGEST_VIEW = 16, 64
"""Most characters read of attributes for a side or a view alone (VR CS; LO of a code's meaning)."""

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
    left = MOST_LETTERS
    for attribute in FILLED_BY:
        coded = attribute in _SEQUENCES
        named: list[PartSide] = []
        for code, text in islice(dict.fromkeys(_pieces(dataset, attribute)), MOST_VALUES):
            entry = of_code(code) if coded else _defined_term(attribute, text)
            reading = TextReading()
            if len(text) <= left:
                left -= len(text)
                reading = read_text(text, vocabulary)
            if text == code and not reading.names_part:
                reading = TextReading()  # "RT01" is no right side.
            match = _match(attribute, text, entry, reading)
            if match is not None:
                evidence.append(match)
            named.extend(reading.sides)
            # The term or code for the face is no frontal view.
            if reading.view and not (entry and FILLED_BY[attribute] == TABLE):
                views.append(reading.view)
        for side, of in joined(named):
            # An order for both knees has a picture of each, so it does not tell this one's side.
            if (FILLED_BY[attribute], side) != (ORDER, "B"):
                sides.say(attribute, side, of)
    labels = _labels(evidence)
    label = _one_label(labels, evidence)
    _say_coded_sides(dataset, sides, vocabulary)
    first = sides.first(label)
    age = age_at(
        _text(dataset, "PatientAge"),
        _text(dataset, "PatientBirthDate"),
        [_text(dataset, keyword) for keyword in _DATES],
    )
    return HeaderReading(
        label=label,
        labels=labels,
        region=None if labels else narrowest([m.region for m in evidence if m.region]),
        evidence=tuple(evidence),
        laterality=first.side,
        laterality_of=first.of,
        laterality_conflict=sides.contradict(label),
        sides=sides.of_parts(),
        view=_coded_view(dataset, vocabulary) or next(iter(views), None),
        age_years=age.years,
        age_unusable=age.unusable,
        human=_is_human(dataset),
        outside=_outside(dataset, OTHER, ELSEWHERE),
        elsewhere=_outside(dataset, ELSEWHERE),
    )


def _outside(dataset: Dataset, *kinds: str) -> str | None:
    """Return a part that is known but has no label; texts of unknown words are not repeated."""
    named = [(of_defined_term(text), text) for text in _texts(dataset, "BodyPartExamined")]
    named += [
        (of_code(code), f"code {code}") for code, _ in _codes(dataset, "AnatomicRegionSequence")
    ]
    return next((text for entry, text in named if entry and entry.kind in kinds), None)


def _is_human(dataset: Dataset) -> bool:
    coded = list(_codes(dataset, "PatientSpeciesCodeSequence"))
    return is_human(
        [code for code, _ in coded if code],
        [*_texts(dataset, "PatientSpeciesDescription"), *(text for _, text in coded if text)],
        [*_texts(dataset, "PatientBreedDescription"), *_texts(dataset, "PatientSexNeutered")],
    )


def _match(
    attribute: str, text: str, entry: Entry | None, reading: TextReading
) -> HeaderMatch | None:
    """Return what a value's code names, else its text; both, if they cannot be one exposure."""
    if entry is not None and entry.names_part:
        labels, other = entry.labels, reading.labels
        contradict = not any(compatible(a, b) for a in labels for b in other)
        if attribute in _SEQUENCES and labels and contradict:
            labels += other
        return HeaderMatch(attribute, text, text, labels, entry.region)
    if reading.labels or reading.region:
        return HeaderMatch(attribute, text, reading.matched, reading.labels, reading.region)
    return None


def _defined_term(attribute: str, text: str) -> Entry | None:
    return of_defined_term(text) if attribute == "BodyPartExamined" else None


def _labels(evidence: list[HeaderMatch]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(label for match in evidence for label in match.labels))


def _one_label(labels: tuple[str, ...], evidence: list[HeaderMatch]) -> str | None:
    """Return the label that the headers name, or that clearly outweighs the others they name.

    A text that names a region besides its label ("chest, lower extremity") names two parts.
    """
    if not any(len(match.labels) == 1 and match.region is None for match in evidence):
        return None
    belief = posterior(about(evidence))
    best = max(labels, key=lambda label: belief[label])
    agreed = all(compatible(best, label) for label in labels)
    return best if agreed or belief[best] >= _CLEAR else None


def _say_coded_sides(dataset: Dataset, sides: Sides, vocabulary: Vocabulary) -> None:
    for keyword in ("ImageLaterality", "Laterality"):
        sides.say(keyword, _letter_of_side(_text(dataset, keyword), vocabulary))
    frames = {
        _letter_of_side(_text(frame, "FrameLaterality"), vocabulary)
        for frame in _frame_anatomy(dataset)
    }
    sides.say("FrameLaterality", frames.pop() if len(frames) == 1 else None)
    modifiers = (
        code
        for anatomy, modifier in _MODIFIERS.items()
        for place in _places(dataset, anatomy)
        for item in _items(place, anatomy)
        for code in _codes(item, modifier)
    )
    named = {
        side_of_code(code) or _letter_of_side(text, vocabulary)
        for code, text in islice(modifiers, MOST_VALUES)
    } - {None}
    # A left and a right modifier together mean both sides.
    both = "B" if named else None
    sides.say("AnatomicRegionModifierSequence", named.pop() if len(named) == 1 else both)


def _letter_of_side(value: str, vocabulary: Vocabulary) -> str | None:
    """Return the side in an attribute that is made for it, also if spelt out ("LEFT", "links").

    No sides are ``LAT`` (a view), ``U`` (unpaired), ``L/R`` (the choice that a form offers) and a
    code ("R-404CC").
    """
    if value.upper() in CODE_OF_SIDE:  # Of a "b" alone the words know nothing.
        return value.upper()
    told = len(value) <= _LONGEST_SIDE and not re.search(r"[/\d]", value)
    return read_text(value, vocabulary).side if told else None


def _coded_view(dataset: Dataset, vocabulary: Vocabulary) -> str | None:
    meanings = (meaning for _, meaning in _codes(dataset, "ViewCodeSequence"))
    names = (_text(dataset, "ViewPosition"), *meanings)
    told = (read_text(name, vocabulary).view for name in names if len(name) <= _LONGEST_VIEW)
    return next(filter(None, told), None) or view_of_orientation(
        _texts(dataset, "PatientOrientation")
    )


def _places(dataset: Dataset, attribute: str) -> list[Dataset]:
    """Return the data set, and the items in which the standard puts an attribute, too.

    These are in Request Attributes Sequence for orders (PS3.3 10.6), and in Frame Anatomy Sequence
    for the anatomy of enhanced objects (C.7.6.16.2.8).
    """
    if FILLED_BY.get(attribute) == ORDER:
        return [dataset, *_items(dataset, "RequestAttributesSequence")]
    if attribute == "AnatomicRegionSequence":
        return [dataset, *_frame_anatomy(dataset)]
    return [dataset]


def _frame_anatomy(dataset: Dataset) -> list[Dataset]:
    return [
        anatomy
        for shared in _items(dataset, "SharedFunctionalGroupsSequence")
        for anatomy in _items(shared, "FrameAnatomySequence")
    ]


def _pieces(dataset: Dataset, attribute: str) -> Iterator[tuple[str, str]]:
    """Yield code and text of every value of an attribute; a plain text has no code."""
    for place in _places(dataset, attribute):
        if attribute in _SEQUENCES:
            yield from _codes(place, attribute)
        else:
            yield from (("", text) for text in _texts(place, attribute))


def _codes(dataset: Dataset, attribute: str) -> Iterator[tuple[str, str]]:
    """Yield value and meaning of every code in a sequence; without a meaning the value tells it."""
    for item in _items(dataset, attribute):
        value = _text(item, "CodeValue") or _text(item, "LongCodeValue")
        yield value, _text(item, "CodeMeaning") or value


def _items(dataset: Dataset, keyword: str) -> list[Any]:
    items: list[Any] = each_of(value_of(dataset, keyword))[:MOST_VALUES]
    return [item for item in items if hasattr(item, "get")]


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
    # No database keeps a NUL, and within a text it is padding that a field of fixed length left.
    texts = (
        str(item)[:LONGEST_TEXT].replace("\0", " ").strip(" ")
        for item in each_of(value)[:MOST_VALUES]
    )
    return [text for text in texts if text]
