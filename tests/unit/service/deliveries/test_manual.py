"""What docs/routing.md says of the rules is so."""

import json
import re

import pytest

from service.deliveries import destinations, rules

CONFIGURATION = {
    "DicomModalities": {"CHESTAI": ["CHEST_AI", "10.0.0.7", 104], "SPINE": ["SPINE", "h", 104]},
    "OrthancPeers": {"ARCHIVE": ["http://archive.example:8042/"]},
    "DicomWeb": {"Servers": {"BONEAGE": ["https://boneage.example/dicom-web/"]}},
}


@pytest.fixture
def manual(request):
    return (request.config.rootpath / "docs/routing.md").read_text(encoding="utf-8")


def test_every_key_and_destination_is_explained(manual):
    names = [*rules._RULE_KEYS, *rules._CONDITIONS]
    for name in names:
        assert f"`{name}`" in manual or f'`"{name}": ' in manual, name
    for kind in destinations._KINDS:
        assert f"| `{kind}:" in manual


def test_every_recipe_starts(manual, tmp_path):
    recipes = re.findall(r"```json\n(\[.*?\])\n```", manual, re.DOTALL)
    assert len(recipes) == 5
    for recipe in recipes:
        given = json.loads(recipe.replace("/srv/research", str(tmp_path)))
        assert rules.parse_rules(given, CONFIGURATION)


def test_the_rule_that_the_page_shows_starts(request):
    page = request.config.rootpath / "plugin/service/pages/rules.js"
    (example,) = re.findall(r"= `(.*?)`;", page.read_text(encoding="utf-8"), re.DOTALL)
    configuration = json.loads(example)
    assert rules.parse_rules(configuration["BodyPart"]["Routes"], configuration)


def test_the_first_rule_starts(manual):
    (example,) = re.findall(r"```json\n   (\{.*?\n   \})\n   ```", manual, re.DOTALL)
    configuration = json.loads(example)
    assert rules.parse_rules(configuration["BodyPart"]["Routes"], configuration)
