"""Where an annotation goes: metadata, Orthanc labels, the index, and the levels above."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from bodypart.rollup import roll_up
from orthanc_side import archive
from orthanc_side.archive import ANNOTATION, CODE, Ancestors, NotFoundError
from orthanc_side.index import Index

_LABEL_PREFIX = "bodypart-"
_REVIEW_LABEL = "bodypart-review"
_SHORTEST_PAUSE = 0.02
_PAUSE_AFTER_FAILURE = 1.0
_TRIES = 3
"""How often a roll-up that fails is done again; then the next change of a child brings it back."""
_SHARE = 9
"""Seconds of rest for each second of rolling up, so that uploads find the database free."""


def write(level: str, resource: str, annotation: dict[str, Any], *, with_labels: bool) -> None:
    """Write an annotation, or a roll-up, as metadata and labels of a resource.

    Raises
    ------
    NotFoundError
        If the resource is gone.
    """
    examined = annotation["examined"]
    if examined:
        archive.set_metadata(level, resource, CODE, examined["code"]["value"])
    else:
        archive.delete_metadata(level, resource, CODE)
    # Last, because its presence says that the resource is finished.
    archive.set_metadata(level, resource, ANNOTATION, json.dumps(annotation, ensure_ascii=False))
    if with_labels:
        _set_labels(level, resource, _labels(annotation))


def erase(level: str, resource: str, *, with_labels: bool) -> None:
    """Remove what ``write`` wrote."""
    archive.delete_metadata(level, resource, ANNOTATION)
    archive.delete_metadata(level, resource, CODE)
    if with_labels:
        _set_labels(level, resource, set())


def _labels(annotation: dict[str, Any]) -> set[str]:
    parts = [part["label"] for part in annotation.get("parts", ())]
    if annotation["examined"]:
        parts.append(annotation["examined"]["label"])
    # Orthanc allows letters, digits and "-" only.
    names = {_LABEL_PREFIX + part.replace("_", "-") for part in parts}
    return names | {_REVIEW_LABEL} if annotation["needs_review"] else names


def _set_labels(level: str, resource: str, wanted: set[str]) -> None:
    present = {name for name in archive.labels(level, resource) if name.startswith(_LABEL_PREFIX)}
    for name in sorted(present ^ wanted):
        archive.set_label(level, resource, name, present=name in wanted)


class Sinks:
    """Writes annotations, and keeps the levels above in step in a thread of its own.

    Parameters
    ----------
    index : Index
        The search index.
    with_labels : bool
        Whether to set Orthanc labels.
    study_changed : callable
        Told of each study whose roll-up was written anew.
    """

    def __init__(
        self, index: Index, *, with_labels: bool, study_changed: Callable[[str], None]
    ) -> None:
        self._study_changed = study_changed
        self._index = index
        self._with_labels = with_labels
        self._dirty: dict[tuple[str, str], None] = {}
        self._deleted: list[str] = []
        self._wake = threading.Condition()
        self._stopping = False
        self._doing: set[tuple[str, str]] = set()
        self._thread = threading.Thread(target=self._run, name="bodypart-rollup")

    def start(self) -> None:
        """Start keeping the levels above in step."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is due and end."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self._thread.join()

    def put(self, annotation: dict[str, Any]) -> None:
        """Write the annotation of an instance everywhere.

        Raises
        ------
        NotFoundError
            If the instance is gone.
        """
        instance = annotation["instance"]
        above = archive.ancestors(instance)
        write("instances", instance, annotation, with_labels=self._with_labels)
        self._index.put(annotation, above)
        self.refresh(above)

    def adopt(self, annotation: dict[str, Any]) -> None:
        """Take an annotation that the metadata already hold into the index."""
        above = archive.ancestors(annotation["instance"])
        self._index.put(annotation, above)
        self.refresh(above)

    def forget(self, instance: str) -> None:
        """Remove the annotation of an instance everywhere, and remember not to make it anew."""
        above = archive.ancestors(instance)
        erase("instances", instance, with_labels=self._with_labels)
        self._index.put_forgotten(instance, above)
        self.refresh(above)

    def deleted(self, instance: str) -> None:
        """Note that Orthanc deleted an instance; returns at once."""
        with self._wake:
            self._deleted.append(instance)
            self._wake.notify_all()

    def refresh(self, above: Ancestors) -> None:
        """Have the levels above an instance written anew soon."""
        with self._wake:
            for key in (
                ("series", above.series), ("studies", above.study), ("patients", above.patient),
            ):  # fmt: skip
                self._dirty[key] = None
            self._wake.notify_all()

    def settle(self, instances: Iterable[str], limit: float = 10.0) -> None:
        """Wait until the levels above some instances are in step, ``limit`` seconds at most."""
        wanted = {
            key for instance in instances for key in _levels_above(self._index.above(instance))
        }
        end = time.monotonic() + limit
        with self._wake:
            while wanted & (self._dirty.keys() | self._doing) and time.monotonic() < end:
                self._wake.wait(0.1)

    def _run(self) -> None:
        pause = _SHORTEST_PAUSE
        failures: Counter[tuple[str, str]] = Counter()
        while True:
            with self._wake:
                self._doing.clear()
                self._wake.notify_all()
                while not (self._dirty or self._deleted or self._stopping):
                    self._wake.wait()
                if self._stopping and not (self._dirty or self._deleted):
                    return
            # A series that is still arriving is rolled up now and then, not at every instance.
            time.sleep(pause)
            with self._wake:
                deleted, self._deleted = self._deleted, []
            for instance in deleted:
                self._drop(instance)
            with self._wake:
                dirty, self._dirty = list(self._dirty), {}
                self._doing.update(dirty)
            started = time.monotonic()
            failed = [key for key in dirty if not self._roll_up(*key)]
            pause = max(_SHORTEST_PAUSE, _SHARE * (time.monotonic() - started))
            again = [key for key in failed if failures[key] < _TRIES and not self._stopping]
            failures = Counter({key: failures[key] + 1 for key in failed})
            if again:
                pause = max(pause, _PAUSE_AFTER_FAILURE)
                with self._wake:
                    self._dirty.update(dict.fromkeys(again))

    def _drop(self, instance: str) -> None:
        try:
            # An overwritten instance is deleted and stored again at once: then it is still there.
            if archive.exists("instances", instance):
                return
            above = self._index.remove(instance)
        except Exception as error:
            # The next sweep finds it gone.
            archive.log(f"instance {instance} stays in the index: {type(error).__name__}")
            return
        if above:
            self.refresh(above)

    def _roll_up(self, level: str, resource: str) -> bool:
        """Write a resource's roll-up; tell whether it is in step now."""
        try:
            children = self._index.children(level, resource)
            if children:
                annotation = roll_up(level, resource, children)
                write(level, resource, annotation, with_labels=self._with_labels)
            else:
                erase(level, resource, with_labels=self._with_labels)
        except NotFoundError:
            return True  # Deleted meanwhile.
        except Exception as error:
            archive.log(f"the roll-up of {level} {resource} failed: {type(error).__name__}")
            return False
        if level == "studies":
            self._study_changed(resource)
        return True


def _levels_above(above: Ancestors | None) -> list[tuple[str, str]]:
    if above is None:
        return []
    return [("series", above.series), ("studies", above.study), ("patients", above.patient)]
