"""What the hook keeps of a file that comes in while another one of the instance is rewritten."""

import ctypes
import hashlib
import importlib
import json
import os
import subprocess
import sys
import types
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from orthanc_side.service_process import ServiceProcess
from service.dicom_tags.file_mark import FileMark
from service.dicom_tags.rescue import Rescue

OURS = b"head" + bytes(100)
_OBJECT = ctypes.py_object
_call = ctypes.PYFUNCTYPE(_OBJECT, _OBJECT, _OBJECT, _OBJECT)(("PyObject_Call", ctypes.pythonapi))


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
    callbacks._keep_if_foreign(stored, told(tmp_path, beginning))
    assert place.exists() == kept
    if kept:
        assert place.read_bytes() == stored


def told(folder, beginning):
    """Tell in a folder of the rewrite of an instance, as the service does."""
    digest = hashlib.md5(OURS[:beginning]).hexdigest()
    place = folder / "i.json"
    place.write_text(json.dumps({"length": len(OURS), "beginning": beginning, "md5": digest}))
    return place


def test_a_file_restored_is_compared_to_its_last_byte(callbacks, tmp_path):
    other = OURS[:-1] + b"\1"
    callbacks._keep_if_foreign(other, told(tmp_path, len(OURS)))
    assert (tmp_path / "i.dcm").read_bytes() == other


def test_it_is_kept_in_a_folder_with_an_umlaut_where_orthanc_has_no_locale(tmp_path):
    program = f"""
import os, sys, types
sys.modules["orthanc"] = types.ModuleType("orthanc")
from orthanc_side.callbacks import Plugin
from orthanc_side.service_process import ServiceProcess
assert sys.getfilesystemencoding() == "ascii"
process = ServiceProcess({{}}, "", print)
process._take({{"rescued": {str(tmp_path)!r} + b"/\\xc3\\xbc".decode()}})
plugin = Plugin.__new__(Plugin)
plugin._process = process
dicom = types.SimpleNamespace(GetInstanceData=lambda: b"theirs")
plugin.on_stored_instance(dicom, "i")
plugin.on_stored_instance(dicom, "j")
"""
    (tmp_path / "ü").mkdir()
    told(tmp_path / "ü", 4)
    plugin = Path(__file__).resolve().parents[3] / "plugin"
    environment = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(plugin)}
    command = [sys.executable, "-X", "utf8=0", "-c", program]
    subprocess.run(command, check=True, timeout=60, env=environment)
    assert (tmp_path / "ü/i.dcm").read_bytes() == b"theirs"
    assert not (tmp_path / "ü/j.dcm").exists()


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({}, "OrthancStorage"),
        ({"StorageDirectory": "pictures"}, "pictures"),
        ({"StorageDirectory": "pictures", "IndexDirectory": "/index"}, "/index"),
    ],
)
def test_sqlite_has_its_temporary_files_beside_the_index(
    callbacks, tmp_path, monkeypatch, given, place
):
    """Where /var/tmp was full, Orthanc 1.10 lost each file that was rewritten."""
    orthanc = MagicMock(
        GetConfiguration=lambda: json.dumps({**given, "BodyPart": {"Panel": False}}),
        GetConfigurationPath=lambda: str(tmp_path),
    )
    monkeypatch.setattr(callbacks, "orthanc", orthanc)
    monkeypatch.setattr(ServiceProcess, "check", lambda _: None)
    monkeypatch.setenv("SQLITE_TMPDIR", "")
    monkeypatch.delenv("SQLITE_TMPDIR")
    callbacks.register()
    assert os.environ["SQLITE_TMPDIR"] == str(tmp_path / place)
    monkeypatch.setenv("SQLITE_TMPDIR", "/fast")
    callbacks.register()
    assert os.environ["SQLITE_TMPDIR"] == "/fast"


def test_a_file_is_kept_that_comes_in_while_another_node_rewrites_its_instance(callbacks, tmp_path):
    """Each node knew its own rewrites only: what came in at the other was lost."""
    other = Rescue(tmp_path, print, shared=True)
    plugin = callbacks.Plugin.__new__(callbacks.Plugin)
    plugin._process = ServiceProcess({}, "", print)
    here = Rescue(tmp_path, plugin._process._take, shared=True)
    dicom = types.SimpleNamespace(GetInstanceData=lambda: b"theirs")

    plugin.on_stored_instance(dicom, "i")
    assert here.kept("i", 0.0) is None
    ours = FileMark.of(OURS, signed=True)
    other._say = lambda message: other.acknowledge(message["rewriting"])
    with other.watching("i", ours):
        plugin.on_stored_instance(dicom, "i")
        assert other.kept("i") == b"theirs"
    other.drop("i")
    plugin.on_stored_instance(dicom, "i")
    assert other.kept("i", 0.0) is None


def test_the_service_is_told_of_a_file_that_cannot_be_kept(callbacks, tmp_path):
    """A network's folder may fail: then the newer file was not annotated before the next sweep."""
    said = []
    plugin = callbacks.Plugin.__new__(callbacks.Plugin)
    plugin._process = types.SimpleNamespace(
        rescued=tmp_path, tell=lambda event, resource: said.append((event, resource))
    )
    told(tmp_path, 4)
    (tmp_path / "i.part").mkdir()
    dicom = types.SimpleNamespace(GetInstanceData=lambda: b"theirs")
    with pytest.raises(IsADirectoryError):
        plugin.on_stored_instance(dicom, "i")
    assert said == [("stored", "i")]


def test_at_the_end_only_resources_that_are_not_stable_yet_are_kept_unstable(callbacks):
    """Told of what was at rest or gone, Orthanc 1.13 ended with SIGABRT every other time."""
    names = "ORTHANC_STARTED ORTHANC_STOPPED NEW_CHILD_INSTANCE NEW_INSTANCE DELETED STABLE_SERIES "
    names += "STABLE_STUDY STABLE_PATIENT"
    held = []
    fake = sys.modules["orthanc"]
    fake.ChangeType = types.SimpleNamespace(**{name: name for name in names.split()})
    fake.ResourceType = types.SimpleNamespace(INSTANCE="instance")
    fake.StableStatus = types.SimpleNamespace(UNSTABLE="unstable")
    fake.CheckVersionAdvanced = lambda *_: True
    fake.SetStableStatus = lambda resource, status: held.append((resource, status))
    process = types.SimpleNamespace(
        socket=None, down_reason="", stop=lambda: None, tell=lambda *_: None
    )
    plugin = callbacks.Plugin(process, {})
    for series in ("settled", "gone", "changed again", "fresh"):
        plugin.on_change("NEW_CHILD_INSTANCE", "series", series)
    for change, series in (
        ("STABLE_SERIES", "settled"),
        ("DELETED", "gone"),
        ("STABLE_SERIES", "changed again"),
        ("NEW_CHILD_INSTANCE", "changed again"),
    ):
        plugin.on_change(change, "series", series)
    plugin.on_change("ORTHANC_STOPPED", "", "")
    assert sorted(held) == [("changed again", "unstable"), ("fresh", "unstable")]
    # Amid a migration those that settle next: all of them would hold up the end.
    held.clear()
    for number in (*range(6_000), 0):
        plugin.on_change("NEW_CHILD_INSTANCE", "series", f"series {number}")
    plugin.on_change("ORTHANC_STOPPED", "", "")
    assert len(held) == 5_000
    assert ("series 1", "unstable") in held and ("series 0", "unstable") not in held


@pytest.mark.parametrize(
    ("uri", "kind", "passes"),
    [
        ("/bodypart/reviews", "multipart/form-data; boundary=x", False),
        ("//bodypart/backfill", ' Multipart/Form-Data; boundary="x"', False),
        ("/bodypart/classify", "application/dicom", True),
        ("/bodypart/status", None, True),
        ("/instances", "multipart/form-data; boundary=x", True),
    ],
)
def test_a_form_whose_sender_wrote_the_headers_is_refused(callbacks, uri, kind, passes):
    """Orthanc hands on its parts alone: they passed for our own pages', in any user's name."""
    plugin = callbacks.Plugin.__new__(callbacks.Plugin)
    sys.modules["orthanc"].HttpMethod = types.SimpleNamespace(DELETE=4)
    plugin._leaks = False
    headers = {"content-type": kind} if kind else {}
    assert plugin.on_incoming(uri, method=2, headers=headers) is passes


def test_the_store_hook_has_no_error_to_catch_where_nothing_is_rewritten(callbacks, tmp_path):
    """Python 3.14 could not, amid a STOW on Debian's Orthanc: each picture was an error there."""
    raised, told = [], []

    def trace(_frame, event, arg):
        if event == "exception" and issubclass(arg[0], OSError):
            raised.append(arg[0])
        return trace

    plugin = callbacks.Plugin.__new__(callbacks.Plugin)
    plugin._process = types.SimpleNamespace(
        rescued=tmp_path / "none", tell=lambda *message: told.append(message)
    )
    before = sys.gettrace()
    sys.settrace(trace)
    plugin.on_stored_instance(None, "i")
    sys.settrace(before)
    assert (raised, told) == ([], [("stored", "i")])


@pytest.mark.parametrize("tags", ["none", "in-place"])
@pytest.mark.parametrize("ours", [True, False])
def test_a_host_script_may_have_a_filter_of_its_own(callbacks, monkeypatch, tags, ours):
    """Orthanc takes one, and did not start with a second: "Can only register one Python …"."""
    orthanc = MagicMock(
        GetConfiguration=lambda: json.dumps({"BodyPart": {"Tags": tags, "Panel": False}}),
        GetConfigurationPath=lambda: "/",
    )
    monkeypatch.setattr(callbacks, "orthanc", orthanc)
    monkeypatch.setattr(ServiceProcess, "check", lambda _: None)
    monkeypatch.setenv("SQLITE_TMPDIR", "/fast")
    callbacks.register(on_change=False, on_incoming=ours)
    needed = ours and tags == "in-place"
    assert orthanc.RegisterIncomingHttpRequestFilter.called is needed


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="of Debian 12's Python alone")
@pytest.mark.parametrize("forgotten", [True, False])
@pytest.mark.parametrize("callback", ["on_request", "on_incoming", "a host's on_incoming"])
def test_the_memory_of_a_request_is_freed_where_debian_12_s_plugin_forgets_to(
    callbacks, forgotten, callback
):
    """Its Orthanc kept the body of each request for ever: a picture was eight megabytes."""
    plugin = callbacks.Plugin.__new__(callbacks.Plugin)
    sys.modules["orthanc"].HttpMethod = types.SimpleNamespace(DELETE=4)
    sys.modules["orthanc"].LogWarning = print
    plugin._process = plugin._forwarder = None
    plugin._leaks, host = True, callback.startswith("a host")
    plugin._filters = not host
    plugin._send = lambda *_: None
    request = {"body": bytes(1000), "headers": {"a": "b"}, "get": {}, "ip": "10.0.0.5 "[:-1]}
    if forgotten:
        for value in request.values():
            ctypes.pythonapi.Py_IncRef(_OBJECT(value))
        del value
    arguments = (None, "/bodypart") if callback == "on_request" else ("/bodypart",)
    request["method"] = 1
    _call(getattr(plugin, callback.split()[-1]), arguments, request)
    del request["method"]
    left = dict.fromkeys(request, 2 + (forgotten and host))
    assert {name: sys.getrefcount(request[name]) for name in request} == left


@pytest.mark.parametrize(("version", "forgets"), [("4.0", True), ("4.1", False), ("5.0", False)])
def test_only_debian_12_s_plugin_is_freed_of_what_it_forgets(
    callbacks, monkeypatch, version, forgets
):
    fake = sys.modules["orthanc"]
    fake.ChangeType = types.SimpleNamespace(ORTHANC_STARTED=1, NEW_CHILD_INSTANCE=2)
    fake.RestApiGet = lambda path: f'{{"ID": "python", "Version": "{version}"}}'
    monkeypatch.setattr(callbacks.sys, "version_info", (3, 11, 2))
    plugin = callbacks.Plugin.__new__(callbacks.Plugin)
    plugin._at_rest, plugin._orthanc = (), dict
    plugin._process = types.SimpleNamespace(start=lambda given: None)
    plugin.on_change(1, 0, "")
    assert plugin._leaks is forgets
