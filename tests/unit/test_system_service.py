"""The hardened drop-in for Debian's unit of Orthanc."""

import shutil
import subprocess

import pytest

from orthanc_server import ROOT

UNIT = "[Service]\nExecStart=/bin/true\n"


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
