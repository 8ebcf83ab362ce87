"""The bodies of requests: what is taken, and that a wrong one is refused by its field."""

import pytest
from pydantic import ValidationError

from service.routes.deliveries import Application, Page
from service.routes.models import Correction, Reviews
from service.routes.search import Question
from service.routes.sheet import Sheet

ID = "0123abcd-0123abcd-0123abcd-0123abcd-0123abcd"


def test_a_code_names_a_label_too():
    assert Correction(examined="72696002").examined == "knee"


def test_a_part_that_is_named_twice_is_visible_once():
    word = Correction(examined="knee", visible=["patella", "knee", "patella"])
    assert word.review(by="ann", at="").visible == ("patella", "knee")


def test_a_side_that_is_null_is_said_and_one_that_is_missing_is_not():
    assert (
        Correction.model_validate({"examined": "knee", "laterality": None})
        .review(by="ann", at="")
        .laterality_given
    )
    assert not Correction(examined="knee").review(by="ann", at="").laterality_given


def test_several_are_confirmed_without_a_part():
    assert Reviews(instances=[ID]).examined is None
    with pytest.raises(ValidationError, match="instances"):
        Reviews(instances=[])
    with pytest.raises(ValidationError, match="instances"):
        Reviews(instances=["../system"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "examined"),
        ({"examined": "kneee"}, "examined"),
        ({"examined": 5}, "examined"),
        ({"examined": "knee", "visible": "knee"}, "visible"),
        ({"examined": "knee", "visible": ["x"]}, "visible"),
        ({"examined": "knee", "laterality": "left"}, "laterality"),
        ({"examined": "knee", "comment": 5}, "comment"),
        ({"examined": "knee", "comment": "\ud800"}, "comment"),
        ({"examined": "knee", "comment": "PostgreSQL keeps no \0"}, "comment"),
        ({"examined": "knee", "side": "L"}, "side"),
        ({"examined": "skull", "laterality": "L"}, "laterality"),
        ([], "dictionary"),
    ],
)
def test_a_wrong_correction_is_refused_by_field(body, field):
    with pytest.raises(ValidationError, match=field):
        Correction.model_validate(body)


@pytest.mark.parametrize(
    ("model", "field"),
    [(Question, "After"), (Sheet, "q"), (Sheet, "modality"), (Page, "destination")],
)
@pytest.mark.parametrize("text", ["\ud800", "a\0b"])
def test_a_text_that_no_database_keeps_is_refused_wherever_it_comes_in(model, field, text):
    with pytest.raises(ValidationError, match=field):
        model.model_validate({field: text})
    with pytest.raises(ValidationError, match="Rule"):
        Application(Rule=text)
