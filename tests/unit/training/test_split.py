"""Which pictures train and which are kept apart, with exposures made of others among them."""

import pytest

from training.manifest import Example
from training.split import split

PLAN = """
least_pictures = 1
never_measured = "keep out of validation"
calibration = 0.3
calibration_from = 3
held_out = ["far"]
held_out_foreign = []
limbs = []
cut_out = "cut_out.csv"

[kept_apart]
"*" = 0.5

[age]

[joined]
train = "joined (training)"
calibration = "joined (calibration)"
test = "joined (test)"
"""


def example(file, source="near", examined="chest"):
    return Example(
        file, source, "clear", "", file, examined, (examined,), "frontal", "unknown", notes=""
    )


@pytest.fixture
def parts(tmp_path):
    plan = tmp_path / "split.toml"
    plan.write_text(PLAN, encoding="utf-8")
    boxes = [f"p{number}.jpg,rib,rib,AP,10,10,60,90" for number in range(60)]
    lines = ["file,examined,visible,view,left,top,right,bottom", *boxes]
    (tmp_path / "cut_out.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = [example(f"p{number}.jpg") for number in range(60)]
    rows += [
        example(f"{use}{number}.png", f"joined ({use})", "lower_limb")
        for use in ("training", "calibration", "test")
        for number in range(9)
    ]
    return split([*rows, example("f.jpg", "far")], plan)


def test_what_is_joined_of_plates_is_on_the_side_of_its_plates_and_measured_by_itself(parts):
    whole_legs = {row.source for row in parts.train if row.examined == "lower_limb"}
    assert whole_legs == {"joined (training)"}
    assert "lower_limb" in parts.labels
    assert all(row.examined == "chest" for row in (*parts.test, *parts.calibration))
    for some, use in ((parts.made, "test"), (parts.made_to_choose, "calibration")):
        assert sum(row.source == f"joined ({use})" for row in some) == 9


def test_what_is_cut_out_of_a_plate_that_trains_is_not_measured(parts):
    for some, plates in ((parts.made, parts.test), (parts.made_to_choose, parts.calibration)):
        cut = {row.file for row in some if row.box is not None}
        assert cut == {row.file for row in plates if row.source == "near"} != set()
