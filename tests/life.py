"""One instance's life: what its owner does to it at random, and so what must stand there at last.

Only its owner touches an instance. Its end is known, therefore, whatever was killed meanwhile and
whatever happens to other instances of its series.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

import requests

from bodypart.labels import BY_LABEL
from phantoms import file_bytes, radiograph

PATIENTS, STUDIES, SERIES, INSTANCES = 2, 2, 2, 3
"""How many patients, studies of each, series of each of these, and so on."""
OWN_METADATA = "3400"
"""Metadata of an operator, which goes only with the file."""
_ROOT = "1.2.826.0.1.3680043.8.498"
_SHOWN = ("hand", "knee", "foot", "chest", "pelvis")
_HEADERS = (None, "EXTREMITY", "HAND", "KNEE", "THORAX", "LWS")
_SAID = ("wrist", "hand", "foot", "knee", "elbow", "chest")


class Answer(NamedTuple):
    """An answer, and whether the request was sent more than once until it came."""

    response: requests.Response
    again: bool

    def reads(self, *statuses: int) -> bool:
        """Return whether the answer is 200; fail if it is none of these either."""
        status = self.response.status_code
        assert status in (200, *statuses), (status, self.response.text[:300])
        return status == 200


Ask = Callable[..., Answer]
"""Sends a request, again and again until it is answered: method, path, arguments of requests."""


@dataclass
class Life:
    """An instance, and what must stand there.

    Attributes
    ----------
    place : tuple of int
        Patient, study, series, number; with number 0 it is never deleted.
    instance : str
        Orthanc's id, empty before the first upload.
    file, before : bytes or None
        The file as it was sent last; while it is deleted, the file that was.
    words : list of dict
        What was said of the picture, the last one counts; each with ``examined``.
    counted : bool
        Whether ``words`` are all of them: a repeated request may have said one twice.
    removed : bool
        Whether the annotation was removed, and the instance not sent again since.
    own : str or None
        Metadata of an operator.
    acts : list of tuple
        What was done, for who looks for a fault.
    """

    place: tuple[int, ...]
    instance: str = ""
    file: bytes | None = None
    before: bytes | None = None
    words: list[dict[str, str]] = field(default_factory=list)
    counted: bool = True
    removed: bool = False
    own: str | None = None
    acts: list[tuple[object, ...]] = field(default_factory=list)

    def say(self, word: dict[str, str], *, once: bool) -> None:
        """Note a word; ``once`` if it was certainly said no more than once."""
        self.words.append(word)
        self.counted &= once
        self.removed = False

    def unsay(self) -> None:
        """Note that no word is left."""
        self.words.clear()
        self.counted = True


def lives() -> list[Life]:
    """Return the lives of all instances, before they begin."""
    counts = (PATIENTS, STUDIES, SERIES, INSTANCES)
    return [Life(place) for place in itertools.product(*map(range, counts))]


class Owner:
    """Does at random what modalities, scripts and people do.

    Parameters
    ----------
    owned : list of Life
        The instances that nobody else touches.
    ask : callable
        How to reach Orthanc.
    chance : Random
        All random choices.
    """

    def __init__(self, owned: list[Life], ask: Ask, chance: Random) -> None:
        self._owned, self._ask, self._chance = owned, ask, chance
        self._acts: dict[Callable[[Life], object], int] = {
            self._wait: 6,
            self._send_again: 3,
            self._replace: 4,
            self._correct: 8,
            self._confirm: 3,
            self._take_back: 2,
            self._undo: 2,
            self._remove: 2,
            self._classify: 3,
            self._delete: 2,
            self._put_metadata: 2,
        }

    def live(self, acts: int) -> None:
        """Send all instances, and do so much to them, to one after the other."""
        for life in self._owned:
            self._replace(life)
        for _ in range(acts):
            life = self._chance.choice(self._owned)
            if life.file is None:
                self._return(life)
                continue
            act = self._chance.choices(list(self._acts), list(self._acts.values()))[0]
            life.acts.append((round(time.time(), 2), act.__name__, act(life)))

    def _picture(self, life: Life) -> bytes:
        patient, study, series, number = life.place
        headers: dict[str, object] = {
            "PatientID": f"P{patient}",
            "StudyInstanceUID": f"{_ROOT}.1.{patient}.{study}",
            "SeriesInstanceUID": f"{_ROOT}.2.{patient}.{study}.{series}",
            "SOPInstanceUID": f"{_ROOT}.3.{patient}.{study}.{series}.{number}",
            "BodyPartExamined": self._chance.choice(_HEADERS),
            "ImageLaterality": self._chance.choice((None, None, "L", "R")),
        }
        part, seed = self._chance.choice(_SHOWN), self._chance.randrange(10**6)
        return file_bytes(radiograph(part, 200, 160, seed=seed, **headers))

    def _send(self, life: Life, file: bytes) -> object:
        answer = self._ask("POST", "/instances", data=file)
        assert answer.reads(), answer
        life.instance, life.file = answer.response.json()["ID"], file
        life.removed, life.own = False, None
        return answer.again

    def _wait(self, _: Life) -> None:
        time.sleep(self._chance.uniform(0.0, 1.5))

    def _send_again(self, life: Life) -> object:
        assert life.file
        return self._send(life, life.file)

    def _replace(self, life: Life) -> object:
        """Send another picture under the same UIDs."""
        life.unsay()
        return self._send(life, self._picture(life))

    def _return(self, life: Life) -> object:
        """Send what was deleted, or another picture in its place."""
        if life.before and self._chance.random() < 0.5:
            return self._send(life, life.before)
        return self._replace(life)

    def _delete(self, life: Life) -> object:
        if life.place[-1] == 0:
            return None
        answer = self._ask("DELETE", f"/instances/{life.instance}")
        assert answer.reads(404) or answer.again
        life.before, life.file = life.file, None
        return answer.again

    def _correct(self, life: Life) -> object:
        word = {"examined": self._chance.choice(_SAID), "comment": f"{self._chance.random()}"}
        if BY_LABEL[word["examined"]].paired and self._chance.random() < 0.5:
            word["laterality"] = self._chance.choice("LR")
        answer = self._ask("PUT", f"/bodypart/instances/{life.instance}", json=word)
        assert answer.reads()
        life.say(word, once=not answer.again)
        return word, answer.again

    def _confirm(self, life: Life) -> object:
        answer = self._ask("POST", "/bodypart/reviews", json={"instances": [life.instance]})
        answer.reads()
        if answer.response.json()["reviewed"]:
            life.say({"examined": self._stands(life) or ""}, once=not answer.again)
        return answer.response.text, answer.again

    def _take_back(self, life: Life) -> object:
        answer = self._ask("DELETE", f"/bodypart/instances/{life.instance}/review")
        # The first try may have taken it back.
        taken = answer.reads(404)
        assert taken or answer.again or not life.words, life
        life.unsay()
        return answer.again

    def _undo(self, life: Life) -> object:
        answer = self._ask("POST", "/bodypart/reviews/undo", json={"instances": [life.instance]})
        answer.reads()
        if answer.again or not life.counted:
            # What stands now must stay.
            stands = self._stands(life, said=True)
            life.unsay()
            if stands:
                life.say({"examined": stands}, once=False)
        elif answer.response.json()["undone"]:
            life.words.pop()
        return answer.response.text, answer.again

    def _stands(self, life: Life, *, said: bool = False) -> str | None:
        """Return the label that stands; with ``said`` only if it is a person's."""
        while True:
            found = self._ask("GET", f"/bodypart/instances/{life.instance}").response.json()
            if found.get("status") != "pending":
                break
            time.sleep(0.2)
        examined = found.get("examined")
        return examined["label"] if examined and (found["review"] or not said) else None

    def _remove(self, life: Life) -> object:
        answer = self._ask("DELETE", f"/bodypart/instances/{life.instance}")
        assert answer.reads(404) or answer.again
        life.removed = True
        life.unsay()
        return answer.again

    def _classify(self, life: Life) -> object:
        later = {"Asynchronous": self._chance.random() < 0.5}
        answer = self._ask("POST", f"/bodypart/instances/{life.instance}", json=later)
        assert answer.reads(202) or answer.response.status_code == 202
        life.removed = False
        return answer.again

    def _put_metadata(self, life: Life) -> object:
        value = f"{self._chance.random()}"
        path = f"/instances/{life.instance}/metadata/{OWN_METADATA}"
        answer = self._ask("PUT", path, data=value)
        assert answer.reads()
        life.own = value
        return value
