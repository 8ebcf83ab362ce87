"""The service from start to end: its threads, and the events of Orthanc's side."""

from __future__ import annotations

from queue import SimpleQueue
from typing import TYPE_CHECKING

from service.dicom_tags.exports import corrected_file
from service.errors import NotFoundError, ServiceError
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
        self._deletions: SimpleQueue[str | None] = SimpleQueue()

    def start(self) -> None:
        """Finish what was interrupted, then start the decoders and the threads."""
        service = self._service
        service.tasks.claims.release()
        ask_again(service.tasks, service.trail, service.index, service.rewriter)
        service.decoders.start()
        self._threads = [
            *service.workers.threads(self._stopping),
            *service.dispatch.threads(
                self._stopping,
                read=self._file_to_leave,
                is_away=self._is_away,
                damaged=service.damaged,
            ),
            *(
                lasting(name, target, self._stopping, service.log)
                for name, target in (
                    ("change-log", self._follow_changes),
                    ("deletions", self._follow_deletions),
                    ("back-fill", lambda: service.backfill.follow(self._stopping)),
                    ("routes-apply", lambda: service.old_stock.follow(self._stopping)),
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
            self._deletions.put(resource)
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
        self._deletions.put(None)
        service.old_stock.stop()
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

    def _follow_deletions(self) -> None:
        while (instance := self._deletions.get()) is not None:
            self._deleted(instance)

    def _deleted(self, instance: str) -> None:
        service = self._service
        try:
            # An overwritten instance is deleted and stored again at once: then it is still there.
            if not service.archive.exists("instances", instance):
                service.annotations.gone(instance)
                if service.rewriter:
                    service.rewriter.mend(instance)
        except NotFoundError:
            return  # Then there is nothing left to restore to it either.
        except ServiceError as error:
            # The next sweep finds it gone.
            service.log(
                f"instance {instance} could not be removed from the index, which the next sweep "
                f"does: {kind_and_place(error)}"
            )

    def _sweep(self) -> None:
        service = self._service
        every = service.settings.sweep_interval
        service.sweep.follow(self._stopping, fresh=service.change_log.fresh, every=every)

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

    def _is_away(self, instance: str) -> bool:
        rewriter = self._service.rewriter
        return rewriter is not None and rewriter.is_away(instance)

    def _file_to_leave(self, instance: str) -> bytes:
        service = self._service
        if service.settings.tags != "on-send":
            return service.archive.dicom(instance)
        return corrected_file(
            service.archive,
            service.decoders,
            service.index,
            instance,
            service.settings.write_threshold,
        )[1]
