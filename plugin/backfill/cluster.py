"""Workers of a Ray cluster: one actor for each, which Ray restarts if it or its machine dies.

If an actor dies, Ray gives its batch to the restarted actor once more. If that dies, too, the batch
is read picture by picture, each by an actor that has nothing else to do; a picture that kills such
an actor twice is failed.

Only ids and annotations go through Ray: files go from Orthanc to the worker, and each machine reads
the password from its own file or environment.
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
    """Return an environment in which Ray sends no reports and requires its token.

    Parameters
    ----------
    environment : mapping
        The present environment. Its ``RAY_AUTH_MODE`` is kept, as a cluster set up by others may
        have no token.
    """
    return {
        "RAY_AUTH_MODE": "token",
        # With the first driver Ray would start a Python for each processor. Our actors have another
        # environment and would not use it, and it took a fifth of a processor from them.
        "RAY_prestart_worker_first_driver": "0",
        **environment,
        "RAY_USAGE_STATS_ENABLED": "0",
        # A cluster's head sends one report even so: to an address where nothing listens.
        "RAY_USAGE_STATS_REPORT_URL": _NOBODY,
        # Ray also queries the metadata addresses of clouds: this proxy blocks that.
        **{
            name: _NOBODY
            for proxy in ("http_proxy", "https_proxy")
            for name in (proxy, proxy.upper())
        },
    }


class Worker:
    """The actor on another machine.

    Parameters
    ----------
    order : Order
        Its order.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._reader: Reader | None = None

    def begin(self) -> None:
        """Do nothing; this returns once some machine has a place for the actor."""

    def read(self, batch: Batch) -> list[BroughtRecord] | str:
        """Return the answers, or why this machine cannot give any.

        If the worker dies, Ray repeats the call on the restarted one.
        """
        try:
            return self._ready().read(batch)
        except BackfillError as error:
            return f"{socket.gethostname()}: {error}"

    def give_up(self, batch: Batch) -> list[BroughtRecord] | str:
        """Return answers that fail these pictures because they killed workers; see ``read``."""
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
    """A batch that was given to an actor.

    Attributes
    ----------
    alone : bool
        Whether the actor has nothing else to do: if it dies, this batch is the cause.
    given_up : bool
        Whether the actor should only fail the pictures, without reading them.
    """

    actor: Any
    batch: Batch
    alone: bool = False
    given_up: bool = False


class RayCrew:
    """The actors of a Ray cluster, and the batches of each.

    Parameters
    ----------
    order : Order
        Their order.
    workers : int
        How many; 0 for one for each processor of the cluster.
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
        """How many workers are left, those that have not begun among them."""
        return len(self._load) + len(self._beginning)

    @property
    def room(self) -> int:
        """How many batches may be given now; none until each suspect has been read alone.

        Actors without a machine get none yet, as a batch would only wait there.
        """
        if self._suspects or any(given.alone for given in self._out.values()):
            return 0
        return EACH * len(self._load) - len(self._out)

    def give(self, batch: Batch) -> None:
        """Have a batch read by the least busy actor; returns at once."""
        self._have(_Given(min(self._load, key=self._load.__getitem__), batch))

    def wait(self, seconds: float) -> list[Outcome]:
        """Return the finished batches, waiting up to ``seconds`` if there are none."""
        if waiting := list(self._beginning):
            begun, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
            # An actor that failed to begin gives its error with its first batch.
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
        """End all workers, and leave the cluster."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._ray.shutdown()

    def _have(self, given: _Given) -> None:
        do = given.actor.give_up if given.given_up else given.actor.read
        self._load[given.actor] += 1
        self._out[do.remote(given.batch)] = given

    def _outcome(self, reference: Any) -> Outcome | None:
        """Return the outcome of a batch, None if it is being read once more."""
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
        """Have a batch's pictures read one by one, or fail the one that killed an actor alone."""
        if given.alone:
            self._have(_Given(given.actor, given.batch, alone=True, given_up=True))
            return
        batch = given.batch
        self._suspects.extend(Batch((one,), batch.memory) for one in batch.instances)


def _no_cluster(address: str, error: Exception) -> str:
    """Return the error text for a cluster that cannot be joined."""
    text = str(error)
    if "token" in text.lower():
        why = "its token (~/.ray/auth_token) differs from this machine's"
    elif "Version mismatch" in text:
        why = "it runs another version of Ray or of Python: " + " ".join(text.split())[:300]
    else:
        why = next(iter(text.strip().splitlines()), type(error).__name__)
    return f"cannot join a Ray cluster at {address}: {why}; make ray ARGS='start --head' starts one"


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else ""
