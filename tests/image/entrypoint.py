#!/usr/bin/python3
"""What the public Orthanc image does at its start, for a stand-in of that image.

Files of ``/etc/orthanc``, then environment variables, then the image's own defaults, become
``/tmp/orthanc.json``. As described in Orthanc's book, "orthancteam/orthanc Docker images".
"""

import json
import os
import sys
from pathlib import Path

DEFAULTS = {
    "StorageDirectory": "/var/lib/orthanc/db",
    "RemoteAccessAllowed": True,
    "AuthenticationEnabled": True,
    "Plugins": ["/usr/share/orthanc/plugins"],
}


POSTGRESQL = {"EnableIndex": True, "EnableStorage": False, "Port": 5432, "Lock": False}
NAMES = {"POSTGRESQL": "PostgreSQL"}


def merge(base, over):
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value


def camel_case(name):
    return "".join(word[0] + word[1:].lower() for word in name.split("_"))


def value_of(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def main():
    configuration = {}
    for path in Path("/etc/orthanc").glob("*.json"):
        merge(configuration, json.loads(path.read_text()))
    for name, text in os.environ.items():
        if name.startswith("ORTHANC__"):
            value = value_of(text)
            for part in reversed(name.removeprefix("ORTHANC__").split("__")):
                value = {NAMES.get(part) or camel_case(part): value}
            merge(configuration, value)
    configuration = {**DEFAULTS, **configuration}
    if "PostgreSQL" in configuration:
        configuration["PostgreSQL"] = {**POSTGRESQL, **configuration["PostgreSQL"]}
    if "PythonScript" not in configuration:
        # The image loads the plugin only for a script.
        configuration["Plugins"] = []
    users = configuration.setdefault("RegisteredUsers", {})
    if os.environ.get("ORTHANC_PASSWORD"):
        users["orthanc"] = os.environ["ORTHANC_PASSWORD"]
    if (
        configuration["RemoteAccessAllowed"]
        and configuration["AuthenticationEnabled"]
        and not users
    ):
        sys.exit("HTTP authentication is enabled, but no user is declared")
    Path("/tmp/orthanc.json").write_text(json.dumps(configuration))
    os.execvp("Orthanc", ["Orthanc", *sys.argv[1:]])


main()
