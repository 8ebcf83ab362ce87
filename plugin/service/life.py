"""The service from start to end: its threads, and the events of Orthanc's side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.errors import ServiceError
from service.lasting import kind_and_place, lasting
from service.work import old_labels
from service.work.recovery import ask_again

if TYPE_CHECKING:
    import threading

    from service.main import Service

_PUBLISH_EVERY = 1.0
_COUNT_EVERY = 5.0
_LONGEST_FAREWELL = 2.0


class Life:
    """Starts a service, keeps it at work, and ends it.

    Parameters
    ----------
    service : Service
        All its parts.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stopping = service.stopping
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Finish what was interrupted, then start the decoders and the threads."""
        service = self._service
        service.tasks.claims.release()
        ask_again(service.records, service.rewriter)
        service.decoders.start()
        self._threads = [
            *service.workers.threads(self._stopping),
            *service.dispatch.threads(
                self._stopping,
                read=service.file_to_leave,
                is_away=service.is_away,
                damaged=service.damaged,
            ),
            *(
                lasting(name, target, self._stopping, service.log)
                for name, target in (
                    ("change-log", self._follow_changes),
                    ("deletions", lambda: service.deletions.follow(self._stopping)),
                    ("back-fill", lambda: service.backfill.follow(self._stopping)),
                    ("routes-apply", lambda: service.rule_application.follow(self._stopping)),
                    ("sweep", self._sweep),
                    ("labels", self._take_old_labels_away),
                    ("sign-of-life", lambda: service.tasks.claims.keep(self._stopping)),
                    ("metrics", self._publish_now_and_then),
                    ("delivery-metrics", self._count_deliveries_now_and_then),
                    ("learning", lambda: service.learning.follow(self._stopping)),
                )
            ),
        ]
        for thread in self._threads:
            thread.start()

    def take(self, event: str, resource: str) -> None:
        """Take in what Orthanc's side tells; returns at once."""
        rescue = self._service.rescue
        if event == "stored":
            ours = rescue is not None and rescue.watches(resource)
            self._service.change_log.wake(resource, ours=ours)
        elif event == "deleted":
            self._service.deletions.tell(resource)
        elif event == "rewriting" and rescue:
            rescue.acknowledge(resource)

    def quieten(self) -> None:
        """Begin nothing more; what was begun in Orthanc is finished."""
        self._stopping.set()
        self._service.decoders.stop()

    def stop(self) -> None:
        """Stop everything and wait for it; unfinished work is done after the next start."""
        service = self._service
        self.quieten()
        service.change_log.stop()
        service.backfill.stop()
        service.deletions.stop()
        service.rule_application.stop()
        service.learning.wake()
        service.tasks.wake(everybody=True)
        service.dispatch.outbox.wake()
        for thread in self._threads:
            # A courier may hang on a slow receiver: the outbox knows what it was sending.
            thread.join(_LONGEST_FAREWELL if thread.daemon else None)
        service.close()

    def _follow_changes(self) -> None:
        while not self._stopping.is_set():
            try:
                self._service.change_log.follow(self._stopping)
            except ServiceError as error:
                self._service.log(f"the change log cannot be read: {kind_and_place(error)}")
                self._stopping.wait(_PUBLISH_EVERY)

    def _sweep(self) -> None:
        service = self._service
        service.sweep.follow(self._stopping, every=service.settings.sweep_interval)

    def _take_old_labels_away(self) -> None:
        service = self._service
        if not service.settings.labels:
            old_labels.follow(service.archive, self._stopping, service.log)

    def _publish_now_and_then(self) -> None:
        service = self._service
        while not self._stopping.wait(_PUBLISH_EVERY):
            try:
                service.metrics.queue(service.pending())
            except ServiceError:
                continue
            service.metrics.publish(service.say)

    def _count_deliveries_now_and_then(self) -> None:
        service = self._service
        while service.dispatch.routing.rules and not self._stopping.wait(_COUNT_EVERY):
            try:
                service.metrics.set(service.dispatch.numbers())
            except ServiceError:
                continue
