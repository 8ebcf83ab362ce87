"""What the memory made of the model's answers, as far as it can be seen in the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from bodypart.record import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.learning.sightings import Sightings

MOST_EXAMPLES = 100


class Change(TypedDict):
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

    before: Label | None
    after: Label | None
    instances: int
    reviewed: int
    right: int
    examples: list[str]


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
            change = found.setdefault((own, said), _none_yet(own, said))
            change["instances"] += 1
            confirmed = batch.confirmed[index]
            change["reviewed"] += confirmed != ""
            change["right"] += confirmed == said
            if len(change["examples"]) < MOST_EXAMPLES:
                change["examples"].append(batch.instances[index])
    return sorted(found.values(), key=lambda change: -change["instances"])


def _none_yet(before: str | None, after: str | None) -> Change:
    return Change(before=before, after=after, instances=0, reviewed=0, right=0, examples=[])
