"""A real PostgreSQL for tests, on a port and in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

from orthanc_server import TARGETS, free_port

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancPostgreSQLIndex.so")
_ACCOUNT = "postgres"


def programs() -> Path | None:
    """Return the program folder of the newest server installed by Debian, None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Postgres:
    """A server that is started for a test and removed after it.

    Parameters
    ----------
    target : str
        The Debian whose Orthancs use it; the server itself is always the machine's own.
    """

    def __init__(self, target: str = "bookworm") -> None:
        found = programs()
        plugin = PLUGIN if target == "bookworm" else TARGETS / target / PLUGIN.relative_to("/")
        if found is None or not plugin.exists() or os.geteuid() != 0:
            reason = "needs root, PostgreSQL and orthanc-postgresql (make test-tools)"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        self._programs = found
        self.port = free_port()
        # Not in the test's own folder, which the server's account may not enter.
        self._data = Path(tempfile.mkdtemp(prefix="bodypart-postgres-", dir="/var/tmp"))
        shutil.chown(self._data, _ACCOUNT)

    def start(self) -> Postgres:
        """Start it with an empty database and an account, both named ``orthanc``."""
        self._run("initdb", "-A", "trust", "-D", self._data / "db")
        self.start_again()
        for program, *options in (("createuser", "--superuser"), ("createdb",)):
            self._run(program, *options, "-h", "127.0.0.1", "-p", self.port, "orthanc")
        return self

    def start_again(self) -> None:
        """Start it again with its data."""
        options = f"-p {self.port} -k {self._data} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = self._data / "log"
        self._run("pg_ctl", "-D", self._data / "db", "-o", options, "-l", log, "-w", "start")

    def kill(self) -> None:
        """End it as in a crash."""
        self._run("pg_ctl", "-D", self._data / "db", "-m", "immediate", "stop")

    def stop(self) -> None:
        """End it, and remove its data."""
        self.kill()
        shutil.rmtree(self._data)

    @property
    def url(self) -> str:
        """Address of the database for the setting ``Database``."""
        return f"postgresql://{_ACCOUNT}@127.0.0.1:{self.port}/orthanc"

    @property
    def driver_url(self) -> str:
        """The address in the form that SQLAlchemy needs."""
        return self.url.replace("postgresql://", "postgresql+psycopg://")

    def value(self, question: str) -> int:
        """Return the number that an SQL query gives."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(question.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def section(self) -> dict[str, object]:
        """Return the section ``PostgreSQL`` of Orthanc's configuration."""
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
