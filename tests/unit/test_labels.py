import csv

import pytest

from bodypart.labels import (
    LABELS,
    UnknownLabelError,
    body_part,
    parts_of,
    router_group,
)


def test_there_are_36_labels_with_codes_of_their_own():
    assert len(LABELS) == 36
    assert len({part.label for part in LABELS}) == 36
    assert len({part.code.value for part in LABELS}) == 36


def test_a_code_and_a_label_name_the_same_part():
    assert body_part("72696002") is body_part("knee")
    assert body_part("knee").code.meaning == "Knee"


@pytest.mark.parametrize("text", ["", "kneecap", "51185008", "KNEE JOINT"])
def test_what_is_no_label_is_refused_by_name(text):
    with pytest.raises(UnknownLabelError, match=repr(text)):
        body_part(text)


def test_body_part_examined_fits_its_value_representation():
    for part in LABELS:
        assert len(part.body_part_examined) <= 16
        assert part.body_part_examined.isupper()


def test_visible_parts_are_labels_and_start_with_the_part_itself():
    names = {part.label for part in LABELS}
    for part in LABELS:
        assert part.visible[0] == part.label
        assert names.issuperset(part.visible)
        assert names.issuperset(part.often_visible)
        assert not set(part.visible) & set(part.often_visible)


def test_a_region_holds_its_parts_and_theirs():
    assert parts_of("hand") == ("hand", "finger", "thumb")
    assert {"clavicle", "shoulder", "hand", "thumb"} <= set(parts_of("upper_limb"))
    assert "knee" not in parts_of("upper_limb")
    assert {"rib", "chest", "cspine"} & set(parts_of("trunk")) == {"rib", "chest"} | {"cspine"}
    with pytest.raises(UnknownLabelError):
        parts_of("tail")


@pytest.mark.parametrize(
    ("label", "child", "group"),
    [
        ("chest", False, "adult chest"),
        ("chest", True, "pediatric chest"),
        ("abdomen", True, "abdominal"),
        ("lspine", False, "spine"),
        ("knee", True, "others"),
        (None, False, "others"),
    ],
)
def test_router_group_follows_part_and_age(label, child, group):
    assert router_group(label, child=child) == group


def test_no_other_module_knows_a_code(request):
    """The label table is the one place: its codes stand in no other file of the plugin."""
    plugin = request.config.rootpath / "plugin"
    codes = [part.code.value for part in LABELS]
    for path in plugin.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not [code for code in codes if code in text], path


def test_the_table_has_no_stray_columns(request):
    path = request.config.rootpath / "plugin/bodypart/labels.csv"
    with path.open(encoding="utf-8") as file:
        assert all(None not in row for row in csv.DictReader(file))
