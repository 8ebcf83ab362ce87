"""Locked, a decoder does all it is for; and a layer that the kernel lacks is told, not fatal."""

import errno
import io
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import imagecodecs
import pydicom
import pydicom.uid as uids
import pytest
from pydicom.encaps import encapsulate

import doors
from bodypart.labels import BY_LABEL
from bodypart.settings import Settings
from decoder import landlock, lockdown, seccomp
from decoder.limits import AddressSpace
from decoder.lockdown import Lockdown
from phantoms import draw, file_bytes, radiograph
from service.decoders.process import DecoderProcess

SYNTAXES = [
    uids.ImplicitVRLittleEndian,
    uids.ExplicitVRLittleEndian,
    uids.ExplicitVRBigEndian,
    uids.DeflatedExplicitVRLittleEndian,
    uids.RLELossless,
    uids.JPEGBaseline8Bit,
    uids.JPEGExtended12Bit,
    uids.JPEGLossless,
    uids.JPEGLosslessSV1,
    uids.JPEGLSLossless,
    uids.JPEGLSNearLossless,
    uids.JPEG2000Lossless,
    uids.JPEG2000,
    uids.HTJ2KLossless,
    uids.HTJ2KLosslessRPCL,
    uids.HTJ2K,
]


def settings(**changes):
    model = str(doors.ROOT / "models/bodypart.onnx")
    return Settings(python=sys.executable, model=model, provider="cpu", **changes)


@pytest.fixture(scope="module")
def decoder():
    """Start the product's own decoder, from a folder and an environment that are none of its."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        process = DecoderProcess(settings())
    process.greet()
    yield process
    process.close()


def ask(decoder, task, payload, **request):
    return decoder.ask(task, request, payload, 60)


def knee(**attributes):
    return file_bytes(radiograph("knee", 200, 160, StudyDescription="Knie rechts", **attributes))


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
def test_every_transfer_syntax_is_read_behind_the_lock(decoder, syntax):
    bits = {"bits": 8} if syntax == uids.JPEGBaseline8Bit else {}
    answer, _ = ask(decoder, "annotate", knee(syntax=syntax, **bits), instance="i")
    annotation = answer["annotation"]
    assert annotation["status"] == "done"
    assert annotation["image"]["top"], "the picture was not seen"


def test_jpeg_xl_is_read_without_a_thread_of_its_own(decoder):
    dataset = radiograph("knee", 200, 160, syntax=uids.JPEG2000Lossless)
    dataset.PixelData = encapsulate([imagecodecs.jpegxl_encode(draw("knee", 200, 160))])
    answer, _ = ask(decoder, "annotate", file_bytes(dataset), instance="i")
    assert answer["annotation"]["image"]["top"]


def test_every_task_works_behind_the_lock(decoder):
    data = knee()
    annotation = ask(decoder, "classify", data, instance="")[0]["annotation"]
    examined = {**annotation["examined"], "probability": 1.0, "source": "person"}
    annotation = {**annotation, "examined": examined, "needs_review": False}
    for task, request in (("heatmap", {"label": "knee", "over": "picture"}), ("picture", {})):
        assert ask(decoder, task, data, **request)[1]
    request = {"annotation": annotation, "siblings": [], "threshold": 0.5}
    outcome, corrected = ask(decoder, "correct", data, **request)
    assert "AnatomicRegionSequence" in outcome["changed"]
    assert BY_LABEL["knee"].code.value.encode() in corrected
    assert ask(decoder, "restore", corrected)[1] == data
    header = ask(decoder, "headers", data)[1]
    study = {"study": "s", "annotations": [annotation], "lengths": [len(header)]}
    file = pydicom.dcmread(io.BytesIO(data))
    own = {"patient_id": file.PatientID, "study_uid": file.StudyInstanceUID, "uid": "2.25.7"}
    report = pydicom.dcmread(io.BytesIO(ask(decoder, "report", header, **study, **own)[1]))
    assert report.SOPInstanceUID == "2.25.7"
    written = datetime.strptime(
        f"{report.ContentDate}{report.ContentTime[:6]}+0900", "%Y%m%d%H%M%S%z"
    )
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=5)  # In the service's time zone.
    assert ask(decoder, "fhir", header, **study)[0]["resource"]["resourceType"] == "ImagingStudy"


def test_its_memory_is_in_large_pages_where_programs_may_ask_for_them(decoder):
    asked = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not asked.exists() or "[madvise]" not in asked.read_text("ascii"):
        pytest.skip("this kernel gives them to all programs or to none")
    areas = Path(f"/proc/{decoder.process.pid}/smaps").read_text("utf-8")
    flags = [line.split() for line in areas.splitlines() if line.startswith("VmFlags")]
    assert any("hg" in area for area in flags)


def test_it_gives_way_to_everything_else(decoder):
    """Also where the kernel weighs sessions first: a decoder is in one of its own."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, decoder.process.pid) == min(own + 10, 19)
    group = Path(f"/proc/{decoder.process.pid}/autogroup")
    if group.exists():
        assert group.read_text().endswith(" nice 10\n")


def test_it_ends_before_orthanc_where_memory_runs_out(decoder):
    assert Path(f"/proc/{decoder.process.pid}/oom_score_adj").read_text() == "1000\n"


def test_it_tells_what_holds(decoder):
    told = decoder.hello["lockdown"]
    assert not told["cuda"]
    assert set(told["held"]) | set(told["missing"]) == {
        "parent death",
        "not dumpable",
        "no new privileges",
        "limits",
        "capabilities",
        "landlock",
        "seccomp",
    }


def locked_in_a_child():
    """Lock a process of its own and return what that tells."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            # What other tests left open may be more than a locked process can have.
            os.closerange(3, writer)
            os.closerange(writer + 1, os.sysconf("SC_OPEN_MAX"))
            lock = Lockdown(Path("none.onnx"), cuda=False)
            lock.close_files()
            lock.close_system_calls(0, cuda=False)
            os.write(writer, json.dumps(lock.to_json()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as told:
        return json.load(told)


@pytest.mark.parametrize("module", [landlock, seccomp], ids=["landlock", "seccomp"])
def test_a_layer_that_the_kernel_lacks_is_told_and_the_rest_holds(monkeypatch, module):
    def lacks(*_, **__):
        raise OSError(errno.ENOSYS, "Function not implemented")

    whole = locked_in_a_child()
    monkeypatch.setattr(module, "restrict", lacks)
    told, layer = locked_in_a_child(), module.__name__.split(".")[-1]
    assert told["missing"] == {**whole["missing"], layer: "Function not implemented"}
    assert set(told["held"]) == set(whole["held"]) - {layer}


@pytest.mark.parametrize("speaks", range(1, 8))
def test_an_older_landlock_still_closes_the_files(monkeypatch, speaks):
    try:
        if landlock.version() < speaks:
            pytest.skip(f"this kernel speaks version {landlock.version()}")
    except OSError:
        pytest.skip("this kernel has no Landlock")
    monkeypatch.setattr(landlock, "version", lambda: speaks)
    told = locked_in_a_child()
    assert told["held"].get("landlock") == speaks, told["missing"]
    monkeypatch.setattr(seccomp, "restrict", lambda **_: tries())

    def tries():
        for path, flags in (("/etc/passwd", os.O_RDONLY), ("/tmp/x", os.O_CREAT | os.O_WRONLY)):
            with pytest.raises(PermissionError):
                os.open(path, flags)
        return "tried"

    assert locked_in_a_child()["held"]["seccomp"] == "tried"


def test_another_processor_loses_two_layers_and_not_the_service(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    missing = locked_in_a_child()["missing"]
    assert {"capabilities", "seccomp"} <= set(missing)
    assert "riscv64" in missing["seccomp"]


def test_a_search_path_does_not_open_the_root_or_a_home(monkeypatch):
    monkeypatch.setattr(sys, "path", ["", "/", "/home", "/root", "/tmp", "/etc", "/opt/x"])
    monkeypatch.setenv("LD_LIBRARY_PATH", "/:/usr/local/cuda/lib64::/tmp")
    readable = set(map(str, Lockdown(Path("/m/a.onnx"), cuda=False).paths().readable))
    assert {"/opt/x", "/usr/local/cuda/lib64", "/m/a.onnx", "/m/a.json"} <= readable
    assert not readable & lockdown._TOO_WIDE


def test_further_files_are_readable():
    paths = Lockdown(Path("/m/a.onnx"), cuda=False, more=(Path("/n/b.onnx"),)).paths()
    assert {"/m/a.onnx", "/m/a.json", "/n/b.onnx"} <= set(map(str, paths.readable))


def test_cuda_gets_its_devices_and_no_more_to_write_to():
    paths = Lockdown(Path("/m/a.onnx"), cuda=True).paths()
    assert all(str(path).startswith("/dev/nvidia") for path in paths.writable)
    assert not {str(path) for path in paths.readable} & lockdown._TOO_WIDE


def test_more_memory_than_the_limit_is_a_start_that_fails_with_a_reason():
    with pytest.raises(SystemExit, match=r"^MemoryLimitMB is 1, and the decoder itself takes \d+$"):
        AddressSpace().limit(1)


def test_a_limit_that_an_administrator_set_lower_is_kept(monkeypatch):
    """No decoder started: nobody may raise it, not even root without capabilities."""
    kept = (2**30, 2**30)
    monkeypatch.setattr("resource.getrlimit", lambda _: kept)
    monkeypatch.setattr("resource.setrlimit", lambda _, wanted: limits.append(wanted))
    limits = []
    AddressSpace().limit(4096)
    assert limits == [kept]
