"""A person's word over the machine's: how a correction enters an annotation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bodypart.annotation import Examined, Laterality, Review, utc_now, visible_part
from bodypart.evidence import HeaderReading
from bodypart.fusion.sides import named_by_marker, side_of
from bodypart.labels import BY_LABEL, router_group
from bodypart.pixel_digest import differ
from bodypart.regions import compatible

if TYPE_CHECKING:
    from bodypart.record import (
        AnnotationRecord,
        LateralityRecord,
        MachineRecord,
        PreviousRecord,
        ReviewRecord,
        VisibleRecord,
        WordRecord,
    )

_LONGEST_HISTORY = 20


def apply_review(
    annotation: AnnotationRecord, review: Review, *, compared: bool = False
) -> AnnotationRecord:
    """Return the annotation with a person's word as its answer.

    The machine's own answer stays readable in ``machine``, ``image`` and ``header``. The answer
    before the word goes into ``review.previous``, unless the review already has one (as when a
    reviewed instance is classified again).

    Parameters
    ----------
    annotation : dict
        An annotation as JSON; not changed.
    review : Review
        The correction or confirmation.
    compared : bool
        Whether the decoder compared the picture with the review's digest, of any version: the
        annotation then has that very digest if the picture is the same.
    """
    pixels = annotation.get("pixels")
    if differ(review.pixels, pixels) or (compared and pixels and pixels != review.pixels):
        said = BY_LABEL[review.examined].code.meaning.lower() if review.examined else "nothing"
        reason = f"A person said {said} of another picture of this instance."
        return {**annotation, "needs_review": True, "review_reason": reason}
    if pixels:
        # Also if an earlier version recorded no digest, or one that cannot be compared.
        review = replace(review, pixels=pixels)
    previous = review.previous
    if previous is None:
        review, previous = _with_history(_with_side(review, annotation), annotation)
    label = review.examined
    visible = _visible(annotation, review)
    laterality = _laterality(annotation, review)
    return {
        **annotation,
        "status": "done",
        "reason": None,
        "examined": Examined(label, 1.0, "person").to_json() if label else None,
        "visible": visible,
        "laterality": laterality,
        "group": _group(annotation, label),
        "needs_review": False,
        "review_reason": None,
        "review": review.to_json(previous),
        "machine": annotation.get("machine") if annotation["review"] else _machine(annotation),
    }


def machine_answer(annotation: AnnotationRecord) -> AnnotationRecord | None:
    """Return an annotation without any person's word, None if it must be computed again.

    It must if the words date from a version that kept no machine answer.
    """
    machine = annotation.get("machine")
    if not machine:
        return None
    answer: AnnotationRecord = {**annotation, **machine, "review": None}
    del answer["machine"]
    return answer


def word_before(annotation: AnnotationRecord, *, by: str, at: str) -> Review | None:
    """Return the word before the last one, to be applied again; None if there is none.

    A last word that itself returned this way does not count as a new one, so going back twice goes
    two words back.

    Parameters
    ----------
    annotation : dict
        An annotation as JSON.
    by, at : str
        Who takes back the last word, and when.
    """
    review = annotation["review"]
    if review is None:
        return None
    standing: list[WordRecord] = []
    for word in (*review.get("history", ()), review):
        if word.get("restored"):
            del standing[-1:]  # The word now on top is the one that returned.
        else:
            standing.append(word)
    if len(standing) < 2:
        return None
    again: ReviewRecord = {**standing[-2], "by": by, "at": at, "restored": True, "history": []}
    # With ``previous`` set, `apply_review` does not add the side that the last word gave.
    earlier, previous = _with_history(Review.from_json(again), annotation)
    return replace(earlier, previous=previous)


def carried_word(annotation: AnnotationRecord) -> Review | None:
    """Return a person's word on the same pixel data that came with the file, None without one."""
    word = annotation.get("carried")
    if not word:
        return None
    review = Review(
        by="",
        at="",
        examined=word["examined"],
        laterality=word["laterality"],
        laterality_given=word["laterality"] is not None,
        carried=True,
    )
    return anonymous(review, annotation)


def newer_word(annotation: AnnotationRecord, last_at: str) -> Review | None:
    """Return the word that came with the file if it was said after a time, None if not."""
    word = annotation.get("carried")
    at = word.get("at") if word else None
    review = carried_word(annotation)
    return replace(review, at=at) if review and at and at > last_at else None


def anonymous(review: Review, annotation: AnnotationRecord) -> Review:
    """Return a word without what may name people, or tell of their visit: name, time, comment."""
    at = annotation["annotated_at"] or utc_now()
    return replace(review, by="a person, on another copy", at=at, comment="")


def _visible(annotation: AnnotationRecord, review: Review) -> list[VisibleRecord]:
    """Return the visible parts by the person, else by the picture, with the examined part."""
    if review.visible is not None:
        visible = [visible_part(name, 1.0) for name in review.visible]
    else:
        visible = _seen(annotation)
    label = review.examined
    if label is None or label in {item["label"] for item in visible}:
        return visible
    return [visible_part(label, 1.0), *visible]


def _seen(annotation: AnnotationRecord) -> list[VisibleRecord]:
    """Return the visible parts by the picture alone, without those that earlier words added."""
    image = annotation["image"]
    if image and "visible" in image:
        return [visible_part(item["label"], item["probability"]) for item in image["visible"]]
    if annotation["review"] is None:
        return list(annotation["visible"])
    # Annotations of earlier versions have no list of these.
    seen = _first_word(annotation["review"])["previous"]["visible"]
    return [item for item in annotation["visible"] if item["label"] in seen]


def _with_side(review: Review, annotation: AnnotationRecord) -> Review:
    """Return a word that says nothing about the side with the side that a person gave before."""
    earlier = annotation["review"]
    if review.laterality_given or not earlier or not earlier.get("laterality_given"):
        return review
    named, label = earlier["examined"], review.examined
    if named is None or label is None or not compatible(named, label):
        return review
    return replace(review, laterality=earlier.get("laterality"), laterality_given=True)


def _laterality(annotation: AnnotationRecord, review: Review) -> LateralityRecord:
    """Return the side: the person's, else that of header or marker for the part they named."""
    label = review.examined
    if label is None or not BY_LABEL[label].paired:
        return Laterality().to_json()
    if review.laterality_given:
        side = Laterality(review.laterality, "person") if review.laterality else Laterality()
        return side.to_json()
    header = annotation["header"]
    if header is None or "laterality" not in header:
        said = annotation["examined"]
        kept = said is None or compatible(said["label"], label)
        return annotation["laterality"] if kept else Laterality().to_json()
    marker = named_by_marker(annotation["image"])
    return side_of(label, HeaderReading.from_json(header), marker).to_json()


def _group(annotation: AnnotationRecord, label: str | None) -> str | None:
    """Return the router's group; None for an instance that the model does not read, like a CT."""
    if annotation["image"] is None:
        return None
    return router_group(label, child=annotation.get("child"))


def machine_label(annotation: AnnotationRecord) -> tuple[str | None, float | None]:
    """Return label and probability of the answer before any person's word."""
    said, review = annotation["examined"], annotation["review"]
    if review is None:
        return (said["label"], said["probability"]) if said else (None, None)
    first = _first_word(review)["previous"]
    return first["examined"], first["probability"]


def _first_word(review: ReviewRecord) -> WordRecord:
    return next(iter(review.get("history", ())), review)


def _machine(annotation: AnnotationRecord) -> MachineRecord:
    """Return the machine's answer, which a word replaces; it is kept to be restored."""
    return {
        "status": annotation["status"],
        "reason": annotation["reason"],
        "examined": annotation["examined"],
        "visible": annotation["visible"],
        "laterality": annotation["laterality"],
        "group": annotation["group"],
        "needs_review": annotation["needs_review"],
        # Annotations of helpers and of earlier versions may not have it.
        "review_reason": annotation.get("review_reason"),
    }


def _with_history(review: Review, annotation: AnnotationRecord) -> tuple[Review, PreviousRecord]:
    """Return a word with the history of those before it, and the present answer."""
    examined, earlier = annotation["examined"], annotation["review"]
    previous: PreviousRecord = {
        "examined": examined["label"] if examined else None,
        "source": examined["source"] if examined else None,
        "probability": examined["probability"] if examined else None,
        "visible": [item["label"] for item in annotation["visible"]],
        "laterality": annotation["laterality"]["value"],
        "needs_review": annotation["needs_review"],
    }
    history = list(earlier.get("history", ())) if earlier else []
    if earlier:
        history.append(_by_itself(earlier))
    while len(history) > _LONGEST_HISTORY:
        _shorten(history)
    return replace(review, history=tuple(history)), previous


def _by_itself(review: ReviewRecord) -> WordRecord:
    word: ReviewRecord = {**review}
    word.pop("history", None)
    return word


def _shorten(history: list[WordRecord]) -> None:
    """Drop the least important: a word that was taken back, else the oldest after the first.

    A word is dropped together with the one that took it back, or `word_before` would miscount.
    """
    back = next((at for at, word in enumerate(history) if word.get("restored")), 0)
    if back > 1:
        del history[back - 1 : back + 1]
    else:
        del history[1]
