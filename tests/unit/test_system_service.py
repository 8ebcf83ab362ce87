"""The hardened drop-in for Debian's unit of Orthanc."""

import shutil
import subprocess

import pytest

from orthanc_server import ROOT

UNIT = "[Service]\nExecStart=/bin/true\n"


MOST_EXPOSED = "20"
"""Tenths, as systemd counts: a unit without any of it has 96."""


def test_systemd_understands_every_line_of_it(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze")
    (tmp_path / "orthanc.service.d").mkdir()
    (tmp_path / "orthanc.service").write_text(UNIT)
    shutil.copy(ROOT / "orthanc-config/systemd/bodypart.conf", tmp_path / "orthanc.service.d")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "orthanc.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "bodypart.conf" not in done.stderr, done.stderr
    assert "Unknown" not in done.stderr, done.stderr


def test_systemd_finds_little_left_to_close(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze")
    (tmp_path / "orthanc.service.d").mkdir()
    (tmp_path / "orthanc.service").write_text(f"{UNIT}User=orthanc\n")
    shutil.copy(ROOT / "orthanc-config/systemd/bodypart.conf", tmp_path / "orthanc.service.d")
    unit = tmp_path / "orthanc.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-200:]
