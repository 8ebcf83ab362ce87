import pytest

from routed import CONFIGURATION, annotation
from service.deliveries.matching import Case, taking, verdicts
from service.deliveries.rules import parse_rules


def rules(*conditions):
    given = [
        {"Name": f"rule {number}", "If": condition, "To": ["modality:A"]}
        if condition != "otherwise"
        else {"Name": f"rule {number}", "Otherwise": True, "To": ["modality:A"]}
        for number, condition in enumerate(conditions)
    ]
    return parse_rules(given, CONFIGURATION)


def takes(condition, modality="DX", **changes):
    return bool(taking(rules(condition), Case(annotation(**changes), modality)))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({}, True),
        ({"Examined": "knee"}, True),
        ({"Examined": "72696002"}, True),
        ({"Examined": ["hand", "lower_limb"]}, True),
        ({"Examined": "upper_limb"}, False),
        ({"Visible": ["knee"]}, True),
        ({"Visible": ["knee", "patella"]}, True),
        ({"Visible": ["knee", "hand"]}, False),
        ({"Group": ["others"]}, True),
        ({"Group": "spine"}, False),
        ({"View": "frontal"}, True),
        ({"View": ["lateral", "oblique"]}, False),
        ({"Modality": ["CR", "DX"]}, True),
        ({"Modality": "CT"}, False),
        ({"Laterality": ["L", "B"]}, True),
        ({"Laterality": "R"}, False),
        ({"Child": False}, True),
        ({"Child": True}, False),
        ({"MinProbability": 0.97}, True),
        ({"MinProbability": 0.98}, False),
        ({"NeedsReview": False}, True),
        ({"NeedsReview": True}, False),
        ({"Examined": "knee", "NeedsReview": True}, False),
        ({"Examined": "hand", "Evidence": "header"}, True),
        ({"Examined": "hand", "Evidence": "any"}, True),
        ({"Examined": "hand", "Evidence": "both"}, False),
        ({"Examined": ["hand", "knee"], "Evidence": "both"}, True),
        ({"Examined": "knee", "Evidence": "image"}, True),
        ({"Evidence": "image", "Examined": "hand"}, False),
    ],
)
def test_all_conditions_must_hold(condition, holds):
    assert takes(condition) is holds


def test_without_an_answer_no_condition_on_the_answer_holds():
    nothing = {"examined": None, "visible": [], "group": None, "image": None, "header": None}
    assert takes({}, **nothing)
    for condition in (
        {"Examined": "knee"},
        {"Examined": "knee", "Evidence": "any"},
        {"Visible": "knee"},
        {"Group": "others"},
        {"View": "frontal"},
        {"MinProbability": 0.01},
    ):
        assert not takes(condition, **nothing)


def test_the_header_tells_the_view_where_the_picture_does_not():
    image = {"top": [], "rejected": True, "reason": "unlike", "view": "lateral"}
    header = {"label": "knee", "labels": ["knee"], "view": "oblique", "evidence": []}
    assert takes({"View": "oblique"}, image=image, header=header)


def test_otherwise_takes_what_no_other_rule_took():
    some = rules({"Examined": "knee"}, "otherwise", {"Group": "spine"})
    for told, name in ({}, "rule 0"), ({"examined": None}, "rule 1"):
        assert [rule.name for rule in taking(some, Case(annotation(**told), "DX"))] == [name]


def test_a_verdict_names_the_conditions_that_failed_and_what_was_found():
    (verdict,) = verdicts(
        rules({"Examined": ["chest"], "Modality": "DX", "MinProbability": 0.99}),
        Case(annotation(), "DX"),
    )
    assert not verdict.takes
    assert [(f.condition, f.wanted, f.found) for f in verdict.failures] == [
        ("Examined", ["chest"], "knee"),
        ("MinProbability", 0.99, 0.97),
    ]


def test_the_answer_is_part_and_side():
    assert Case(annotation(), "DX").answer == "knee L"
    without = annotation(examined=None, laterality={"value": None, "source": None})
    assert Case(without, "DX").answer == "- -"
