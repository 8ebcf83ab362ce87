"""Headers that were made to take long: every text ambiguous, in as many places as there are."""

import time

import pytest
from pydicom.dataset import Dataset

from bodypart.evidence import FILLED_BY
from bodypart.headers import Vocabulary, read_headers
from bodypart.headers.reader import MOST_LETTERS, MOST_VALUES

SECONDS = 4.0
"""Of the processor; they took twenty and more."""

AMBIGUOUS = "握拳?et:fog l.r-"


def _ambiguous(place: int) -> list[str]:
    """Return values of which no two are the same."""
    return [f"{place}.{number} {AMBIGUOUS * 40}"[:256] for number in range(MOST_VALUES)]


def _item(**values) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _in_all_attributes() -> Dataset:
    dataset = Dataset()
    for number, attribute in enumerate(FILLED_BY):
        texts = _ambiguous(number)
        coded = attribute.endswith("Sequence")
        setattr(dataset, attribute, [_item(CodeMeaning=t) for t in texts] if coded else texts)
    return dataset


def _in_each_frame() -> Dataset:
    shared = [
        _item(FrameAnatomySequence=[_item(FrameLaterality=text) for text in _ambiguous(-n)])
        for n in range(1, MOST_VALUES + 1)
    ]
    return _item(SharedFunctionalGroupsSequence=shared)


def _in_each_modifier() -> Dataset:
    def regions(frame: str) -> list[Dataset]:
        sides = [_item(CodeMeaning=f"{frame}{n}{AMBIGUOUS}"[:16]) for n in range(MOST_VALUES**2)]
        cut = range(0, len(sides), MOST_VALUES)
        return [_item(AnatomicRegionModifierSequence=sides[n : n + MOST_VALUES]) for n in cut]

    frames = [_item(AnatomicRegionSequence=regions(chr(0x3400 + n))) for n in range(64)]
    shared = [_item(FrameAnatomySequence=frames[n::8]) for n in range(MOST_VALUES)]
    return _item(SharedFunctionalGroupsSequence=shared)


@pytest.mark.parametrize("dataset", [_in_all_attributes(), _in_each_frame(), _in_each_modifier()])
def test_headers_made_to_take_long_do_not(dataset, vocabulary):
    begin = time.process_time()
    read_headers(dataset, vocabulary)
    assert time.process_time() - begin < SECONDS


def test_what_is_read_first_is_read_all_the_same(vocabulary: Vocabulary):
    dataset = _in_all_attributes()
    dataset.SeriesDescription = ["Knie re. 2 Eb.", *["x" * 256] * (MOST_LETTERS // 256)]
    reading = read_headers(dataset, vocabulary)
    assert (reading.label, reading.laterality) == ("knee", "R")
