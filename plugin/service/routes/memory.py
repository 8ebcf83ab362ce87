"""What was learned from people's words, and which pictures are like one."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field
from typing_extensions import TypedDict

from bodypart.memory.recall import ALIKE
from bodypart.memory.words import NONE
from service.errors import NotFoundError
from service.learning.alike import nearest
from service.learning.changes import Change
from service.learning.follow import Learned
from service.learning.words import WordLine
from service.routes.lines import AlikeLine
from service.routes.models import Asked
from service.routes.requests import TheService, labels_of, not_found, one_at_a_time, page_of
from service.routes.router import Router
from service.routes.worklist import lines

router = Router()
_MOST_ALIKE = 200
_DEFAULT_ALIKE = 30
_MOST_WORDS = 200
_DEFAULT_WORDS = 50


class Words(Asked):
    """Which words; the newest come first."""

    label: str = Field("", description="a label, a code or a region; or none: cannot be told")
    after: Annotated[int, Field(ge=0, lt=2**63)] | None = Field(
        None, description="`next` of the page before"
    )
    limit: int = Field(_DEFAULT_WORDS, ge=1, le=_MOST_WORDS)


class Alike(Asked):
    """How many pictures, and how alike."""

    limit: int = Field(_DEFAULT_ALIKE, ge=1, le=_MOST_ALIKE)
    least: float = Field(-1, ge=-1, le=1, description=f"smallest likeness; {ALIKE} is called alike")


class WordsAnswer(TypedDict):
    """A page of words; ``next`` is null on the last."""

    words: list[WordLine]
    next: int | None


class AlikeAnswer(TypedDict):
    """The pictures most like one, the most alike first."""

    instance: str
    items: list[AlikeLine]


@router.get("/bodypart/memory", summary="What was learned from confirmed pictures, by part")
def memory(service: TheService) -> Learned:
    """Answer how many words there are on each part, and what they gain on other patients."""
    return service.learning.learned()


@router.delete("/bodypart/memory", summary="Forget every word; annotations and audit trail stay")
def forget(service: TheService) -> Learned:
    """Forget all that was learned so far."""
    service.learning.forget_all()
    return service.learning.learned()


@router.get("/bodypart/memory/words", summary="The words that are learned from, the newest first")
def words(query: Annotated[Words, Query()], service: TheService) -> WordsAnswer:
    """Answer words, the newest first."""
    label = query.label
    wanted = (label,) if label == NONE else labels_of("label", label) if label else ()
    learning = service.learning
    found = learning.words.page(learning.model, wanted, query.after, query.limit + 1)
    page, last = page_of(found, query.limit)
    return {"words": list(page), "next": last["number"] if last else None}


@router.delete(
    "/bodypart/memory/words/{id:orthanc_id}",
    summary="Forget the word on one picture, which may be gone; what was said stays said",
)
def forget_word(id: str, service: TheService) -> Learned:
    """Forget one word; to take back what was said as well, delete the review."""
    service.learning.forget(id)
    return service.learning.learned()


@router.get("/bodypart/memory/changes", summary="What the memory made of the model's answers")
def changes(service: TheService) -> list[Change]:
    """Answer which label became which other, how often, and how often people agreed."""
    with one_at_a_time():
        return service.learning.changes()


@router.get(
    "/bodypart/instances/{id:orthanc_id}/alike",
    summary="The unreviewed pictures most like one, as lines of the work list",
)
def alike(id: str, service: TheService, query: Annotated[Alike, Query()]) -> AlikeAnswer:
    """Answer which pictures a person may confirm or correct along with this one."""
    if not service.archive.exists("instances", id):
        raise NotFoundError(id)
    model, sightings = service.learning.model, service.learning.sightings
    seen = sightings.get(id, model) if model else None
    if model is None or seen is None:
        raise not_found(f"no model has looked at {id}: classify it again")
    with one_at_a_time():
        near = nearest(sightings, model, seen.embedding, query.limit, but=id)
    found = {instance: cosine for instance, cosine in near if cosine >= query.least}
    items: list[AlikeLine] = [
        {**line, "likeness": round(found[line["instance"]], 3)}
        for line in lines(service, list(found))
    ]
    return {"instance": id, "items": items}
