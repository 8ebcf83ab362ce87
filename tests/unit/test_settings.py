import pytest

import documentation
from bodypart.settings import Settings, SettingsError, environment_variable, key_of


def test_an_absent_section_gives_the_defaults():
    assert Settings.parse(None) == Settings() == Settings.parse({})


@pytest.mark.parametrize("megabytes", [0, 512, 1_048_576])
def test_a_decoder_may_have_enough_memory_or_any(megabytes):
    assert Settings.parse({"MemoryLimitMB": megabytes}).memory_limit_mb == megabytes


def test_decoders_elsewhere_get_the_settings_on_which_answers_depend():
    settings = Settings(
        review_threshold=0.5,
        child_age=12.0,
        learn="off",
        side_marker=False,
        terms={"knee": ["Knie spez"]},
        time_limit=9.0,
        memory_limit_mb=1024,
    )
    assert Settings.parse(settings.of_an_answer()) == settings
    assert Settings(database="postgresql://a:b@c/d").of_an_answer() == Settings().of_an_answer()


def test_settings_survive_the_way_to_the_decoder():
    settings = Settings(workers=3, terms={"knee": ["Knie spez"]}, tags="in-place")
    assert Settings.parse(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"Tag": "none"}, "BodyPart.Tag is not a setting; did you mean Tags?"),
        (
            {"MaxUploadMb": 9},
            "BodyPart.MaxUploadMb is not a setting; did you mean MaxUploadMB? "
            "In the environment: ORTHANC__BODY_PART__MAX_UPLOAD_M_B",
        ),
        ({"Tags": "sometimes"}, "BodyPart.Tags must be one of"),
        ({"Workers": 0}, "BodyPart.Workers must be a whole number"),
        ({"Workers": True}, "BodyPart.Workers must be a whole number"),
        (
            {"MemoryLimitMB": 10},
            "BodyPart.MemoryLimitMB must be a whole number from 512 to 1048576, or 0, not 10",
        ),
        ({"MemoryLimitMB": False}, "BodyPart.MemoryLimitMB must be"),
        ({"TimeLimit": "60"}, "BodyPart.TimeLimit must be a number"),
        ({"OnUpload": 1}, "BodyPart.OnUpload must be true or false"),
        ({"Workers": True}, "from 1 to 64, not true"),
        ({"Model": None}, "BodyPart.Model must be a string, not null"),
        (
            {"Tags": {"a": [True]}},
            'BodyPart.Tags must be one of "none", "on-send", "in-place", not {"a": [true]}',
        ),
        ({"Model": 5}, "BodyPart.Model must be a string"),
        ({"Terms": {"kneee": ["x"]}}, 'BodyPart.Terms has the unknown label "kneee"'),
        ({"Terms": {"knee": "x"}}, 'BodyPart.Terms must list non-empty strings under "knee"'),
        ([], "BodyPart must be an object"),
    ],
)
def test_a_wrong_section_is_refused_by_key(section, message):
    with pytest.raises(SettingsError) as caught:
        Settings.parse(section)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_password_of_the_database_is_not_told():
    with pytest.raises(SettingsError) as caught:
        Settings.parse({"Database": "mysql://ann:secret@host/name"})
    assert "BodyPart.Database must" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_keys_are_camel_case():
    assert key_of("memory_limit_mb") == "MemoryLimitMB"
    assert key_of("tags") == "Tags"


def test_the_variable_of_each_key_becomes_that_key_in_the_public_image():
    for key in Settings().to_json():
        prefix, section, name = environment_variable(key).split("__")
        assert (prefix, camel_case(section), camel_case(name)) == ("ORTHANC", "BodyPart", key)


def camel_case(variable):
    """What the image's entrypoint makes of it."""
    return "".join(word[0] + word[1:].lower() for word in variable.split("_"))


def test_the_table_has_a_row_for_every_key():
    text = documentation.settings()
    for key in Settings().to_json():
        assert f"| `{key}` |" in text
