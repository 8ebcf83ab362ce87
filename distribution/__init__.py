"""What is made for others: lock files, the bill of materials, the archive for hospitals offline."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def version() -> str:
    """Return the project's version, which stands in one place."""
    text = (ROOT / "plugin/bodypart/__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if not found:
        raise ValueError("plugin/bodypart/__init__.py has no __version__")
    return found[1]
