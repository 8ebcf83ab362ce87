"""Words and what a decoder saw, on their way."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bodypart.memory import MemoryFormatError, pack_seen, unpack_seen
from unit.memory.hospital import reading, word


@pytest.mark.parametrize("labels", [(), ("elbows",), ("none", "hand"), ("hand", "none")])
def test_a_word_has_labels_that_exist(labels):
    with pytest.raises(MemoryFormatError, match="word-hand-1"):
        word("hand", 1, labels or ("",))


def test_a_word_with_values_that_are_not_finite_is_refused():
    with pytest.raises(MemoryFormatError, match="word-hand-1"):
        replace(word("hand", 1), embedding=np.full(64, np.nan, np.float32))


def test_what_a_decoder_saw_comes_back():
    seen = reading("hand", 1, rejected=True).seen
    seen.posterior[:2] = 0, 1  # As what is less likely than one in ten million is sent.
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
