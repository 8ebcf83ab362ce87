"""The compose profile `cluster` without an engine: two containers, PostgreSQL, its own proxy."""

import contextlib
import subprocess
import time

import pytest
import requests
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE

from image.containers import service_of_compose
from orthanc_server import ROOT, TARGETS, free_port
from phantoms import SOP_CLASSES, file_bytes, radiograph
from postgres import Postgres

AUTH = ("orthanc", "orthanc")
NODES = ("orthanc-a", "orthanc-b")


class Proxy:
    """nginx with the file that the compose file mounts; only names and ports are others."""

    def __init__(self, nodes):
        (mounted,) = service_of_compose("proxy")["volumes"]
        text = (ROOT / mounted.split(":")[0]).read_text(encoding="utf-8")
        self.port, self.dicom_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._pid = f"/tmp/nginx-{self.port}.pid"
        for name, node in nodes.items():
            text = text.replace(f"{name}:8042", f"127.0.0.1:{node.port}")
            text = text.replace(f"{name}:4242", f"127.0.0.1:{node.dicom_port}")
        text = text.replace("listen 8042", f"listen {self.port}")
        text = text.replace("listen 4242", f"listen {self.dicom_port}")
        text = text.replace("/tmp/nginx.pid", self._pid)
        # Debian has it apart, the public image built in.
        text = f"load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n{text}"
        self._file = TARGETS / "sid" / f"tmp/nginx-{self.port}.conf"
        self._file.write_text(text)

    def __enter__(self):
        inside = f"/tmp/{self._file.name}"
        self._process = subprocess.Popen(
            ["chroot", TARGETS / "sid", "nginx", "-g", "daemon off;", "-c", inside]
        )
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(10)
        self._file.unlink()

    def request(self, method, path, **options):
        return requests.request(method, self.url + path, auth=AUTH, timeout=30, **options)

    def c_store(self, dataset):
        """Send a data set by DICOM."""
        entity = AE()
        entity.add_requested_context(SOP_CLASSES["DX"], ExplicitVRLittleEndian)
        association = entity.associate("127.0.0.1", self.dicom_port, ae_title="ORTHANC")
        assert association.is_established
        status = association.send_c_store(dataset)
        association.release()
        return status.Status


@pytest.fixture
def nodes(started, tmp_path):
    """The two services, by their names."""
    storage = tmp_path / "storage"
    storage.mkdir()
    storage.chmod(0o777)
    database = Postgres().start()
    found = {}
    for name in NODES:
        address = service_of_compose(name)["environment"]["ORTHANC__BODY_PART__DATABASE"]
        found[name] = started(
            name,
            storage,
            ORTHANC__POSTGRESQL__HOST="127.0.0.1",
            ORTHANC__POSTGRESQL__PORT=database.port,
            ORTHANC__BODY_PART__DATABASE=address.replace(
                "@postgres/", f"@127.0.0.1:{database.port}/"
            ),
        )
        # One after the other, as the first makes the tables of Orthanc's index.
        found[name].wait_until_ready(AUTH)
    yield found
    for container in found.values():
        container.kill()
    database.stop()


def annotation(proxy, instance):
    """Return the finished annotation of an instance."""
    for _ in range(600):
        with contextlib.suppress(requests.RequestException):
            answer = proxy.request("GET", f"/bodypart/instances/{instance}")
            if answer.status_code == 200:
                found = answer.json()
                if "pending" not in (found["status"], found["tags"]["state"]):
                    return found
        time.sleep(0.1)
    raise AssertionError(f"{instance}: {answer.status_code} {answer.text}")


def test_two_containers_behind_the_proxy_are_one_archive_and_one_may_die(nodes):
    with Proxy(nodes) as proxy:
        for name in NODES:
            assert nodes[name].health() == (0, "")
        assert requests.get(f"{proxy.url}/system", timeout=10).status_code == 401

        data = [file_bytes(radiograph("hand", PatientID=f"P{n}")) for n in range(6)]
        stored = [proxy.request("POST", "/instances", data=file).json()["ID"] for file in data]
        assert proxy.c_store(radiograph("knee", modality="DX", PatientID="by DICOM")) == 0
        assert len(proxy.request("GET", "/instances").json()) == 7
        assert {annotation(proxy, instance)["status"] for instance in stored} == {"done"}

        path = f"/bodypart/instances/{stored[0]}"
        foreign, own = {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-origin"}
        word = {"examined": "wrist"}
        form = proxy.request("POST", "/bodypart/find", files={"by hand": "{}"}, headers=own)
        assert (form.status_code, set(form.json())) == (415, {"error", "details"})
        assert proxy.request("PUT", path, json=word, headers=foreign).status_code == 403
        assert proxy.request("PUT", path, json=word, headers=own).status_code == 200
        for node in nodes.values():
            url = f"{node.url}/bodypart/find"
            found = requests.post(url, json={"Examined": "wrist"}, auth=AUTH, timeout=30).json()
            assert [row["id"] for row in found] == [stored[0]]

        nodes["orthanc-b"].kill()
        for n in range(4):
            more = file_bytes(radiograph("knee", PatientID=f"after {n}"))
            answer = proxy.request("POST", "/instances", data=more)
            assert answer.status_code == 200
            assert annotation(proxy, answer.json()["ID"])["status"] == "done"
        assert annotation(proxy, stored[0])["examined"]["label"] == "wrist"
