"""What the memory changed, and how often people let that stand."""

from types import SimpleNamespace

import numpy as np

from service.learning.changes import MOST_EXAMPLES, changes_of
from service.learning.sightings import Answers

LABELS = ("hand", "wrist")
HAND, WRIST = 0, 1


def change(before, after, *counts):
    names = ("instances", "reviewed", "right", "examples")
    return {"before": before, "after": after, **dict(zip(names, counts, strict=True))}


def changes(*rows):
    """Compare rows of own label, whether rejected, what stands, what a person said or ""."""
    own, rejected, said, confirmed = zip(*rows, strict=True)
    names = [str(number) for number in range(len(rows))]
    batch = Answers(names, np.array(own), np.array(rejected), list(said), list(confirmed))
    return changes_of(SimpleNamespace(answers=lambda model: [batch]), "sha", LABELS)


def test_only_what_a_person_looked_at_and_left_is_right():
    found = changes(
        (HAND, False, "wrist", ""),
        (HAND, False, "wrist", "wrist"),
        (HAND, False, "wrist", "hand"),
        (HAND, False, "hand", "wrist"),
    )
    assert found == [change("hand", "wrist", 3, 2, 1, ["0", "1", "2"])]


def test_what_is_rejected_has_no_label_of_its_own():
    found = changes(
        (HAND, True, "hand", ""),
        (HAND, True, None, ""),
        (WRIST, False, None, None),
    )
    assert found == [change(None, "hand", 1, 0, 0, ["0"]), change("wrist", None, 1, 1, 1, ["2"])]


def test_the_most_frequent_comes_first_and_names_some_of_its_pictures():
    many = [(WRIST, False, "hand", "")] * (MOST_EXAMPLES + 1)
    first, last = changes((HAND, False, "wrist", ""), *many)
    assert (first["instances"], len(first["examples"])) == (MOST_EXAMPLES + 1, MOST_EXAMPLES)
    assert last["instances"] == 1
