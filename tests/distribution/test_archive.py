"""The archive for machines without internet: what is in it, and that it installs without any."""

import hashlib
import json
import posixpath
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from orthanc_server import ROOT, TARGETS, require

TOOLS = ROOT / ".tools/bin/python"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The archive with the wheels of trixie's Python alone, which is quicker."""
    if not TOOLS.exists():
        pytest.skip("no tools to build with: make tools")
    out = tmp_path_factory.mktemp("dist")
    command = [TOOLS, "-m", "distribution.archive", "--python", "3.13", "--out", out]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def unpacked(archive):
    """The archive unpacked in the chroot of trixie; gives the chroot and the folder in it."""
    require("trixie")
    chroot = TARGETS / "trixie"
    folder = Path(tempfile.mkdtemp(prefix="offline-", dir=chroot / "tmp"))
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    yield chroot, folder / "orthanc-bodypart"
    shutil.rmtree(folder)


def install(unpacked):
    """Run the archive's install step where there is no network at all."""
    chroot, folder = unpacked
    inside = Path("/") / folder.relative_to(chroot)
    return subprocess.run(
        ["unshare", "--net", "chroot", chroot, "/usr/bin/env", "-i", "PATH=/usr/bin:/bin:/usr/sbin",
         "sh", inside / "orthanc-config/install.sh"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def python(unpacked, program):
    """Run a program in the environment that was installed, without a network, too."""
    chroot, folder = unpacked
    inside = Path("/") / folder.relative_to(chroot)
    done = subprocess.run(
        ["unshare", "--net", "chroot", chroot, "/usr/bin/env", "-i",
         f"PYTHONPATH={inside}/plugin", inside / ".venv/bin/python", "-c", program],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_it_names_every_package_with_a_licence_and_the_models(archive):
    with tarfile.open(archive) as tar:
        stream = tar.extractfile("orthanc-bodypart/bill-of-materials.cdx.json")
        document = json.load(stream)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE)
    libraries = [part for part in document["components"] if part["type"] == "library"]
    assert {(part["name"], part["version"]) for part in libraries} == set(locked)
    assert all(part["licenses"] and part["hashes"] for part in libraries)
    models = [part for part in document["components"] if part["type"] == "machine-learning-model"]
    digests = [
        hashlib.sha256((ROOT / f"models/{name}.onnx").read_bytes()).hexdigest()
        for name in ("bodypart", "marker_finder", "marker_reader")
    ]
    hashes = [[{"alg": "SHA-256", "content": digest}] for digest in digests]
    assert sorted(map(str, hashes)) == sorted(str(model["hashes"]) for model in models)


def test_it_holds_what_is_committed_with_checksums_and_nothing_of_this_machine(archive):
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    beside = archive.with_name(archive.name + ".sha256").read_text()
    assert beside == f"{digest}  {archive.name}\n"
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    names = {member.name for member in members}
    for name in ("plugin/orthanc_bodypart.py", "models/development.md", "SHA256SUMS", "README.md"):
        assert f"orthanc-bodypart/{name}" in names
    assert not [name for name in names if "__pycache__" in name or "/.venv" in name]
    assert {member.uname for member in members} == {"root"}


def test_what_its_documents_lead_to_and_its_readme_has_typed_is_in_it(archive):
    with tarfile.open(archive) as tar:
        names = {member.name.removeprefix("orthanc-bodypart/") for member in tar.getmembers()}
        texts = {
            name: tar.extractfile(f"orthanc-bodypart/{name}").read().decode()
            for name in names
            if name.endswith(".md")
        }
    led_to = {
        posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        for name, text in texts.items()
        for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", text)
    }
    assert {"docs/rest.md", "models/figures/confusion.png"} <= led_to <= names
    readme = texts["README.md"]
    assert "make run" in readme
    assert "Makefile" in names


def test_it_installs_and_updates_without_a_network(unpacked):
    done = install(unpacked)
    assert done.returncode == 0, done.stdout + done.stderr
    program = "import highdicom.sr, onnxruntime, fastapi; from bodypart.labels import LABELS"
    python(unpacked, program)
    # An update finds a lock file other than the one whose packages are there.
    packages = next(unpacked[1].glob(".venv/lib/python3*/site-packages"))
    shutil.rmtree(packages / "fastapi")
    (packages / "requirements.lock").write_text("an older one")
    shutil.rmtree(next(packages.glob("fastapi-*.dist-info")))
    assert install(unpacked).returncode == 0
    python(unpacked, program)


def test_what_was_damaged_on_the_way_is_not_installed(unpacked):
    model = unpacked[1] / "models/bodypart.onnx"
    content = model.read_bytes()
    try:
        model.write_bytes(content[:-1])
        done = install(unpacked)
    finally:
        model.write_bytes(content)
    assert done.returncode != 0
    assert "models/bodypart.onnx: FAILED" in done.stdout
    assert "unpack the archive again" in done.stderr
