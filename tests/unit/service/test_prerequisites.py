"""What a configuration may be, but should not."""

import json
import subprocess

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


def of_the_service(certificate):
    return checked_settings({**SHIPPED, "BodyPart": {"ClientCertificate": str(certificate)}})


@pytest.mark.parametrize(
    ("passphrase", "order", "why"),
    [
        ("-nodes", ("key.pem", "certificate.pem"), None),
        ("-passout pass:secret", ("key.pem", "certificate.pem"), "without a passphrase"),
        ("-nodes", ("certificate.pem",), "and its key"),
        ("-nodes", (), "must hold a certificate"),
    ],
)
def test_a_certificate_of_the_service_comes_with_its_key(tmp_path, passphrase, order, why):
    """It is used once Orthanc runs, where a wrong one would end the service again and again."""
    command = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 {passphrase}"
    command += " -subj /CN=localhost -keyout key.pem -out certificate.pem"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    file = tmp_path / "service.pem"
    file.write_bytes(b"".join((tmp_path / name).read_bytes() for name in order))
    if why is None:
        assert of_the_service(file).client_certificate == str(file)
    else:
        with pytest.raises(SettingsError, match=rf"BodyPart\.ClientCertificate: .* {why}"):
            of_the_service(file)


def test_a_certificate_that_is_not_there_is_named():
    with pytest.raises(SettingsError, match=r"ClientCertificate: /nowhere\.pem: No such file"):
        of_the_service("/nowhere.pem")


@pytest.mark.parametrize("key", ["IndexFile", "AuditFile"])
def test_a_folder_in_the_place_of_a_database_is_named(tmp_path, key):
    with pytest.raises(SettingsError, match=rf"BodyPart\.{key}: .* is a folder"):
        checked_settings({**SHIPPED, "BodyPart": {key: str(tmp_path)}})
