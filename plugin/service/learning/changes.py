"""What the memory made of the model's answers, as far as it can be seen in the archive."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.learning.sightings import Sightings

MOST_EXAMPLES = 100


@dataclass(slots=True)
class Change:
    """One label that became another.

    Attributes
    ----------
    before, after : str or None
        The model's own label, and that with the memory; None is rejected.
    instances : int
        Pictures.
    reviewed, right : int
        How many of them a person looked at, and let the new label stand.
    examples : list of str
        Ids of some of them.
    """

    before: str | None
    after: str | None
    instances: int = 0
    reviewed: int = 0
    right: int = 0
    examples: list[str] = field(default_factory=list)


def changes_of(sightings: Sightings, model: str, labels: Sequence[str]) -> list[Change]:
    """Compare what the model said alone with what stands as the picture's answer.

    A person's word counts only for ``reviewed`` and ``right``: what the memory changed is an answer
    of the machine until somebody confirms it.

    Parameters
    ----------
    sightings : Sightings
        What the model saw.
    model : str
        SHA-256.
    labels : sequence of str
        Its labels.
    """
    found: dict[tuple[str | None, str | None], Change] = {}
    for batch in sightings.answers(model):
        for index, said in enumerate(batch.said):
            own = None if batch.rejected[index] else labels[batch.own[index]]
            if own == said:
                continue
            change = found.setdefault((own, said), Change(own, said))
            change.instances += 1
            confirmed = batch.confirmed[index]
            change.reviewed += confirmed != ""
            change.right += confirmed == said
            if len(change.examples) < MOST_EXAMPLES:
                change.examples.append(batch.instances[index])
    return sorted(found.values(), key=lambda change: -change.instances)
