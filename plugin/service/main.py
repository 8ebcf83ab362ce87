"""The parts of the service, each made of those that it depends on."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bodypart.headers import Vocabulary
from bodypart.memory.exemplars import Exemplars, ExemplarsError
from service.annotator import Annotator
from service.databases.schema import only_one, open_durable, open_index, open_shared, words_lost
from service.decoders.lessons import Lessons
from service.decoders.pool import DecoderPool
from service.deliveries.dispatch import Dispatch
from service.deliveries.outbox import Outbox
from service.dicom_tags.exports import corrected_file
from service.dicom_tags.in_place import InPlace
from service.dicom_tags.main_tags import MainTags
from service.dicom_tags.overwrite_backup import OverwriteBackups
from service.dicom_tags.overwriting import Overwriting
from service.dicom_tags.rescue import Rescue
from service.dicom_tags.structured_reports import Reports
from service.inference.choice import network_of
from service.learning.follow import Learning
from service.learning.hearing import Hearing
from service.learning.sightings import Sightings
from service.learning.words import Words
from service.log import Log
from service.metrics import Metrics
from service.orthanc_api.connection import connected
from service.own_files import Files, node_name
from service.prerequisites import advice, checked_settings
from service.queue.tasks import Kind, Tasks
from service.records.annotations import Annotations
from service.records.audit_trail import AuditTrail
from service.records.facts import Facts
from service.records.index import Index
from service.records.records import Records
from service.records.rollups import RollUps
from service.records.statistics import Statistics
from service.records.thumbnails import Thumbnails
from service.reviewer import Reviewer
from service.users import passwords
from service.work.annotating import Annotating
from service.work.backfill import Backfill
from service.work.change_log import ChangeLog
from service.work.deletions import Deletions
from service.work.follow_ups import FollowUps
from service.work.leases import Leases
from service.work.rule_application import RuleApplication
from service.work.sweep import Sweep
from service.work.workers import Workers, duties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bodypart.record import AnnotationRecord
    from service.databases.database import Database
    from service.errors import DamagedError

_STABLE_AGE = 60
"""Orthanc's own default, in seconds."""
_SETTLE_LIMIT = 0.4
_AWAY_LIMIT = 10.0
_LARGEST_THUMBNAILS = 512 * 2**20
"""Bytes of thumbnails that are kept: those of some sixty thousand pictures."""


class Service:
    """All parts of the service; `service.life` starts and ends them.

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
        # Each part comes after those that it depends on. Where more is to be decided, the method
        # that makes it is below, by its name.
        self.say, self._end = say, end
        self.log = Log(say)
        self._given, self._configuration = given, given["configuration"]
        self.settings = checked_settings(self._configuration)
        self.archive_name = str(self._configuration.get("Name", "orthanc"))
        self.users = passwords(self._configuration)
        self._node = node_name(self._configuration)
        self._settled_after = float(self._configuration.get("StableAge", _STABLE_AGE))
        self.stopping = threading.Event()
        self.metrics = Metrics()
        self.archive = connected(given, self.settings.client_certificate)

        self.files = Files.of(self.settings, self._configuration, Path(given["folder"]))
        # Missing where Orthanc's index and storage are elsewhere (PostgreSQL, object storage).
        self.files.index.parent.mkdir(parents=True, exist_ok=True)
        self._durable, self._database = self._databases()
        for line in advice(self._configuration, self.settings):
            self.log(line)
        self._facts = self._noted_facts()
        self.trail = AuditTrail(self._durable, lambda event: say({"audit": event}))
        self.index = Index(self._database)
        self.statistics = Statistics(self.index)
        self.tasks = Tasks(self._database, self._node)
        self.thumbnails = Thumbnails(self.files.thumbnails, _LARGEST_THUMBNAILS)

        self._lessons = Lessons(self._exemplars())
        network = network_of(self.settings, self.log)
        self.decoders = DecoderPool(self.settings, self.log, self._lessons, network)

        self.dispatch = self._make_dispatch()
        self.annotations = self._make_annotations()
        self.records = Records(
            self.trail, self.annotations, self.index, self.tasks, self.thumbnails
        )
        self.learning = self._make_learning()
        self.annotator = Annotator(
            self.archive, self.decoders, self.records, self.metrics, self.learning
        )
        self.reviewer = Reviewer(self.archive, self.annotator, self.records, self.learning)
        self.rule_application = RuleApplication(
            self.archive, self.annotations, self.dispatch, self._facts, self.log
        )

        self._backups = OverwriteBackups(self._durable, self.archive)
        self._backups.take_over(self.files.overwrites_of_0_1, self.log)
        in_place = self.settings.tags == "in-place"
        # `in_place` exists if files follow their annotations; `rewriter` also if they did before:
        # it finishes what a kill interrupted, and what still waits.
        unfinished = self._backups.left_over() or self.index.with_pending_tags(1)
        self.rescue = self._make_rescue() if in_place or unfinished else None
        self.rewriter = self._make_rewriter(self.rescue) if self.rescue else None
        self.in_place = self.rewriter if in_place else None
        self._reports = self._make_reports() if self.settings.structured_report else None

        self.deletions = Deletions(self.archive, self.annotations, self.rewriter, self.log)
        self.change_log = self._make_change_log()
        self.sweep = self._make_sweep()
        self.backfill = Backfill(
            self.archive, self.index, self.tasks, self._facts, self.sweep, self.log
        )
        self.leases = self._make_leases()
        self.workers = self._make_workers()

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The terms of the headers, for what people type."""
        return Vocabulary.load(self.settings.terms)

    def pending(self) -> int:
        """Return how many instances wait for an annotation or are being annotated."""
        return self.tasks.count(Kind.ANNOTATE) + self.change_log.unread_instances()

    def annotation(self, instance: str) -> AnnotationRecord | None:
        """Return the annotation that an instance has or, being rewritten, is about to have."""
        if self.rewriter:
            return self.rewriter.annotation_of(instance)
        return self.archive.annotation(instance)

    def settle(self, instances: list[str]) -> None:
        """Wait a moment for the roll-ups above some instances."""
        parents = map(self.index.parents, instances)
        above = {resource for found in parents if found for _, resource in found.levels()}
        self.tasks.wait_for(Kind.ROLL_UP, above, _SETTLE_LIMIT)

    def is_away(self, instance: str) -> bool:
        """Return whether an instance is just being rewritten: its metadata are away."""
        return self.rewriter is not None and self.rewriter.is_away(instance)

    def wait_while_away(self, instances: Iterable[str]) -> None:
        """Wait for instances whose file is just being rewritten."""
        for instance in instances:
            if self.rewriter and self.rewriter.is_away(instance):
                self.rewriter.outcome(instance, _AWAY_LIMIT)

    def file_to_leave(self, instance: str) -> bytes:
        """Return the file of an instance as it may leave for a folder."""
        if self.settings.tags != "on-send":
            return self.archive.dicom(instance)
        return corrected_file(
            self.archive,
            self.decoders,
            self.index,
            instance,
            self.settings.write_threshold,
            annotation_of=self.annotation,
        )[1]

    def damaged(self, error: DamagedError) -> None:
        """End the service because a database is damaged: the next start makes the index again."""
        self.files.set_aside(error.place)
        self.log(f"{error}: {error.place}; the service starts again")
        self._end()

    def close(self) -> None:
        """Close the databases."""
        self._database.close()
        self._durable.close()
        self.thumbnails.close()

    def _databases(self) -> tuple[Database, Database]:
        """Open what must not be lost, and what can be made anew."""
        if self.settings.database:
            shared = open_shared(self.settings.database)
            return shared, shared
        self._lock = only_one(self.files.audit)
        durable = open_durable(self.files.audit)
        index = open_index(self.files.index, durable, self.log)
        if lost := words_lost(durable, index):
            self.log(
                f"{self.files.audit} is new, but people have reviewed {lost} instances: "
                "if the file was lost, restore its backup (docs/operations.md)"
            )
        return durable, index

    def _noted_facts(self) -> Facts:
        of_0_1 = self._given["properties"]
        return Facts(
            self._durable,
            {
                "installed": of_0_1.get("installed") or self._given["started_at"],
                "backfill": of_0_1.get("backfill", ""),
            },
        )

    def _exemplars(self) -> Exemplars | None:
        """Read the exemplars of the memory; without them, it learns all the same."""
        try:
            return Exemplars.beside(Path(self.settings.model))
        except ExemplarsError as error:
            self.log(f"the memory learns without the exemplars of the model's training: {error}")
            return None

    def _make_dispatch(self) -> Dispatch:
        return Dispatch(
            self.settings,
            self._configuration,
            Outbox(self._durable, self._node),
            self.archive,
            settle=self._settled_after,
            log=self.log,
        )

    def _make_annotations(self) -> Annotations:
        return Annotations(
            self.archive,
            self.index,
            self.tasks,
            routing=self.dispatch.routing,
            with_labels=self.settings.labels,
            in_place=self.settings.tags == "in-place",
            thumbnails=self.thumbnails,
        )

    def _make_learning(self) -> Learning:
        return Learning(
            self.settings.learn,
            self.decoders,
            self.tasks,
            Hearing(Words(self._durable), self.trail, self._facts, self.archive, self.index),
            Sightings(self._database),
            self._lessons,
            self.log,
        )

    def _make_rescue(self) -> Rescue:
        shared = self._database.shared
        disk = None if shared else self.files.orthanc
        return Rescue(self.files.rescued, self.say, shared=shared, disk=disk)

    def _make_rewriter(self, rescue: Rescue) -> InPlace:
        overwriting = Overwriting(
            self.archive, self.records, self._backups, rescue, self.stopping, self.log
        )
        main_tags = MainTags(
            self.archive,
            self._database,
            self.tasks,
            overwriting.alone,
            settle=self._settled_after,
        )
        return InPlace(
            self.settings, self.archive, self.decoders, self.records, overwriting, main_tags
        )

    def _make_reports(self) -> Reports:
        return Reports(
            self.archive,
            self.decoders,
            self.index,
            self._durable,
            annotation_of=self.annotation,
            log=self.log,
        )

    def _make_change_log(self) -> ChangeLog:
        of_0_1 = self._given["properties"].get("cursor")
        return ChangeLog(
            self.archive,
            self.records,
            live=self.settings.on_upload,
            first=int(of_0_1 or self._given["last_change"]),
            is_own=self.rescue.is_own if self.rescue else None,
        )

    def _make_sweep(self) -> Sweep:
        return Sweep(
            self.archive,
            self.records,
            self.annotator,
            self._facts,
            live=self.settings.on_upload,
            log=self.log,
        )

    def _make_leases(self) -> Leases:
        return Leases(
            self.settings,
            self.archive,
            self.tasks,
            self.backfill,
            self.annotator,
            self.annotations,
            self._lessons,
        )

    def _make_workers(self) -> Workers:
        roll_ups = RollUps(
            self.records,
            report_after=self._settled_after if self._reports else None,
            stopping=self.stopping,
        )
        follow_ups = FollowUps(self.tasks, roll_ups, self.rewriter, self._reports, self.log)
        annotating = Annotating(
            self.settings, self.tasks, self.annotator, self.reviewer, follow_ups, self.log
        )
        count = self.settings.workers
        return Workers(
            self.tasks,
            duties(self.decoders, count, self.change_log, annotating, follow_ups),
            damaged=self.damaged,
            log=self.log,
        )
