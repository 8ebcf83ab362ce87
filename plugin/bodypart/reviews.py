"""A person's word over the machine's: how a correction enters an annotation."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from bodypart.annotation import Examined, Laterality, Review, visible_part
from bodypart.evidence import HeaderReading
from bodypart.labels import BY_LABEL, router_group
from bodypart.pixel_digest import differ
from bodypart.regions import compatible
from bodypart.sides import side_of

_LONGEST_HISTORY = 20
_TAKES_THE_PLACE_OF = (
    "status", "reason", "examined", "visible", "laterality", "group", "needs_review",
    "review_reason",
)  # fmt: skip
"""What a word takes the place of; the machine's own stays beside it, to return."""


def apply_review(
    annotation: dict[str, Any], review: Review, *, compared: bool = False
) -> dict[str, Any]:
    """Return the annotation with a person's word on top.

    The machine's own answer stays readable in ``machine``, ``image`` and ``header``; what stood at
    the top goes into ``review.previous`` unless the review already carries it (a re-classification
    under a standing review).

    Parameters
    ----------
    annotation : dict
        An annotation as JSON; not changed.
    review : Review
        The correction or confirmation.
    compared : bool
        Whether the picture was compared with the review's digest, of whichever version: it has
        that very digest if it is the same.
    """
    pixels = annotation.get("pixels")
    if differ(review.pixels, pixels) or (compared and pixels and pixels != review.pixels):
        said = BY_LABEL[review.examined].code.meaning.lower() if review.examined else "nothing"
        reason = f"A person said {said} of another picture of this instance."
        return {**annotation, "needs_review": True, "review_reason": reason}
    if pixels:
        # Also where an earlier version noted none, or in a way that cannot be compared.
        review = replace(review, pixels=pixels)
    if review.previous is None:
        review = _with_previous(_with_side(review, annotation), annotation)
    label = review.examined
    visible = _visible(annotation, review)
    laterality = _laterality(annotation, review)
    # Helpers, and annotations of before, need not have all of it.
    machine = {name: annotation.get(name) for name in _TAKES_THE_PLACE_OF}
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
        "review": asdict(review),
        "machine": annotation.get("machine") if annotation["review"] else machine,
    }


def machine_answer(annotation: dict[str, Any]) -> dict[str, Any] | None:
    """Return an annotation as it stands without any word, None where that has to be made anew.

    So it is of words that were said to an earlier version, and where the machine had failed.
    """
    machine = annotation.get("machine")
    if not machine or machine["status"] == "failed":
        return None
    kept = {name: value for name, value in annotation.items() if name != "machine"}
    return {**kept, **machine, "review": None}


def word_before(annotation: dict[str, Any], *, by: str, at: str) -> Review | None:
    """Return the word before the last one, said again; None where there was only one, or none.

    Of a word that returned this way, it is the one before that: who goes back twice does not come
    to where they started.

    Parameters
    ----------
    annotation : dict
        An annotation as JSON.
    by, at : str
        Who takes the last word back, and when.
    """
    review = annotation["review"] or {}
    standing: list[dict[str, Any]] = []
    for word in (*review.get("history", ()), review):
        if word.get("restored"):
            del standing[-1:]  # What is below it is what returned.
        else:
            standing.append(word)
    if len(standing) < 2:
        return None
    earlier = {**standing[-2], "by": by, "at": at, "restored": True}
    # With what stands there now, or it would be taken for a word that leaves the side as it is.
    return _with_previous(Review.from_json(earlier), annotation)


def carried_word(annotation: dict[str, Any]) -> Review | None:
    """Return a person's word on the same pixel data that came with the file, None without one."""
    word = annotation.get("carried")
    if not word:
        return None
    return Review(
        by="a person, on another copy",
        at=annotation["annotated_at"],
        examined=word["examined"],
        laterality=word["laterality"],
        laterality_given=word["laterality"] is not None,
        carried=True,
    )


def _visible(annotation: dict[str, Any], review: Review) -> list[dict[str, Any]]:
    """Return what the person says to be visible, else what the picture shows; the part itself."""
    if review.visible is not None:
        visible = [visible_part(name, 1.0) for name in review.visible]
    else:
        visible = _seen(annotation)
    label = review.examined
    if label is None or label in {item["label"] for item in visible}:
        return visible
    return [visible_part(label, 1.0), *visible]


def _seen(annotation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the picture alone shows: the words before added to that."""
    image = annotation["image"] or {}
    if "visible" in image:
        return [visible_part(item["label"], item["probability"]) for item in image["visible"]]
    if annotation["review"] is None:
        return list(annotation["visible"])
    # Annotations of before did not keep it apart.
    seen = _first_word(annotation["review"])["previous"]["visible"]
    return [item for item in annotation["visible"] if item["label"] in seen]


def _with_side(review: Review, annotation: dict[str, Any]) -> Review:
    """Return a word with the side that a person gave before it, if it is silent on the side."""
    earlier = annotation["review"]
    if review.laterality_given or not earlier or not earlier.get("laterality_given"):
        return review
    named, label = earlier["examined"], review.examined
    if named is None or label is None or not compatible(named, label):
        return review
    return replace(review, laterality=earlier["laterality"], laterality_given=True)


def _laterality(annotation: dict[str, Any], review: Review) -> dict[str, Any]:
    """Return the side: the person's, else what header and marker say of the part that was named."""
    label = review.examined
    if label is None or not BY_LABEL[label].paired:
        return asdict(Laterality())
    if review.laterality_given:
        side = Laterality(review.laterality, "person") if review.laterality else Laterality()
        return asdict(side)
    header = annotation["header"] or {}
    if "laterality" not in header:
        said = (annotation["examined"] or {}).get("label")
        kept = said is None or compatible(said, label)
        return annotation["laterality"] if kept else asdict(Laterality())
    reading = HeaderReading(
        labels=tuple(header.get("labels") or ()),
        region=header.get("region"),
        laterality=header["laterality"],
        laterality_of=tuple(header.get("laterality_of") or ()),
        laterality_conflict=bool(header.get("laterality_conflict")),
        sides=header.get("sides") or {},
    )
    marker = (annotation["image"] or {}).get("marker")
    named = marker["side"] if marker and not marker["both"] else None
    return asdict(side_of(label, reading, named))


def _group(annotation: dict[str, Any], label: str | None) -> str | None:
    """Return the router's group: only of a picture that the model looks at, not of a CT."""
    if annotation["image"] is None:
        return None
    return router_group(label, child=annotation.get("child"))


def machine_word(annotation: dict[str, Any]) -> tuple[str | None, float | None]:
    """Return the label and the probability that stood there before any person spoke."""
    said = annotation["examined"] or {}
    review = annotation["review"]
    if review is None:
        return said.get("label"), said.get("probability")
    first = _first_word(review)["previous"]
    return first["examined"], first["probability"]


def _first_word(review: dict[str, Any]) -> dict[str, Any]:
    word: dict[str, Any] = (review.get("history") or [review])[0]
    return word


def _with_previous(review: Review, annotation: dict[str, Any]) -> Review:
    examined = annotation["examined"] or {}
    earlier = annotation["review"]
    previous = {
        "examined": examined.get("label"),
        "source": examined.get("source"),
        "probability": examined.get("probability"),
        "visible": [item["label"] for item in annotation["visible"]],
        "laterality": annotation["laterality"]["value"],
        "needs_review": annotation["needs_review"],
    }
    history = list(earlier.get("history") or ()) if earlier else []
    if earlier:
        history.append({name: value for name, value in earlier.items() if name != "history"})
    while len(history) > _LONGEST_HISTORY:
        _shorten(history)
    return replace(review, previous=previous, history=tuple(history))


def _shorten(history: list[dict[str, Any]]) -> None:
    """Take out what is missed least: what was taken back, else the oldest word but the first.

    A word goes together with the one that took it back, or `word_before` would count either wrong.
    """
    back = next((at for at, word in enumerate(history) if word.get("restored")), 0)
    if back > 1:
        del history[back - 1 : back + 1]
    else:
        del history[1]
