"""Every key of the ``BodyPart`` section, with default, check and a sentence of documentation.

The service refuses a wrong key or value, so that Orthanc does not start, and passes the checked
section to the decoders.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from typing_extensions import TypedDict

from bodypart.labels import BY_LABEL

MARKER_FILES = tuple(
    Path(__file__).parents[2] / "models" / name
    for name in ("marker.json", "marker_finder.onnx", "marker_reader.onnx")
)
"""Files of the side marker reader, its description first; unlike ``Model`` not configurable."""

_LEAST_MEMORY_MB = 512
"""A decoder takes 250 MB before its first picture, a film of 4280 x 3520 pixels up to 200 more."""

Check = Callable[[object], str | None]
"""Returns what is wrong with a value, or None."""


class SettingsError(ValueError):
    """A key or a value of the ``BodyPart`` section is wrong; the text names it."""


def as_json(value: object) -> str:
    """Return a value as it stands in Orthanc's configuration."""
    return json.dumps(value, ensure_ascii=False)


def _one_of(*choices: str) -> Check:
    def check(value: object) -> str | None:
        return None if value in choices else f"must be one of {', '.join(map(as_json, choices))}"

    return check


def _integer(low: int, high: int) -> Check:
    def check(value: object) -> str | None:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return None
        return f"must be a whole number from {low} to {high}"

    return check


def _memory(value: object) -> str | None:
    if value == 0 and not isinstance(value, bool):
        return None
    wrong = _integer(_LEAST_MEMORY_MB, 1_048_576)(value)
    return wrong and f"{wrong}, or 0"


def _number(low: float, high: float) -> Check:
    def check(value: object) -> str | None:
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return None
        return f"must be a number from {low:g} to {high:g}"

    return check


def _boolean(value: object) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _text(value: object) -> str | None:
    return None if isinstance(value, str) else "must be a string"


def _database(value: object) -> str | None:
    # The service checks the address itself, with the library that uses it.
    if isinstance(value, str) and (value == "" or value.startswith("postgresql://")):
        return None
    return "must be empty or start with postgresql://"


def _terms(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return "must be an object of label: [terms]"
    for label, terms in value.items():
        if label not in BY_LABEL:
            return f"has the unknown label {as_json(label)}"
        if not isinstance(terms, list) or not all(isinstance(t, str) and t.strip() for t in terms):
            return f"must list non-empty strings under {as_json(label)}"
    return None


def _object(value: object) -> str | None:
    # The service checks the content: a token's file, for example, is on its side.
    return None if isinstance(value, Mapping) else "must be an object"


def _rules(value: object) -> str | None:
    # The service checks the rules themselves: they name nodes of Orthanc's configuration.
    if isinstance(value, list) and all(isinstance(rule, Mapping) for rule in value):
        return None
    return "must be a list of rules"


def _setting(default: Any, check: Check, doc: str, *, secret: bool = False) -> Any:
    metadata = {"check": check, "doc": doc, "secret": secret}
    if isinstance(default, dict | list):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


class AnswerSettings(TypedDict):
    """Settings on which a decoder's answer depends, wherever it runs."""

    ReviewThreshold: float
    ChildAge: float
    Learn: Literal["on", "suggest", "off"]
    SideMarker: bool
    Terms: dict[str, list[str]]
    TimeLimit: float
    MemoryLimitMB: int


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked section; attribute ``write_threshold`` is the key ``WriteThreshold``."""

    on_upload: bool = _setting(
        True,
        _boolean,
        "Annotate what arrives. When false, only back-fill and `POST` annotate; what is stored "
        "over an annotated instance is read again.",
    )
    provider: Literal["auto", "cuda", "cpu", "remote"] = _setting(
        "auto",
        _one_of("auto", "cuda", "cpu", "remote"),
        "Where the network runs. `auto` takes CUDA where it works; `cuda` falls back to the CPU "
        "with a warning that names what is missing; `remote` asks an inference server (`Server`).",
    )
    server: dict[str, Any] = _setting(
        {},
        _object,
        'Inference server of `"Provider": "remote"`: `{"Url": "https://host:8000", "Model": '
        '"bodypart", "CaFile": "", "TokenFile": "", "Timeout": 10, "Fallback": "wait"}`; see '
        "`docs/scale.md`.",
    )
    workers: int = _setting(1, _integer(1, 64), "Decoders: processes that classify side by side.")
    threads: int = _setting(1, _integer(1, 64), "CPU threads of the model in each decoder.")
    python: str = _setting(
        "",
        _text,
        "Python interpreter of the decoders, and of the service where there is no "
        "`.venv/bin/python` beside `plugin/`. Empty: that one.",
    )
    model: str = _setting(
        "",
        _text,
        "ONNX file of the model, with its JSON beside it. Empty: `models/bodypart.onnx`.",
    )
    time_limit: float = _setting(
        60.0, _number(0.1, 3600), "Seconds that a decoder may take for one instance."
    )
    memory_limit_mb: int = _setting(
        4096,
        _memory,
        f"Address space of a decoder in MB, at least {_LEAST_MEMORY_MB}; 0 sets no limit.",
    )
    retries: int = _setting(
        3, _integer(0, 20), "How often an instance is tried again before it counts as failed."
    )
    retry_delay: float = _setting(
        2.0, _number(0, 3600), "Seconds before the first retry; doubled for each further one."
    )
    sweep_interval: float = _setting(
        600.0,
        _number(1, 86_400),
        "Seconds between two sweeps for instances that the change log did not tell of.",
    )
    max_upload_mb: int = _setting(
        512, _integer(1, 65_536), "Largest body of `POST /bodypart/classify` in MB; above: 413."
    )
    review_threshold: float = _setting(
        0.75,
        _number(0, 1),
        "An answer that a picture took part in needs a review if it is less probable than this.",
    )
    child_age: float = _setting(
        16.0, _number(0, 30), "Patients younger than this, in years, are pediatric for the router."
    )
    learn: Literal["on", "suggest", "off"] = _setting(
        "on",
        _one_of("on", "suggest", "off"),
        "Whether pictures that people confirmed or corrected help to read the next ones. "
        "`suggest` changes no answer, and marks for review what it would change.",
    )
    side_marker: bool = _setting(
        True,
        _boolean,
        "Read the side marker in the picture of a limb (L, R, D or E): it fills a side that the "
        "header leaves open, and one that contradicts the header asks for a review.",
    )
    terms: dict[str, list[str]] = _setting(
        {}, _terms, 'Header terms of your own, for example `{"knee": ["Knie spez"]}`.'
    )
    labels: bool = _setting(
        True, _boolean, "Set Orthanc labels such as `bodypart-knee` (Orthanc 1.12 and later)."
    )
    tags: str = _setting(
        "none",
        _one_of("none", "on-send", "in-place"),
        "Where corrected DICOM tags are written: nowhere (`none`), into what leaves through "
        "`GET .../dicom` (`on-send`), or into the stored instance (`in-place`).",
    )
    write_threshold: float = _setting(
        0.9, _number(0, 1), "Tags are written only for answers at least this probable."
    )
    write_conflicts: bool = _setting(
        True,
        _boolean,
        "Write the answer over a header that the picture contradicts, if it is probable enough; "
        "the original is kept in the file. When false, a person must confirm it first.",
    )
    structured_report: bool = _setting(
        False, _boolean, "Store a DICOM SR (TID 1500) with the result in each study."
    )
    routes: list[dict[str, Any]] = _setting(
        [], _rules, "Rules that send pictures on by their answer: see `docs/routing.md`."
    )
    route_retries: int = _setting(
        100, _integer(0, 10_000), "How often a delivery is tried again before it counts as failed."
    )
    route_retry_delay: float = _setting(
        5.0, _number(0.01, 3600), "Seconds before its first retry; doubled for each further one."
    )
    route_retry_ceiling: float = _setting(
        1800.0, _number(0.01, 86_400), "Longest pause between two tries of a delivery, in seconds."
    )
    webhook_secret_file: str = _setting(
        "",
        _text,
        "File whose content signs what webhooks are sent (HMAC-SHA256). Empty: not signed.",
    )
    database: str = _setting(
        "",
        _database,
        "`postgresql://user:password@host/name`: several Orthancs on one archive keep their "
        "records there. Empty: SQLite beside Orthanc's index.",
        secret=True,
    )
    client_certificate: str = _setting(
        "",
        _text,
        "PEM file with a certificate that Orthanc trusts, and its key; needed with "
        "`SslVerifyPeers`.",
    )
    panel: bool = _setting(True, _boolean, "Show the panel in the legacy Orthanc Explorer.")
    index_file: str = _setting(
        "",
        _text,
        "SQLite file of the search index, a cache that is rebuilt when it is lost. "
        "Empty: `bodypart-index.sqlite` in Orthanc's index directory.",
    )
    audit_file: str = _setting(
        "",
        _text,
        "SQLite file of the audit trail, and of all else that must not be lost: back it up with "
        "the archive. Empty: `bodypart-audit.sqlite` beside the index.",
    )

    @classmethod
    def parse(cls, section: object) -> Settings:
        """Check a ``BodyPart`` section.

        Parameters
        ----------
        section : object
            The section as parsed from JSON; None counts as empty.

        Raises
        ------
        SettingsError
            If a key is unknown or a value is wrong; the message names the key.
        """
        if section is None:
            section = {}
        if not isinstance(section, Mapping):
            raise SettingsError("BodyPart must be an object")
        fields = {key_of(item.name): item for item in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for key, value in section.items():
            if key not in fields:
                raise SettingsError(f"BodyPart.{key} is not a setting{_hint(str(key), fields)}")
            wrong = fields[key].metadata["check"](value)
            if wrong:
                shown = "" if fields[key].metadata["secret"] else f", not {as_json(value)}"
                raise SettingsError(f"BodyPart.{key} {wrong}{shown}")
            values[fields[key].name] = value
        return cls(**values)

    def of_an_answer(self) -> AnswerSettings:
        """Return the part of the section that decoders on other machines need, without secrets."""
        return {
            "ReviewThreshold": self.review_threshold,
            "ChildAge": self.child_age,
            "Learn": self.learn,
            "SideMarker": self.side_marker,
            "Terms": self.terms,
            "TimeLimit": self.time_limit,
            "MemoryLimitMB": self.memory_limit_mb,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the section that ``parse`` turns back into these settings."""
        return {key_of(item.name): getattr(self, item.name) for item in dataclasses.fields(self)}


def key_of(name: str) -> str:
    """Return the CamelCase key of an attribute: ``memory_limit_mb`` is ``MemoryLimitMB``."""
    words = name.split("_")
    return "".join("MB" if word == "mb" else word.capitalize() for word in words)


def environment_variable(key: str) -> str:
    """Return the variable by which Orthanc's public image sets a key of the section.

    The image capitalises the letter after each underscore and lowers all others, so each capital
    needs an underscore: ``MaxUploadMB`` is ``ORTHANC__BODY_PART__MAX_UPLOAD_M_B``.
    """
    return "ORTHANC__BODY_PART__" + re.sub("(?<!^)(?=[A-Z])", "_", key).upper()


def nearest(given: object, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, ignoring case; None if none is similar."""
    folded = {word.lower(): word for word in known}
    found = get_close_matches(str(given).lower(), folded, n=1)
    return folded[found[0]] if found else None


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """Return a clause with the known word that was probably meant; empty if none is similar."""
    near = nearest(given, known)
    return f"; did you mean {near}?" if near else ""


def _hint(key: str, known: Collection[str]) -> str:
    """Return a hint with the key that was probably meant, and its variable for containers."""
    near = nearest(key, known)
    variable = f" In the environment: {environment_variable(near)}" if near else ""
    return did_you_mean(key, known) + variable
