"""Workers of a Ray cluster: an actor each, which Ray starts again when it or its machine dies.

When an actor dies, Ray gives its batch once more to the restarted actor. If that dies, too, the
batch is read picture by picture, each by an actor that has nothing else; a picture that kills such
an actor twice is failed.

Ray carries ids and annotations, nothing else: files go from Orthanc to the worker, and each
machine reads the password for itself.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backfill.crew import EACH, Outcome
from backfill.errors import BackfillError, UsageError
from backfill.options import check_files
from backfill.reader import DEATHS, Batch, Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backfill.options import Order
    from bodypart.record import BroughtRecord

_NOBODY = "http://127.0.0.1:9"
_PLUGIN = Path(__file__).resolve().parents[1]
_QUARANTINED = f"quarantined: the worker died, {DEATHS} times"


def ray_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which Ray reports to nobody and lets nobody in without its token.

    Parameters
    ----------
    environment : mapping
        What there is. Its ``RAY_AUTH_MODE`` stands: a cluster of others may know no token.
    """
    return {
        "RAY_AUTH_MODE": "token",
        # Ray would start a Python for each processor with the first driver. None of our actors,
        # which have another environment, uses it, and it took a fifth of a processor from them.
        "RAY_prestart_worker_first_driver": "0",
        **environment,
        "RAY_USAGE_STATS_ENABLED": "0",
        # A cluster's head sends one report even so: nobody listens there.
        "RAY_USAGE_STATS_REPORT_URL": _NOBODY,
        # It asks the addresses by which clouds tell a machine about itself, too.
        **{
            name: _NOBODY
            for proxy in ("http_proxy", "https_proxy")
            for name in (proxy, proxy.upper())
        },
    }


class Worker:
    """What runs on the other machine.

    Parameters
    ----------
    order : Order
        What it is to do.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._reader: Reader | None = None

    def begin(self) -> None:
        """Return once some machine has a place for it."""

    def read(self, batch: Batch) -> list[BroughtRecord] | str:
        """Return the answers, or why this machine cannot give any.

        Ray asks the next life of a worker that died the same again.
        """
        try:
            return self._ready().read(batch)
        except BackfillError as error:
            return f"{socket.gethostname()}: {error}"

    def give_up(self, batch: Batch) -> list[BroughtRecord] | str:
        """Return answers that say that these pictures killed workers; see ``read``."""
        try:
            return [self._ready().give_up(one, _QUARANTINED) for one in batch.instances]
        except BackfillError as error:
            return f"{socket.gethostname()}: {error}"

    def _ready(self) -> Reader:
        if self._reader is None:
            check_files(self._order)
            self._reader = Reader(self._order)
        return self._reader


@dataclass(frozen=True, slots=True)
class _Given:
    """What an actor has to do.

    Attributes
    ----------
    alone : bool
        Whether it has nothing else to do: then it is this batch that it dies of.
    given_up : bool
        Whether it is to say that the pictures cannot be read.
    """

    actor: Any
    batch: Batch
    alone: bool = False
    given_up: bool = False


class RayCrew:
    """Actors, and what each of them has to do.

    Parameters
    ----------
    order : Order
        What they are to do.
    workers : int
        How many; 0 for a processor of the cluster each.
    address : str
        The cluster's address, or ``auto``.

    Raises
    ------
    UsageError
        If there is no Ray here, or no such cluster.
    """

    def __init__(self, order: Order, workers: int, address: str) -> None:
        os.environ.update(ray_environment(os.environ))
        try:
            import ray
        except ImportError:
            raise UsageError("Ray is not installed here: make ray-tools") from None
        self._ray = ray
        try:
            ray.init(
                address=address,
                namespace="orthanc-bodypart",
                log_to_driver=False,
                logging_level="ERROR",
                runtime_env={"env_vars": {"PYTHONPATH": str(_PLUGIN)}},
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UsageError(_no_cluster(address, error)) from None
        self.processors = int(ray.cluster_resources().get("CPU", 0))
        remote = ray.remote(max_restarts=-1, max_task_retries=DEATHS - 1, num_cpus=1)(Worker)
        self._actors = [remote.remote(order) for _ in range(workers or max(1, self.processors))]
        self._beginning = {actor.begin.remote(): actor for actor in self._actors}
        self._load: dict[Any, int] = {}
        self._out: dict[Any, _Given] = {}
        self._suspects: deque[Batch] = deque()

    @property
    def workers(self) -> int:
        """How many there are (still)."""
        return len(self._load) + len(self._beginning)

    @property
    def room(self) -> int:
        """How many batches may be given now; none before each suspect was read alone.

        A batch given to an actor that has no machine yet would only wait there.
        """
        if self._suspects or any(given.alone for given in self._out.values()):
            return 0
        return EACH * len(self._load) - len(self._out)

    def give(self, batch: Batch) -> None:
        """Have a batch read by the least busy; returns at once."""
        self._have(_Given(min(self._load, key=self._load.__getitem__), batch))

    def wait(self, seconds: float) -> list[Outcome]:
        """Return what was finished, waiting a while if nothing was."""
        if waiting := list(self._beginning):
            begun, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
            # One that cannot begin says why when it is to read.
            self._load |= {self._beginning.pop(one): 0 for one in begun}
        for actor in [actor for actor, load in self._load.items() if not load]:
            if self._suspects:
                self._have(_Given(actor, self._suspects.popleft(), alone=True))
        if not self._out:
            time.sleep(seconds)
            return []
        ready, _ = self._ray.wait(list(self._out), num_returns=1, timeout=seconds)
        more, _ = self._ray.wait(list(self._out), num_returns=len(self._out), timeout=0)
        outcomes = [self._outcome(reference) for reference in {*ready, *more}]
        return [outcome for outcome in outcomes if outcome]

    def close(self) -> None:
        """Let all workers go."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._ray.shutdown()

    def _have(self, given: _Given) -> None:
        do = given.actor.give_up if given.given_up else given.actor.read
        self._load[given.actor] += 1
        self._out[do.remote(given.batch)] = given

    def _outcome(self, reference: Any) -> Outcome | None:
        """Return what became of a batch, None if it is to be looked at once more."""
        given = self._out.pop(reference)
        actor, batch = given.actor, given.batch
        if actor in self._load:
            self._load[actor] -= 1
        try:
            found = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            lives_on = isinstance(error, self._ray.exceptions.ActorUnavailableError)
            if lives_on and actor in self._load and not given.given_up:
                self._suspect(given)
                return None
            found = f"Ray: {type(error).__name__}: {_last_line(error)}"
        if isinstance(found, str):
            self._load.pop(actor, None)
            return Outcome(batch, lost=found)
        return Outcome(batch, found)

    def _suspect(self, given: _Given) -> None:
        """Find out which picture of a batch kills actors, or give it up if that is known."""
        if given.alone:
            self._have(_Given(given.actor, given.batch, alone=True, given_up=True))
            return
        batch = given.batch
        self._suspects.extend(Batch((one,), batch.memory) for one in batch.instances)


def _no_cluster(address: str, error: Exception) -> str:
    """Return why there is no way into a cluster."""
    text = str(error)
    if "token" in text.lower():
        why = "it and this machine have not the same token (~/.ray/auth_token)"
    elif "Version mismatch" in text:
        why = "it runs another version of Ray or of Python: " + " ".join(text.split())[:300]
    else:
        why = next(iter(text.strip().splitlines()), type(error).__name__)
    return f"no way into a Ray cluster at {address}: {why}; make ray ARGS='start --head' begins one"


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else ""
