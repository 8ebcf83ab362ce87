"""Random lives of instances under kills, each as its owner left it: make attack NAME=lives.

Owners send, replace, correct, take back, remove and delete instances of their own, in series that
they share, at random and all at once; tags are written in place, and a webhook hears of each
answer. Meanwhile Orthanc, its service and its decoders are killed, stopped, halted and reset.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from attacks.kills import CONFIGURATION
from life import OWN_METADATA, Answer, Ask, Owner, lives
from lived import faults
from orthanc_server import KNOWN, Server
from tried import Attack, record

OWNERS = 6
BETWEEN = 8.0, 25.0
"""Seconds from one kill to the next."""
LONGEST_REQUEST, LONGEST_OUTAGE, LONGEST_SETTLING = 90.0, 180.0, 600.0
UNTIL_ENDED = 20.0
"""Seconds in which a service ends that was told to just before."""


class Hearing(BaseHTTPRequestHandler):
    """A webhook's receiver."""

    heard: dict[str, dict[str, Any]]

    def do_POST(self) -> None:
        """Take in what was sent."""
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.heard[message["instance"]] = message
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Killer(threading.Thread):
    """Disturbs Orthanc until it is told to end."""

    def __init__(self, server: Server, seed: int) -> None:
        super().__init__()
        self._server, self._chance = server, random.Random(seed)
        self.over = threading.Event()
        self.done: list[str] = []

    def run(self) -> None:
        """Do one thing after the other."""
        ways = [self._kill_service, self._end_service, self._halt_service, self._kill_decoders]
        ways += [self._kill_orthanc, self._stop_orthanc, self._reset_orthanc]
        while not self.over.wait(self._chance.uniform(*BETWEEN)):
            way = self._chance.choice(ways)
            way()
            self.done.append(way.__name__)
            print(way.__name__.strip("_"), file=sys.stderr, flush=True)

    def _kill_service(self) -> None:
        _signal(self._server.services(), signal.SIGKILL)

    def _end_service(self) -> None:
        _signal(self._server.services(), signal.SIGTERM)

    def _halt_service(self) -> None:
        halted = self._server.services()
        _signal(halted, signal.SIGSTOP)
        time.sleep(self._chance.uniform(0.1, 2.0))
        _signal(halted, signal.SIGCONT)

    def _kill_decoders(self) -> None:
        _signal(self._server.workers(), signal.SIGKILL)

    def _kill_orthanc(self) -> None:
        self._server.kill()
        self._server.start(wait=False)

    def _stop_orthanc(self) -> None:
        self._server.stop()
        self._server.start(wait=False)

    def _reset_orthanc(self) -> None:
        with contextlib.suppress(requests.RequestException):  # It may be just starting.
            self._server.request("POST", "/tools/reset", data="")


def _signal(pids: list[int], what: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, what)


def asking(server: Server) -> Ask:
    """Return a function that sends a request until it is answered."""

    def ask(method: str, path: str, **arguments: Any) -> Answer:
        end, again, why = time.monotonic() + LONGEST_OUTAGE, False, ""
        while time.monotonic() < end:
            with contextlib.suppress(requests.RequestException):
                url = server.url + path
                answer = requests.request(method, url, timeout=LONGEST_REQUEST, **arguments)
                if answer.status_code != 503 and not _is_starting(path, answer):
                    return Answer(answer, again)
                why = answer.text[:300]
            again = True
            time.sleep(0.2)
        raise AssertionError(f"{method} {path} is not answered: {why}")

    return ask


def _is_starting(path: str, answer: requests.Response) -> bool:
    """Return whether Orthanc answered, before the plugin had registered its routes."""
    return (
        answer.status_code == 404
        and path.startswith("/bodypart")
        and not answer.content.startswith(b'{"error"')
    )


def _has_left(server: Server) -> bool:
    """Return whether no delivery is on its way any more."""
    page = server.get("/bodypart/deliveries?state=waiting,sending&limit=1")
    return not page["deliveries"]


def live(folder: Path, target: str, acts: int, seed: int) -> tuple[list[str], int]:
    """Let all live while Orthanc is killed; return the faults, and how often it was disturbed."""
    heard: dict[str, dict[str, Any]] = {}
    receiver = type("Receiver", (Hearing,), {"heard": heard})
    web = ThreadingHTTPServer(("127.0.0.1", 0), receiver)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    everything = {"Name": "all", "If": {}, "To": [f"webhook:http://127.0.0.1:{web.server_port}"]}
    configuration = {
        "UserMetadata": {"BodyPart": 3301, "BodyPartExamined": 3302, "Own": int(OWN_METADATA)},
        "StableAge": 2,
        "BodyPart": {
            **CONFIGURATION["BodyPart"],
            "Learn": "off",
            "RouteRetryDelay": 1,
            "Routes": [everything],
        },
    }
    server = Server(folder, target, configuration=configuration).start()
    everyone, ask, killer = lives(), asking(server), Killer(server, seed)
    owners = [
        Owner(everyone[number::OWNERS], ask, random.Random(f"{seed} {number}"))
        for number in range(OWNERS)
    ]
    try:
        killer.start()
        with ThreadPoolExecutor(OWNERS) as pool:
            for future in [pool.submit(owner.live, acts) for owner in owners]:
                future.result()
        killer.over.set()
        killer.join()
        time.sleep(UNTIL_ENDED)
        server.wait_until(lambda: ask("GET", "/bodypart/status").response.json()["ready"], 60)
        server.settle(LONGEST_SETTLING)
        server.wait_until(lambda: _has_left(server), LONGEST_SETTLING)
        return faults(server, everyone, heard), len(killer.done)
    finally:
        killer.over.set()
        server.close()
        web.shutdown()


def main() -> None:
    """Live."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--on", choices=KNOWN, default="bookworm")
    parser.add_argument("--acts", type=int, default=100, help="of each of six owners")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found, kills = live(Path(folder), given.on, given.acts, given.seed)
    for fault in found:
        print(fault, file=sys.stderr)
    attack = Attack(
        f"random lives on Debian {given.on}: users who send, replace, correct, take back, remove "
        "and delete instances of one series at once, amid kills, stops and resets: answers, "
        "metadata, files, index, roll-ups, labels, webhook; each file restored byte for byte",
        f'make attack NAME=lives ARGS="--on {given.on} --acts {given.acts} --seed {given.seed}"',
        f"{OWNERS * given.acts:,} acts, {kills} kills",
        len(found),
    )
    record(f"lives-{given.on}", attack)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
