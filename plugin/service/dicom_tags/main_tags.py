"""What Orthanc noted of a series' files, read again after one of them was overwritten."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from service.errors import NotFoundError
from service.orthanc_api.archive import DICOMWEB_CACHE
from service.queue.tasks import Kind

if TYPE_CHECKING:
    import threading

    from service.databases.database import Database
    from service.orthanc_api.archive import Archive
    from service.queue.tasks import Task, Tasks


_NONE = b"0"
"""A content of the cache that the plugin takes for none."""


class MainTags:
    """Has Orthanc read main tags again, and its DICOMweb plugin the headers.

    Parameters
    ----------
    archive, database, tasks
        The service's other parts.
    alone : threading.Lock
        Held while one file is stored over another: Orthanc deadlocks if both happen at once.
    settle : float
        Seconds without a rewrite after which a series is checked.
    """

    def __init__(
        self,
        archive: Archive,
        database: Database,
        tasks: Tasks,
        alone: threading.Lock,
        *,
        settle: float,
    ) -> None:
        self._archive = archive
        self._database = database
        self._tasks = tasks
        self._alone = alone
        self._settle = settle

    def ask(self, series: str) -> None:
        """Have a series checked once it is stable.

        Raises
        ------
        ArchiveError
            If it must be tried again.
        """
        with suppress(NotFoundError):
            # The plugin believes what it kept as long as the instances are the same ones. It would
            # read them anew once the series is stable, but never if Orthanc is stopped before that.
            if DICOMWEB_CACHE in self._archive.user_attachments("series", series):
                self._archive.set_attachment("series", series, DICOMWEB_CACHE, _NONE)
        with self._database.write() as connection:
            self._tasks.ask(
                connection,
                Kind.RECONSTRUCT,
                [series],
                level="series",
                delay=self._settle,
                postpone=True,
            )

    def follow(self, task: Task) -> None:
        """Have the main tags of a series read again, if they differ from its files'."""
        series = task.resource
        with suppress(NotFoundError):
            noted = self._archive.series_part(series)
            # Even if it has only one instance now: the others may have been deleted since.
            for first in self._archive.instances_of("series", series)[:1]:
                if self._archive.instance_part(first) != noted:
                    with self._alone:
                        self._archive.reconstruct(series)
