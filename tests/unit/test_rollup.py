import random

import pytest

from bodypart.rollup import Summary, roll_up


def child(instance, examined=None, probability=0.9, **changes):
    values = {
        "status": "done",
        "source": "image",
        "visible": {examined: probability} if examined else {},
        "laterality": None,
        "laterality_source": None,
        "group": "others",
        "agreement": "agree",
        "needs_review": False,
        "annotated_at": f"2026-01-01T00:00:0{instance[-1]}Z",
    }
    return Summary(instance, examined=examined, probability=probability, **{**values, **changes})


def test_the_part_with_the_most_probability_wins_and_the_others_are_listed():
    sure = child("i3", "knee", 0.7, source="header")
    children = [child("i1", "chest", 0.95), child("i2", "knee", 0.6), sure]
    rolled = roll_up("studies", "s", children)
    examined = rolled["examined"]
    assert (examined["label"], examined["probability"]) == ("knee", 0.7)
    assert examined["source"] == "header"
    assert rolled["parts"] == [
        {"label": "knee", "instances": 2},
        {"label": "chest", "instances": 1},
    ]
    assert [item["label"] for item in rolled["visible"]] == ["chest", "knee"]
    assert rolled["annotated_at"] == "2026-01-01T00:00:03Z"


@pytest.mark.parametrize(
    ("seen", "label"),
    [
        # First of the tied in the label table.
        ([("hand", 0.5), ("wrist", 0.5), ("foot", 0.5)], "wrist"),
        # Only in some orders their sum is more than 0.6.
        ([("wrist", 0.6), ("hand", 0.1), ("hand", 0.2), ("hand", 0.3)], "hand"),
    ],
)
def test_the_order_of_the_children_does_not_matter(seen, label):
    children = [child(f"i{n}", *part) for n, part in enumerate(seen)]
    answers = []
    for seed in range(6):
        random.Random(seed).shuffle(children)
        answers.append(roll_up("series", "s", children))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["examined"]["label"] == label


@pytest.mark.parametrize(
    ("states", "status", "why"),
    [
        (["skipped", "skipped"], "skipped", "every instance is skipped"),
        (["skipped", "failed"], "failed", "no instance is done, and one failed"),
        (["skipped", "failed", "done"], "done", None),
        (["skipped", "pending"], "pending", None),
    ],
)
def test_what_has_no_answer_says_why_as_an_instance_does(states, status, why):
    children = [child(f"i{n}", status=state) for n, state in enumerate(states)]
    rolled = roll_up("studies", "s", children)
    assert (rolled["status"], rolled["reason"]) == (status, why)


@pytest.mark.parametrize(
    ("sides", "expected"),
    [([], None), (["L"], "L"), (["L", None], "L"), (["L", "R"], "B"), (["B", "L"], "B")],
)
def test_left_and_right_together_are_both(sides, expected):
    children = [
        child(f"i{n}", "knee", laterality=side, laterality_source=side and "header")
        for n, side in enumerate(sides)
    ]
    assert roll_up("studies", "s", children)["laterality"]["value"] == expected


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["marker", "person"], "marker"),
        (["person", "header"], "header"),
        (["header", "marker"], "marker"),
        (["person", "person"], "person"),
        ([None], None),
    ],
)
def test_a_side_above_rests_on_the_least_trusted_who_told_it(sources, expected):
    """Of a marker and a person it was said that a header had told the side."""
    children = [
        child(f"i{n}", "knee", laterality=source and "L", laterality_source=source)
        for n, source in enumerate(sources)
    ]
    assert roll_up("studies", "s", children)["laterality"]["source"] == expected


def test_each_visible_part_is_as_probable_as_where_it_is_seen_best():
    seen = [{"knee": 0.9, "patella": 0.6}, {"knee": 0.7, "femur": 0.8}, {"patella": 0.9}]
    children = [child(f"i{n}", "knee", visible=parts) for n, parts in enumerate(seen)]
    visible = roll_up("series", "s", children)["visible"]
    found = [(item["label"], item["probability"]) for item in visible]
    assert found == [("knee", 0.9), ("patella", 0.9), ("femur", 0.8)]


def test_one_conflict_or_review_shows_above():
    children = [child("i1", "knee"), child("i2", "knee", agreement="conflict", needs_review=True)]
    rolled = roll_up("series", "s", children)
    assert rolled["agreement"] == "conflict"
    assert rolled["needs_review"]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["failed", "done"], "done"),
        (["done", "pending"], "pending"),
        (["failed", "skipped"], "failed"),
        (["skipped"], "skipped"),
        ([], "pending"),
    ],
)
def test_status_is_that_of_the_best_child(states, expected):
    children = [child(f"i{n}", status=state) for n, state in enumerate(states)]
    rolled = roll_up("series", "s", children)
    assert rolled["status"] == expected
    assert rolled["examined"] is None


def test_the_side_is_that_of_the_examined_part():
    """A chest with a left hand beside it has no side."""
    chest = [child(f"i{n}", "chest") for n in range(3)]
    hand = child("i9", "hand", laterality="L", laterality_source="header")
    assert roll_up("studies", "s", [*chest, hand])["laterality"]["value"] is None


def test_the_group_is_that_of_most_instances_of_the_examined_part():
    chests = [
        child(f"i{n}", "chest", group=f"{who} chest")
        for n, who in enumerate(["adult", "pediatric", "pediatric"])
    ]
    chests += [child(f"i{n}", "chest", group=None) for n in range(10, 13)]
    hands = [child(f"i{n}", "hand", 0.5) for n in range(5, 9)]
    assert roll_up("studies", "s", [*chests, *hands])["group"] == "pediatric chest"


def test_what_is_known_so_far_stands_while_others_wait():
    children = [child("i1", "knee"), child("i2", status="pending", annotated_at=None)]
    rolled = roll_up("studies", "s", children)
    assert (rolled["status"], rolled["examined"]["label"]) == ("pending", "knee")
    assert rolled["instances"] == {"done": 1, "pending": 1}
    assert rolled["annotated_at"] == "2026-01-01T00:00:01Z"
    assert roll_up("studies", "s", children[1:])["annotated_at"] is None
