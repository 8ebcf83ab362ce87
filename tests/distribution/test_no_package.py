"""Who tries to build a Python package is told how to install instead of getting half a plugin."""

import subprocess
import sys

import pytest

from orthanc_server import ROOT


@pytest.mark.parametrize("options", [("wheel", "-w"), ("install", "--editable", ROOT, "--target")])
def test_pip_is_told_that_there_is_no_package(tmp_path, options):
    command = [sys.executable, "-m", "pip", *options, tmp_path, "--no-deps", ROOT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "is no Python package: run `make install`" in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
