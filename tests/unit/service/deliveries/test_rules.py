import pytest

from bodypart.settings import SettingsError
from service.deliveries.rules import parse_rules

CONFIGURATION = {
    "DicomModalities": {
        "CHESTAI": ["CHEST_AI", "10.0.0.7", 104],
        "SPINE": {"AET": "SPINE", "Host": "spine.example", "Port": 104},
    },
    "OrthancPeers": {"ARCHIVE": ["http://archive.example:8042/", "user", "secret"]},
    "DicomWeb": {"Servers": {"FRACTURE": {"Url": "https://fracture.example/dicom-web"}}},
}


def parsed(*rules):
    return parse_rules(rules, CONFIGURATION)


def rule(**changes):
    return {"Name": "r", "If": {}, "To": ["modality:CHESTAI"], **changes}


def test_the_contract_s_rules_are_understood():
    chest, bones, rest = parsed(
        {
            "Name": "chest-ai",
            "If": {
                "Examined": "chest",
                "Group": ["adult chest"],
                "View": "frontal",
                "Modality": ["CR", "DX"],
                "MinProbability": 0.9,
                "NeedsReview": False,
            },
            "To": ["modality:CHESTAI"],
        },
        {
            "Name": "bones",
            "If": {"Examined": ["upper_limb", "lower_limb"], "Modality": ["CR", "DX"]},
            "To": ["dicomweb:FRACTURE", "webhook:https://worklist.example/arrived"],
            "When": "22:00-06:00",
        },
        {"Name": "rest", "Otherwise": True, "To": ["peer:ARCHIVE"]},
    )
    assert [str(to) for to in bones.destinations] == [
        "dicomweb:FRACTURE",
        "webhook:https://worklist.example/arrived",
    ]
    examined = next(c.accepted for c in bones.conditions if c.key == "Examined")
    assert {"knee", "hand", "shoulder"} <= examined
    assert "chest" not in examined
    assert str(bones.window) == "22:00-06:00"
    assert rest.conditions is None
    assert chest.window is None


def test_what_is_known_of_a_node_is_kept():
    (all_,) = parsed(
        rule(To=["modality:CHESTAI", "modality:SPINE", "peer:ARCHIVE", "dicomweb:FRACTURE"])
    )
    assert [(to.aet, to.host) for to in all_.destinations] == [
        ("CHEST_AI", "10.0.0.7"),
        ("SPINE", "spine.example"),
        ("", "archive.example"),
        ("", "fracture.example"),
    ]


def test_a_rule_returns_to_the_form_of_the_configuration():
    given = {"Name": "r", "If": {"Examined": ["knee"]}, "To": ["modality:CHESTAI"]}
    assert parsed(given)[0].to_json() == {**given, "When": "always", "Urgent": False}
    otherwise = {"Name": "r", "Otherwise": True, "To": ["modality:CHESTAI"], "When": "01:00-02:00"}
    assert parsed(otherwise)[0].to_json() == {**otherwise, "Urgent": False}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("chest", "rule 1: must be an object"),
        ({"If": {}, "To": ["modality:CHESTAI"]}, "rule 1: Name must be a text"),
        (rule(Name="two\nlines"), "Name must be a text"),
        (rule(Iff={}), "rule 'r': Iff is not a key; did you mean If?"),
        (rule(to=[]), "to is not a key; did you mean To?"),
        (rule(Otherwise=True), "needs either If or Otherwise"),
        ({"Name": "r", "To": ["modality:CHESTAI"]}, "needs either If or Otherwise"),
        ({"Name": "r", "Otherwise": False, "To": ["peer:ARCHIVE"]}, "Otherwise must be true"),
        (rule(If=[]), "If must be an object"),
        (rule(If={"BodyPart": "knee"}), "If.BodyPart is not a key"),
        (rule(If={"examined": "knee"}), "If.examined is not a key; did you mean Examined?"),
        (rule(If={"Examined": "chets"}), "If.Examined: 'chets' is no label, SNOMED CT code or reg"),
        (rule(If={"Examined": []}), "If.Examined must be a text or a list of texts"),
        (rule(If={"Visible": ["knee", "nose"]}), "If.Visible: 'nose' is no label"),
        (rule(If={"Group": "chest"}), "If.Group: 'chest' must be one of abdominal, adult chest"),
        (rule(If={"View": "ap"}), "If.View: 'ap' must be one of frontal"),
        (rule(If={"Modality": "dx"}), "If.Modality: 'dx' is no DICOM modality; did you mean DX?"),
        (rule(If={"Laterality": "left"}), "If.Laterality: 'left' must be one of L, R, B"),
        (rule(If={"MinProbability": 90}), "If.MinProbability must be a number from 0 to 1, not 90"),
        (rule(If={"MinProbability": True}), "If.MinProbability must be a number"),
        (rule(If={"NeedsReview": "no"}), 'If.NeedsReview must be true or false, not "no"'),
        (rule(If={"MinProbability": True}), "a number from 0 to 1, not true"),
        (rule(If={"Evidence": "image"}), "If.Evidence needs If.Examined"),
        (rule(If={"Examined": "knee", "Evidence": "witness"}), "If.Evidence: 'witness' must be"),
        (rule(When="at night"), 'When must be "always" or two times'),
        (rule(When="22:00-22:00"), "When must be"),
        (rule(When="24:00-06:00"), "When must be"),
        (rule(Urgent="yes"), "Urgent must be true or false"),
        (rule(To=[]), "To must list at least one destination"),
        (rule(To=["CHESTAI"]), "To: 'CHESTAI' must be modality:"),
        (rule(To=["modality:CHESTIA"]), "'CHESTIA' is not among DicomModalities; did you mean CHE"),
        (rule(To=["peer:NOBODY"]), "To: 'NOBODY' is not among OrthancPeers"),
        (rule(To=["dicomweb:NOBODY"]), "To: 'NOBODY' is not among DicomWeb.Servers"),
        (rule(To=["webhook:ftp://x"]), "must be an http:// or https:// address"),
        (rule(To=["webhook:https://[::1"]), "must be an http:// or https:// address"),
        (rule(To=["folder:relative"]), "must be an absolute path"),
        (rule(To=["folder:/does/not/exist"]), "'folder:/does/not/exist' is no folder that can be"),
        (rule(To=[f"folder:/{'x' * 300}"]), "xxx' is no folder that can be written to"),
    ],
)
def test_what_cannot_be_understood_is_named_in_one_line(wrong, message):
    with pytest.raises(SettingsError) as caught:
        parsed(wrong)
    text = str(caught.value)
    assert text.startswith("BodyPart.Routes: rule ")
    assert message in text
    assert "\n" not in text


def test_two_rules_of_one_name_are_refused():
    with pytest.raises(SettingsError, match="rule 'r': has the Name of another rule"):
        parsed(rule(), rule())


def test_a_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(SettingsError, match="must not hold a password") as caught:
        parsed(rule(To=["webhook:https://me:secret@worklist.example/"]))
    assert "secret" not in str(caught.value)


def test_nodes_that_orthanc_keeps_in_its_database_may_have_any_name():
    configuration = {"DicomModalitiesInDatabase": True, "OrthancPeersInDatabase": True}
    (found,) = parse_rules([rule(To=["modality:ANY", "peer:ANY"])], configuration)
    assert [str(to) for to in found.destinations] == ["modality:ANY", "peer:ANY"]
