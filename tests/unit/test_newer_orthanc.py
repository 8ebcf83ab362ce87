"""The script that lays newer Debians: what it cannot make is named, and not used."""

import os
import subprocess

import pytest

import orthanc_server
from orthanc_server import ROOT


@pytest.fixture
def lay(tmp_path, monkeypatch):
    """Return a function that runs the script with a debootstrap that breaks off half-way."""
    programs = tmp_path / "bin"
    programs.mkdir()
    stand_in = programs / "debootstrap"
    half = 'mkdir -p "$3/usr/sbin"; touch "$3/usr/sbin/Orthanc"'
    stand_in.write_text(f"#!/bin/sh\n{half}\necho no mirror >&2\nexit 1\n")
    stand_in.chmod(0o755)
    targets = tmp_path / "targets"
    monkeypatch.setattr(orthanc_server, "TARGETS", targets)

    def run(**environment):
        given = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "CI": "", **environment}
        return subprocess.run(
            ["sh", ROOT / "tests/newer_orthanc.sh", "trixie"],
            env={**given, "BODYPART_TARGETS": str(targets)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_half_made_one_is_removed_and_its_tests_are_skipped_with_the_reason(lay, tmp_path):
    done = lay()
    assert done.returncode == 0
    assert "no Orthanc of Debian trixie: no mirror" in done.stderr
    assert not list((tmp_path / "targets").glob("trixie*/"))
    assert orthanc_server.missing("trixie") == "no Orthanc of trixie: no mirror"


def test_in_ci_it_is_an_error(lay):
    assert lay(CI="true").returncode != 0


def test_one_that_nobody_tried_to_make_is_missing_too(lay):
    assert "tests/newer_orthanc.sh" in orthanc_server.missing("sid")
