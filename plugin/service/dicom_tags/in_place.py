"""``"Tags": "in-place"``: stored files are rewritten to their annotations.

The steps for one instance: ask a decoder for the corrected file or, if the annotation was removed,
for the original; store it over the one that was read (`service.dicom_tags.overwriting`); note the
outcome in the annotation.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bodypart.annotation import followed, tags_state
from bodypart.dicom_out.policy import tags_to_write
from bodypart.loopback import is_loopback
from service.dicom_tags.exports import siblings_of
from service.dicom_tags.overwriting import STORAGE_FULL, YIELDED
from service.dicom_tags.rewriting import rewritten
from service.errors import NotFoundError, RecordError
from service.queue.tasks import Kind, Priority
from service.records.annotations import concerns_tags, of_file
from service.records.audit_trail import REMOVED
from service.records.removals import stays_removed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bodypart.record import AnnotationRecord, TagsRecord
    from bodypart.settings import Settings
    from service.decoders.pool import DecoderPool
    from service.dicom_tags.main_tags import MainTags
    from service.dicom_tags.overwriting import Overwriting
    from service.orthanc_api.archive import Archive
    from service.orthanc_api.resources import Content, Piece, StoredFile
    from service.queue.tasks import Task
    from service.records.records import Records

_KEPT = 1000
_UNTIL_THERE_IS_ROOM = 900.0
"""Seconds before a file for which the storage had no room is tried again."""
_TURNS = 2
"""How many annotating threads may rewrite at the same time, beside the thread that only rewrites.
One of all stores while the others prepare their files or wait; the remaining threads annotate.
"""


class InPlace:
    """Rewrites stored instances.

    Parameters
    ----------
    settings : Settings
        Say what is written, and whether files are rewritten at all (``Tags``); if not, pending
        rewrites are given up.
    archive, decoders, records, overwriting, main_tags
        The service's other parts.

    Attributes
    ----------
    main_tags : MainTags
        Has Orthanc read the main tags of series again whose files were rewritten.
    """

    def __init__(
        self,
        settings: Settings,
        archive: Archive,
        decoders: DecoderPool,
        records: Records,
        overwriting: Overwriting,
        main_tags: MainTags,
    ) -> None:
        self._settings = settings
        self._archive = archive
        self._decoders = decoders
        self._annotations = records.annotations
        self._trail = records.trail
        self._index = records.index
        self._tasks = records.tasks
        self._overwriting = overwriting
        self._backups = overwriting.backups
        self.main_tags = main_tags
        self._mixed: OrderedDict[str, bool] = OrderedDict()
        self._outcomes: OrderedDict[str, str | None] = OrderedDict()
        self._noting = threading.Lock()
        self._turns = threading.Semaphore(_TURNS)

    def rewrite(self, task: Task, read: Content | None = None) -> None:
        """Rewrite the file of an instance to its annotation, or to the removal of it.

        Parameters
        ----------
        task : Task
            The task that asked for it.
        read : Content or None
            The file if it was just read; not read a second time if it is still the stored one.

        Raises
        ------
        EngineDownError, DecoderDiedError, ArchiveError, RecordError
            If it could not be done; another try is allowed.
        """
        instance = task.resource
        try:
            with self._annotations.lock(instance):
                self.mend(instance)
                if self._settings.tags != "in-place":
                    self._forgo(instance)
                    return
                refused = self._follow(task, read)
                if refused == STORAGE_FULL:
                    self._follow_later(task)
        except NotFoundError:
            self._backups.drop(instance)
            refused = "the instance is gone"
        self._note_outcome(instance, refused)

    def give_up(self, task: Task, reason: str) -> None:
        """Restore what an overwrite wiped, and note in the annotation that the file is not changed.

        Raises
        ------
        ArchiveError, RecordError
            If that could not be done; it must be tried again.
        """
        instance = task.resource
        try:
            with self._annotations.lock(instance):
                self.mend(instance)
                if annotation := self._archive.annotation(instance):
                    self._leave_file(annotation, reason)
        except NotFoundError:
            self._backups.drop(instance)
        self._note_outcome(instance, reason)

    def outcome(self, instance: str, limit: float) -> str | None:
        """Wait for a rewrite, ``limit`` seconds at most; return why it was refused, if it was."""
        self._tasks.wait_for(Kind.REWRITE, {instance}, limit)
        return self._outcomes.get(instance)

    def is_away(self, instance: str) -> bool:
        """Return whether an instance is being rewritten, its metadata not yet restored."""
        return self._backups.of(instance) is not None

    def annotation_of(self, instance: str) -> AnnotationRecord | None:
        """Return an instance's annotation, or the one that it will have after its rewrite."""
        found = self._archive.annotation(instance)
        if found is None and (backup := self._backups.of(instance)):
            found = backup.annotation
        # It may have been restored between the two queries.
        return found or self._archive.annotation(instance)

    def mend(self, instance: str) -> None:
        """Finish an overwrite that was interrupted.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        """
        with self._annotations.lock(instance):
            try:
                self._overwriting.mend(instance, self._note_file)
            except NotFoundError:
                self._backups.drop(instance)
                raise

    def recover(self) -> list[str]:
        """Finish overwrites that a crash interrupted; return their instances, to be rewritten."""
        found = self._backups.left_over()
        for instance in found:
            try:
                self.mend(instance)
            except RecordError:
                raise
            except Exception:
                # It is gone, or will be tried again later: one instance must not prevent the start.
                continue
        return found

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Give whether the thread that just annotated an instance may also rewrite it.

        It may not if enough others are rewriting: then the thread that only rewrites does it.
        """
        ours = self._turns.acquire(blocking=False)
        try:
            yield ours
        finally:
            if ours:
                self._turns.release()

    def _forgo(self, instance: str) -> None:
        """Give up the pending rewrite of a file."""
        annotation = self._archive.annotation(instance)
        if annotation and tags_state(annotation) == "pending":
            self._leave_file(annotation, None)

    def _follow_later(self, task: Task) -> None:
        """Try a file again later for which there was no room."""
        with self._index.database.write() as connection:
            self._tasks.ask(
                connection,
                Kind.REWRITE,
                [task.resource],
                priority=task.priority,
                delay=_UNTIL_THERE_IS_ROOM,
                postpone=True,
            )

    def _leave_file(self, annotation: AnnotationRecord, refused: str | None) -> None:
        """Note in an annotation that its file stays as it is, and why.

        The annotation stays noted as of the file that was read: one that came in since must still
        be read.
        """
        stored = self._archive.stored_file(annotation["instance"])
        stored = replace(stored, version=annotation.get("file") or stored.version)
        self._settle_tags(annotation, stored, [], refused, mixed=False)

    def _follow(self, task: Task, read: Content | None) -> str | None:
        instance, urgent = task.resource, task.priority == Priority.PERSON
        glance = self._archive.glance([instance]).get(instance)
        if glance is None:
            raise NotFoundError(instance)
        stored, annotation = glance.stored, glance.annotation
        if annotation is None and stays_removed(
            self._archive, instance, self._trail.last(instance)
        ):
            return self._restore(instance, stored)
        if annotation is None or not of_file(annotation, stored.version):
            # Another sender's file, perhaps with a person's word in it, must be read first.
            self._overwriting.annotate_again(instance)
            return YIELDED
        if read is not None and read.version == stored.version:
            file = read
        else:
            old_stock = task.priority >= Priority.BACKFILL
            file = self._archive.content(instance, stored, old_stock=old_stock)
        asked, request, mixed = self._question(annotation, stored)
        outcome, corrected = rewritten(self._decoders, asked, request, file.data, urgent=urgent)
        refused, standing = outcome["refused"], outcome["standing"]
        failed = None
        if corrected:

            def settle(now: StoredFile) -> None:
                # Tags of an earlier answer are removed even if those of this one are not written.
                self._settle_tags(annotation, now, standing, refused, mixed=mixed)

            failed = self._replace(
                instance, stored, annotation, corrected, settle, signed=bool(standing)
            )
        if failed == YIELDED:
            return failed
        if failed:
            self._settle_tags(annotation, stored, [], failed, mixed=mixed)
        elif not corrected:
            self._settle_tags(annotation, stored, standing, refused, mixed=mixed)
        self._align_siblings(instance, stored, mixed=mixed)
        return failed or refused

    def _question(
        self, annotation: AnnotationRecord, stored: StoredFile
    ) -> tuple[str, dict[str, Any], bool]:
        """Return the decoder's task, what it takes, and whether the series is a mixed one."""
        if not concerns_tags(annotation):
            return "restore", {}, False
        siblings = siblings_of(self._index, annotation["instance"], stored.parents.series)
        threshold = self._settings.write_threshold
        wanted = tags_to_write(
            annotation, threshold, siblings, write_conflicts=self._settings.write_conflicts
        )
        request = {"annotation": annotation, "siblings": siblings, "threshold": threshold}
        return "correct", request, wanted is not None and wanted.mixed_series

    def _restore(self, instance: str, stored: StoredFile) -> str | None:
        """Restore the original attributes of a file, if it has ours."""
        data = self._archive.content(instance, stored).data
        outcome, original = rewritten(self._decoders, "restore", {}, data, urgent=True)
        refused = outcome["refused"]
        if original:
            refused = self._replace(instance, stored, None, original, None, signed=False)
        return refused

    def _replace(
        self,
        instance: str,
        stored: StoredFile,
        annotation: AnnotationRecord | None,
        ours: tuple[Piece, ...],
        settle: Callable[[StoredFile], None] | None,
        *,
        signed: bool,
    ) -> str | None:
        """Store a file over the present one, and have the series checked once it is stable."""

        def note(now: StoredFile, alone: bool) -> None:
            # Even if there is an annotation: its removal may be in the trail, but not applied yet.
            self._note_removal(instance, now.version, before=stored.version)
            if settle:
                settle(now)
            if not alone:
                # Otherwise the overwrite created the series again.
                self.main_tags.ask(now.parents.series)

        return self._overwriting.replace(instance, stored, annotation, ours, note, signed=signed)

    def _note_file(self, instance: str, stored: StoredFile) -> None:
        """Note that the annotation, or its removal, is of the present file."""
        annotation = self._archive.annotation(instance)
        if annotation:
            self._note_removal(instance, stored.version, before=annotation.get("file"))
            if stays_removed(self._archive, instance, self._trail.last(instance)):
                # The removal came during the overwrite, while there was no annotation.
                self._annotations.erase(instance, stored)
            else:
                annotation = {**annotation, "file": stored.version}
                self._annotations.put(annotation, stored.parents, follow=False)
        elif self._may_be_ours(instance):
            self._note_removal(instance, stored.version)
        else:
            # It is the original, byte for byte, which a modality sent again during a downtime.
            self._overwriting.annotate_again(instance)
            return
        # Roll-ups written since the overwrite also got back the labels from before it.
        self._annotations.ask_roll_ups(stored.parents)
        self.main_tags.ask(stored.parents.series)

    def _may_be_ours(self, instance: str) -> bool:
        """Return whether Orthanc got a file as it gets ours: by REST on loopback, no modality."""
        aet, ip = self._archive.sender(instance)
        return not aet and (not ip or is_loopback(ip))

    def _note_removal(self, instance: str, version: str, before: str | None = None) -> None:
        """Note that a removal is now of our version of its file, which was ``before``, if given."""
        last = self._trail.last(instance)
        if last and last.action == REMOVED and (before is None or last.file in (None, before)):
            self._trail.removal_is_of(last.number, version)

    def _settle_tags(
        self,
        annotation: AnnotationRecord,
        stored: StoredFile,
        changed: list[str],
        refused: str | None,
        *,
        mixed: bool,
    ) -> None:
        tags: TagsRecord = {
            "state": followed(changed, refused),
            "changed": changed,
            "refused": refused,
            "mixed_series": mixed,
        }
        annotation = {**annotation, "tags": tags, "file": stored.version}
        self._annotations.put(annotation, stored.parents, follow=False)

    def _align_siblings(self, instance: str, stored: StoredFile, *, mixed: bool) -> None:
        """Rewrite the other files of a series after it became mixed, or ceased to be."""
        series = stored.parents.series
        if self._mixed.get(series) == mixed and not self._index.database.shared:
            return  # With several nodes, another may have noted the change.
        self._mixed[series] = mixed
        while len(self._mixed) > _KEPT:
            self._mixed.popitem(last=False)
        others = []
        for sibling in siblings_of(self._index, instance, series):
            note = self._archive.annotation(sibling["instance"])
            tags = note.get("tags") if note else None
            if tags and tags["state"] == "written" and tags.get("mixed_series", False) != mixed:
                others.append(sibling["instance"])
        if others:
            self._tasks.ask_now(Kind.REWRITE, others)

    def _note_outcome(self, instance: str, refused: str | None) -> None:
        with self._noting:
            self._outcomes[instance] = refused
            self._outcomes.move_to_end(instance)
            while len(self._outcomes) > _KEPT:
                self._outcomes.popitem(last=False)
