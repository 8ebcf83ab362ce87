"""What `make run` starts Orthanc with, and what it says when it cannot."""

import importlib.util
import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Return a function that runs the script under an environment, up to becoming Orthanc."""
    spec = importlib.util.spec_from_file_location("start", ROOT / "orthanc-config/start.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    became = []
    monkeypatch.setattr(module.shutil, "which", lambda *_, **__: "/usr/sbin/Orthanc")
    monkeypatch.setattr(module.os, "execv", lambda program, words: became.append(words))

    def run(config=None, **environment):
        for name in [n for n in os.environ if n.startswith(("ORTHANC_", "BODYPART_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("ORTHANC_STORAGE", str(tmp_path / "storage"))
        if config is not None:
            text = config if isinstance(config, str) else json.dumps(config)
            (tmp_path / "own.json").write_text(text)
            monkeypatch.setenv("BODYPART_CONFIG", str(tmp_path / "own.json"))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        module.main()
        return json.loads(Path(became[-1][1]).read_text())

    return run


def test_the_shipped_configuration_is_the_base(start, tmp_path):
    made = start()
    assert made["HttpPort"] == 8042
    assert made["BodyPart"]["Tags"] == "in-place"
    assert made["StorageDirectory"] == str(tmp_path / "storage/db")


def test_a_file_overrides_key_by_key_and_a_named_variable_overrides_the_file(start):
    own = {"HttpPort": 1, "DicomPort": 2, "BodyPart": {"Workers": 2}}
    made = start(own, ORTHANC_HTTP_PORT="9000")
    assert (made["HttpPort"], made["DicomPort"]) == (9000, 2)
    assert made["BodyPart"]["Workers"] == 2
    assert made["BodyPart"]["Tags"] == "in-place"


def test_pictures_and_index_lie_together_where_the_file_says(start, monkeypatch, tmp_path):
    made = start({"StorageDirectory": "/pictures"}, ORTHANC_STORAGE="")
    assert (made["StorageDirectory"], made["IndexDirectory"]) == ("/pictures", "/pictures")
    made = start({"StorageDirectory": "/pictures", "IndexDirectory": "/index"}, ORTHANC_STORAGE="")
    assert (made["StorageDirectory"], made["IndexDirectory"]) == ("/pictures", "/index")


def test_no_password_is_asked_for_on_loopback_alone(start):
    assert start()["AuthenticationEnabled"] is False
    for own in ({"RemoteAccessAllowed": True}, {"RegisteredUsers": {"ann": "secret"}}):
        assert start(own)["AuthenticationEnabled"] is True
        assert start({**own, "AuthenticationEnabled": False})["AuthenticationEnabled"] is False


def test_only_the_owner_may_read_what_may_hold_passwords(start, tmp_path):
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage/orthanc.json").touch(mode=0o644)
    start({"RegisteredUsers": {"ann": "secret"}})
    assert (tmp_path / "storage/orthanc.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("config", "environment", "named"),
    [
        ("{", {}, "own.json is not valid JSON"),
        ("[]", {}, "own.json holds no JSON object"),
        (None, {"BODYPART_CONFIG": "/no/such.json"}, "/no/such.json"),
        (None, {"ORTHANC_HTTP_PORT": "99999"}, "ORTHANC_HTTP_PORT must be a port number"),
        (None, {"ORTHANC_DICOM_PORT": "x"}, "ORTHANC_DICOM_PORT must be a port number"),
        (None, {"ORTHANC_STORAGE": __file__}, "set ORTHANC_STORAGE to another"),
        ('{"HttpPort": 1e999}', {}, "a number that is too large"),
    ],
)
def test_what_cannot_be_used_ends_with_one_line_that_names_it(start, config, environment, named):
    with pytest.raises(SystemExit) as stopped:
        start(config, **environment)
    assert named in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_the_mark_that_an_editor_put_before_the_json_does_no_harm(start):
    assert start('\ufeff{"BodyPart": {"Tags": "none"}}')["BodyPart"]["Tags"] == "none"
