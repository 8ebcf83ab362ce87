"""Routing put together: rules, outbox, a courier for each destination, numbers for the metrics."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.deliveries.counted import Counted
from service.deliveries.couriers import Courier, Pauses
from service.deliveries.overview import OpenCounts, Overview
from service.deliveries.readiness import Readiness
from service.deliveries.routing import Routing
from service.deliveries.rules import parse_rules
from service.deliveries.senders import FolderSender, JobSender
from service.deliveries.webhook import WebhookSender, read_secret
from service.lasting import lasting

if TYPE_CHECKING:
    import threading

    from bodypart.settings import Settings
    from service.deliveries.destinations import Destination
    from service.deliveries.outbox import Outbox
    from service.deliveries.senders import Sender
    from service.errors import DamagedError
    from service.orthanc_api.archive import Archive

_JOBS = 2
"""Orthanc's own default of ``ConcurrentJobs``."""
_LONGEST_SLUG = 40


class Dispatch:
    """Everything between an annotation and its arrival elsewhere.

    Parameters
    ----------
    settings : Settings
        The checked section.
    configuration : dict
        Orthanc's whole configuration.
    outbox : Outbox
        What is to leave.
    archive : Archive
        Orthanc.
    settle : float
        Seconds after which a series counts as complete.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        settings: Settings,
        configuration: dict[str, Any],
        outbox: Outbox,
        archive: Archive,
        *,
        settle: float,
        log: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._configuration = configuration
        self._archive = archive
        self._settle = settle
        self._log = log
        self.outbox = outbox
        self.overview = Overview(outbox.database)
        self.counted = Counted(outbox.database)
        rules = parse_rules(settings.routes, configuration)
        self.routing = Routing(rules, self.outbox, archive, settle=settle)
        self._couriers: dict[str, Courier] = {}

    def threads(
        self,
        stopping: threading.Event,
        *,
        read: Callable[[str], bytes],
        is_away: Callable[[str], bool],
        damaged: Callable[[DamagedError], None],
    ) -> list[threading.Thread]:
        """Cancel what no rule asks for any more; return the couriers' threads, not started yet.

        Parameters
        ----------
        stopping : Event
            Set when the service stops.
        read : callable
            Gives the file of an instance as it may leave.
        is_away : callable
            Tells whether an instance is just being rewritten.
        damaged : callable
            Told of a damaged database.
        """
        pairs = self.routing.pairs()
        cancelled = self.outbox.keep_only(pairs)
        if cancelled:
            self._log(f"{cancelled} deliveries are cancelled: no rule asks for them any more")
        destinations = {str(to): to for rule in self.routing.rules for to in rule.destinations}
        self._warn_of_few_jobs(sum(to.is_node for to in destinations.values()))
        settings = self._settings
        pauses = Pauses(
            settings.route_retry_delay, settings.route_retry_ceiling, settings.route_retries
        )
        readiness = Readiness(self._archive, self.outbox, pairs, is_away, self._settle)
        self._couriers = {
            name: Courier(
                name,
                self._sender(to, read, stopping),
                self.outbox,
                readiness,
                pauses,
                damaged=damaged,
                log=self._log,
            )
            for name, to in destinations.items()
        }
        return [
            lasting(
                f"deliver-{number}",
                partial(courier.run, stopping),
                stopping,
                self._log,
                daemon=True,
            )
            for number, courier in enumerate(self._couriers.values())
        ]

    def nudge(self, destination: str) -> None:
        """Have a destination that was held back tried at once."""
        courier = self._couriers.get(destination)
        if courier:
            courier.nudge()

    def open_counts(self) -> dict[str, OpenCounts]:
        """Return what each destination has waiting, on the way and failed."""
        return self.overview.open_counts(self._couriers)

    def numbers(self) -> dict[str, float]:
        """Return the metrics: what waits, failed, and was delivered since the start."""
        open_ = self.open_counts()
        found: dict[str, float] = {}
        for name, courier in self._couriers.items():
            counts, label = open_[name], slug(name)
            found[f"deliveries_open_{label}"] = counts["waiting"] + counts["sending"]
            found[f"deliveries_failed_{label}"] = counts["failed"]
            found[f"deliveries_delivered_{label}"] = courier.delivered
        return found

    def _sender(
        self, to: Destination, read: Callable[[str], bytes], stopping: threading.Event
    ) -> Sender:
        if to.kind == "webhook":
            return WebhookSender(to.name, read_secret(self._settings.webhook_secret_file))
        if to.kind == "folder":
            return FolderSender(Path(to.name), read)
        return JobSender.of(to.kind, to.name, self._archive.client, self.outbox, stopping)

    def _warn_of_few_jobs(self, nodes: int) -> None:
        """Say that slow nodes will hold up others: Orthanc runs so many jobs at a time."""
        jobs = int(self._configuration.get("ConcurrentJobs", _JOBS))
        if 0 < jobs <= nodes:
            self._log(
                f'"ConcurrentJobs": {jobs} lets slow nodes hold up others: set it above {nodes}'
            )


def slug(destination: str) -> str:
    """Return a destination as it may stand in the name of a metric, unlike any other's."""
    plain = re.sub(r"\W+", "_", destination, flags=re.ASCII)[:_LONGEST_SLUG].strip("_")
    if re.fullmatch(r"\w+:\w+", destination, flags=re.ASCII):
        return plain
    return f"{plain}_{sha256(destination.encode()).hexdigest()[:6]}"
