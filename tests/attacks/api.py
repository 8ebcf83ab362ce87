"""Requests made of the OpenAPI document, against a real Orthanc: make attack NAME=api.

schemathesis reads what each route says it takes, and sends the edges of it, what lies beyond, and
what chance makes of both. No answer may be an error of the server, of a status or a content type
that the document does not name, or of another shape; and nothing that the document forbids may be
taken.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from orthanc_server import Server
from phantoms import file_bytes, radiograph
from tried import Attack, record

LONGEST_ANSWER = 60
"""Seconds; tests share their machine."""
PARTS = ("knee", "hand", "chest", "foot")
LEFT_OUT = (
    # What a text may name (a label, a rule, a place in a list) stands in no schema.
    "positive_data_acceptance",
    # TRACE and other methods are refused by Orthanc, before they come to us.
    "unsupported_method",
)


def configure(server: Server) -> Server:
    """Give an Orthanc a rule, so that there are deliveries; return it."""
    (server.storage / "knees").mkdir()
    to = [f"folder:{server.inside / 'knees'}"]
    rule = {"Name": "knees", "If": {"Examined": "knee"}, "To": to}
    server.configuration = {"BodyPart": {"Tags": "in-place", "Routes": [rule]}}
    return server


def with_pictures(server: Server) -> tuple[str, str]:
    """Upload pictures; return the ids of an instance and of its study."""
    ids = [
        server.upload(
            file_bytes(radiograph(part, 160, 128, PatientID=part, BodyPartExamined="EXTREMITY"))
        )
        for part in PARTS
    ]
    for instance in ids:
        server.annotation(instance)
    return ids[0], server.above(ids[0])["studies"]


def ask(
    server: Server, folder: Path, *, examples: int, seconds: int, seed: int
) -> tuple[int, int, str]:
    """Have schemathesis ask; return how many requests, how many findings, and what it said.

    Parameters
    ----------
    server : Server
        With pictures of its own: they are corrected and removed.
    folder : Path
        For its configuration and its report.
    examples : int
        The most requests of each kind that chance makes for a route.
    seconds : int
        How long; chance goes on until they are over.
    seed : int
        The same one gives the same requests.
    """
    instance, study = with_pictures(server)
    # Of a value with an ampersand Orthanc 1.13 hands on what stands before it (docs/limits.md).
    left_out = (*LEFT_OUT, "negative_data_rejection") if server.target == "sid" else LEFT_OUT
    told, report = folder / "schemathesis.toml", folder / "report.json"
    told.write_text(
        "\n".join(
            (
                '[[operations]]\ninclude-path = "/bodypart/{level}/{id}"',
                f'parameters = {{ level = "instances", id = "{instance}" }}',
                '[[operations]]\ninclude-path-regex = "^/bodypart/instances/"',
                f'parameters = {{ id = "{instance}" }}',
                '[[operations]]\ninclude-path-regex = "^/bodypart/studies/"',
                f'parameters = {{ id = "{study}" }}',
            )
        )
    )
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(told), "run"),
        *(f"{server.url}/bodypart/openapi.json", "--exclude-checks", ",".join(left_out)),
        *("--max-examples", str(examples), "--seed", str(seed), "--max-time", str(seconds)),
        *("--report", "json", "--report-json-path", str(report), "--no-color"),
        *("--request-timeout", str(LONGEST_ANSWER), "--continue-on-failure"),
        *("--warnings", "off", "--generation-database", "none"),
    ]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "fuzzing.api_hooks",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    said = run.stdout + run.stderr
    if not report.exists():
        raise RuntimeError(said[-2000:])
    cases = json.loads(report.read_text())["test_cases"]
    return cases["generated"], cases["unique_failures"] + cases["errored"], said


def main() -> None:
    """Ask for long, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    limits = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        server = configure(Server(Path(name) / "orthanc")).start()
        try:
            requests, findings, said = ask(
                server,
                Path(name),
                examples=limits.examples,
                seconds=limits.seconds,
                seed=limits.seed,
            )
        finally:
            server.close()
    print(said)
    attack = Attack(
        "requests made of the OpenAPI document, edges and chance: no error of the server, no other "
        "answer than the document has, nothing taken that it forbids",
        f'make attack NAME=api ARGS="--examples {limits.examples} --seconds {limits.seconds}"',
        f"{requests:,} requests",
        findings,
    )
    record("api", attack)
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
