"""The words, what is handed to decoders, and the bounds."""

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from bodypart.memory import Memory, MemoryFormatError, Recall, surplus
from unit.memory.hospital import DIMENSIONS, LABELS, MODEL, reading, word, words


def memory_of(some, **others):
    return Memory(MODEL, LABELS, some, **others)


def same_answers(first, second):
    for part in ("wrist", "hand", "knee"):
        some = reading(part, 1)
        one, other = first.consult(some), second.consult(some)
        assert one[0].probabilities == pytest.approx(other[0].probabilities, abs=1e-6)
        assert one[1] == other[1]


def test_the_revision_tells_the_words():
    some = words(5, "hand")
    assert memory_of(some).revision == memory_of(some[::-1]).revision
    assert memory_of(some).revision != memory_of(some[1:]).revision


def test_another_model_has_another_revision():
    assert Memory(MODEL, LABELS).revision != Memory("1" * 64, LABELS).revision


@pytest.mark.parametrize(
    "numbers", [{"probabilities": np.full(9, 0.1)}, {"embedding": np.eye(1, 8)[0]}]
)
@pytest.mark.parametrize("place", [0, 6])
def test_a_word_seen_with_another_model_is_left_out_and_the_others_are_learned(numbers, place):
    known = words(6, "hand")
    stranger = replace(word("knee", 1), **numbers)
    memory = memory_of([*known[:place], stranger, *known[place:]])
    assert memory.words == tuple(known)
    assert memory.revision == memory_of(known).revision


def test_an_update_brings_a_decoder_from_one_state_to_the_next():
    memory, recall, fresh = memory_of(words(8, "hand", "knee")), Recall(MODEL), Recall(MODEL)
    assert recall.apply(*memory.update())
    base, known = memory.revision, [one.id for one in memory.words]
    memory = memory_of([*memory.words[1:], *words(8, "wrist")])
    record, payload = memory.update(known, base)
    assert len(record["added"]) == 8
    assert record["removed"] == ["word-hand-0"]
    assert recall.apply(json.loads(json.dumps(record)), payload)
    assert recall.revision == memory.revision
    assert fresh.apply(*memory.update())
    same_answers(recall, fresh)


def test_an_update_for_another_state_is_declined():
    memory, recall = memory_of(words(8, "hand")), Recall(MODEL)
    base, known = memory.revision, [one.id for one in memory.words]
    memory = memory_of([*memory.words, *words(8, "wrist")])
    assert not recall.apply(*memory.update(known, base))
    assert recall.revision is None
    assert recall.apply(*memory.update())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record, payload: (record, payload[:-2]),
        lambda record, payload: ({**record, "model": "1" * 64}, payload),
        lambda record, payload: ({**record, "added": record["added"][1:]}, payload),
        lambda record, payload: ({**record, "removed": ["nobody"]}, payload),
        lambda record, payload: ({**record, "rule": {}}, payload),
        lambda record, payload: ({**record, "dimensions": "many"}, payload),
    ],
)
def test_a_damaged_update_is_refused_and_nothing_changes(spoil):
    memory, recall = memory_of(words(8, "hand", "wrist")), Recall(MODEL)
    assert recall.apply(*memory.update())
    before = recall.consult(reading("wrist", 1))
    memory = memory_of([*memory.words, *words(8, "knee")])
    with pytest.raises(MemoryFormatError):
        recall.apply(*spoil(*memory.update()))
    assert recall.consult(reading("wrist", 1))[0].probabilities == before[0].probabilities


def test_forgetting_all_empties_the_decoders_too():
    recall = Recall(MODEL)
    assert recall.apply(*memory_of(words(8, "hand", "wrist")).update())
    assert recall.apply(*memory_of([]).update())
    before = reading("wrist", 1)
    assert recall.consult(before) == (before, None)
    assert recall.alike(before.seen.embedding) == ()


def test_beyond_the_bound_the_most_repeated_word_of_the_largest_part_goes():
    copy = replace(word("hand", 1), id="copy", instance="copy", patient="copy")
    memory = memory_of([*words(4, "hand"), copy, *words(3, "knee")], most=7)
    assert [one.id for one in memory.words if "hand-1" in one.id or one.id == "copy"] == ["copy"]
    assert sum(one.labels == ("knee",) for one in memory.words) == 3


def one_after_the_other(some, count):
    """Say of which words the bound lets go, by comparing all with all after each."""
    some, gone = list(some), []
    for _ in range(count):
        parts = {}
        for one in some:
            parts.setdefault(one.labels, []).append(one)
        largest = max((parts[name] for name in sorted(parts)), key=len)
        rows = np.stack([one.embedding for one in largest])
        cosine = rows @ rows.T
        np.fill_diagonal(cosine, -np.inf)
        gone.append(largest[int(cosine.max(axis=1).argmax())].id)
        some = [one for one in some if one.id != gone[-1]]
    return gone


def test_what_repeats_most_goes_first_until_few_are_left(monkeypatch):
    monkeypatch.setattr(surplus, "BLOCK", 4)
    some = [*words(12, "hand"), *words(9, "wrist"), *words(1, "knee")]
    assert surplus.most_repeated(some, 17) == one_after_the_other(some, 17)
    assert surplus.most_repeated(some, 0) == surplus.most_repeated(some, -3) == []
    assert sorted(surplus.most_repeated(some, 22)) == sorted(one.id for one in some)


def test_ten_thousand_words_on_one_part_are_kept_in_little_room(monkeypatch):
    monkeypatch.setattr("bodypart.memory.memory.learn", lambda *_: (None, []))
    rows = np.random.default_rng(0).normal(size=(10_300, DIMENSIONS)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    first = word("hand", 0)
    many = [
        replace(first, id=str(n), instance=str(n), patient=str(n), embedding=row)
        for n, row in enumerate(rows)
    ]
    tracemalloc.start()
    memory = memory_of(many)
    room = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(memory.words) == 10_000
    assert room < 60e6


def test_nothing_is_learned_from_fewer_than_five_patients():
    some = words(5, "wrist")
    assert memory_of(some).gains
    assert not memory_of([*some[1:], replace(some[0], patient=some[1].patient)]).gains


def test_what_a_part_gains_is_told():
    memory = memory_of(words(10, "wrist", "hand", "knee"))
    gain = {one["label"]: one for one in memory.gains}
    turned = {"before": 0.0, "after": 1.0, "mended": 10, "broken": 0}
    assert gain["wrist"] == {"label": "wrist", "words": 10, **turned}
    for part in ("hand", "knee"):
        assert gain[part] == {"label": part, "words": 10, **turned, "before": 1.0, "mended": 0}
