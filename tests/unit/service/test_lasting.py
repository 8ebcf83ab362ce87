"""Threads that the service lives by go on after any error, and tell of it without a value."""

import ast
import threading
from itertools import islice

import pytest

from service import lasting as module
from service.lasting import lasting, lengthening

ELSEWHERE = {
    "lasting.py",
    "__main__.py",  # Hears Orthanc's side; catches whatever comes of what it hears.
    "process.py",  # Listens to one decoder, and ends with it.
}


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(module, "_PAUSES", (0.0,))


def run(do, stopping=None):
    lines = []
    thread = lasting("sweep", do, stopping or threading.Event(), lines.append)
    assert thread.name == "bodypart-sweep"
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    return lines


def test_it_begins_again_whatever_the_error_was():
    errors = [KeyError("DOE^JOHN"), ValueError("DOE^JOHN"), OSError("DOE^JOHN")]

    def do():
        if errors:
            raise errors.pop()

    lines = run(do)
    assert [line.split(": ")[1].split()[0] for line in lines] == [
        "OSError",
        "ValueError",
        "KeyError",
    ]
    assert "test_lasting.py, line" in lines[0]
    assert "DOE" not in "".join(lines)


@pytest.mark.parametrize(("long_enough", "waited"), [(60.0, [1, 2, 2, 2]), (-1.0, [1, 1, 1, 1])])
def test_pauses_lengthen_unless_it_worked_well_between(monkeypatch, long_enough, waited):
    monkeypatch.setattr(module, "_PAUSES", (1, 2))
    monkeypatch.setattr(module, "_LONG_ENOUGH", long_enough)
    errors, pauses, stopping = [KeyError()] * 4, [], threading.Event()

    def do():
        if errors:
            raise errors.pop()

    monkeypatch.setattr(stopping, "wait", pauses.append)
    run(do, stopping)
    assert pauses == waited


def test_the_last_pause_is_waited_for_ever():
    assert list(islice(lengthening((0.2, 1.0)), 4)) == [0.2, 1.0, 1.0, 1.0]


def test_it_ends_with_the_service():
    stopping = threading.Event()

    def do():
        stopping.set()
        raise KeyError

    assert run(do, stopping) == []


def test_all_threads_of_the_service_are_made_so(request):
    """One that ends for good is not missed before somebody misses its work."""
    for path in sorted((request.config.rootpath / "plugin/service").rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if _makes_thread(node)]
        assert not calls or path.name in ELSEWHERE, path


def _makes_thread(node):
    name = getattr(node.func, "attr", None) if isinstance(node, ast.Call) else None
    return name == "Thread"
