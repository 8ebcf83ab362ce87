"""The section `Server`: every wrong key or value is one line that names it."""

import pytest

from bodypart.settings import Settings, SettingsError
from service.inference.choice import checked_server
from service.inference.server_settings import ServerSettings, read_token

TOO_LONG = f"/{'x' * 300}"
"""What cannot even be looked for, like a file in a folder of another user."""


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({}, "Server.Url is missing"),
        ({"URL": "https://host"}, "did you mean Url"),
        ({"Url": "https://host", "CaFile": __file__}, "Server.CaFile"),
        ({"Urll": "http://localhost:8000"}, "Server.Urll is not a setting; did you mean Url"),
        ({"Url": 8000}, "Server.Url must be a string"),
        ({"Url": "triton:8000"}, "Server.Url must be like"),
        ({"Url": "grpc://localhost:8001"}, "Server.Url must be like"),
        ({"Url": "http://localhost:99999"}, "Server.Url must be like"),
        ({"Url": "http://triton:8000"}, "https only"),
        ({"Url": "http://10.0.0.7:8000"}, "https only"),
        ({"Url": "http://localhost.evil.org:8000"}, "https only"),
        ({"Url": "https://me:word@host"}, "TokenFile"),
        ({"Url": "https://host", "Timeout": 0}, "Server.Timeout"),
        ({"Url": "https://host", "Timeout": True}, "Server.Timeout"),
        ({"Url": "https://host", "Timeout": "10"}, "Server.Timeout"),
        ({"Url": "https://host", "Model": "a/b"}, "Server.Model"),
        ({"Url": "https://host", "Fallback": "gpu"}, "Server.Fallback"),
        ({"Url": "https://host", "CaFile": "/none.pem"}, "Server.CaFile: /none.pem: No such file"),
        ({"Url": "https://host", "CaFile": "/tmp"}, "Server.CaFile: /tmp: "),
        ({"Url": "https://host", "CaFile": TOO_LONG}, "Server.CaFile: .* too long"),
        ({"Url": "https://host", "CaFile": "/tmp/\0"}, "Server.CaFile: .*null byte"),
        ({"Url": "https://host", "TokenFile": "/none"}, "Server.TokenFile: /none: No such file"),
        ({"Url": "https://host", "TokenFile": "/tmp"}, "Server.TokenFile: /tmp: Is a directory"),
        ({"Url": "https://host", "TokenFile": TOO_LONG}, "Server.TokenFile: .* too long"),
    ],
)
def test_what_is_wrong_is_named(section, told):
    with pytest.raises(SettingsError, match=told):
        ServerSettings.parse(section)


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8000", "http://127.0.0.1:8000/", "http://[::1]:8000", "https://ovms/a/"],
)
def test_what_is_right_is_taken(url):
    assert ServerSettings.parse({"Url": url}).url == url.rstrip("/")
    assert ServerSettings.parse({"Url": url.rstrip("/") + "/v2/"}).url == url.rstrip("/")


@pytest.mark.parametrize("content", [b"", b" \n", b"two words", b"a\nb", b"\xc3\xa4"])
def test_an_unusable_token_is_refused_without_being_shown(tmp_path, content):
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="holds no token") as caught:
        read_token(str(file))
    assert content.decode().strip() == "" or content.decode() not in str(caught.value)


def test_a_model_without_golden_pictures_stops_the_start_with_what_to_do(tmp_path):
    model = tmp_path / "own.onnx"
    model.with_suffix(".json").write_text('{"sha256": "x"}')
    section = {"Url": "https://host"}
    with pytest.raises(SettingsError, match="make golden"):
        checked_server(Settings(provider="remote", model=str(model), server=section))
