"""The plugin inside an Orthanc that already runs for other purposes."""

import json
import subprocess
import time

import pytest
import requests

from orthanc_server import ROOT, free_port
from phantoms import file_bytes, radiograph

HOST_SCRIPT = f"""
import sys
import orthanc
sys.path.insert(0, "{ROOT}/plugin")
from orthanc_side.callbacks import register

bodypart = register(on_change=False)

def on_stored(dicom, instance):
    orthanc.LogWarning("the host saw " + instance)
    bodypart.on_stored_instance(dicom, instance)

def on_change(change, level, resource):
    bodypart.on_change(change, level, resource)

orthanc.RegisterOnStoredInstanceCallback(on_stored)
orthanc.RegisterOnChangeCallback(on_change)

def on_request(output, uri, **request):
    output.AnswerBuffer("hi", "text/plain")

orthanc.RegisterRestCallback("/host", on_request)
"""
PLUGINS = "/usr/share/orthanc/plugins"


@pytest.fixture
def own_orthanc(make_server, tmp_path):
    """Start Orthanc on a configuration that is not ours; yield a function to do so."""
    started = []

    def start(script, **extra):
        port = free_port()
        configuration = {
            "StorageDirectory": "db",
            "IndexDirectory": "db",
            "HttpPort": port,
            "DicomPort": free_port(),
            "Plugins": [f"{PLUGINS}/libOrthancPython.so", f"{PLUGINS}/libOrthancDicomWeb.so"],
            "PythonScript": str(script),
            "UserMetadata": {"BodyPart": 3301, "BodyPartExamined": 3302},
            "AuthenticationEnabled": True,
            "RegisteredUsers": {"ann": "secret"},
            **extra,
        }
        (tmp_path / "db").mkdir(exist_ok=True)
        path = tmp_path / "own.json"
        path.write_text(json.dumps(configuration))
        log = (tmp_path / "log").open("w")
        process = subprocess.Popen(["Orthanc", str(path)], stdout=log, stderr=log, cwd="/")
        started.append(process)
        return process, f"http://127.0.0.1:{port}"

    yield start
    for process in started:
        process.kill()
        process.wait()


def wait_for(url, **arguments):
    for _ in range(600):
        try:
            answer = requests.get(url, timeout=5, **arguments)
            if answer.status_code == 200 and (
                "status" not in url or answer.json().get("ready", True)
            ):
                return answer.json() if answer.text.startswith("{") else answer.text
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


@pytest.mark.parametrize("way", ["script", "host script"])
def test_three_lines_of_configuration_are_enough(own_orthanc, tmp_path, way):
    script = ROOT / "plugin/orthanc_bodypart.py"
    if way == "host script":
        script = tmp_path / "host.py"
        script.write_text(HOST_SCRIPT)
    _, url = own_orthanc(script)
    ann = {"auth": ("ann", "secret")}
    wait_for(f"{url}/bodypart/status", **ann)
    assert requests.get(f"{url}/bodypart/status", timeout=5).status_code == 401
    data = file_bytes(radiograph("knee", BodyPartExamined="KNEE"))
    instance = requests.post(f"{url}/instances", data=data, timeout=5, **ann).json()["ID"]
    for _ in range(200):
        annotation = requests.get(f"{url}/bodypart/instances/{instance}", timeout=5, **ann).json()
        if annotation["status"] != "pending":
            break
        time.sleep(0.05)
    assert annotation["header"]["label"] == "knee"
    corrected = requests.put(
        f"{url}/bodypart/instances/{instance}", json={"examined": "foot"}, timeout=5, **ann
    ).json()
    assert corrected["review"]["by"] == "ann"
    assert wait_for(f"{url}/dicom-web/studies", **ann)  # The other plugin works.
    if way == "host script":
        assert requests.get(f"{url}/host", timeout=5, **ann).text == "hi"
        assert f"the host saw {instance}" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        ({"BodyPart": {"Tag": "none"}}, "BodyPart.Tag is not a setting; did you mean Tags?"),
        ({"Bodypart": {"Tags": "none"}}, "Bodypart is not a section; did you mean BodyPart?"),
        ({"BodyPart": {"IndexFile": "/nowhere/i"}}, "BodyPart.IndexFile: no file can be written"),
        ({"BodyPart": {"Python": "/proc/version"}}, "BodyPart.Python: /proc/version is no program"),
        ({"BodyPart": {"Model": "/proc/version"}}, "BodyPart.Model: there is no file /proc/"),
        ({"BodyPart": {"Provider": "tpu"}}, "BodyPart.Provider must be one of"),
        (
            {"BodyPart": {"Model": "/nowhere.onnx"}},
            "BodyPart.Model: there is no file /nowhere.onnx",
        ),
        ({"BodyPart": {"Terms": {"knee": ["!"]}}}, "BodyPart.Terms: "),
        ({"UserMetadata": {}}, "UserMetadata lacks BodyPart and BodyPartExamined"),
    ],
)
def test_a_wrong_configuration_stops_the_start_with_one_line(own_orthanc, tmp_path, extra, line):
    process, _ = own_orthanc(ROOT / "plugin/orthanc_bodypart.py", **extra)
    assert process.wait(20) != 0
    log = (tmp_path / "log").read_text()
    assert line in log
    assert "File " not in log  # No traceback.


def test_cuda_that_is_not_there_falls_back_with_a_warning(make_server):
    server = make_server({"BodyPart": {"Provider": "cuda"}}).start()
    status = server.status()
    if status["provider"] == "cuda":
        assert status["warning"] is None
        return
    assert status["provider"] == "cpu"
    assert "onnxruntime" in status["warning"] or "lib" in status["warning"]
    assert status["warning"] in server.log.read_text()
