"""Fill the README's tables from the code: `make docs`.

Between `<!-- begin: NAME -->` and `<!-- end: NAME -->` stands what the code says; a test fails
when it is out of date. Benchmarks are filled by `tests/benchmarks/run.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

from fastapi.routing import APIRoute

from bodypart.settings import table
from service.routes.app import ROUTERS

README = Path(__file__).resolve().parents[1] / "README.md"


def routes() -> str:
    """Return the table of routes."""
    lines = ["| route | what it does |", "|---|---|"]
    for route in (route for router in ROUTERS for route in router.routes):
        if isinstance(route, APIRoute) and route.include_in_schema:
            (method,) = route.methods
            lines.append(f"| `{method} {route.path_format}` | {route.summary} |")
    return "\n".join(lines)


def filled(text: str, name: str, content: str) -> str:
    """Return the text with a section's content replaced."""
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the document has no section {name}")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)


def current(text: str) -> str:
    """Return the README with the tables that derive from the code up to date."""
    return filled(filled(text, "settings", table()), "routes", routes())


if __name__ == "__main__":
    README.write_text(current(README.read_text(encoding="utf-8")), encoding="utf-8")
