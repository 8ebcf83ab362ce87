"""What a person types into a search field: a part, in any language; a patient; a number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from bodypart.headers.matching import read_text
from bodypart.labels import LABELS
from bodypart.record import Label
from bodypart.regions import labels_in
from service.orthanc_api.studies import find_studies

if TYPE_CHECKING:
    from bodypart.headers.vocabulary import Vocabulary
    from service.orthanc_api.client import Client

_MOST_STUDIES = 1000
_SHORTEST_PIECE = 3
_BETWEEN = re.compile(r"[\s,^=*?\\]+")
"""Signs between the parts of a name, and those that Orthanc takes for wildcards."""


class MeaningRecord(TypedDict):
    """The parts that a text names, and how many studies are of such a patient or number."""

    labels: list[Label]
    studies: int


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a text may stand for.

    Attributes
    ----------
    labels : tuple of str
        The parts that it names.
    studies : tuple of str
        Orthanc ids of studies whose patient or accession number is like it.
    """

    labels: tuple[str, ...]
    studies: tuple[str, ...]

    def to_json(self) -> MeaningRecord:
        """Return the parts, and how many studies."""
        return {"labels": list(self.labels), "studies": len(self.studies)}


def meaning_of(text: str, client: Client, vocabulary: Vocabulary) -> Meaning:
    """Return what a text may stand for: parts that it names, and patients of that name.

    Parameters
    ----------
    text : str
        As it was typed.
    client : Client
        Orthanc knows names, ids and accession numbers; they stand in no index of ours.
    vocabulary : Vocabulary
        Parts in the languages of the headers.
    """
    text = text.strip()
    pieces = [piece for piece in _BETWEEN.split(text) if piece]
    if not pieces:
        return Meaning((), ())
    labels = _parts(text, vocabulary)
    # First names first, as people say them, and as DICOM has them.
    names = {tuple(pieces), (*pieces[1:], pieces[0]), (pieces[-1], *pieces[:-1])}
    questions = [("PatientName", order) for order in sorted(names)]
    questions += [(keyword, tuple(pieces)) for keyword in ("PatientID", "AccessionNumber")]
    found: dict[str, None] = {}
    for keyword, order in questions:
        pattern = f"*{'*'.join(order)}*"
        found |= dict.fromkeys(find_studies(client, keyword, pattern, _MOST_STUDIES))
    return Meaning(labels, tuple(found))


def _parts(text: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    reading = read_text(text, vocabulary)
    named = set(reading.labels)
    if reading.region and not named:
        named = set(labels_in(reading.region))
    if not named and len(text) >= _SHORTEST_PIECE:
        piece = text.lower().replace(" ", "_")
        named = {
            part.label
            for part in LABELS
            if part.label.startswith(piece) or part.code.meaning.lower().startswith(text.lower())
        }
    return tuple(part.label for part in LABELS if part.label in named)
