"""The service put together: it starts, works, answers, and ends when Orthanc is gone."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from bodypart.headers import Vocabulary
from service.annotator import Annotator
from service.decoders.pool import Engine
from service.deliveries.dispatch import Dispatch
from service.deliveries.old_stock import OldStock
from service.dicom_tags.exports import corrected_file
from service.dicom_tags.in_place import InPlace
from service.dicom_tags.overwrite_backup import OverwriteBackups
from service.dicom_tags.overwriting import Overwriting
from service.dicom_tags.rescue import Rescue
from service.dicom_tags.structured_reports import Reports
from service.errors import DamagedError, ServiceError
from service.inference.choice import network_of
from service.lasting import lasting
from service.learning.follow import Learning
from service.learning.lessons import Lessons
from service.learning.sightings import Sightings
from service.learning.words import Words
from service.metrics import Metrics
from service.orthanc_api.connection import connected
from service.prerequisites import Files, advice, checked_settings, node_name
from service.queue.backfill import Backfill
from service.queue.change_log import ChangeLog
from service.queue.leases import Leases
from service.queue.recovery import ask_again
from service.queue.sweep import Sweep
from service.queue.tasks import Kind, Tasks
from service.queue.workers import Workers
from service.records.annotations import Annotations
from service.records.audit_trail import AuditTrail
from service.records.facts import Facts
from service.records.index import Index
from service.records.rollups import RollUps
from service.records.schema import only_one, open_durable, open_index, open_shared
from service.records.thumbnails import Thumbnails
from service.reviewer import Reviewer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from service.records.database import Database

_STABLE_AGE = 60
"""Orthanc's own default, in seconds."""
_PUBLISH_EVERY = 1.0
_COUNT_EVERY = 5.0
_LONGEST_FAREWELL = 2.0
_SETTLE_LIMIT = 0.4
_AWAY_LIMIT = 10.0
_LARGEST_THUMBNAILS = 512 * 2**20
"""Bytes of thumbnails that are kept: those of some sixty thousand pictures."""


class Service:
    """Everything that lives from the service's start to its end.

    Parameters
    ----------
    given : dict
        What Orthanc's side hands over: ``configuration``, ``folder``, ``url``, ``token``; the
        ``last_change`` and time at its start, ``started_at``; ``properties``, what 0.1 kept.
    say : callable
        Takes a message for Orthanc's side.
    end : callable
        Ends the process.
    """

    def __init__(
        self,
        given: dict[str, Any],
        say: Callable[[dict[str, Any]], None],
        end: Callable[[], None],
    ) -> None:
        self._say = say
        self._end = end
        configuration = given["configuration"]
        self.settings = checked_settings(configuration)
        self.archive_name = str(configuration.get("Name", "orthanc"))
        self.stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._deletions: SimpleQueue[str | None] = SimpleQueue()
        self.metrics = Metrics()
        self.archive = connected(given, self.settings.client_certificate)
        self.durable, database = self._databases(Path(given["folder"]), configuration)
        for line in advice(configuration, self.settings):
            self.log(line)
        inherited = given["properties"]
        facts = Facts(
            self.durable,
            {
                "installed": inherited.get("installed") or given["started_at"],
                "backfill": inherited.get("backfill", ""),
            },
        )
        settle = float(configuration.get("StableAge", _STABLE_AGE))
        lessons = Lessons()
        network = network_of(self.settings, self.log)
        self.decoders = Engine(self.settings, self.log, lessons, network)
        self.tasks = Tasks(database, node_name(configuration))
        self.index = Index(database)
        self.trail = AuditTrail(self.durable, lambda event: say({"audit": event}))
        self.dispatch = Dispatch(
            self.settings,
            configuration,
            self.durable,
            node_name(configuration),
            self.archive,
            settle=settle,
            log=self.log,
        )
        self.thumbnails = Thumbnails(self._files.thumbnails, _LARGEST_THUMBNAILS)
        self.annotations = Annotations(
            self.archive,
            self.index,
            self.tasks,
            routing=self.dispatch.routing,
            with_labels=self.settings.labels,
            in_place=self.settings.tags == "in-place",
            thumbnails=self.thumbnails,
        )
        self.learning = Learning(
            self.settings.learn,
            self.archive,
            self.decoders,
            self.tasks,
            self.trail,
            facts,
            words=Words(self.durable),
            sightings=Sightings(database),
            lessons=lessons,
            log=self.log,
        )
        self.annotator = Annotator(
            self.archive,
            self.decoders,
            self.annotations,
            self.trail,
            self.tasks,
            self.metrics,
            self.learning,
            self.thumbnails,
        )
        self.reviewer = Reviewer(
            self.archive,
            self.annotator,
            self.annotations,
            self.trail,
            self.tasks,
            self.learning,
        )
        self.in_place = self._in_place(settle) if self.settings.tags == "in-place" else None
        reports = None
        if self.settings.structured_report:
            reports = Reports(self.archive, self.decoders, self.index, self.durable, self.log)
        self.change_log = ChangeLog(
            self.archive,
            self.tasks,
            self.trail,
            database,
            live=self.settings.on_upload,
            first=int(inherited.get("cursor") or given["last_change"]),
        )
        self.sweep = Sweep(
            self.archive,
            self.index,
            self.tasks,
            self.annotations,
            self.annotator,
            facts,
            live=self.settings.on_upload,
            log=self.log,
        )
        self.old_stock = OldStock(
            self.archive,
            self.annotations,
            self.dispatch.routing,
            self.dispatch.overview,
            self.dispatch.counted,
            facts,
            self.log,
        )
        self.backfill = Backfill(self.archive, self.index, self.tasks, facts, self.sweep, self.log)
        self.leases = Leases(
            self.settings, self.tasks, self.backfill, self.annotator, self.annotations, lessons
        )
        self._workers = Workers(
            self.settings,
            self.tasks,
            self.decoders,
            self.annotator,
            self.reviewer,
            self.annotations,
            RollUps(
                self.annotations,
                self.index,
                self.tasks,
                report_after=settle if reports else None,
                stopping=self.stopping,
            ),
            self.change_log,
            damaged=self.damaged,
            in_place=self.in_place,
            reports=reports,
            log=self.log,
        )

    def start(self) -> None:
        """Finish what was interrupted, then start the decoders and the threads."""
        self.tasks.claims.release()
        ask_again(self.tasks, self.trail, self.index, self.in_place)
        self.decoders.start()
        self._threads = [
            *self._workers.threads(self.stopping),
            *self.dispatch.threads(
                self.stopping,
                read=self._file_to_leave,
                is_away=lambda instance: bool(self.in_place and self.in_place.is_away(instance)),
                damaged=self.damaged,
            ),
            *(
                lasting(name, target, self.stopping, self.log)
                for name, target in (
                    ("change-log", self._follow_changes),
                    ("deletions", self._follow_deletions),
                    ("back-fill", lambda: self.backfill.follow(self.stopping)),
                    ("routes-apply", lambda: self.old_stock.follow(self.stopping)),
                    ("sweep", self._sweep),
                    ("sign-of-life", lambda: self.tasks.claims.keep(self.stopping)),
                    ("metrics", self._publish_now_and_then),
                    ("delivery-metrics", self._count_deliveries_now_and_then),
                    ("learning", lambda: self.learning.follow(self.stopping)),
                )
            ),
        ]
        for thread in self._threads:
            thread.start()

    def quieten(self) -> None:
        """Begin nothing more; what was begun in Orthanc is brought to its end."""
        self.stopping.set()
        self.decoders.stop()

    def stop(self) -> None:
        """Stop everything and wait for it; what is unfinished is done after the next start."""
        self.quieten()
        self.change_log.stop()
        self.backfill.stop()
        self._deletions.put(None)
        self.old_stock.stop()
        self.learning.wake()
        self.tasks.wake(everybody=True)
        self.dispatch.outbox.wake()
        for thread in self._threads:
            # A courier may wait for a slow receiver: the outbox knows what it was sending.
            thread.join(_LONGEST_FAREWELL if thread.daemon else None)
        self.index.database.close()
        self.durable.close()
        self.thumbnails.close()

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The terms of the headers, for what people type."""
        return Vocabulary.load(self.settings.terms)

    def take(self, event: str, resource: str) -> None:
        """Take in what Orthanc's side tells; returns at once."""
        if event == "stored":
            ours = bool(self.in_place) and self.rescue.watches(resource)
            self.change_log.wake(resource, ours=ours)
        elif event == "deleted":
            self._deletions.put(resource)
        elif event == "rewriting" and self.in_place:
            self.rescue.acknowledge(resource)
        elif event == "deleting" and self.in_place:
            self.rescue.give_way()

    def log(self, line: str) -> None:
        """Have a line written to Orthanc's log."""
        self._say({"log": line})

    def pending(self) -> int:
        """Return how many instances wait for an annotation or are being worked on."""
        return self.tasks.count(Kind.ANNOTATE) + self.change_log.unread_instances()

    def settle(self, instances: list[str]) -> None:
        """Wait a moment for the levels above some instances to be in step."""
        parents = map(self.index.parents, instances)
        above = {resource for found in parents if found for _, resource in found.levels()}
        self.tasks.wait_for(Kind.ROLL_UP, above, _SETTLE_LIMIT)

    def wait_while_away(self, instances: Iterable[str]) -> None:
        """Wait for instances whose file is just being rewritten: their metadata are away."""
        for instance in instances:
            if self.in_place and self.in_place.is_away(instance):
                self.in_place.outcome(instance, _AWAY_LIMIT)

    def damaged(self, error: DamagedError) -> None:
        """End the service over a damaged database: the next start makes the index anew."""
        self._files.set_aside(error.place)
        self.log(f"{error}: {error.place}; the service starts again")
        self._end()

    def _in_place(self, settle: float) -> InPlace:
        self.backups = OverwriteBackups(self.durable, self.archive)
        self.rescue = Rescue(self._files.rescued, self._say)
        self.backups.take_over(self._files.overwrites_of_0_1, self.log)
        overwriting = Overwriting(
            self.archive,
            self.decoders,
            self.annotations,
            self.tasks,
            self.backups,
            self.rescue,
            self.thumbnails,
            shared=self.index.database.shared,
            log=self.log,
        )
        return InPlace(
            self.archive,
            self.decoders,
            self.annotations,
            self.trail,
            self.index,
            self.tasks,
            self.backups,
            overwriting,
            threshold=self.settings.write_threshold,
            write_conflicts=self.settings.write_conflicts,
            settle=settle,
        )

    def _databases(self, folder: Path, configuration: dict[str, Any]) -> tuple[Database, Database]:
        self._files = Files.of(self.settings, configuration, folder)
        if self.settings.database:
            shared = open_shared(self.settings.database)
            return shared, shared
        self._lock = only_one(self._files.audit)
        durable = open_durable(self._files.audit)
        return durable, open_index(self._files.index, durable, self.log)

    def _follow_deletions(self) -> None:
        while (instance := self._deletions.get()) is not None:
            self._deleted(instance)

    def _deleted(self, instance: str) -> None:
        try:
            # An overwritten instance is deleted and stored again at once: then it is still there.
            if not self.archive.exists("instances", instance):
                self.annotations.gone(instance)
        except ServiceError as error:
            # The next sweep finds it gone.
            self.log(f"instance {instance} stays in the index: {type(error).__name__}")

    def _follow_changes(self) -> None:
        while not self.stopping.is_set():
            try:
                self.change_log.follow(self.stopping)
            except ServiceError as error:
                self.log(f"the change log cannot be read: {type(error).__name__}")
                self.stopping.wait(_PUBLISH_EVERY)

    def _sweep(self) -> None:
        every = self.settings.sweep_interval
        self.sweep.follow(self.stopping, fresh=self.change_log.fresh, every=every)

    def _publish_now_and_then(self) -> None:
        while not self.stopping.wait(_PUBLISH_EVERY):
            try:
                self.metrics.queue(self.pending())
            except ServiceError:
                continue
            self.metrics.publish(self._say)

    def _count_deliveries_now_and_then(self) -> None:
        while self.dispatch.routing.rules and not self.stopping.wait(_COUNT_EVERY):
            try:
                self.metrics.set(self.dispatch.numbers())
            except ServiceError:
                continue

    def _file_to_leave(self, instance: str) -> bytes:
        if self.settings.tags != "on-send":
            return self.archive.dicom(instance)
        threshold = self.settings.write_threshold
        return corrected_file(self.archive, self.decoders, self.index, instance, threshold)[1]
