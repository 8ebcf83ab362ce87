"""How often picture and header are wrong, and in which way: the numbers of the fusion.

They are in ``error_rates.json`` with their source. ``make fusion`` measures those of the picture
again after a training, and all of them from a hospital's own reviews.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

from bodypart.evidence import FILLED_BY
from bodypart.labels import BY_LABEL
from bodypart.regions import Relation

FILE = Path(__file__).with_suffix(".json")
"""The numbers of the shipped model."""

RELATIONS: tuple[Relation, ...] = get_args(Relation)
MISTAKES: tuple[Relation, ...] = RELATIONS[1:]
"""Relations of a mistaken part to the true one."""

KINDS = ("whole", "piece", "neighbour", "default", "any")
"""Kinds of wrong headers: the enclosing part, an enclosed part, a neighbour, the device's default,
and any part at all (the wrong button, another patient's order)."""

UNFORESEEN: Mapping[str, float] = {"near": 1e-3, "other limb": 2.5e-4, "far": 2.5e-4}
"""Share of mistakes with next to no probability, by relation, assumed if nothing was measured."""


_ASTRAY_SINCE_0_3: Mapping[str, float] = {
    "PerformedProtocolCodeSequence": 0.05,
    "ScheduledProcedureStepDescription": 0.1,
    "ScheduledProtocolCodeSequence": 0.1,
}
"""Attributes that were not read before version 0.3: files from then lack them."""


class ErrorRatesError(ValueError):
    """The file of error rates cannot be used; the text names the entry."""


@dataclass(frozen=True, slots=True)
class Band:
    """How the picture errs at some confidence, the probability of its most probable label.

    Attributes
    ----------
    least : float
        Confidence at which the band begins; it ends where the next one begins.
    pictures : int
        Pictures that it was measured on.
    scale : mapping of str to float
        Measured share of true parts divided by the probability that the model gave them, by their
        relation to the most probable label.
    unforeseen : mapping of str to float
        Share of pictures whose true part had next to no probability, by relation.
    """

    least: float
    pictures: int
    scale: Mapping[str, float]
    unforeseen: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class HeaderRates:
    """How headers err.

    Attributes
    ----------
    wrong : mapping of str to float
        Share of all headers that are wrong as a whole, by kind of error (``KINDS``).
    defaults : mapping of str to float
        How often devices fill in a label by default.
    astray : mapping of str to float
        Share of attributes that do not repeat what the rest of the header is about, by keyword,
        the most trusted first.
    """

    wrong: Mapping[str, float]
    defaults: Mapping[str, float]
    astray: Mapping[str, float]

    @property
    def right(self) -> float:
        """Share of headers that name the examined part."""
        return 1 - sum(self.wrong.values())


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """All numbers.

    Attributes
    ----------
    bands : tuple of Band
        How the picture errs, by rising confidence; the first begins at 0.
    habits : mapping of str to mapping of str to float
        Of the pictures that the model takes for a part (outer label), the share that shows another
        one (inner label) beyond the probability that it gave.
    prior : mapping of str to float
        How often parts are examined, used without a picture; the rest is spread evenly over the
        labels that are not in it.
    unlearned : float
        Of the pictures that the model takes for a part, the share that shows a compatible part
        which it never learned.
    from_cut_outs : sequence of str
        Labels that the model learned only from cut-outs of other exposures: how often it gives them
        to exposures of their own is not known.
    child_above, adult_below : float
        Outputs for "child": above the first an adult, below the second a child is next to
        impossible.
    header : HeaderRates
        How headers err.
    sources : mapping of str to str
        Where the numbers come from.
    """

    bands: tuple[Band, ...]
    habits: Mapping[str, Mapping[str, float]]
    prior: Mapping[str, float]
    unlearned: float
    from_cut_outs: Sequence[str]
    child_above: float
    adult_below: float
    header: HeaderRates
    sources: Mapping[str, str]

    def share(self, label: str) -> float:
        """Return how often a part is examined."""
        if label in self.prior:
            return self.prior[label]
        return (1 - sum(self.prior.values())) / (len(BY_LABEL) - len(self.prior))

    def band(self, confidence: float) -> Band:
        """Return the band of a confidence."""
        return self.bands[bisect_right([band.least for band in self.bands], confidence) - 1]

    def unmeasured(self) -> ErrorRates:
        """Return rates that leave a picture's probabilities as they are."""
        scale: dict[str, float] = dict.fromkeys(RELATIONS, 1.0)
        return replace(self, bands=(Band(0.0, 0, scale, UNFORESEEN),), habits={})

    def to_json(self) -> dict[str, Any]:
        """Return the content of the file."""
        return {**asdict(self), "bands": [asdict(band) for band in self.bands]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ErrorRates:
        """Check the content of the file.

        Raises
        ------
        ErrorRatesError
            If an entry is missing or out of range.
        """
        try:
            header = HeaderRates(**content["header"])
            rates = cls(
                bands=tuple(Band(**band) for band in content["bands"]),
                habits=content["habits"],
                prior=content["prior"],
                unlearned=content["unlearned"],
                # Files from before version 0.3 have none.
                from_cut_outs=content.get("from_cut_outs", []),
                child_above=content["child_above"],
                adult_below=content["adult_below"],
                header=replace(header, astray={**_ASTRAY_SINCE_0_3, **header.astray}),
                sources=content["sources"],
            )
        except (KeyError, TypeError) as error:
            raise ErrorRatesError(f"error rates: {error}") from None
        _check(rates)
        return rates

    @classmethod
    def read(cls, path: Path) -> ErrorRates:
        """Read a file.

        Raises
        ------
        ErrorRatesError
            If it cannot be used.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ErrorRatesError(f"{path.name}: {error}") from None
        return cls.from_json(content)


@cache
def shipped() -> ErrorRates:
    """Return the numbers that come with the package."""
    return ErrorRates.read(FILE)


@cache
def digest() -> str:
    """Return the SHA-256 of the numbers here, which a hospital may have measured further."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()


def _check(rates: ErrorRates) -> None:
    header = rates.header
    for name, table, keys in (
        ("header.wrong", header.wrong, KINDS),
        ("header.astray", header.astray, FILLED_BY),
        *((f"bands.{b.least}.scale", b.scale, RELATIONS) for b in rates.bands),
        *((f"bands.{b.least}.unforeseen", b.unforeseen, MISTAKES) for b in rates.bands),
    ):
        if set(table) != set(keys) or any(value < 0 for value in table.values()):
            raise ErrorRatesError(f"error rates: {name} must hold {', '.join(keys)}")
    for name, named in (
        ("header.defaults", {*header.defaults}),
        ("prior", {*rates.prior}),
        ("from_cut_outs", {*rates.from_cut_outs}),
        ("habits", {*rates.habits}.union(*rates.habits.values())),
    ):
        if not named <= set(BY_LABEL):
            raise ErrorRatesError(f"error rates: {name} has an unknown label")
    if not all(0 < share < 1 for share in header.astray.values()):
        raise ErrorRatesError("error rates: header.astray must lie between 0 and 1")
    if not 0 < header.right < 1:
        raise ErrorRatesError("error rates: header.wrong must sum up to less than 1")
    if sum(header.defaults.values()) > 1.01:  # They are rounded.
        raise ErrorRatesError("error rates: header.defaults must sum up to 1 at most")
    if not rates.bands or rates.bands[0].least != 0:
        raise ErrorRatesError("error rates: the first band must begin at 0")
