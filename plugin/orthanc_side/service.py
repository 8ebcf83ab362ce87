"""The plugin put together: start with Orthanc, work, stop with Orthanc."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from orthanc_side import archive
from orthanc_side.annotator import Annotator
from orthanc_side.archive import NotFoundError
from orthanc_side.audit import Audit
from orthanc_side.backfill import Backfill
from orthanc_side.backlog import Backlog, Task
from orthanc_side.engine import Engine, EngineDownError, RefusedError, WorkerDiedError
from orthanc_side.in_place import InPlace
from orthanc_side.index import Index
from orthanc_side.loopback import Loopback
from orthanc_side.metrics import Metrics
from orthanc_side.prerequisites import Files, checked_settings
from orthanc_side.reports import Reports
from orthanc_side.sinks import Sinks
from orthanc_side.sweep import Sweep

_DEATHS_TO_QUARANTINE = 2
_STABLE_AGE = 60
"""Orthanc's own default, in seconds."""


class Service:
    """Everything that lives between Orthanc's start and its stop.

    Parameters
    ----------
    configuration : dict
        Orthanc's whole configuration.

    Raises
    ------
    SettingsError
        If the ``BodyPart`` section, or what it needs beside it, is wrong.
    """

    def __init__(self, configuration: dict[str, Any]) -> None:
        self.settings = checked_settings(configuration)
        self._configuration = configuration
        self._first_change = 0
        self.stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._recovered = threading.Event()
        self._published = 0.0
        self._stable: SimpleQueue[tuple[str, str] | None] = SimpleQueue()
        self._due: dict[str, float] = {}
        self._settling = configuration.get("StableAge", _STABLE_AGE)
        self.engine = Engine(self.settings, archive.log)
        self.metrics = Metrics(archive.set_metric)

    def start(self) -> None:
        """Start the worker processes and the threads; called when Orthanc has started."""
        settings = self.settings
        self._first_change = archive.last_change()
        self.archive_name = str(self._configuration.get("Name", "orthanc"))
        files = Files.of(settings, self._configuration)
        self.index = Index(files.index)
        self.sinks = Sinks(
            self.index,
            with_labels=settings.labels and archive.has_labels(),
            study_changed=self._study_changed,
        )
        self.audit = Audit(files.audit)
        loopback = Loopback(self._configuration)
        self.reports = None
        if settings.structured_report:
            self.reports = Reports(self.engine, self.index, loopback)
        self.in_place = None
        if settings.tags == "in-place":
            self.in_place = InPlace(
                self.engine,
                self.sinks,
                self.index,
                loopback,
                files.keepsakes,
                threshold=settings.write_threshold,
            )
        self.backlog = Backlog(self.index, live=settings.on_upload)
        self.annotator = Annotator(
            self.engine,
            self.sinks,
            self.metrics,
            self.audit,
            self.backlog.drop,
            in_place=self.in_place,
        )
        self.sweep = Sweep(
            self.index,
            self.backlog,
            self.sinks,
            self.annotator,
            live=settings.on_upload,
        )
        self.backfill = Backfill(self.index, self.backlog)
        self.engine.start()
        self.sinks.start()
        self._run(self._follow_up, "bodypart-follow-up")
        for number in range(settings.workers):
            self._run(self._work, f"bodypart-backlog-{number}")
        self._run(self._sweep_now_and_then, "bodypart-sweep")

    def stop(self) -> None:
        """Stop everything and wait for it; what is unfinished is done after the next start."""
        self.stopping.set()
        self._stable.put(None)
        self.backlog.stop()
        self.engine.stop()
        for thread in self._threads:
            thread.join()
        self.sinks.stop()
        self.index.close()
        self.audit.close()

    def _run(self, target: Any, name: str) -> None:
        thread = threading.Thread(target=target, name=name)
        thread.start()
        self._threads.append(thread)

    def _work(self) -> None:
        while not self.stopping.is_set():
            if not (self.engine.ready and self._recovered.is_set()):
                self.stopping.wait(0.1)
                continue
            while (burst := self.backlog.burst()) and not self.stopping.is_set():
                self.stopping.wait(burst)
            try:
                task = self.backlog.take()
                if task:
                    self._do(task)
                self._publish_queue()
            except Exception as error:
                # A transient failure of the database must not end the queue.
                archive.log(f"the queue stumbled: {type(error).__name__}")
                self.stopping.wait(1.0)

    def _publish_queue(self) -> None:
        # Counting a back-fill's rest costs a query; once a second is often enough.
        now = time.monotonic()
        if now - self._published > 1.0:
            self._published = now
            self.metrics.queue(self.backlog.pending())
            if self.backlog.filling:
                self.backfill.progress()

    def _do(self, task: Task) -> None:
        try:
            if not self._was_forgotten(task):
                self.annotator.annotate(
                    task.instance, again=task.again, wanted=lambda: not task.dropped
                )
        except NotFoundError:
            self.sinks.deleted(task.instance)
        except EngineDownError:
            self.backlog.again(task, 0.5)
            return
        except Exception as error:
            if self.stopping.is_set():
                return
            task.attempts += 1
            task.deaths += isinstance(error, WorkerDiedError)
            if task.deaths < _DEATHS_TO_QUARANTINE and task.attempts <= self.settings.retries:
                delay = self.settings.retry_delay * 2 ** (task.attempts - 1)
                self.backlog.again(task, delay)
                return
            self._give_up(task, error)
        self.backlog.finished(task)

    def _give_up(self, task: Task, error: Exception) -> None:
        if task.deaths >= _DEATHS_TO_QUARANTINE:
            reason = f"quarantined: {error}, {task.deaths} times"
        else:
            what = str(error) if isinstance(error, RefusedError) else type(error).__name__
            reason = f"given up after {task.attempts} attempts: {what}"
        archive.log(f"instance {task.instance} failed: {reason}")
        try:
            self.annotator.give_up(task.instance, reason, wanted=lambda: not task.dropped)
        except NotFoundError:
            self.sinks.deleted(task.instance)
        except Exception as failure:
            # The sweep comes back to it; the queue must go on.
            archive.log(f"instance {task.instance}: {type(failure).__name__} when giving up")

    def _was_forgotten(self, task: Task) -> bool:
        """Tell whether a task is of an entry before the start, and its answer was removed since."""
        before = task.sequence is not None and task.sequence <= self._first_change
        return before and self.annotator.was_removed(task.instance)

    def is_stable(self, level: str, resource: str) -> None:
        """Note that nothing arrived in a series or study for a while; returns at once."""
        if self.in_place or self.reports:
            self._stable.put((level, resource))

    def reviewed(self, instances: Sequence[str]) -> None:
        """Bring the levels above and the reports in step with what a person just said."""
        self.sinks.settle(instances)
        above = (self.index.above(instance) for instance in instances)
        for study in {place.study for place in above if place}:
            self.is_stable("studies", study)

    def _study_changed(self, study: str) -> None:
        """Note that a study's answer changed: its report is due when that has settled."""
        if self.reports:
            self._due[study] = time.monotonic() + self._settling

    def _settled(self) -> tuple[str, str] | None:
        """Wait for a series or study that has settled; None when Orthanc stops."""
        while True:
            now = time.monotonic()
            due = next((study for study, at in list(self._due.items()) if at <= now), None)
            if due is not None and not self.stopping.is_set():
                del self._due[due]
                return "studies", due
            with suppress(Empty):
                return self._stable.get(timeout=1.0)

    def _recover(self) -> None:
        """Finish the rewrites that a crash interrupted, before anything else is annotated."""
        while self.in_place and not (self.stopping.is_set() or self._recovered.is_set()):
            try:
                if self.engine.ready:
                    self.in_place.recover()
                    break
            except EngineDownError:
                pass  # It died meanwhile.
            except Exception as error:
                archive.log(f"interrupted rewrites wait: {type(error).__name__}")
                break
            self.stopping.wait(0.1)
        self._recovered.set()

    def _follow_up(self) -> None:
        """Do what waits until a series or a study has settled."""
        self._recover()
        while (settled := self._settled()) is not None:
            level, resource = settled
            try:
                if level == "series" and self.in_place:
                    self.in_place.series_is_stable(resource)
                elif level == "studies" and self.reports:
                    self.reports.study_is_stable(resource)
            except Exception as error:
                archive.log(f"{level} {resource} cannot be followed up: {type(error).__name__}")

    def _sweep_now_and_then(self) -> None:
        while not self.stopping.is_set():
            try:
                self.sweep.run(self.stopping)
                self.backfill.progress()
            except Exception as error:
                archive.log(f"the sweep stumbled: {type(error).__name__}")
            self.stopping.wait(self.settings.sweep_interval)
