"""What is wrong once all lives of `life` have ended: nothing may differ from what their owners did.

Answers, metadata, files, index, roll-ups, labels and what a webhook heard are compared with it; at
last each file is restored byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from attacks.kills import damage, left_open
from bodypart.labels import BY_LABEL
from life import OWN_METADATA, Life
from orthanc_server import Server

Record = dict[str, Any]
_UNTIL_WRITTEN = 120.0
_REGION = "lower_limb"
"""A label that `find` takes for all parts of the region."""


def faults(server: Server, lives: list[Life], heard: Mapping[str, Record]) -> list[str]:
    """Return what is wrong, and forget all annotations.

    Parameters
    ----------
    server : Server
        Orthanc, with nothing left to do.
    lives : list of Life
        All instances.
    heard : dict of dict
        What a webhook of all instances heard last, by instance.
    """
    here = [life for life in lives if life.file is not None]
    ids = {life.instance for life in here}
    stored = set(server.get("/instances"))
    found = [f"{instance}: there against all acts" for instance in stored ^ ids]
    here = [life for life in here if life.instance in stored]
    answers: dict[str, Record] = {}
    for life in here:
        answer = _answer(server, life)
        if answer:
            answers[life.instance] = answer
        told = heard.get(life.instance)
        wrong = _wrong(server, life, answer, told) if answer else _wrong_if_removed(server, life)
        found += [f"{life.instance}: {why}; {life.acts[-6:]}" for why in wrong]
    found += _wrong_in_the_index(server, answers)
    found += _wrong_above(server, here, answers)
    if left := left_open(server):
        found.append(f"{left} overwrites left open")
    return [*found, *_not_restored(server, here)]


def _answer(server: Server, life: Life) -> Record | None:
    """Return the annotation of an instance once its file follows, None if it has none."""
    path = f"/bodypart/instances/{life.instance}"
    if server.request("GET", path).status_code == 404:
        return None
    server.wait_until(lambda: server.get(path)["tags"]["state"] != "pending", _UNTIL_WRITTEN)
    found: Record = server.get(path)
    return found


def _file(server: Server, life: Life) -> bytes:
    return server.request("GET", f"/instances/{life.instance}/file").content


def _wrong_if_removed(server: Server, life: Life) -> Iterator[str]:
    if not life.removed:
        yield "it has no annotation"
    if server.metadata("instances", life.instance, "BodyPart"):
        yield "it has no annotation, but metadata"
    if _file(server, life) != life.file:
        yield "its annotation was removed, but its file not restored"


def _wrong(server: Server, life: Life, answer: Record, told: Record | None) -> Iterator[str]:
    assert life.file
    machine = server.request("POST", "/bodypart/classify", data=life.file).json()
    if life.removed or answer["status"] != "done":
        yield f"it is {answer['status']}: {answer['reason']}"
    if _top(answer) != _top(machine):
        yield "its answer is another picture's"
    word = life.words[-1] if life.words else None
    expected = word["examined"] if word else _label(machine)
    if _label(answer) != expected or bool(answer["review"]) != bool(word):
        yield f"{expected} must stand, {_label(answer)} does, the word is {answer['review']}"
    if word and answer["laterality"]["value"] != word.get("laterality", _side(answer)):
        yield f"the side is {answer['laterality']}"
    if json.loads(server.metadata("instances", life.instance, "BodyPart") or "{}") != answer:
        yield "its metadata differ"
    why = damage(life.file, _file(server, life), answer)
    if why and not answer["tags"].get("mixed_series"):
        yield why
    if life.own and server.metadata("instances", life.instance, OWN_METADATA) != life.own:
        yield "an operator's metadata are lost"
    if told is None or (_label(told), told["laterality"]) != (expected, _side(answer)):
        yield f"the webhook heard {told}"


def _top(answer: Record) -> str:
    return str(answer["image"]["top"][0]["label"])


def _label(answer: Record) -> str | None:
    return answer["examined"] and str(answer["examined"]["label"])


def _side(answer: Record) -> str | None:
    side: str | None = answer["laterality"]["value"]
    return side


def _wrong_in_the_index(server: Server, answers: Mapping[str, Record]) -> Iterator[str]:
    for label in BY_LABEL.keys() - {_REGION}:
        rows = server.request("POST", "/bodypart/find", json={"Examined": label}).json()
        expected = {instance for instance, answer in answers.items() if _label(answer) == label}
        if wrong := {row["id"] for row in rows} ^ expected:
            yield f"find {label}: {wrong}"


def _wrong_above(server: Server, here: list[Life], answers: Mapping[str, Record]) -> Iterator[str]:
    """Compare roll-ups, their metadata and labels with the answers on the instances."""
    below: dict[tuple[str, str], list[Record]] = {}
    for life in here:
        for above in server.above(life.instance).items():
            below.setdefault(above, []).extend(filter(None, [answers.get(life.instance)]))
    for (level, resource), children in below.items():
        kept = json.loads(server.metadata(level, resource, "BodyPart") or "null")
        if not children:
            if kept:
                yield f"{level} {resource}: a roll-up of nothing"
            continue
        roll_up = server.get(f"/bodypart/{level}/{resource}")
        parts = {label for label in map(_label, children) if label}
        doubt = any(child["needs_review"] for child in children)
        if {part["label"] for part in roll_up["parts"]} != parts:
            yield f"{level} {resource}: {roll_up['parts']}, not {parts}"
        if roll_up["needs_review"] != doubt or not kept or kept["parts"] != roll_up["parts"]:
            yield f"{level} {resource}: {roll_up}, in metadata {kept}"
        if server.target != "bookworm":  # Orthanc 1.10 has no labels.
            labels = {f"bodypart-{part.replace('_', '-')}" for part in parts}
            labels |= {"bodypart-review"} if doubt else set()
            if set(server.get(f"/{level}/{resource}/labels")) != labels:
                yield f"{level} {resource}: its labels are not {labels}"


def _not_restored(server: Server, here: list[Life]) -> Iterator[str]:
    for life in here:
        answer = server.request("DELETE", f"/bodypart/instances/{life.instance}")
        if _file(server, life) != life.file:
            yield f"{life.instance}: it is not restored: {answer.text}"
