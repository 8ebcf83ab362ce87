"""Fill the documents' tables from the code: `make docs`.

The text between `<!-- begin: NAME -->` and `<!-- end: NAME -->` is generated from the code; a test
fails when it is out of date. Benchmarks are filled by `tests/benchmarks/run.py`.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from pathlib import Path

from fastapi.routing import APIRoute

from bodypart.settings import Settings, environment_variable, key_of
from cost import cost_table
from service.routes.app import ROUTERS
from tried import table as tried_table

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
CONFIGURATION = ROOT / "docs" / "configuration.md"
REST = ROOT / "docs" / "rest.md"
SECURITY = ROOT / "docs" / "security.md"
BENCHMARKS = ROOT / "docs" / "benchmarks.md"
SCALE = ROOT / "docs" / "scale.md"

MOST_USED_SETTINGS = (
    *("OnUpload", "Tags", "WriteThreshold", "WriteConflicts", "ReviewThreshold", "Labels"),
    *("Learn", "Routes", "Workers", "Provider", "Database"),
)
MOST_USED_ROUTES = (
    "GET /bodypart/status",
    "GET /bodypart/{level}/{id}",
    "POST /bodypart/{level}/{id}",
    "PUT /bodypart/instances/{id}",
    "DELETE /bodypart/instances/{id}/review",
    "DELETE /bodypart/{level}/{id}",
    "POST /bodypart/find",
    "POST /bodypart/classify",
    "GET /bodypart/instances/{id}/dicom",
    "POST /bodypart/backfill",
)


def documents() -> list[Path]:
    """Return every document for people who use or change the project."""
    folders = (ROOT / name for name in ("", "docs", "models", "models/triton"))
    return [path for folder in folders for path in sorted(folder.glob("*.md"))]


def settings(chosen: Iterable[str] | None = None) -> str:
    """Return the Markdown table of all settings with their variables, or of some without them."""
    fields = {key_of(item.name): item for item in dataclasses.fields(Settings)}
    lines = ["| key | default | what it does |", "|---|---|---|"]
    if chosen is None:
        lines = [lines[0] + " in the public image's environment |", lines[1] + "---|"]
    for key in fields if chosen is None else chosen:
        default = json.dumps(getattr(Settings(), fields[key].name))
        line = f"| `{key}` | `{default}` | {fields[key].metadata['doc']} |"
        lines.append(line if chosen is not None else f"{line} `{environment_variable(key)}` |")
    return "\n".join(lines)


def routes(chosen: Iterable[str] | None = None) -> str:
    """Return the table of all routes, or of some in the given order."""
    summaries = {}
    for route in (route for router in ROUTERS for route in router.routes):
        if isinstance(route, APIRoute) and route.include_in_schema:
            (method,) = route.methods
            summaries[f"{method} {route.path_format}"] = route.summary
    lines = ["| route | what it does |", "|---|---|"]
    names = summaries if chosen is None else chosen
    return "\n".join([*lines, *(f"| `{name}` | {summaries[name]} |" for name in names)])


def filled(text: str, name: str, content: str) -> str:
    """Return the text with a section's content replaced."""
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the document has no section {name}")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)


def current() -> dict[Path, str]:
    """Return the documents, their generated tables up to date."""
    readme, configuration, rest, security = (
        path.read_text(encoding="utf-8") for path in (README, CONFIGURATION, REST, SECURITY)
    )
    readme = filled(readme, "settings", settings(MOST_USED_SETTINGS))
    return {
        README: filled(readme, "routes", routes(MOST_USED_ROUTES)),
        CONFIGURATION: filled(configuration, "settings", settings()),
        REST: filled(rest, "routes", routes()),
        SCALE: filled(SCALE.read_text(encoding="utf-8"), "cost", cost_table()),
        SECURITY: filled(security, "tried", tried_table()),
    }


if __name__ == "__main__":
    for path, text in current().items():
        path.write_text(text, encoding="utf-8")
