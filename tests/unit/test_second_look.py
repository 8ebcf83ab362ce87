"""CI looks twice at what failed: what fails twice fails, and so does what is no failed test."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPE = re.compile(r"^test:.*\n((?:\t.*\n)+)", re.MULTILINE)
FAILS_ONCE = """
from pathlib import Path

def test_it():
    seen = Path(__file__).with_suffix(".seen")
    known = seen.exists()
    seen.touch()
    assert known
"""
FAILS = "def test_it():\n    assert False\n"
PASSES = "def test_it():\n    pass\n"
ENDS = "import os\n\ndef test_it():\n    os._exit(7)\n"

# Without it `.ci/run` would install it on this machine.
pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="there is no make")


@pytest.fixture
def suite(tmp_path):
    """A checkout of two tests, with our ``.ci/run`` and what our ``make test`` does."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    recipe = RECIPE.search((ROOT / "Makefile").read_text())
    assert recipe
    rules = f"PYTHON = .venv/bin/python\n.PHONY: test\ntrain-tools:\ntest:\n{recipe[1]}"
    (tmp_path / "Makefile").write_text(rules)

    def run(**tests):
        for name, text in tests.items():
            (tmp_path / f"test_{name}.py").write_text(text)
        outer = ("PYTEST", "MAKE")
        environment = {n: v for n, v in os.environ.items() if not n.startswith(outer)}
        environment["PYTEST_ADDOPTS"] = "-p no:schemathesis"
        return subprocess.run([tmp_path / ".ci/run"], env=environment, check=False).returncode

    return run


@pytest.mark.parametrize(
    ("first", "second", "passes"),
    [
        (FAILS_ONCE, FAILS_ONCE, True),
        (FAILS_ONCE, FAILS, False),
        (ENDS, PASSES, False),
    ],
)
def test_what_fails_once_gets_a_second_look(suite, first, second, passes):
    assert (suite(a=first, b=second) == 0) is passes


def test_a_failing_rule_that_is_no_test_gets_no_second_look(suite, tmp_path):
    rules = tmp_path / "Makefile"
    rules.write_text(rules.read_text().replace("test:", "test:\n\tfalse"))
    assert suite(a=PASSES) != 0
