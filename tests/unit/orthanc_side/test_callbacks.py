"""What the hook keeps of a file that comes in while another one of the instance is rewritten."""

import hashlib
import importlib
import sys
import types

import pytest

OURS = b"head" + bytes(100)


@pytest.fixture
def callbacks(monkeypatch):
    """Return the module, imported without an Orthanc around it."""
    monkeypatch.setitem(sys.modules, "orthanc", types.ModuleType("orthanc"))
    monkeypatch.delitem(sys.modules, "orthanc_side.callbacks", raising=False)
    yield importlib.import_module("orthanc_side.callbacks")
    sys.modules.pop("orthanc_side.callbacks", None)


@pytest.mark.parametrize("beginning", [4, len(OURS)])
@pytest.mark.parametrize(
    ("stored", "kept"),
    [
        (OURS, False),
        (b"theirs", True),
        (b"tail" + OURS[4:], True),
        (OURS + b"\0", True),
    ],
)
def test_what_is_not_the_file_of_the_service_is_kept(callbacks, tmp_path, beginning, stored, kept):
    place = tmp_path / "i.dcm"
    digest = hashlib.md5(OURS[:beginning]).hexdigest()
    rewriting = {"length": len(OURS), "beginning": beginning, "md5": digest, "file": str(place)}
    callbacks._keep_if_foreign(stored, rewriting)
    assert place.exists() == kept
    if kept:
        assert place.read_bytes() == stored


def test_a_file_restored_is_compared_to_its_last_byte(callbacks, tmp_path):
    place, other = tmp_path / "i.dcm", OURS[:-1] + b"\1"
    digest = hashlib.md5(OURS).hexdigest()
    rewriting = {"length": len(OURS), "beginning": len(OURS), "md5": digest, "file": str(place)}
    callbacks._keep_if_foreign(other, rewriting)
    assert place.read_bytes() == other
