"""The Dockerfile, built by buildah on a stand-in of the public image, started as compose does."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
import zlib
from pathlib import Path

import pytest
import requests
import yaml

from orthanc_server import ROOT, TARGETS, free_port, require
from phantoms import file_bytes, radiograph

STORE = TARGETS / "images"
BUILDAH = ("buildah", "--root", f"{STORE}/root", "--runroot", f"{STORE}/run")
HEALTH = ("/usr/bin/python3", "/opt/orthanc-bodypart/orthanc-config/docker/health.py")


def buildah(*words, **options):
    """Run buildah; return what it prints."""
    done = subprocess.run(
        [*BUILDAH, *words], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return done.stdout.strip()


def stand_in():
    """Make the stand-in, unless it is there of this very Debian."""
    debian, here = TARGETS / "sid", Path(__file__).parent
    state = (here / "entrypoint.py").read_bytes() + (here / "stand_in.sh").read_bytes()
    number = zlib.crc32(state + (debian / "var/lib/dpkg/status").read_bytes())
    name = f"localhost/orthanc-stand-in:{number:08x}"
    older = buildah("images", "--quiet", "--filter", "reference=localhost/orthanc-stand-in")
    look = [*BUILDAH, "inspect", "--type", "image", name]
    if subprocess.run(look, capture_output=True, check=False).returncode != 0:
        if older:
            buildah("rmi", "--force", *older.split())
        subprocess.run(["sh", here / "stand_in.sh", debian, name, *BUILDAH], check=True)
    return name


@pytest.fixture(scope="module")
def image():
    """The image of this checkout."""
    require("sid")
    if not shutil.which("buildah"):
        pytest.skip("there is no buildah")
    name = f"localhost/orthanc-bodypart:{os.getpid()}"
    dockerfile = ROOT / "orthanc-config/docker/Dockerfile"
    buildah(
        "bud", "--isolation", "chroot", "--format", "docker",
        "--build-arg", f"ORTHANC={stand_in()}", "-f", dockerfile, "-t", name, ROOT,
    )  # fmt: skip
    yield name
    buildah("rmi", name)


class Container:
    """A container that runs what the image starts."""

    def __init__(self, image, log, **environment):
        self.name = buildah("from", image)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        # There is no network of its own to publish ports from.
        ports = {"ORTHANC__HTTP_PORT": self.port, "ORTHANC__DICOM_PORT": free_port()}
        given = [f"--env={key}={value}" for key, value in {**environment, **ports}.items()]
        self.process = subprocess.Popen(
            [*self.command(*given), "/docker-entrypoint.sh", "/tmp/orthanc.json"],
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
        )

    def command(self, *options):
        return [*BUILDAH, "run", "--isolation", "chroot", *options, self.name, "--"]

    def orthanc(self):
        """Return Orthanc's process number, None if it does not run."""
        mark = f"ORTHANC__HTTP_PORT={self.port}".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                variables = (entry / "environ").read_bytes().split(b"\0")
                if words[0] == b"Orthanc" and mark in variables:
                    return int(entry.name)
        return None

    def wait_until_ready(self, auth):
        for _ in range(300):
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            with contextlib.suppress(requests.ConnectionError):
                answer = requests.get(f"{self.url}/bodypart/status", auth=auth, timeout=5)
                if answer.status_code == 200 and answer.json()["ready"]:
                    return
            time.sleep(0.1)
        raise AssertionError(self.log.read_text()[-2000:])

    def health(self):
        """Return what the image's health check ends with, and prints."""
        done = subprocess.run(
            [*self.command(), *HEALTH], capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def close(self):
        if self.process.poll() is None and (orthanc := self.orthanc()):
            os.kill(orthanc, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        buildah("rm", self.name)


@pytest.fixture
def started(image, tmp_path):
    """Start the image under an environment."""
    running = []

    def start(**environment):
        running.append(Container(image, tmp_path / f"log{len(running)}", **environment))
        return running[-1]

    yield start
    for container in running:
        container.close()


def compose_environment():
    """Return what `docker compose up` sets where nobody sets anything."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    return yaml.safe_load(text)["services"]["orthanc"]["environment"]


def test_as_compose_starts_it_it_asks_for_a_password_and_annotates(started):
    container = started(**{**compose_environment(), "ORTHANC_PASSWORD": "secret"})
    auth = ("orthanc", "secret")
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
    container = started(ORTHANC_PASSWORD="secret")
    container.wait_until_ready(("orthanc", "secret"))
    os.kill(container.orthanc(), signal.SIGTERM)
    assert container.process.wait(30) == 0


def test_the_health_check_sees_an_orthanc_that_stands(started):
    container = started(ORTHANC_PASSWORD="secret")
    container.wait_until_ready(("orthanc", "secret"))
    os.kill(container.orthanc(), signal.SIGSTOP)
    status, told = container.health()
    os.kill(container.orthanc(), signal.SIGCONT)
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
        ("ORTHANC__BODYPART__WORKERS", "Bodypart is not a section; did you mean BodyPart?"),
    ],
)
def test_a_variable_spelled_wrong_stops_the_start_with_the_right_spelling(started, variable, line):
    container = started(ORTHANC_PASSWORD="secret", **{variable: "2"})
    assert container.process.wait(30) != 0
    assert line in container.log.read_text()
