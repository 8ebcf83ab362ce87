"""What older browsers lack is not used in the pages: hospitals keep theirs long.

docs/pages.md names the oldest ones. The versions are those of MDN's browser-compat-data.
"""

import re
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "plugin"
PAGES = PLUGIN / "service" / "pages"
FILES = [PLUGIN / "orthanc_side/panel.js", *PAGES.rglob("*.js"), *PAGES.glob("*.css")]
TOO_NEW = {
    r"light-dark\(": "Chrome 123, Firefox 120, Safari 17.5",
    r":has\(": "Chrome 105, Firefox 121, Safari 15.4",
    r"@container|@layer|@scope|@starting-style": "Firefox 110 and later",
    r"^\s*&[^&]": "Chrome 112, Firefox 117, Safari 16.5 (nested rules)",
    r"\bsubgrid\b": "Chrome 117, Firefox 71, Safari 16",
    r"AbortSignal\.(any|timeout)\(": "Chrome 116, Firefox 124, Safari 17.4",
    r"\bOffscreenCanvas\b": "Chrome 69, Firefox 105, Safari 16.4",
    r"\.(toSorted|toReversed|toSpliced)\(": "Chrome 110, Firefox 115, Safari 16",
    r"Object\.groupBy|Map\.groupBy": "Chrome 117, Firefox 119, Safari 17.4",
    r"Promise\.(withResolvers|try)\(": "Chrome 119, Firefox 121, Safari 17.4",
    r"\.(union|intersection|difference)\(": "Chrome 122, Firefox 127, Safari 17",
    r"\(\?<[=!]": "Chrome 62, Firefox 78, Safari 16.4 (lookbehind)",
    r"/[a-z]*v[a-z]*\.(test|exec)\(": "Chrome 112, Firefox 116, Safari 17 (regular expressions, v)",
}


@pytest.mark.parametrize("feature", TOO_NEW)
def test_the_pages_use_nothing_that_older_browsers_lack(feature):
    comments = re.compile(r"/\*.*?\*/|^\s*//.*?$", re.DOTALL | re.MULTILINE)
    used = [
        file.name
        for file in FILES
        if re.search(feature, comments.sub("", file.read_text()), re.MULTILINE)
    ]
    assert not used, TOO_NEW[feature]
