"""What ``orthanc-config/install.sh`` asks Debian for, and who may read what it makes."""

import os
import shutil
import stat
import subprocess

import pytest

from orthanc_server import ROOT, require

APT = """#!/bin/sh
[ "$1" != install ] || echo "$@" >>"$ASKED"
[ "$1" = update ]
"""
PYTHON = """#!/bin/sh
case "$*" in
    *sysconfig*) echo "$PACKAGES" ;;
    *"pip install"*) touch "$PACKAGES/installed" ;;
esac
"""


def test_what_root_installs_others_may_read(tmp_path):
    """Hardened machines give root the umask 077: Orthanc's user could not run the service."""
    for folder in ("orthanc-config", ".venv/bin", "packages"):
        (tmp_path / folder).mkdir(parents=True)
    script = shutil.copy(ROOT / "orthanc-config/venv.sh", tmp_path / "orthanc-config")
    python = tmp_path / ".venv/bin/python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    subprocess.run(
        ["sh", "-c", 'umask 077 && exec sh "$@"', "sh", script, ROOT / "requirements.lock"],
        env={**os.environ, "PACKAGES": str(tmp_path / "packages")},
        check=True,
    )
    made = {path.name: path.stat().st_mode for path in (tmp_path / "packages").iterdir()}
    assert made.keys() == {"installed", "requirements.lock"}
    assert all(mode & stat.S_IROTH for mode in made.values())


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
