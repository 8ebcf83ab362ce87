"""A hospital of numbers: wrists that the model takes for hands, beside what it reads rightly."""

import numpy as np

from bodypart.evidence import ImageReading, Seen
from bodypart.memory import Word
from bodypart.memory.exemplars import Exemplars

MODEL = "0" * 64
LABELS = ("hand", "wrist", "knee", "chest")
DIMENSIONS = 64

_AXES = np.linalg.qr(np.random.default_rng(4).normal(size=(DIMENSIONS, DIMENSIONS)))[0]
PLACES = {
    "hand": _AXES[0],
    # A wrist film of this hospital shows half of the hand.
    "wrist": 0.75 * _AXES[0] + 0.66 * _AXES[1],
    "knee": _AXES[2],
    "chest": _AXES[3],
    "none": _AXES[4],
    "sacrum": _AXES[5],
}
TAKEN_FOR = {"wrist": "hand", "sacrum": "knee", "none": "chest"}


def picture(part, number, sure=0.8):
    """Return the embedding and the model's probabilities of one picture."""
    random = np.random.default_rng((sorted(PLACES).index(part), number))
    place = PLACES[part] + 0.05 * random.normal(size=DIMENSIONS)
    said = TAKEN_FOR.get(part, part)
    posterior = np.full(len(LABELS) + 1, (1 - sure) / len(LABELS))
    posterior[LABELS.index(said)] = sure
    return (place / np.linalg.norm(place)).astype(np.float32), posterior.astype(np.float32)


def word(part, number, labels=None, *, patient=None, rejected=False, sure=0.8):
    embedding, posterior = picture(part, number, sure)
    name = f"{part}-{number}"
    return Word(
        id=f"word-{name}",
        instance=f"instance-{name}",
        patient=patient or f"patient-{name}",
        labels=labels or (part,),
        embedding=embedding,
        probabilities=posterior,
        rejected=rejected,
    )


def words(count, *parts, **others):
    return [word(part, number, **others) for part in parts for number in range(count)]


def exemplars(*parts, count=20, model=MODEL):
    """Pictures of the training, which look as this hospital's."""
    seen = [(part, *picture(part, 500 + number)) for part in parts for number in range(count)]
    return Exemplars(
        model,
        tuple(part for part, *_ in seen),
        np.stack([embedding for _, embedding, _ in seen]),
        np.stack([posterior for *_, posterior in seen]),
    )


def reading(part, number, *, rejected=False, sure=0.8):
    """Return what the model says of a picture that no word was said on."""
    embedding, posterior = picture(part, 1000 + number, sure)
    return ImageReading(
        dict(zip(LABELS, posterior.astype(float).tolist(), strict=False)),
        rejected=rejected,
        reason="unlike the radiographs that the model knows" if rejected else None,
        seen=Seen(embedding, posterior, rejected),
    )
