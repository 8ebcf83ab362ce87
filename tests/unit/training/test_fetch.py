"""What people confirmed is fetched as a manifest with pictures, by who may."""

import base64
import csv
import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from training.fetch import main

USER, PASSWORD = "ann", "s:ü"
GRAYMAP = io.BytesIO()
Image.fromarray(np.arange(0, 60_000, 1_000, np.uint16).reshape(6, 10)).save(GRAYMAP, "PPM")


@pytest.fixture
def orthanc():
    """An Orthanc with a user, whose manifest has two pages."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if self.headers.get("Authorization") != f"Basic {secret}":
                return self.send_error(401)
            if self.path.endswith("/picture"):
                return self.answer(GRAYMAP.getvalue())
            if self.path == "/bodypart/manifest?format=csv":
                return self.answer(b"file,examined\none.png,hand\n", **{"BodyPart-Next": "a b"})
            assert self.path == "/bodypart/manifest?format=csv&after=a%20b"
            return self.answer(b"file,examined\ntwo.png,knee\n")

        def answer(self, body, **headers):
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_all_pages_and_their_pictures_are_fetched_once(orthanc, tmp_path, capsys, monkeypatch):
    # A proxy of the environment got the password, and the pictures.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    (tmp_path / "user.txt").write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
    command = [f"{orthanc}/", str(tmp_path / "own"), "--credentials", str(tmp_path / "user.txt")]
    for new in (2, 0):
        main(command)
        assert capsys.readouterr().out.startswith(f"{new} new pictures")
    with (tmp_path / "own/manifest.csv").open() as file:
        assert [row["examined"] for row in csv.DictReader(file)] == ["hand", "knee"]
    picture = Image.open(tmp_path / "own/two.png")
    assert (picture.mode, picture.size, picture.getextrema()) == ("L", (10, 6), (0, 255))


@pytest.mark.parametrize(
    ("address", "reason"),
    [("", "401"), ("http://ann:secret@localhost", "--credentials"), ("localhost", "http://")],
)
def test_what_is_wrong_is_said_in_one_line(orthanc, tmp_path, capsys, monkeypatch, address, reason):
    monkeypatch.delenv("ORTHANC_USER", raising=False)
    with pytest.raises(SystemExit) as stopped:
        main([address or orthanc, str(tmp_path / "own")])
    assert stopped.value.code == 1
    said = capsys.readouterr().err
    assert reason in said
    assert said.count("\n") == 1
