"""A real Ray cluster on this machine: a head and further nodes, each of which can be killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from backfill.cluster import ray_environment
from orthanc_server import ROOT, free_port

RAY = Path(sys.executable).with_name("ray")
_START_LIMIT = 90.0


class Node:
    """One ``ray start --block``, with all processes that it starts."""

    def __init__(self, cluster: RayCluster, *arguments: str, processors: int) -> None:
        self.log = cluster.folder / f"node-{len(cluster.nodes)}.log"
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "backfill.ray_command", "start", "--block"),
                *("--num-cpus", str(processors), "--object-store-memory", str(100 * 2**20)),
                *("--include-dashboard", "false") * ("--head" in arguments),
                *arguments,
            ],
            env=cluster.environment,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
        )

    def processes(self, word: str) -> list[int]:
        """Return the processes of this node whose command line contains a word."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if word in command and self.process.pid in _ancestors(int(entry.name)):
                    found.append(int(entry.name))
        return found

    def kill_raylet(self) -> None:
        """Kill the raylet, the process that represents the machine: all its workers end with it."""
        end = time.monotonic() + _START_LIMIT
        while not (found := self.processes("raylet/raylet ")) and time.monotonic() < end:
            time.sleep(0.2)  # The node has not joined yet.
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        self.process.wait(60)

    def close(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                for pid in self.processes(""):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                self.process.wait()


class RayCluster:
    """A head and further nodes, each with a number of processors."""

    def __init__(self, **environment: str) -> None:
        # A short path, because those of sockets below it are limited.
        self.folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        usual = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        self.environment = ray_environment(
            {**usual, "HOME": str(self.folder), "PYTHONPATH": str(ROOT / "plugin"), **environment}
        )
        self.environment.update(environment)
        token = self.folder / ".ray/auth_token"
        token.parent.mkdir()
        token.write_text("0123456789abcdef0123456789abcdef")
        self.nodes: list[Node] = []
        self.address = f"127.0.0.1:{free_port()}"

    def start(self, *processors: int) -> RayCluster:
        """Start a node for each number of processors; the first is the head."""
        port = self.address.rpartition(":")[2]
        head = ("--head", "--node-ip-address", "127.0.0.1", "--port", port)
        self.nodes.append(
            Node(self, *head, "--temp-dir", str(self.folder), processors=processors[0])
        )
        self._wait_for(self.nodes[0])
        with socket.create_connection(("127.0.0.1", int(port)), 5):
            pass
        for number in processors[1:]:
            # One after the other: two at once may time out on a busy machine.
            self._wait_for(self.add(number))
        return self

    def add(self, processors: int) -> Node:
        """Start a further node."""
        node = Node(self, "--address", self.address, processors=processors)
        self.nodes.append(node)
        return node

    def close(self) -> None:
        """End all nodes, the head last."""
        for node in reversed(self.nodes):
            node.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _wait_for(node: Node) -> None:
        end = time.monotonic() + _START_LIMIT
        while "Ray runtime started" not in node.log.read_text(errors="replace"):
            if node.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"Ray does not start: {node.log.read_text()[-1500:]}")
            time.sleep(0.2)


def _ancestors(pid: int) -> set[int]:
    found: set[int] = set()
    while pid > 1:
        stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        pid = int(stat[1])
        found.add(pid)
    return found
