"""The rules: data of the setting ``Routes``, read and checked once, at the start.

A rule that cannot be understood stops the start. A typo that silently never matches is found by
nobody until a picture is missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from typing_extensions import TypedDict

from bodypart.evidence import VIEWS
from bodypart.labels import BY_LABEL, ROUTER_GROUPS, UnknownLabelError, labels_named
from bodypart.laterality import CODE_OF_SIDE
from bodypart.settings import SettingsError, as_json, did_you_mean
from service.deliveries.destinations import Destination, DestinationError, parse
from service.deliveries.windows import ALWAYS, Window, WindowError

EVIDENCE = ("final", "image", "header", "any", "both")
_MODALITIES = (
    "ANN AR ASMT AU BDUS BI BMD CAD CD CF CR CS CT CTPROTOCOL DD DF DG DM DMS DOC DR DS "
    "DX EC ECG EEG EMG EOG EPS ES FA FID FS FSR GM HC HD IO IOL IVOCT IVUS KER KO LEN LP "
    "LS M3D MA MG MR MS NM OAM OCT OP OPM OPR OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR "
    "PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT "
    "RWV SC SEG SM SMR SR SRF ST STAIN TEXTUREMAP TG US VA VF XA XAPROTOCOL XC"
)
MODALITIES = frozenset(_MODALITIES.split())
"""Defined terms of Modality (PS3.3 C.7.3.1.1.1), retired ones included, and DR of the field."""
_LONGEST_NAME = 64
_RULE_KEYS = ("Name", "If", "Otherwise", "To", "When", "Urgent")


Given = str | list[str] | float | bool
"""What an operator writes as the value of a condition."""


class _What(TypedDict, total=False):
    """What a rule takes: either of the two."""

    If: dict[str, Given]
    Otherwise: Literal[True]


class RuleRecord(_What):
    """A rule in the form of the configuration; it has either ``If`` or ``Otherwise``."""

    Name: str
    To: list[str]
    When: str
    Urgent: bool


class RuleError(ValueError):
    """What is wrong with a rule, as a piece of a sentence."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of ``If``.

    Attributes
    ----------
    key : str
        As the operator wrote it.
    given : str, list of str, float or bool
        The value as the operator wrote it.
    accepted : object
        What it stands for: a set of values, sets of labels, a number or a truth value.
    """

    key: str
    given: Given
    accepted: Any


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes
    ----------
    name : str
        Names the rule in the outbox and in the audit.
    conditions : tuple of Condition or None
        All must hold; None is ``Otherwise``: takes what no other rule took.
    destinations : tuple of Destination
        Where it goes.
    window : Window or None
        When it may be sent; None is always.
    urgent : bool
        Whether to send before the series is complete.
    """

    name: str
    conditions: tuple[Condition, ...] | None
    destinations: tuple[Destination, ...]
    window: Window | None = None
    urgent: bool = False

    def to_json(self) -> RuleRecord:
        """Return the rule in the form of the configuration."""
        what: _What = {"Otherwise": True}
        if self.conditions is not None:
            what = {"If": {condition.key: condition.given for condition in self.conditions}}
        return {
            "Name": self.name,
            **what,
            "To": [str(destination) for destination in self.destinations],
            "When": str(self.window) if self.window else ALWAYS,
            "Urgent": self.urgent,
        }


def parse_rules(section: Iterable[Any], configuration: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Read the setting ``Routes``.

    Parameters
    ----------
    section : iterable
        The rules as parsed from JSON.
    configuration : mapping
        Orthanc's whole configuration: it names the nodes.

    Raises
    ------
    SettingsError
        If anything is unknown or wrong; one line that names the rule and the thing.
    """
    rules: dict[str, Rule] = {}
    for number, given in enumerate(section, 1):
        name = given.get("Name") if isinstance(given, Mapping) else None
        shown = f"rule {name!r}" if isinstance(name, str) and name else f"rule {number}"
        try:
            rule = _rule(given, configuration)
            if rule.name in rules:
                raise RuleError("has the Name of another rule")
        except (RuleError, DestinationError, WindowError) as error:
            raise SettingsError(f"BodyPart.Routes: {shown}: {error}") from None
        rules[rule.name] = rule
    return tuple(rules.values())


def _rule(given: Any, configuration: Mapping[str, Any]) -> Rule:
    if not isinstance(given, Mapping):
        raise RuleError("must be an object")
    _known(given, _RULE_KEYS)
    name = given.get("Name")
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise RuleError(f"Name must be a text of 1 to {_LONGEST_NAME} characters")
    if ("If" in given) == ("Otherwise" in given):
        raise RuleError("needs either If or Otherwise")
    if given.get("Otherwise", True) is not True:
        raise RuleError(f"Otherwise must be true, not {as_json(given['Otherwise'])}")
    urgent = _truth("Urgent", given.get("Urgent", False))
    try:
        window = Window.parse(given.get("When", ALWAYS))
    except WindowError as error:
        raise RuleError(f"When {error}, not {as_json(given['When'])}") from None
    return Rule(
        name=name,
        conditions=_conditions(given["If"]) if "If" in given else None,
        destinations=_destinations(given.get("To"), configuration),
        window=window,
        urgent=urgent,
    )


def _destinations(given: object, configuration: Mapping[str, Any]) -> tuple[Destination, ...]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not listed:
        raise RuleError("To must list at least one destination")
    try:
        return tuple(dict.fromkeys(parse(item, configuration) for item in listed))
    except DestinationError as error:
        raise RuleError(f"To: {error}") from None


def _conditions(given: object) -> tuple[Condition, ...]:
    if not isinstance(given, Mapping):
        raise RuleError("If must be an object")
    _known(given, _CONDITIONS, "If.")
    if "Evidence" in given and "Examined" not in given:
        raise RuleError("If.Evidence needs If.Examined, whose source it names")
    found = []
    for key, value in given.items():
        try:
            found.append(Condition(key, value, _CONDITIONS[key](key, value)))
        except UnknownLabelError as error:
            hint = did_you_mean(error.text, BY_LABEL)
            raise RuleError(
                f"If.{key}: {error.text!r} is no label, SNOMED CT code or region{hint}"
            ) from None
        except RuleError as error:
            raise RuleError(f"If.{error}") from None
    return tuple(found)


def _known(given: Mapping[str, Any], keys: Iterable[str], prefix: str = "") -> None:
    keys = tuple(keys)
    for key in given:
        if key not in keys:
            raise RuleError(f"{prefix}{key} is not a key{did_you_mean(key, keys)}")


def _listed(key: str, value: object) -> list[str]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not items or not all(isinstance(i, str) for i in items):
        raise RuleError(f"{key} must be a text or a list of texts, not {as_json(value)}")
    return items


def _labels(key: str, value: object) -> frozenset[str]:
    return frozenset(label for item in _listed(key, value) for label in labels_named(item))


def _sets_of_labels(key: str, value: object) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(labels_named(item)) for item in _listed(key, value))


def _one_of(*choices: str) -> Callable[[str, object], frozenset[str]]:
    def read(key: str, value: object) -> frozenset[str]:
        items = _listed(key, value)
        for item in items:
            if item not in choices:
                raise RuleError(f"{key}: {item!r} must be one of {', '.join(choices)}")
        return frozenset(items)

    return read


def _modalities(key: str, value: object) -> frozenset[str]:
    items = _listed(key, value)
    for item in items:
        if item not in MODALITIES:
            hint = did_you_mean(item, MODALITIES)
            raise RuleError(f"{key}: {item!r} is no DICOM modality{hint}")
    return frozenset(items)


def _evidence(key: str, value: object) -> str:
    if not isinstance(value, str) or value not in EVIDENCE:
        raise RuleError(f"{key}: {value!r} must be one of {', '.join(EVIDENCE)}")
    return value


def _probability(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise RuleError(f"{key} must be a number from 0 to 1, not {as_json(value)}")
    return float(value)


def _truth(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise RuleError(f"{key} must be true or false, not {as_json(value)}")
    return value


_CONDITIONS: dict[str, Callable[[str, object], Any]] = {
    "Examined": _labels,
    "Evidence": _evidence,
    "Visible": _sets_of_labels,
    "Group": _one_of(*ROUTER_GROUPS),
    "View": _one_of(*VIEWS),
    "Modality": _modalities,
    "Laterality": _one_of(*CODE_OF_SIDE),
    "Child": _truth,
    "MinProbability": _probability,
    "NeedsReview": _truth,
}
"""Keys of ``If``, and how each is read."""
