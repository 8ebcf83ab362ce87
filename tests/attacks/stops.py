"""Stops amid rewrites and at rest: Orthanc ends with 0, nothing is lost: make attack NAME=stops.

Sends images into an Orthanc that writes tags in place for every answer, and stops it again and
again: at a random moment while files are rewritten, and every other time once its studies have
settled. Ends with an error if an exit status is not 0, or if an instance is lost or not answered
after the last start.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from attacks.kills import CONFIGURATION, pictures
from orthanc_server import KNOWN, Server
from tried import Attack, record

IN_A_ROUND = 12
"""Images that are sent before each stop."""
LONGEST_SETTLING = 300.0
STABLE_AGE = 2
"""Seconds after which Orthanc calls a study settled."""


def stops(folder: Path, target: str, rounds: int) -> bool:
    """Stop while files are rewritten, look at what is there after, keep the figures."""
    configuration = {**CONFIGURATION, "StableAge": STABLE_AGE}
    server = Server(folder, target, configuration=configuration)
    chance = random.Random(5)
    statuses: Counter[int] = Counter()
    sent: set[str] = set()
    files = pictures(rounds * IN_A_ROUND)
    try:
        for number in range(rounds):
            server.start()
            done = server.status()["queue"]["done"]
            batch = files[number * IN_A_ROUND : (number + 1) * IN_A_ROUND]
            sent |= {server.upload(data) for data in batch}
            server.wait_until(lambda done=done: server.status()["queue"]["done"] > done)
            if number % 2:
                server.settle(LONGEST_SETTLING)
                time.sleep(2 * STABLE_AGE)
            else:
                time.sleep(chance.uniform(0.0, 1.0))
            server.stop()
            assert server.process
            statuses[server.process.returncode] += 1
            print(server.process.returncode, end=" ", file=sys.stderr, flush=True)
        server.start()
        server.settle(LONGEST_SETTLING)
        broken = sum(server.annotation(one)["tags"]["state"] != "written" for one in sent)
    finally:
        server.close()
    ended = ", ".join(f"{times} with {status}" for status, times in sorted(statuses.items()))
    attack = Attack(
        f"stops on Debian {target}, every other one amid rewrites, the others once studies have "
        "settled: Orthanc's exit status; each instance answered and written after the last start",
        f'make attack NAME=stops ARGS="--on {target} --rounds {rounds}"',
        f"{rounds} stops, {len(sent)} images",
        broken + rounds - statuses[0],
        ended,
    )
    record(f"stops-{target}", attack)
    return not attack.broke


def main() -> None:
    """Stop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--on", choices=KNOWN, default="sid")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(not stops(Path(folder), arguments.on, arguments.rounds))


if __name__ == "__main__":
    main()
