"""Words and what a decoder saw, on their way."""

import json

import numpy as np
import pytest

from bodypart.memory import MemoryFormatError, pack_seen, unpack_seen
from bodypart.memory.words import pack_words, unpack_words
from unit.memory.hospital import reading, word, words


def test_words_come_back_as_they_were_sent():
    some = [*words(3, "hand", rejected=True), word("wrist", 1, ("wrist", "hand"))]
    records, data = pack_words(some)
    back = unpack_words(json.loads(json.dumps(records)), data)
    for sent, got in zip(some, back, strict=True):
        assert (sent.id, sent.instance, sent.patient) == (got.id, got.instance, got.patient)
        assert (sent.labels, sent.rejected) == (got.labels, got.rejected)
        assert got.embedding == pytest.approx(sent.embedding, abs=1e-3)
        assert got.probabilities == pytest.approx(sent.probabilities, abs=1e-3)


def test_no_words_are_no_bytes():
    assert unpack_words(*pack_words([])) == []


@pytest.mark.parametrize("labels", [(), ("elbows",), ("none", "hand"), ("hand", "none")])
def test_a_word_has_labels_that_exist(labels):
    with pytest.raises(MemoryFormatError, match="word-hand-1"):
        word("hand", 1, labels or ("",))


def test_a_word_with_numbers_that_are_none_is_refused():
    records, data = pack_words(words(1, "hand"))
    with pytest.raises(MemoryFormatError):
        unpack_words(records, np.full(len(data) // 2, np.nan, "<f2").tobytes())


def test_bytes_that_do_not_fit_the_list_are_refused():
    records, data = pack_words(words(2, "hand"))
    with pytest.raises(MemoryFormatError, match="do not hold 2 words"):
        unpack_words(records, data[:-1])


def test_what_a_decoder_saw_comes_back():
    seen = reading("hand", 1, rejected=True).seen
    back = unpack_seen(json.loads(json.dumps(pack_seen(seen))))
    assert back.rejected
    assert back.embedding == pytest.approx(seen.embedding, abs=1e-3)
    assert back.posterior == pytest.approx(seen.posterior, abs=1e-3)


@pytest.mark.parametrize(
    "spoil",
    [
        {"embedding": "%%%"},
        {"embedding": ""},
        {"embedding": pack_seen(reading("hand", 1).seen)["probabilities"]},
        {"probabilities": pack_seen(reading("hand", 1).seen)["embedding"]},
        {"probabilities": None},
    ],
)
def test_numbers_of_a_decoder_that_was_taken_over_are_refused(spoil):
    packed = pack_seen(reading("hand", 1).seen)
    with pytest.raises(MemoryFormatError):
        unpack_seen({**packed, **spoil})
