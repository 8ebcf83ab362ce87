"""What a configuration may be, but should not."""

import json

import pytest

from bodypart.settings import Settings, SettingsError
from orthanc_server import ROOT
from service.prerequisites import advice, checked_settings

SHIPPED = json.loads((ROOT / "orthanc-config/orthanc.json").read_text(encoding="utf-8"))


def test_the_shipped_configuration_needs_no_advice():
    assert advice(SHIPPED, Settings()) == []


@pytest.mark.parametrize("python", [{}, {"Python": None}, {"Python": {"AllowThreads": False}}])
def test_a_lock_that_a_slow_client_holds_is_told(python):
    (line,) = advice(python, Settings())
    assert '"Python": {"AllowThreads": true}' in line


def test_an_index_that_several_may_share_is_told_unless_their_records_are_shared():
    shared = {**SHIPPED, "PostgreSQL": {"EnableIndex": True}}
    (line,) = advice(shared, Settings())
    assert "PostgreSQL" in line and "BodyPart.Database" in line
    assert advice(shared, Settings(database="postgresql://host/orthanc")) == []
    assert advice({**SHIPPED, "PostgreSQL": {"EnableIndex": False}}, Settings()) == []


@pytest.mark.parametrize("value", [True, "Always", "IfChanged"])
def test_each_word_for_overwriting_will_do_where_files_are_rewritten(value):
    """Orthanc 1.13's own configuration file has words where it was true or false before."""
    assert checked_settings({**SHIPPED, "OverwriteInstances": value}).tags == "in-place"


@pytest.mark.parametrize("value", [False, "Never", "true", 2, None])
def test_where_files_are_rewritten_orthanc_must_overwrite(value):
    with pytest.raises(SettingsError, match="OverwriteInstances"):
        checked_settings({**SHIPPED, "OverwriteInstances": value})
