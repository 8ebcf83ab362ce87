"""HTTPS by Orthanc itself, with a password and certificates of its clients."""

import json
import runpy
import shutil
import subprocess

import pytest

from orthanc_server import KNOWN, ROOT, Server, require
from phantoms import file_bytes, radiograph

SHIM = """
extern void *SSL_get1_peer_certificate(const void *);
void *SSL_get_peer_certificate(const void *ssl) { return SSL_get1_peer_certificate(ssl); }
"""
"""What Debian's civetweb looks for in ``libssl.so``, where OpenSSL 3 has it under another name:
without it Orthanc calls nothing, and ends."""


@pytest.fixture(scope="module")
def libssl(tmp_path_factory):
    """A ``libssl.so`` in which civetweb finds all that it looks for."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no gcc")
    folder = tmp_path_factory.mktemp("libssl")
    (folder / "shim.c").write_text(SHIM)
    build = [compiler, "-shared", "-fPIC", "-nostdlib", "-o", "libssl.so", "shim.c"]
    needed = ["-Wl,--no-as-needed", "-l:libssl.so.3", "-l:libcrypto.so.3"]
    subprocess.run([*build, *needed], check=True, cwd=folder)
    return folder / "libssl.so"


def certify(folder, name):
    """Make a certificate and its key, in one file."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"]
    files = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
    subprocess.run([*command, *files], check=True, capture_output=True, cwd=folder)
    with (folder / f"{name}.pem").open("a") as file:
        file.write((folder / f"{name}.key").read_text())


def check_health(server):
    """Ask as the container's health check does, with the configuration that Orthanc has."""
    configuration = json.loads((server.storage / "orthanc.json").read_text())
    configuration["BodyPart"]["ClientCertificate"] = str(server.storage / "client.pem")
    health = runpy.run_path(str(ROOT / "orthanc-config/docker/health.py"))
    for path, body in health["QUESTIONS"]:
        health["ask"](health["address_of"](configuration) + path, body, configuration)


@pytest.mark.parametrize("target", KNOWN)
def test_the_service_speaks_https_and_shows_its_certificate(target, tmp_path, libssl, monkeypatch):
    require(target)
    server = Server(tmp_path / "orthanc", target, auth=("ann", "secret"))
    for name in ("certificate", "client"):
        certify(server.storage, name)
    shutil.copy(libssl, server.storage)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(server.inside))
    client = server.inside / "client.pem"
    delivered = server.storage / "delivered"
    delivered.mkdir()
    server.configuration = {
        "RegisteredUsers": {"ann": "secret"},
        "SslEnabled": True,
        "SslVerifyPeers": True,
        "SslTrustedClientCertificates": str(client),
        "BodyPart": {
            "ClientCertificate": str(client),
            "Routes": [
                {
                    "Name": "all",
                    "If": {},
                    "Urgent": True,
                    "To": [f"folder:{server.inside}/delivered"],
                }
            ],
        },
    }
    server.url = server.url.replace("http:", "https:")
    server.session.verify = server.session.trust_env = False
    server.session.cert = str(server.storage / "client.pem")
    try:
        server.start()
        dataset = radiograph("hand", BodyPartExamined="CHEST")
        instance = server.written(server.upload(file_bytes(dataset)))["instance"]
        corrected = server.request(
            "PUT", f"/bodypart/instances/{instance}", json={"examined": "wrist"}
        )
        assert corrected.status_code == 200
        assert server.request("GET", "/bodypart/ui/").status_code == 200
        check_health(server)
        server.wait_until((delivered / f"{instance}.dcm").exists)
        server.stop()
        assert server.process.returncode == 0
    finally:
        server.close()
