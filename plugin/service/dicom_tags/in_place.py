"""``"Tags": "in-place"``: the stored file follows its annotation.

The steps of one instance: ask a decoder for the corrected file; save what the overwrite wipes; look
whether the file is still the one that was read; store the new one over it; read what Orthanc did;
give back what was wiped; note the outcome in the annotation. The newer file wins: where another
one came in between, ours yields.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from bodypart.dicom_out.policy import tags_to_write
from service.decoders.pool import EngineDownError
from service.dicom_tags.exports import siblings_of
from service.dicom_tags.rescue import KEPT_WITHIN, Rescue
from service.errors import NotFoundError, StorageFullError
from service.queue.tasks import Kind, Priority
from service.records.annotations import concerns_tags, of_file
from service.records.audit_trail import REMOVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.decoders.pool import Engine
    from service.dicom_tags.overwrite_backup import OverwriteBackup, OverwriteBackups
    from service.orthanc_api.archive import Archive
    from service.orthanc_api.resources import StoredFile
    from service.queue.tasks import Task, Tasks
    from service.records.annotations import Annotations
    from service.records.audit_trail import AuditTrail
    from service.records.index import Index
    from service.records.thumbnails import Thumbnails

_KEPT = 1000
_KEPT_SOON = 0.5
"""Seconds in which the hook has written what it saw, unless the machine stands."""
_YIELDED = "another file was stored meanwhile"
_CHANGES = 500


class InPlace:
    """Rewrites stored instances, one at a time.

    Parameters
    ----------
    archive, decoders, annotations, trail, index, tasks, backups, rescue, thumbnails
        The service's other parts.
    threshold : float
        Least probability of an answer that is written.
    write_conflicts : bool
        Whether it is written over a header that the picture contradicts.
    settle : float
        Seconds that a series must have been left alone before its main tags are read anew.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        archive: Archive,
        decoders: Engine,
        annotations: Annotations,
        trail: AuditTrail,
        index: Index,
        tasks: Tasks,
        backups: OverwriteBackups,
        rescue: Rescue,
        thumbnails: Thumbnails,
        *,
        threshold: float,
        write_conflicts: bool = True,
        settle: float,
        log: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._decoders = decoders
        self._annotations = annotations
        self._trail = trail
        self._index = index
        self._tasks = tasks
        self._backups = backups
        self._rescue = rescue
        self._thumbnails = thumbnails
        self._threshold = threshold
        self._write_conflicts = write_conflicts
        self._settle = settle
        self._log = log
        self._mixed: OrderedDict[str, bool] = OrderedDict()
        self._outcomes: OrderedDict[str, str | None] = OrderedDict()
        self._noting = threading.Lock()

    def rewrite(self, task: Task) -> None:
        """Have the file of an instance follow its annotation, or the removal of it.

        Raises
        ------
        EngineDownError, WorkerDiedError, ArchiveError, RecordError
            If it could not be done; it may be tried again.
        """
        instance = task.resource
        try:
            with self._annotations.lock(instance):
                self.mend(instance)
                refused = self._follow(instance, urgent=task.priority == Priority.PERSON)
        except NotFoundError:
            self._backups.drop(instance)
            refused = "the instance is gone"
        self._note_outcome(instance, refused)

    def give_up(self, task: Task, reason: str) -> None:
        """Note in the annotation that its file could not follow."""
        instance = task.resource
        with self._annotations.lock(instance):
            annotation = self._archive.annotation(instance)
            if annotation:
                stored = self._archive.stored_file(instance)
                self._settle_tags(annotation, stored, [], reason, mixed=False)
        self._note_outcome(instance, reason)

    def outcome(self, instance: str, limit: float) -> str | None:
        """Wait for a file to follow, ``limit`` seconds at most; return why it does not."""
        self._tasks.wait_for(Kind.REWRITE, {instance}, limit)
        return self._outcomes.get(instance)

    def is_away(self, instance: str) -> bool:
        """Tell whether an instance is being rewritten, its metadata yet to return."""
        return self._backups.of(instance) is not None

    def annotation_of(self, instance: str) -> dict[str, Any] | None:
        """Return the annotation that an instance has or, being rewritten, is about to have."""
        found = self._archive.annotation(instance)
        if found is None and (backup := self._backups.of(instance)):
            found = backup.annotation
        # It may have been given back between the two looks.
        return found or self._archive.annotation(instance)

    def mend(self, instance: str) -> None:
        """Give back what an overwrite wiped of which Orthanc did not say that it worked.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        """
        with self._annotations.lock(instance):
            backup = self._backups.of(instance)
            if backup is None:
                return
            stands = self._archive.md5(instance) == backup.md5_after
            theirs = self._rescue.kept(instance, 0.0) if stands else None
            if theirs is not None:
                self._put_back(instance, theirs)
            elif stands or not backup.md5_after:
                self._backups.give_back(backup)
                self._note_file(instance)
            # Else the overwrite never happened, or another file stands there now.
            self._backups.drop(instance)
            self._rescue.drop(instance)

    def recover(self) -> list[str]:
        """Finish what a crash interrupted; return the instances that must be looked at again."""
        found = self._backups.left_over()
        for instance in found:
            try:
                self.mend(instance)
            except NotFoundError:
                self._backups.drop(instance)
        return found

    def reconstruct(self, task: Task) -> None:
        """Have Orthanc read the main tags of a rewritten series anew, where they differ.

        Orthanc deadlocks for good if it overwrites at the same time, so that the one thread that
        rewrites does this as well, and only where it is needed.
        """
        series = task.resource
        try:
            instances = self._archive.instances_of("series", series)
            if len(instances) < 2:
                return  # It was made anew by the overwrite.
            if self._archive.series_part(series) != self._archive.instance_part(instances[0]):
                self._archive.reconstruct(series)
        except NotFoundError:
            return

    def _follow(self, instance: str, *, urgent: bool) -> str | None:
        stored = self._archive.stored_file(instance)
        annotation = self._archive.annotation(instance)
        if annotation is None:
            return self._restore(instance, stored)
        if not of_file(annotation, stored.version):
            self._annotate_again(instance)
            return _YIELDED
        if not concerns_tags(annotation):
            return None
        data = self._archive.dicom(instance)
        siblings = siblings_of(self._index, instance, stored.parents.series)
        request = {
            "annotation": annotation,
            "siblings": siblings,
            "threshold": self._threshold,
        }
        outcome, corrected = self._decoders.ask("correct", request, data, urgent=urgent)
        refused, standing = outcome["refused"], outcome["standing"]
        wanted = tags_to_write(
            annotation, self._threshold, siblings, write_conflicts=self._write_conflicts
        )
        mixed = wanted is not None and wanted.mixed_series
        if corrected:
            failed, stored = self._overwrite(instance, stored, annotation, corrected)
            standing = standing if failed is None else []
            # What an earlier answer had put there goes, also where this one may not be written.
            refused = failed or refused
        if refused != _YIELDED:
            self._settle_tags(annotation, stored, standing, refused, mixed=mixed)
            self._align_siblings(instance, stored, mixed=mixed)
        return None if refused is None else str(refused)

    def _restore(self, instance: str, stored: StoredFile) -> str | None:
        """Give a file its original attributes back, if ours stand there."""
        data = self._archive.dicom(instance)
        outcome, original = self._decoders.ask("restore", {}, data, urgent=True)
        refused: str | None = outcome["refused"]
        if original:
            refused, now = self._overwrite(instance, stored, None, original)
            self._note_removal(instance, now.version, before=stored.version)
        return refused

    def _overwrite(
        self,
        instance: str,
        stored: StoredFile,
        annotation: dict[str, Any] | None,
        corrected: bytes,
    ) -> tuple[str | None, StoredFile]:
        """Have a corrected file replace the stored one; return why not, and what stands there."""
        with self._annotations.lock_above(stored.parents.patient):
            held = self._archive.held([("instances", instance), *stored.parents.levels()])
            link = next((one.link for one in held if one.link), None)
            if link:
                return f"it is a copy ({link}), a link that an overwrite would drop", stored
            before = self._archive.md5(instance)
            backup = self._backups.take(
                instance, stored.parents, held, annotation, before, _md5(corrected)
            )
            self._rescue.drop(instance)
            with self._rescue.watching(instance, backup.md5_after):
                outcome = self._store_over(stored, corrected, backup)
            self._rescue.drop(instance)
            if isinstance(outcome, str):
                self._backups.drop(instance)
                return outcome, stored
            self._backups.give_back(backup)
            self._backups.drop(instance)
        self._ask_for_reconstruction(stored)
        return None, outcome

    def _store_over(
        self, stored: StoredFile, corrected: bytes, backup: OverwriteBackup
    ) -> StoredFile | str:
        """Store a corrected file unless another one came in; return it, or why it is not there."""
        instance = backup.instance
        # In this order: what comes in after the mark is seen in the log, what came before it here.
        before = self._archive.last_change()
        if self._archive.stored_file(instance).version != stored.version:
            self._annotate_again(instance)
            return _YIELDED
        if self._decoders.stopping:
            raise EngineDownError("Orthanc is stopping")
        try:
            answer = self._archive.store(corrected)
        except StorageFullError:
            return "storage full"
        if answer.status != "Success":
            return f"Orthanc answers {answer.status or 'nothing'}"
        if answer.instance != instance:
            # As a lossy transcoding has it: that copy is ours.
            self._archive.delete_instance(answer.instance)
            return "Orthanc stores it under another id"
        ours = self._archive.stored_file(instance)
        if self._archive.md5(instance) != backup.md5_after:
            self._annotate_again(instance)
            return _YIELDED
        if self._log_has_gap(before, instance):
            # In PostgreSQL numbers are missing after each transaction that was tried twice.
            shared = self._index.database.shared
            theirs = self._rescue.kept(instance, _KEPT_SOON if shared else KEPT_WITHIN)
            if theirs is not None:
                self._put_back(instance, theirs)
                return _YIELDED
        self._thumbnails.follow(instance, stored.version, ours.version)
        return ours

    def _log_has_gap(self, before: int, instance: str) -> bool:
        """Tell whether entries are missing in the change log between a mark and our own store.

        Orthanc forgets the entries of what is overwritten: had another file been stored after the
        mark and then been replaced by ours, the number of its entry would be missing.
        """
        since = before
        while True:
            found, _ = self._archive.changes(since, _CHANGES)
            for change in found:
                if change.sequence != since + 1:
                    return True
                since = change.sequence
                if change.kind == "NewInstance" and change.resource == instance:
                    return False
            if len(found) < _CHANGES:
                return True

    def _put_back(self, instance: str, theirs: bytes) -> None:
        """Store again what ours had replaced."""
        self._archive.store(theirs)
        self._log(f"instance {instance}: a file that was stored during its rewrite is put back")
        self._annotate_again(instance)

    def _note_file(self, instance: str) -> None:
        """Note that the annotation, or its removal, is of the file that stands there now."""
        annotation = self._archive.annotation(instance)
        stored = self._archive.stored_file(instance)
        if annotation:
            annotation = {**annotation, "file": stored.version}
            self._annotations.put(annotation, stored.parents, follow=False)
        else:
            self._note_removal(instance, stored.version)
            self._annotations.ask_roll_ups(stored.parents)

    def _note_removal(self, instance: str, version: str, before: str | None = None) -> None:
        """Note that a removal, of the file ``before`` if given, is of a version of ours by now."""
        word = self._trail.last(instance)
        if word and word.action == REMOVED and (before is None or word.file in (None, before)):
            self._trail.removal_is_of(word.number, version)

    def _ask_for_reconstruction(self, stored: StoredFile) -> None:
        with self._index.database.write() as connection:
            self._tasks.ask(
                connection,
                Kind.RECONSTRUCT,
                [stored.parents.series],
                level="series",
                delay=self._settle,
                postpone=True,
            )

    def _settle_tags(
        self,
        annotation: dict[str, Any],
        stored: StoredFile,
        changed: list[str],
        refused: str | None,
        *,
        mixed: bool,
    ) -> None:
        state = "refused" if refused else "written" if changed else "none"
        tags = {"state": state, "changed": changed, "refused": refused, "mixed_series": mixed}
        annotation = {**annotation, "tags": tags, "file": stored.version}
        self._annotations.put(annotation, stored.parents, follow=False)

    def _align_siblings(self, instance: str, stored: StoredFile, *, mixed: bool) -> None:
        """Have the rest of a series follow that became mixed, or ceased to be."""
        series = stored.parents.series
        if self._mixed.get(series) == mixed and not self._index.database.shared:
            return  # Other nodes may have seen it change.
        self._mixed[series] = mixed
        while len(self._mixed) > _KEPT:
            self._mixed.popitem(last=False)
        others = []
        for sibling in siblings_of(self._index, instance, series):
            note = self._archive.annotation(sibling["instance"])
            tags = (note or {}).get("tags") or {}
            if tags.get("state") == "written" and tags.get("mixed_series", False) != mixed:
                others.append(sibling["instance"])
        if others:
            self._tasks.ask_now(Kind.REWRITE, others)

    def _annotate_again(self, instance: str) -> None:
        self._tasks.ask_now(Kind.ANNOTATE, [instance])

    def _note_outcome(self, instance: str, refused: str | None) -> None:
        with self._noting:
            self._outcomes[instance] = refused
            self._outcomes.move_to_end(instance)
            while len(self._outcomes) > _KEPT:
                self._outcomes.popitem(last=False)


def _md5(data: bytes) -> str:
    """Return the digest by which Orthanc knows a file."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
