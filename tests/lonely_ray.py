"""A Ray head on a machine without internet, where our listener hears everything that it sends.

Runs in a network namespace of its own (``unshare --net``), where every address is local. Prints
as JSON the names that were looked up and the ports that were called: first by Ray with our
environment, then by a program that calls home on purpose.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time

from ray_cluster import RayCluster

_SETTLED = 4.0
"""Seconds within which the dashboard of a head makes its first report."""


def listen(heard: list[str]) -> None:
    """Answer DNS queries and connections to the web's ports on every address; note each."""
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("0.0.0.0", 53))

    def answer_names() -> None:
        while True:
            question, sender = names.recvfrom(512)
            heard.append(_name_in(question))
            # The same question, answered with 198.51.100.7 (RFC 5737).
            answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc6\x33\x64\x07"
            header = question[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
            names.sendto(header + question[12:] + answer, sender)

    def answer_calls(port: int) -> None:
        with socket.create_server(("0.0.0.0", port)) as server:
            while True:
                connection, (caller, _) = server.accept()
                heard.append(f"port {port} from {caller}")
                connection.close()

    for target, arguments in ((answer_names, ()), (answer_calls, (80,)), (answer_calls, (443,))):
        threading.Thread(target=target, args=arguments, daemon=True).start()


def _name_in(question: bytes) -> str:
    labels, place = [], 12
    while length := question[place]:
        labels.append(question[place + 1 : place + 1 + length].decode())
        place += length + 1
    return ".".join(labels)


def main() -> None:
    """Print what was heard."""
    for line in ("link set lo up", "route add local default dev lo"):
        subprocess.run(["ip", *line.split()], check=True)
    heard: list[str] = []
    listen(heard)
    cluster = RayCluster()
    try:
        cluster.start(1)
        time.sleep(_SETTLED)
    finally:
        cluster.close()
    by_ray = list(heard)
    heard.clear()
    with contextlib.suppress(OSError):
        socket.create_connection(("usage-stats.ray.io", 443), 5).close()
    time.sleep(0.2)
    json.dump({"ray": by_ray, "on purpose": heard}, sys.stdout)


if __name__ == "__main__":
    main()
