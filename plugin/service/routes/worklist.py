"""The work list of the review page: which instances a person should look at, worst first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args

from bodypart.annotation import Agreement, Source
from orthanc_side import archive
from orthanc_side.archive import LEVELS, NotFoundError
from orthanc_side.find import labels_of
from orthanc_side.http import bad_request
from orthanc_side.index import COLUMNS, FORGOTTEN, UNSEEN

if TYPE_CHECKING:
    from orthanc_side.index import Index

LONGEST_PAGE = 500
_DEFAULT_PAGE = 50
_LINE = (
    "id", "series", "study", "patient", "state", "examined", "probability", "source",
    "agreement", "laterality", "needs_review", "modality", "study_date", "image_label",
    "header_label", "reviewed_at", "reviewed_by",
)  # fmt: skip
_SHOW = {
    "review": "needs_review",
    "reviewed": "reviewed_at IS NOT NULL",
    "corrected": "reviewed_at IS NOT NULL AND machine_label IS NOT examined",
    "failed": "state = 'failed'",
    "all": f"state NOT IN ('{UNSEEN}', '{FORGOTTEN}')",
}
_CONFLICTS_FIRST = (
    "needs_review DESC, agreement IS NOT 'conflict', coalesce(probability, 0), study_date DESC, id"
)
ORTHANC_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}"
_DATE = re.compile(r"\d{8}")
_AGREEMENTS: tuple[str, ...] = get_args(Agreement)
_SOURCES: tuple[str, ...] = get_args(Source)

FILTERS: tuple[tuple[str, str], ...] = (
    ("show", f"{', '.join(_SHOW)}; review if it is missing"),
    ("label", "examined part: a label, a code or a region"),
    ("agreement", ", ".join(_AGREEMENTS)),
    ("source", ", ".join(_SOURCES)),
    ("picture", "what the picture shows, whatever the answer is: a label or a code"),
    ("header", "what the header names, whatever the answer is: a label or a code"),
    ("modality", "for example DX"),
    ("from", "first study date, YYYYMMDD"),
    ("to", "last study date, YYYYMMDD"),
    *((level, f"only what lies in these {level}: an Orthanc id") for level in LEVELS),
)
PAGING: tuple[tuple[str, str], ...] = (
    ("since", "how many lines to skip"),
    ("limit", f"how many lines to give, {LONGEST_PAGE} at most"),
)


def page(index: Index, query: Mapping[str, str]) -> dict[str, Any]:
    """Return one page of the work list.

    Parameters
    ----------
    index : Index
        The search index.
    query : mapping
        `FILTERS` and `PAGING`, as they stand in the address.

    Raises
    ------
    HttpError
        400 that names the parameter which is unknown or wrong.
    """
    since = _whole(query, "since", 0, 0, 2**31)
    limit = _whole(query, "limit", _DEFAULT_PAGE, 1, LONGEST_PAGE)
    where, parameters = condition(query, beside=("since", "limit"))
    total = index.ask(f"SELECT count(*) FROM instances WHERE {where}", parameters)[0][0]
    rows = index.ask(
        f"SELECT {', '.join(_LINE)} FROM instances WHERE {where} "
        f"ORDER BY {_CONFLICTS_FIRST} LIMIT ? OFFSET ?",
        (*parameters, limit, since),
    )
    return {"total": total, "since": since, "items": [_line(row) for row in rows]}


def condition(
    query: Mapping[str, str], beside: tuple[str, ...] = ()
) -> tuple[str, tuple[object, ...]]:
    """Return the filters of an address as an SQL condition with its parameters.

    Parameters
    ----------
    query : mapping
        `FILTERS`.
    beside : tuple of str
        Further parameters that the route knows.

    Raises
    ------
    HttpError
        400 that names the parameter which is unknown or wrong.
    """
    for name in query:
        if name not in beside and name not in dict(FILTERS):
            raise bad_request(f"{name} is not a parameter of this address")
    where = [_SHOW[_choice("show", query.get("show") or "review", _SHOW)]]
    parameters: list[object] = []
    for name, apply in _CONDITIONS.items():
        if query.get(name):
            sql, values = apply(query[name])
            where.append(sql)
            parameters += values
    return " AND ".join(where), tuple(parameters)


def is_id(value: object) -> bool:
    """Tell whether a value is an Orthanc id."""
    return isinstance(value, str) and re.fullmatch(ORTHANC_ID, value) is not None


def _label(name: str, column: str) -> Callable[[str], tuple[str, tuple[object, ...]]]:
    def apply(text: str) -> tuple[str, tuple[object, ...]]:
        labels = labels_of(name, text)
        return f"{column} IN ({','.join('?' * len(labels))})", labels

    return apply


def _equals(name: str, choices: tuple[str, ...]) -> Callable[[str], tuple[str, tuple[object, ...]]]:
    return lambda text: (f"{name} = ?", (_choice(name, text, choices),))


def _date(name: str, comparison: str) -> Callable[[str], tuple[str, tuple[object, ...]]]:
    def apply(text: str) -> tuple[str, tuple[object, ...]]:
        if not _DATE.fullmatch(text):
            raise bad_request(f"{name} must be a date, YYYYMMDD")
        return f"study_date {comparison} ?", (text,)

    return apply


def _within(level: str) -> Callable[[str], tuple[str, tuple[object, ...]]]:
    def apply(text: str) -> tuple[str, tuple[object, ...]]:
        if not is_id(text):
            raise bad_request(f"{level} must be an Orthanc id")
        return f"{COLUMNS[level]} = ?", (text,)

    return apply


_CONDITIONS: Mapping[str, Callable[[str], tuple[str, tuple[object, ...]]]] = {
    "label": _label("label", "examined"),
    "picture": _label("picture", "image_label"),
    "header": _label("header", "header_label"),
    "agreement": _equals("agreement", _AGREEMENTS),
    "source": _equals("source", _SOURCES),
    "modality": lambda text: ("modality = ?", (text,)),
    "from": _date("from", ">="),
    "to": _date("to", "<="),
    **{level: _within(level) for level in LEVELS},
}


def _choice(name: str, text: str, choices: Mapping[str, str] | tuple[str, ...]) -> str:
    if text not in choices:
        raise bad_request(f"{name} must be one of {', '.join(choices)}")
    return text


def _whole(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise bad_request(f"{name} must be a whole number from {low} to {high}")
    return int(text)


def _line(row: tuple[Any, ...]) -> dict[str, Any]:
    line = dict(zip(_LINE, row, strict=True))
    line["instance"] = line.pop("id")
    line["needs_review"] = bool(line["needs_review"])
    return {**line, **_description(line["study"])}


@lru_cache(maxsize=1024)
def _description(study: str) -> dict[str, str]:
    """Return what tells a study from the others to a person; the index holds no patient data."""
    try:
        found = archive.get_json(f"/studies/{study}")
    except NotFoundError:
        return {"patient_name": "", "study_description": ""}
    return {
        "patient_name": str(found["PatientMainDicomTags"].get("PatientName", "")),
        "study_description": str(found["MainDicomTags"].get("StudyDescription", "")),
    }
