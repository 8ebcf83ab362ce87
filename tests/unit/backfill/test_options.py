"""The command line: what is refused, and that no password stands on it."""

import os
from pathlib import Path

import pytest

from backfill.errors import UsageError
from backfill.options import MODEL, Order, address, credentials, parse, unprotected


def test_an_address_is_enough():
    options = parse(["http://orthanc:8042/"])
    assert options.order == Order("http://orthanc:8042", model=MODEL)
    assert (options.workers, options.ray) == (0, None)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "URL"),
        (["orthanc:8042"], "http://orthanc:8042"),
        (["ftp://orthanc"], "http://orthanc:8042"),
        (["http://"], "http://orthanc:8042"),
        (["http://orthanc:99999"], "http://orthanc:8042"),
        (["http://orthanc:0"], "http://orthanc:8042"),
        (["http://ann:secret@orthanc:8042"], "--credentials"),
        (["http://ann@orthanc:8042"], "--credentials"),
        (["http://:secret@orthanc:8042"], "--credentials"),
        (["http://orthanc:8042/#ann"], "end with the port"),
        (["http://orthanc:8042/?user=ann"], "end with the port"),
        (["http://orthanc:8042", "--workers", "-1"], "--workers"),
        (["http://orthanc:8042", "--workers", "4097"], "--workers"),
        (["http://orthanc:8042", "--authority", "/nonexistent.pem"], "/nonexistent.pem"),
        (["http://orthanc:8042", "--certificate", "/nonexistent.pem"], "/nonexistent.pem"),
        (["http://orthanc:8042", "--credentials", "x" * 300], "File name too long"),
        (["http://orthanc:8042", "--model", "/nonexistent.onnx"], "/nonexistent.onnx"),
        (["http://orthanc:8042", "--provider", "tpu"], "tpu"),
        (["http://orthanc:8042", "--password", "secret"], "--password"),
    ],
)
def test_what_cannot_be_used_is_named(arguments, named, capsys, monkeypatch):
    monkeypatch.setattr(Path, "is_file", os.path.isfile)  # So it is in Python 3.14.
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert named in said
    assert "ann:secret" not in said


def test_a_model_without_its_description_is_refused(tmp_path, capsys):
    (tmp_path / "other.onnx").touch()
    with pytest.raises(SystemExit):
        parse(["http://orthanc:8042", "--model", str(tmp_path / "other.onnx")])
    assert f"{tmp_path / 'other.json'} beside the model" in capsys.readouterr().err


def test_the_password_comes_from_a_file_or_the_environment(tmp_path):
    file = tmp_path / "credentials"
    file.write_text("ann:se:cret\n")
    assert credentials(Order("http://o", str(file)), {}) == ("ann", "se:cret")
    file.write_bytes("\ufeffänn: secret \r\n".encode())  # As Windows may write it.
    assert credentials(Order("http://o", str(file)), {}) == ("änn", " secret ")
    both = {"ORTHANC_USER": "ben", "ORTHANC_PASSWORD": "other"}
    assert credentials(Order("http://o"), both) == ("ben", "other")
    assert credentials(Order("http://o"), {"ORTHANC_USER": "ben"}) == ("ben", "")
    assert credentials(Order("http://o"), {"ORTHANC_PASSWORD": "other"}) is None


def test_a_file_that_is_named_is_found_from_wherever_a_worker_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("c", "a.pem", "b.pem", "m.onnx", "m.json"):
        Path(name).touch()
    named = ["--credentials", "c", "--authority", "a.pem", "--certificate", "b.pem"]
    options = parse(
        ["http://o", *named, "--model", "m.onnx", "--provider", "cpu", "--workers", "3"]
    )
    files = (str(tmp_path / name) for name in ("c", "a.pem", "b.pem", "m.onnx"))
    assert options.order == Order("http://o", *files, "cpu")
    assert options.workers == 3
    assert parse(["http://o", "--ray", "auto", "--workers", "4096"]).ray == "auto"


@pytest.mark.parametrize("content", [None, b"ann:\xff"])
def test_a_file_of_credentials_that_cannot_be_read_is_named(tmp_path, content):
    file = tmp_path / "credentials"
    if content:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=f"{file} cannot be read"):
        credentials(Order("http://o", str(file)), {})


@pytest.mark.parametrize("text", ["", "ann", ":secret", "ann:secret\nben:other"])
def test_a_file_without_one_user_and_password_is_refused_without_its_content(tmp_path, text):
    file = tmp_path / "credentials"
    file.write_text(text)
    with pytest.raises(UsageError, match="one line: user:password") as refused:
        credentials(Order("http://o", str(file)), {})
    assert "secret" not in str(refused.value)


def test_what_travels_to_other_machines_holds_no_password(tmp_path, monkeypatch):
    monkeypatch.setenv("ORTHANC_PASSWORD", "secret")
    file = tmp_path / "credentials"
    file.write_text("ann:secret")
    options = parse(["http://orthanc:8042", "--credentials", str(file)])
    assert "secret" not in repr(options)


def test_plain_http_is_told_of_where_others_may_listen():
    assert unprotected("http://orthanc:8042")
    assert not unprotected("https://orthanc:8042")
    assert not unprotected("http://127.0.0.1:8042")
    assert not unprotected("http://[::1]:8042")
    assert unprotected("http://127.elsewhere.example:8042")
    assert address("https://proxy/orthanc/") == "https://proxy/orthanc"
    assert address("HTTPS://Proxy:8042/") == "https://Proxy:8042"  # Else --authority is not used.
