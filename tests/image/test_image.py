"""The image starts as the compose file has it, asks for a password, annotates, tells of trouble."""

import signal
import time
from pathlib import Path

import pytest
import requests

from image.containers import AUTH
from phantoms import file_bytes, radiograph


def test_as_compose_starts_it_it_asks_for_a_password_and_annotates(started):
    container = started("orthanc")
    auth = ("orthanc", "orthanc")
    container.wait_until_ready(auth)
    for path in ("/system", "/bodypart/status"):
        assert requests.get(container.url + path, timeout=5).status_code == 401
    assert Path(f"/proc/{container.orthanc()}").stat().st_uid != 0
    stored = requests.post(
        f"{container.url}/instances", file_bytes(radiograph("knee")), auth=auth, timeout=10
    )
    instance = stored.json()["ID"]
    for _ in range(100):
        answer = requests.get(
            f"{container.url}/bodypart/instances/{instance}", auth=auth, timeout=10
        )
        if answer.json()["status"] != "pending":
            break
        time.sleep(0.1)
    assert answer.json()["status"] == "done"
    assert container.health() == (0, "")


def test_it_stops_cleanly(started):
    container = started(ORTHANC_PASSWORD=AUTH[1])
    container.wait_until_ready()
    container.signal(signal.SIGTERM)
    assert container.process.wait(30) == 0


def test_the_health_check_sees_an_orthanc_that_stands(started):
    container = started(ORTHANC_PASSWORD=AUTH[1])
    container.wait_until_ready()
    container.signal(signal.SIGSTOP)
    status, told = container.health()
    container.signal(signal.SIGCONT)
    assert status != 0
    assert "timed out" in told


def test_without_a_user_it_does_not_start(started):
    container = started()
    assert container.process.wait(30) != 0
    assert "no user is declared" in container.log.read_text()


@pytest.mark.parametrize(
    ("variable", "line"),
    [
        (
            "ORTHANC__BODY_PART__MAX_UPLOAD_MB",
            "BodyPart.MaxUploadMb is not a setting; did you mean MaxUploadMB? "
            "In the environment: ORTHANC__BODY_PART__MAX_UPLOAD_M_B",
        ),
        (
            "ORTHANC__BODYPART__WORKERS",
            "Bodypart is not a section; did you mean BodyPart? In the environment: "
            "ORTHANC__BODY_PART__",
        ),
    ],
)
def test_a_variable_spelled_wrong_stops_the_start_with_the_right_spelling(started, variable, line):
    container = started(ORTHANC_PASSWORD=AUTH[1], **{variable: "2"})
    assert container.process.wait(30) != 0
    assert line in container.log.read_text()
