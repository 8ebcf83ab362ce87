"""A real PostgreSQL for tests, on a port and in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from orthanc_server import free_port

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancPostgreSQLIndex.so")
_ACCOUNT = "postgres"


def programs() -> Path | None:
    """Return the folder of the newest server that Debian installed, None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Postgres:
    """A server that is started for a test and gone after it."""

    def __init__(self) -> None:
        found = programs()
        if found is None or not PLUGIN.exists() or os.geteuid() != 0:
            reason = "needs root, PostgreSQL and orthanc-postgresql (make test-tools)"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        self._programs = found
        self.port = free_port()
        # Not in the tests' own folder, which the server's account may not enter.
        self._data = Path(tempfile.mkdtemp(prefix="bodypart-postgres-", dir="/var/tmp"))
        shutil.chown(self._data, _ACCOUNT)

    def start(self) -> Postgres:
        """Start it with an empty database named ``orthanc``."""
        self._run("initdb", "-A", "trust", "-D", self._data / "db")
        options = f"-p {self.port} -k {self._data} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = self._data / "log"
        self._run("pg_ctl", "-D", self._data / "db", "-o", options, "-l", log, "-w", "start")
        self._run("createdb", "-h", "127.0.0.1", "-p", self.port, "orthanc")
        return self

    def stop(self) -> None:
        """End it."""
        self._run("pg_ctl", "-D", self._data / "db", "-m", "immediate", "stop")
        shutil.rmtree(self._data)

    @property
    def url(self) -> str:
        """Address of the database for the setting ``Database``."""
        return f"postgresql://{_ACCOUNT}@127.0.0.1:{self.port}/orthanc"

    def section(self) -> dict[str, object]:
        """Return Orthanc's own section ``PostgreSQL``."""
        return {
            "EnableIndex": True,
            "EnableStorage": False,
            "Host": "127.0.0.1",
            "Port": self.port,
            "Database": "orthanc",
            "Username": _ACCOUNT,
            "Password": "",
            "Lock": False,
        }

    def _run(self, program: str, *arguments: object) -> None:
        command = ["runuser", "-u", _ACCOUNT, "--", str(self._programs / program)]
        subprocess.run(
            [*command, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, cwd="/"
        )
