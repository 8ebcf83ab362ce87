import json

import pytest

from bodypart.annotation import Annotation, Examined, Laterality, Review
from bodypart.evidence import Guess
from bodypart.reviews import (
    apply_review,
    carried_word,
    machine_answer,
    machine_label,
    word_before,
)
from service.routes.models import Correction

AT = "2026-01-02T03:04:05Z"


HEADER = {"label": "hand", "labels": ["hand"], "laterality": "L"}
UNNAMED = {"label": None, "labels": []}


def annotation(**changes):
    base = Annotation(
        "i",
        "done",
        examined=Examined("hand", 0.7, "image"),
        visible=(Guess("hand", 0.9), Guess("wrist", 0.6)),
        laterality=Laterality("L", "header"),
        group="others",
        needs_review=True,
        review_reason="unsure",
    )
    return {**base.to_json(), **changes}


def review(**body):
    return Correction.model_validate(body).review(by="ann", at=AT)


def test_a_correction_outranks_the_machine_and_keeps_what_it_said():
    corrected = apply_review(annotation(), review(examined="wrist", comment="clearly"))
    assert corrected["examined"]["label"] == "wrist"
    assert corrected["examined"]["source"] == "person"
    assert corrected["examined"]["probability"] == 1.0
    assert corrected["examined"]["code"]["value"] == "74670003"
    assert not corrected["needs_review"]
    assert corrected["review"]["by"] == "ann"
    assert corrected["review"]["at"] == AT
    assert corrected["review"]["previous"]["examined"] == "hand"
    assert corrected["review"]["comment"] == "clearly"


def test_a_side_that_the_person_did_not_mention_stays():
    assert apply_review(annotation(), review(examined="hand"))["laterality"]["value"] == "L"
    silent = apply_review(annotation(), review(examined="hand", laterality=None))
    assert silent["laterality"] == {"value": None, "source": None}
    right = apply_review(annotation(), review(examined="hand", laterality="R"))
    assert right["laterality"] == {"value": "R", "source": "person"}


def test_the_side_of_another_part_is_not_taken_over_by_a_silent_word():
    header = {"label": None, "labels": ["hand", "foot"], "laterality": "L"}
    machine = annotation(header={**header, "laterality_of": ["hand"]})
    assert apply_review(machine, review(examined="foot"))["laterality"]["value"] is None
    assert apply_review(machine, review(examined="wrist"))["laterality"]["value"] == "L"


def test_a_silent_word_keeps_the_side_that_an_order_names_for_that_part():
    header = {
        "label": None,
        "labels": ["hand", "foot"],
        "laterality": "L",
        "laterality_of": ["hand"],
    }
    machine = annotation(header={**header, "sides": {"hand": "L", "foot": "R"}})
    assert apply_review(machine, review(examined="foot"))["laterality"]["value"] == "R"


@pytest.mark.parametrize("side", ["R", None])
def test_the_side_that_a_person_gave_stays_where_the_next_word_is_silent_on_it(side):
    """Who confirmed "hand, right" turned it into the header's left, and nobody had said so."""
    machine = annotation(header=HEADER)
    given = apply_review(machine, review(examined="hand", laterality=side))
    confirmed = apply_review(given, review(examined="hand"))
    assert confirmed["laterality"] == given["laterality"]
    assert confirmed["review"]["laterality_given"]
    again = apply_review(machine, Review.from_json(confirmed["review"]))
    assert again["laterality"] == given["laterality"]
    assert apply_review(given, review(examined="wrist"))["laterality"] == given["laterality"]
    assert apply_review(given, review(examined="foot"))["laterality"]["value"] is None
    other = apply_review(given, review(examined="hand", laterality="L"))
    assert other["laterality"] == {"value": "L", "source": "person"}


@pytest.mark.parametrize(
    ("earlier", "then", "side"),
    [
        ({"examined": "hand"}, "hand", "L"),
        ({"examined": None, "laterality": "R"}, "hand", "L"),
        ({"examined": "hand", "laterality": "R"}, None, None),
        ({"examined": "hip", "laterality": "R"}, "pelvis", None),
    ],
)
def test_a_side_that_nobody_gave_or_that_the_part_has_not_does_not_stay(earlier, then, side):
    first = apply_review(annotation(header=HEADER), review(**earlier))
    assert apply_review(first, review(examined=then))["laterality"]["value"] == side


def test_an_undo_gives_the_header_s_side_back():
    machine = annotation(header=HEADER)
    first = apply_review(machine, review(examined="hand"))
    second = apply_review(first, review(examined="hand", laterality="R"))
    undone = apply_review(second, word_before(second, by="bob", at=AT))
    assert undone["laterality"] == {"value": "L", "source": "header"}
    assert undone["review"]["by"] == "bob"
    assert undone["review"]["previous"]["laterality"] == "R"
    assert len(undone["review"]["history"]) == 2
    assert word_before(first, by="bob", at=AT) is None
    assert word_before(machine, by="bob", at=AT) is None


def test_who_goes_back_twice_does_not_come_to_where_they_started():
    def back(standing):
        word = word_before(standing, by="bob", at=AT)
        return apply_review(standing, word) if word else None

    first = apply_review(annotation(), review(examined="wrist"))
    second = apply_review(first, review(examined="forearm"))
    third = apply_review(second, review(examined="finger"))
    undone = back(third)
    assert undone["examined"]["label"] == "forearm"
    assert back(undone)["examined"]["label"] == "wrist"
    assert back(back(undone)) is None
    new = apply_review(undone, review(examined="thumb"))
    assert back(new)["examined"]["label"] == "forearm"
    assert back(back(new))["examined"]["label"] == "wrist"
    assert len(back(back(new))["review"]["history"]) == 6


def test_words_and_undos_without_end_lead_back_to_the_first_word():
    """The oldest were left out of the history one by one: a word without what took it back."""
    standing = apply_review(annotation(), review(examined="wrist"))
    for _ in range(40):
        said = apply_review(standing, review(examined="forearm"))
        word = word_before(said, by="bob", at=AT)
        assert word is not None
        standing = apply_review(said, word)
        assert standing["examined"]["label"] == "wrist"
        assert word_before(standing, by="bob", at=AT) is None
    assert len(standing["review"]["history"]) <= 20
    assert machine_label(standing) == ("hand", 0.7)


SEEN = [{"label": "hand", "probability": 0.9}, {"label": "wrist", "probability": 0.6}]


@pytest.mark.parametrize("image", [{"top": [], "visible": SEEN}, {"top": []}, None])
def test_what_was_said_by_mistake_is_not_visible_once_another_word_stands(image):
    """A foot stayed under "all that show a chest" for a wrong click."""
    machine = annotation(image=image)
    wrong = apply_review(machine, review(examined="chest"))
    assert [item["label"] for item in wrong["visible"]] == ["chest", "hand", "wrist"]
    right = apply_review(wrong, review(examined="hand"))
    assert right["visible"] == machine["visible"]


def test_what_a_person_listed_is_left_to_the_picture_again_by_a_word_without_a_list():
    machine = annotation(image={"top": [], "visible": SEEN})
    listed = apply_review(machine, review(examined="hand", visible=["hand"]))
    assert apply_review(listed, review(examined="hand"))["visible"] == machine["visible"]


@pytest.mark.parametrize("words", [1, 3])
def test_without_its_words_an_annotation_is_what_it_was(words):
    machine = before = annotation(image={"top": []})
    for number in range(words):
        word = review(examined=["wrist", "hand", None][number], laterality="R", visible=["knee"])
        before = apply_review(before, word)
    assert machine_answer(before) == machine
    again = {**machine, "group": "spine", "needs_review": False}
    standing = Review.from_json(before["review"])
    assert machine_answer(apply_review(again, standing)) == again


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_without_its_word_an_annotation_has_no_answer_again(status):
    machine = annotation(status=status, examined=None, reason="why")
    assert machine_answer(apply_review(machine, review(examined="hand"))) == machine
    assert machine_answer(machine) is None


def test_the_examined_part_is_always_visible():
    corrected = apply_review(annotation(), review(examined="knee", visible=["patella"]))
    assert [item["label"] for item in corrected["visible"]] == ["knee", "patella"]


def test_cannot_be_told_is_an_answer():
    corrected = apply_review(annotation(image={"top": []}), review(examined=None))
    assert corrected["examined"] is None
    assert corrected["group"] == "others"


@pytest.mark.parametrize(
    ("child", "image", "group"),
    [
        (True, {"top": []}, "pediatric chest"),
        (False, {"top": []}, "adult chest"),
        (None, {"top": []}, None),
        (False, None, None),
    ],
)
def test_the_group_follows_the_corrected_part_and_the_age(child, image, group):
    corrected = apply_review(annotation(child=child, image=image), review(examined="chest"))
    assert corrected["group"] == group


@pytest.mark.parametrize("examined", ["chest", "abdomen", "hand", None])
def test_what_the_model_does_not_look_at_has_no_group_whoever_says_a_part(examined):
    """A CT that somebody called an abdomen went to the AI for radiographs of abdomens."""
    corrected = apply_review(annotation(image=None, group=None), review(examined=examined))
    assert corrected["group"] is None


@pytest.mark.parametrize(
    ("header", "examined", "side"),
    [
        (HEADER, "hand", "L"),
        (HEADER, "wrist", "L"),
        (HEADER, "foot", None),
        (HEADER, "skull", None),
        ({**UNNAMED, "laterality": "R"}, "foot", "R"),
        ({**UNNAMED, "region": "upper_limb", "laterality": "R"}, "elbow", "R"),
        ({**UNNAMED, "region": "upper_limb", "laterality": "R"}, "foot", None),
        ({"label": "hand", "labels": ["hand"]}, "wrist", "L"),
        (None, "wrist", "L"),
        (None, "knee", None),
    ],
)
def test_a_side_does_not_stay_behind_when_the_part_is_corrected(header, examined, side):
    corrected = apply_review(annotation(header=header), review(examined=examined))
    assert corrected["laterality"]["value"] == side


def test_the_side_of_a_header_that_was_right_returns_with_the_part():
    machine = annotation(header=HEADER, laterality={"value": None, "source": None})
    corrected = apply_review(machine, review(examined="hand"))
    assert corrected["laterality"] == {"value": "L", "source": "header"}


def test_a_word_on_one_picture_is_not_put_on_another_under_the_same_uids():
    first = apply_review(annotation(pixels="a" * 32), review(examined="wrist"))
    assert first["review"]["pixels"] == "a" * 32
    again = apply_review(annotation(pixels="b" * 32), Review.from_json(first["review"]))
    assert again["examined"]["label"] == "hand"
    assert again["review"] is None
    assert again["needs_review"]
    assert (
        again["review_reason"] == "A person said wrist joint of another picture of this instance."
    )
    same = apply_review(annotation(pixels="a" * 32), Review.from_json(first["review"]))
    assert same["examined"]["label"] == "wrist"
    unseen = apply_review(annotation(), Review.from_json(first["review"]))
    assert unseen["review"]["pixels"] == "a" * 32


def test_a_persons_word_of_another_copy_is_a_persons_word_here():
    carried = {"examined": "wrist", "laterality": "R"}
    copy = annotation(pixels="a" * 32, carried=carried, annotated_at=AT)
    corrected = apply_review(copy, carried_word(copy))
    assert corrected["review"]["at"] == AT
    assert corrected["examined"]["source"] == "person"
    assert corrected["laterality"] == {"value": "R", "source": "person"}
    assert corrected["review"]["carried"]
    assert carried_word(annotation()) is None


def test_a_review_read_back_applies_to_a_new_classification_unchanged():
    first = apply_review(annotation(), review(examined="wrist", visible=["wrist"], laterality="R"))
    again = apply_review(annotation(), Review.from_json(first["review"]))
    assert again == first


def test_a_second_correction_keeps_the_first_in_its_history():
    first = apply_review(annotation(), review(examined="wrist"))
    second = apply_review(first, review(examined="forearm"))
    assert second["review"]["previous"]["examined"] == "wrist"
    assert [word["previous"]["examined"] for word in second["review"]["history"]] == ["hand"]


def test_a_thousand_corrections_keep_the_first_word_and_stay_small_and_flat():
    corrected = annotation()
    for number in range(1000):
        corrected = apply_review(corrected, review(examined=("wrist", "forearm")[number % 2]))
    assert machine_label(corrected)[0] == "hand"
    assert len(json.dumps(corrected)) < 15_000
    assert all("history" not in word for word in corrected["review"]["history"])


@pytest.mark.parametrize(
    ("label", "laterality", "side"),
    [
        ("foot", None, {"value": "R", "source": "marker"}),
        ("chest", None, {"value": None, "source": None}),
        ("hand", "L", {"value": "L", "source": "header"}),
    ],
)
def test_a_marker_tells_the_side_of_the_part_that_a_person_named(label, laterality, side):
    machine = annotation(
        header={**HEADER, "labels": [], "laterality": laterality},
        image={
            "top": [],
            "marker": {"side": "R", "letter": "R", "probability": 0.99, "both": False},
        },
        laterality={"value": None, "source": None},
    )
    assert apply_review(machine, review(examined=label))["laterality"] == side
