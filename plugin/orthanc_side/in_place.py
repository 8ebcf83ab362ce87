"""``"Tags": "in-place"``: the stored instance is replaced by the corrected one.

The steps of one instance: ask the worker for the corrected file; save what the overwrite wipes;
store the file over the old one; give everything back; write the annotation. Each step can be
done again, and the saved keepsake tells the next write, or the next start, that it must be.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bodypart.dicom_out.policy import tags_to_write
from orthanc_side import archive
from orthanc_side.archive import NotFoundError
from orthanc_side.engine import EngineDownError
from orthanc_side.exports import siblings_of
from orthanc_side.keepsake import Keepsake, Keepsakes

if TYPE_CHECKING:
    from orthanc_side.engine import Engine
    from orthanc_side.index import Index
    from orthanc_side.loopback import Loopback
    from orthanc_side.sinks import Sinks


class InPlace:
    """Writes tags into stored instances, and undoes it.

    Attributes
    ----------
    lock : RLock
        Held while an instance is between its deletion and its return.

    Parameters
    ----------
    engine, sinks, index, loopback
        The plugin's other parts.
    folder : Path
        Where keepsakes are kept.
    threshold : float
        Least probability of an answer that is written.
    """

    def __init__(
        self,
        engine: Engine,
        sinks: Sinks,
        index: Index,
        loopback: Loopback,
        folder: Path,
        *,
        threshold: float,
    ) -> None:
        self._engine = engine
        self._sinks = sinks
        self._index = index
        self._loopback = loopback
        self._keepsakes = Keepsakes(folder)
        self._threshold = threshold
        self.lock = threading.RLock()
        self._stale: set[str] = set()
        self._mixed: dict[str, bool] = {}

    def put(self, annotation: dict[str, Any]) -> None:
        """Write an annotation with its tags: into the DICOM file first, then everywhere else.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        EngineDownError, WorkerDiedError, StoreError
            If it could not be done; it may be tried again.
        """
        with self.lock:
            self.mend(annotation["instance"])
            self._put(annotation)
            if _concerns_tags(annotation):
                self._align_siblings(annotation)

    def undo(self, instance: str) -> str | None:
        """Restore the original values, if ours stand there; return why that is refused, or None.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        """
        with self.lock:
            self.mend(instance)
            annotation = archive.stored(instance)
            outcome, data = self._engine.ask("restore", {}, archive.dicom(instance), urgent=True)
            if data:
                self._overwrite({**(annotation or {}), "instance": instance}, data)
            return str(outcome["refused"]) if outcome["refused"] else None

    def mend(self, instance: str) -> None:
        """Give back what an overwrite wiped of which Orthanc did not say that it worked.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        """
        with self.lock:
            keepsake = self._keepsakes.of(instance)
            if keepsake:
                self._keepsakes.give_back(keepsake)
                self._keepsakes.drop(instance)

    def is_away(self, instance: str) -> bool:
        """Tell whether an instance is being rewritten, its metadata yet to return; never waits."""
        return self._keepsakes.has(instance)

    def recover(self) -> None:
        """Finish what a crash interrupted.

        What cannot be finished now is left to the next write to its instance, or the next start;
        a damaged keepsake is set aside for a person to look at.

        Raises
        ------
        EngineDownError
            If no worker runs.
        """
        for instance in self._keepsakes.left_over():
            with self.lock:
                self._try_to_finish(instance)

    def _try_to_finish(self, instance: str) -> None:
        try:
            keepsake = self._keepsakes.of(instance)
            if keepsake:
                self._finish_interrupted(keepsake)
                archive.log(f"instance {instance}: an interrupted rewrite is finished")
        except NotFoundError:
            self._keepsakes.drop(instance)
        except EngineDownError:
            raise
        except (ValueError, TypeError, KeyError):
            self._keepsakes.set_aside(instance)
            archive.log(f"instance {instance}: a damaged keepsake is set aside")
        except Exception as error:
            kind = type(error).__name__
            archive.log(f"instance {instance}: an interrupted rewrite waits ({kind})")

    def _finish_interrupted(self, keepsake: Keepsake) -> None:
        if "status" in keepsake.annotation:
            _, data = self._ask(keepsake.annotation)
            if data:
                self._loopback.post("/instances", data)
        self._finish(keepsake)

    def series_is_stable(self, series: str) -> None:
        """Have Orthanc read the series' tags anew if an instance in it was rewritten.

        Raises
        ------
        StoreError
            If Orthanc refuses.
        """
        if series in self._stale:
            self._stale.discard(series)
            self._loopback.post(f"/series/{series}/reconstruct", b"{}")

    def _put(self, annotation: dict[str, Any]) -> None:
        if not _concerns_tags(annotation):
            self._sinks.put(annotation)
            return
        outcome, data = self._ask(annotation)
        tags = {**outcome, "mixed_series": self._is_mixed(annotation)}
        annotation = {**annotation, "tags": tags}
        if data:
            self._overwrite(annotation, data)
        else:
            self._sinks.put(annotation)

    def _ask(self, annotation: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        request = {
            "annotation": annotation,
            "siblings": siblings_of(self._index, annotation["instance"]),
            "threshold": self._threshold,
        }
        data = archive.dicom(annotation["instance"])
        # Behind a review, a person waits.
        return self._engine.ask("correct", request, data, urgent=bool(annotation["review"]))

    def _overwrite(self, annotation: dict[str, Any], data: bytes) -> None:
        above = archive.ancestors(annotation["instance"])
        keepsake = self._keepsakes.take(annotation, above)
        self._loopback.post("/instances", data)
        self._finish(keepsake)
        self._stale.add(above.series)

    def _finish(self, keepsake: Keepsake) -> None:
        self._keepsakes.give_back(keepsake)
        if "status" in keepsake.annotation:
            self._sinks.put(keepsake.annotation)
        self._keepsakes.drop(keepsake.instance)

    def _is_mixed(self, annotation: dict[str, Any]) -> bool:
        """Tell whether the sure answers in the annotation's series differ."""
        notes = [annotation, *siblings_of(self._index, annotation["instance"])]
        for note in notes:
            wanted = tags_to_write(note, self._threshold, notes)
            if wanted:
                return wanted.mixed_series
        return False

    def _align_siblings(self, annotation: dict[str, Any]) -> None:
        """Rewrite the rest of a series that became mixed, or ceased to be."""
        above = self._index.above(annotation["instance"])
        mixed = self._is_mixed(annotation)
        if above is None or self._mixed.get(above.series) == mixed:
            return
        for sibling in siblings_of(self._index, annotation["instance"]):
            note = archive.stored(sibling["instance"])
            if note and note.get("tags") and note["tags"]["mixed_series"] != mixed:
                with suppress(NotFoundError):  # Deleted meanwhile.
                    self.mend(sibling["instance"])
                    self._put(note)
        self._mixed[above.series] = mixed


def _concerns_tags(annotation: dict[str, Any]) -> bool:
    """Tell whether tags may be written: a picture was read, or a person spoke."""
    return annotation["status"] == "done" and bool(annotation["image"] or annotation["review"])
