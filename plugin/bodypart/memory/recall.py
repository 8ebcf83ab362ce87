"""Applies what was learned to one picture after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from typing_extensions import TypedDict

from bodypart.memory.rule import Rule
from bodypart.memory.words import NONE, MemoryFormatError, unpack_floats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bodypart.annotation import Annotation
    from bodypart.evidence import ImageReading
    from bodypart.memory.rule import Float32, Floats
    from bodypart.record import MemoryRecord

ALIKE = 0.75
"""Cosine from which two pictures count as alike: where the kernel is one half."""

MOST_ALIKE = 7
LEAST_TAUGHT = 0.05
"""A label that the model does not know is named from this probability on."""

CONFIRMED_NONE = "the picture is like those that were confirmed here as showing none of the parts"


class PackedRule(TypedDict):
    """The labels of a rule, those that the model knows first, and the words of its landmarks."""

    labels: list[str]
    model_labels: int
    landmarks: list[str]


@dataclass(frozen=True, slots=True)
class Recollection:
    """What the memory says about one picture.

    Attributes
    ----------
    revision : str
        State of the memory.
    alike : tuple of str
        Instances of the confirmed pictures most like it, the nearest first.
    changed : str or None
        ``hand -> wrist`` if the answer changed, None if it only became more or less sure.
    """

    revision: str
    alike: tuple[str, ...]
    changed: str | None

    def noted(self, annotation: Annotation, *, applied: bool) -> Annotation:
        """Return an annotation with a note of what the memory did, or would have done.

        A change that was not applied marks the annotation for review.
        """
        note: MemoryRecord = {
            "revision": self.revision,
            "alike": list(self.alike),
            "changed": self.changed,
            "applied": applied,
        }
        annotation = replace(annotation, memory=note)
        if applied or self.changed is None or annotation.needs_review:
            return annotation
        reason = f"Pictures confirmed here suggest another answer ({self.changed})."
        return replace(annotation, needs_review=True, review_reason=reason)


class Recall:
    """The learned rule and the pictures that it was learned from.

    Parameters
    ----------
    model : str
        SHA-256 of the model in use; updates from another model are refused.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self.revision: str | None = None
        self._rule: Rule | None = None
        self._instances: dict[str, str] = {}
        self._embeddings: Float32 = np.zeros((0, 0), dtype=np.float32)

    def apply(self, update: Mapping[str, Any], payload: bytes) -> bool:
        """Apply an update of :meth:`bodypart.memory.memory.Memory.update`.

        Returns
        -------
        bool
            False if it builds on another state than the present one: all of the memory is needed.

        Raises
        ------
        MemoryFormatError
            If the update is damaged; the memory stays as it was.
        """
        if update["base"] not in (None, self.revision):
            return False
        if update["model"] != self.model:
            raise MemoryFormatError("the update was learned with another model")
        fresh = update["base"] is None
        kept = {} if fresh else self._instances
        rows = [] if fresh else list(self._embeddings)
        try:
            known = dict(zip(kept, rows, strict=True))
            for word in update["removed"]:
                del known[word]
            dimensions, added = int(update["dimensions"]), update["added"]
            cut = 2 * dimensions * len(added)
            numbers = unpack_floats(payload[:cut]).reshape(len(added), dimensions)
            known.update(zip((word["id"] for word in added), numbers, strict=True))
            instances = {**kept, **{word["id"]: word["instance"] for word in added}}
            rule = unpack_rule(update["rule"], payload[cut:], known)
        except (KeyError, TypeError, ValueError) as error:
            raise MemoryFormatError(f"the update is not readable: {error!r}") from error
        self._instances = {word: instances[word] for word in known}
        self._embeddings = (
            np.stack(list(known.values())) if known else np.zeros((0, dimensions), np.float32)
        )
        self._rule, self.revision = rule, update["revision"]
        return True

    def consult(self, reading: ImageReading) -> tuple[ImageReading, Recollection | None]:
        """Return a picture's reading as the words change it.

        Returns
        -------
        tuple of ImageReading and Recollection or None
            The unchanged reading and None if the memory has nothing to add.
        """
        rule, seen = self._rule, reading.seen
        if rule is None or seen is None or self.revision is None:
            return reading, None
        said = rule.change(seen.embedding, seen.posterior, rejected=seen.rejected)
        if said is None:
            return reading, None
        before = NONE if seen.rejected else rule.labels[int(np.argmax(seen.posterior[:-1]))]
        after = rule.labels[int(said.argmax())]
        note = Recollection(
            revision=self.revision,
            alike=self.alike(seen.embedding),
            changed=None if before == after else f"{before} -> {after}",
        )
        probabilities = _named(rule, said)
        reason = reading.reason
        if after != NONE:
            reason = None
        elif before != NONE:
            reason = CONFIRMED_NONE
        return (
            replace(reading, probabilities=probabilities, rejected=after == NONE, reason=reason),
            note,
        )

    def alike(self, embedding: Float32, most: int = MOST_ALIKE) -> tuple[str, ...]:
        """Return the instances of the confirmed pictures most like one, the nearest first."""
        if not len(self._embeddings):
            return ()
        cosine = self._embeddings @ embedding
        near = np.flatnonzero(cosine >= ALIKE)
        order = near[np.argsort(-cosine[near], kind="stable")][:most]
        instances = list(self._instances.values())
        return tuple(instances[index] for index in order)


def _named(rule: Rule, said: Floats) -> dict[str, float]:
    """Return the probabilities by label; labels known from words only if they are likely."""
    return {
        label: float(value)
        for index, (label, value) in enumerate(zip(rule.labels[:-1], said, strict=False))
        if index < rule.model_labels or value >= LEAST_TAUGHT
    }


def pack_rule(rule: Rule) -> tuple[PackedRule, bytes]:
    """Return a rule as a JSON-ready record, its landmarks by their words, and its numbers."""
    record: PackedRule = {
        "labels": list(rule.labels),
        "model_labels": rule.model_labels,
        "landmarks": list(rule.landmark_words),
    }
    numbers = np.concatenate([rule.coefficients.ravel(), rule.margins.ravel()])
    return record, np.ascontiguousarray(numbers, dtype="<f4").tobytes()


def unpack_rule(
    record: Mapping[str, Any] | None, data: bytes, embeddings: Mapping[str, Float32]
) -> Rule | None:
    """Return the rule that :func:`pack_rule` packed; None if nothing is learned yet."""
    if record is None:
        return None
    labels = tuple(record["labels"])
    cut = len(record["landmarks"]) * len(labels)
    numbers = np.frombuffer(data, dtype="<f4").astype(np.float64)
    return Rule(
        labels=labels,
        model_labels=int(record["model_labels"]),
        landmark_words=tuple(record["landmarks"]),
        landmarks=np.stack([embeddings[word] for word in record["landmarks"]]),
        coefficients=numbers[:cut].reshape(len(record["landmarks"]), len(labels)),
        margins=numbers[cut:].reshape(len(labels), len(labels)),
    )
