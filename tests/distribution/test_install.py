"""What ``orthanc-config/install.sh`` asks Debian for."""

import os
import subprocess

import pytest

from orthanc_server import ROOT, require

APT = """#!/bin/sh
[ "$1" != install ] || echo "$@" >>"$ASKED"
[ "$1" = update ]
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can lay a folder over another")
def test_an_orthanc_that_is_there_gets_pythons_plugin_and_no_other(tmp_path):
    require("bookworm")
    (tmp_path / "none").mkdir()
    apt = tmp_path / "apt-get"
    apt.write_text(APT)
    apt.chmod(0o755)
    asked = tmp_path / "asked"
    covered = 'mount --bind "$1" /usr/share/orthanc/plugins && exec sh "$2"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", covered, "sh", tmp_path / "none",
         ROOT / "orthanc-config/install.sh"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "ASKED": str(asked)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "cannot be fetched: orthanc-python\n" in done.stderr
    assert asked.read_text() == "install -y -qq --no-install-recommends orthanc-python\n"
