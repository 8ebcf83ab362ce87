"""Stores a corrected file over the one from which it was made, without losing anything else.

The steps: save what the overwrite wipes; check that the file is still the one that was read; store
the new one over it; check what Orthanc did; restore what was wiped. Another sender's file wins: if
one came in between, ours yields.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from service.decoders.pool import EngineDownError
from service.dicom_tags.file_mark import FileMark, md5
from service.dicom_tags.rescue import KEPT_WITHIN, Rescue
from service.errors import ArchiveError, LostFileError, StorageFullError
from service.queue.tasks import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bodypart.record import AnnotationRecord
    from service.dicom_tags.overwrite_backup import OverwriteBackup, OverwriteBackups
    from service.orthanc_api.archive import Archive
    from service.orthanc_api.resources import Held, Piece, StoredFile
    from service.records.records import Records

YIELDED = "another file was stored meanwhile"
STORAGE_FULL = "storage full"
_KEPT_SOON = 0.5
"""Seconds in which the store hook writes the file that it saw, unless the machine hangs."""
_CHANGES = 500


class Overwriting:
    """Stores files over others.

    Parameters
    ----------
    archive, records, backups, rescue
        The service's other parts.
    stopping : threading.Event
        Set when Orthanc stops: nothing new may begin.
    log : callable
        Takes a line.

    Attributes
    ----------
    backups : OverwriteBackups
        Backups of what overwrites wiped, not restored yet.
    alone : threading.Lock
        Held while one file is stored over another; taken after all other locks. Orthanc deadlocks
        if it reads main tags again at the same time; and of two threads that overwrite, one could
        take the entries that the other wipes from the change log for another sender's file.
    """

    def __init__(
        self,
        archive: Archive,
        records: Records,
        backups: OverwriteBackups,
        rescue: Rescue,
        stopping: threading.Event,
        log: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._annotations = records.annotations
        self._tasks = records.tasks
        self._thumbnails = records.thumbnails
        # Then Orthanc's own index is in a PostgreSQL that other nodes use, too.
        self._shared = records.index.database.shared
        self.backups = backups
        self._rescue = rescue
        self._stopping = stopping
        self._log = log
        self.alone = threading.Lock()

    def replace(
        self,
        instance: str,
        stored: StoredFile,
        annotation: AnnotationRecord | None,
        ours: Sequence[Piece],
        note: Callable[[StoredFile, bool], None],
        *,
        signed: bool,
    ) -> str | None:
        """Replace the stored file; return why that was not done, or None.

        The caller holds the lock of the instance.

        Parameters
        ----------
        instance, stored : str, StoredFile
            The instance to be replaced, as it was read.
        annotation : dict or None
            Annotation that the instance is to have afterwards, if any: ``note`` writes it.
        ours : sequence of bytes-like
            The new file, in pieces.
        note : callable
            Called once the new file is stored, with it and whether it is alone in its series. The
            backup is dropped only after that, so that it survives a kill.
        signed : bool
            Whether the new file is a correction, not the original.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        EngineDownError
            If Orthanc stops: nothing new may begin.
        ArchiveError, RecordError
            If it could not be done; `mend` must come before the next try.
        """
        with self._annotations.lock_above(stored.parents.patient):
            places = [("instances", instance), *stored.parents.levels()]
            if not self._archive.has_patients:
                del places[-1]  # Nobody can note anything on a patient.
            held = self._archive.held(places)
            if link := self._lost_link(held):
                return f"it is a copy ({link}), and an overwrite would drop that link"
            mark = FileMark.of(*ours, signed=signed)
            backup = self.backups.take(instance, stored.parents, held, annotation, mark)
            self._rescue.drop(instance)
            outcome: list[Held] | str
            with self.alone, ExitStack() as watched:
                # Once Orthanc stops, its side no longer answers: waiting would be in vain.
                self._must_go_on()
                try:
                    watched.enter_context(self._rescue.watching(instance, mark))
                except StorageFullError:
                    outcome = STORAGE_FULL
                else:
                    outcome = self._store_over(instance, stored, ours, places)
            self._rescue.drop(instance)
            if isinstance(outcome, str):
                self.backups.drop(instance)
                return outcome
            self.backups.give_back(backup, outcome, annotation=annotation is None)
            note(replace(stored, version=outcome[0].version), outcome[1].alone)
            self.backups.drop(instance)
        return None

    def _lost_link(self, held: Sequence[Held]) -> str | None:
        """Return the name of a copy's link that an overwrite would drop, None if there is none.

        A link to what is gone may be dropped, unless it alone tells whose an anonymised copy is.
        """
        for one in held:
            if one.level != "instances" and not one.alone:
                break  # It stays, and all above it.
            if one.link and (
                one.link == "AnonymizedFrom" or self._archive.exists(one.level, one.original)
            ):
                return one.link
        return None

    def mend(self, instance: str, note: Callable[[str, StoredFile], None]) -> None:
        """Restore what an overwrite wiped that was interrupted, or failed for all we know.

        The caller holds the lock of the instance.

        Parameters
        ----------
        instance : str
            Orthanc id.
        note : callable
            Called with the new file if it is stored, before its backup is dropped.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        """
        backup = self.backups.of(instance)
        if backup is None:
            return
        # First: nothing is noted about a file that comes in after this check.
        stored = self._archive.stored_file(instance)
        stands = self._stands(backup, stored)
        theirs = self._rescue.kept(instance, 0.0) if stands else None
        if theirs is not None:
            with self.alone:
                self._put_back(instance, theirs)
        elif stands or not backup.mark:
            self.backups.give_back(backup)
            note(instance, stored)
        # Otherwise the overwrite never happened, or another file is there now.
        self.backups.drop(instance)
        self._rescue.drop(instance)

    def _stands(self, backup: OverwriteBackup, stored: StoredFile) -> bool:
        """Return whether the stored file is the one for which the backup was taken."""
        mark = FileMark.read(backup.mark)
        if mark is None:
            return self._archive.md5(backup.instance) == backup.mark
        try:
            return mark.fits(self._archive.dicom(backup.instance))
        except LostFileError:
            # The storage may be down for a while: then the size in Orthanc's index must do.
            return stored.size == mark.length

    def _store_over(
        self,
        instance: str,
        stored: StoredFile,
        ours: Sequence[Piece],
        places: list[tuple[str, str]],
    ) -> list[Held] | str:
        """Store a file unless another came in; return what Orthanc has afterwards, or why not."""
        # In this order: the log shows what comes in from now on, the check what came before.
        before = self._archive.last_change()
        if self._archive.stored_file(instance).version != stored.version:
            self.annotate_again(instance)
            return YIELDED
        self._must_go_on()
        try:
            answer = self._archive.store(*ours)
        except StorageFullError:
            return STORAGE_FULL
        if answer.status != "Success":
            return f"Orthanc answers {answer.status or 'nothing'}"
        if answer.instance != instance:
            # For example after a lossy transcoding: that copy is ours.
            self._archive.delete_instance(answer.instance)
            return "Orthanc stores it under another id"
        # Before the log is read: nothing is noted about a file that comes in after this.
        now = self._archive.held(places)
        # Without a gap nothing else was stored since: it is ours, even if Orthanc transcoded it.
        entry, gap = self._own_entry(before, instance)
        if gap:
            # Only in this case, as hashing a film takes as long as storing it.
            if self._archive.md5(instance) != md5(*ours):
                self.annotate_again(instance)
                return YIELDED
            # With PostgreSQL a gap may mean nothing: a transaction that is repeated skips a number.
            theirs = self._rescue.kept(instance, _KEPT_SOON if self._shared else KEPT_WITHIN)
            if theirs is not None:
                self._put_back(instance, theirs)
                return YIELDED
            # Ask again, as seconds may have passed: values that were set meanwhile stay.
            version, now = now[0].version, self._archive.held(places)
            now[0] = replace(now[0], version=version)
        if entry is not None:
            self._rescue.note_own(instance, entry)
        self._thumbnails.follow(instance, stored.version, now[0].version)
        return now

    def _must_go_on(self) -> None:
        if self._stopping.is_set():
            raise EngineDownError("Orthanc is stopping")

    def _own_entry(self, before: int, instance: str) -> tuple[int | None, bool]:
        """Return the log's entry of our own store, and whether numbers are missing before it.

        Orthanc deletes the entries of an instance that is overwritten: if another file was stored
        after ``before`` and then replaced by ours, the number of its entry is missing.
        """
        since = before
        while True:
            found, _ = self._archive.changes(since, _CHANGES)
            for change in found:
                if change.sequence != since + 1:
                    return None, True
                since = change.sequence
                if change.kind == "NewInstance" and change.resource == instance:
                    return since, False
            if len(found) < _CHANGES:
                return None, True

    def _put_back(self, instance: str, theirs: bytes) -> None:
        """Store the file again that ours had replaced.

        Raises
        ------
        ArchiveError
            If Orthanc does not store it.
        """
        answer = self._archive.store(theirs)
        if not answer.stands:
            # The file is still kept, and will be tried again.
            raise ArchiveError(f"POST /instances: {answer.status or 'no status'}")
        self._log(f"instance {instance}: a file that was stored during its rewrite is put back")
        self.annotate_again(instance)

    def annotate_again(self, instance: str) -> None:
        """Have the file that is stored now annotated."""
        self._tasks.ask_now(Kind.ANNOTATE, [instance])
