"""What the compose file and the Dockerfile promise, read from them."""

import json
import re

import pytest
import yaml

from bodypart.memory.exemplars import exemplars_file
from bodypart.network.golden import golden_file
from bodypart.settings import MARKER_FILES
from orthanc_server import ROOT
from service.databases import database
from service.inference.server_settings import ServerSettings

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
ORTHANCS = ("orthanc", "orthanc-gpu", "orthanc-a", "orthanc-b")
USERS = {"AuthenticationEnabled", "RegisteredUsers", "RemoteAccessAllowed"}
DOCKERFILE = (ROOT / "orthanc-config/docker/Dockerfile").read_text(encoding="utf-8")
COPIED = re.findall(r"^COPY (\S+(?: \S+)*) \S+$", DOCKERFILE, re.MULTILINE)


def test_each_profile_has_its_services():
    profiles = {name: service.get("profiles", []) for name, service in SERVICES.items()}
    assert profiles == {
        "orthanc": [],
        "orthanc-gpu": ["gpu"],
        "orthanc-a": ["cluster"],
        "orthanc-b": ["cluster"],
        "triton-a": ["cluster"],
        "triton-b": ["cluster"],
        "postgres": ["cluster"],
        "proxy": ["cluster"],
    }
    devices = SERVICES["orthanc-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["driver"] == "nvidia"


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_published_on_loopback_at_most_and_locked_up(name):
    service = SERVICES[name]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] and service["mem_limit"]


@pytest.mark.parametrize("name", ORTHANCS)
def test_each_orthanc_keeps_its_own_identifier_and_asks_for_a_password(name):
    environment = SERVICES[name]["environment"]
    assert environment["ORTHANC_PASSWORD"]
    assert not any("AUTHENTICATION" in key for key in environment)
    assert environment["ORTHANC__DATABASE_SERVER_IDENTIFIER"]


def test_no_two_nodes_of_a_cluster_share_an_identifier():
    key = "ORTHANC__DATABASE_SERVER_IDENTIFIER"
    assert len({SERVICES[name]["environment"][key] for name in ORTHANCS[2:]}) == 2


def test_postgresql_has_a_connection_for_each_that_a_node_may_take():
    """Its default of 100 is what the indexes of two nodes take alone."""
    of_orthanc = 50  # PostgreSQL plugin from 7.0 on.
    of_ours = 2 * (database._CONNECTIONS + database._FURTHER_CONNECTIONS)
    setting = next(word for word in SERVICES["postgres"]["command"] if "max_connections" in word)
    assert int(setting.split("=")[1]) > 2 * (of_orthanc + of_ours)


@pytest.mark.parametrize("node", ORTHANCS[2:])
def test_each_node_asks_an_inference_server_that_nobody_else_reaches(node):
    triton = SERVICES[node.replace("orthanc", "triton")]
    assert triton["network_mode"] == f"service:{node}"
    assert "--http-address=127.0.0.1" in triton["command"]
    assert {"--allow-grpc=false", "--allow-metrics=false"} <= set(triton["command"])
    assert triton["read_only"] and triton["user"] not in ("root", "0")
    own = SERVICES[node]["environment"]
    prefix = "ORTHANC__BODY_PART__SERVER__"
    section = {key.removeprefix(prefix).capitalize(): own[key] for key in own if prefix in key}
    assert own["ORTHANC__BODY_PART__PROVIDER"] == "remote"
    server = ServerSettings.parse(section)
    # While Triton starts, or where nobody starts it, the cluster works as well.
    assert server.fallback == "cpu"
    # Docker may give each container a proxy.
    asked = {f"{server.url}/v2/models/{server.model}/ready", "--noproxy", "*"}
    assert asked <= set(triton["healthcheck"]["test"])


def test_an_inference_server_is_given_the_model_as_its_repository_wants_it():
    mounts = dict(entry.removesuffix(":ro").split(":") for entry in SERVICES["triton-a"]["volumes"])
    assert all(entry.endswith(":ro") for entry in SERVICES["triton-a"]["volumes"])
    assert set(mounts.values()) == {
        f"/models/bodypart/{file}" for file in ("config.pbtxt", "1/model.onnx")
    }
    assert all((ROOT / source).is_file() for source in mounts)
    assert "--model-repository=/models" in SERVICES["triton-a"]["command"]


@pytest.mark.parametrize("name", ORTHANCS[2:])
def test_a_password_of_digits_stays_a_text(name):
    """The public image reads what can be read as JSON so; Orthanc refuses a number and ends."""
    given = SERVICES[name]["environment"]["ORTHANC__POSTGRESQL__PASSWORD"]
    assert json.loads(given.replace("${POSTGRES_PASSWORD:-orthanc}", "2026")) == "2026"


@pytest.mark.parametrize("name", ORTHANCS)
def test_what_is_built_is_there(name):
    build = SERVICES[name]["build"]
    assert ROOT / build["dockerfile"] == ROOT / "orthanc-config/docker/Dockerfile"
    assert (ROOT / build.get("args", {}).get("LOCK", "requirements.lock")).exists()
    for source in COPIED:
        for path in source.split():
            assert path == "${LOCK}" or list(ROOT.glob(path)), path


def test_what_is_built_reaches_the_builder():
    """Whatever .dockerignore does not name is not there."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = tuple(line[1:] for line in lines if line.startswith("!"))
    for path in (path for source in COPIED for path in source.split() if path != "${LOCK}"):
        assert path.startswith(let_through), path


def test_all_that_the_program_loads_of_the_models_is_built_in():
    built_in = {found for source in COPIED for path in source.split() for found in ROOT.glob(path)}
    model = ROOT / "models/bodypart.onnx"
    beside = {model.with_suffix(".json"), golden_file(model), exemplars_file(model)}
    assert {model, *beside, *MARKER_FILES} <= built_in


def test_every_image_is_of_one_version():
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    images += re.findall(r"^ARG ORTHANC=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert len(images) == 5
    for image in images:
        assert re.search(r":\d+\.\d+[\w.-]*$", image), image


def test_no_setting_on_users_gets_into_the_image():
    for source in COPIED:
        if source.endswith(".json") and source.startswith("orthanc-config"):
            keys = json.loads((ROOT / source).read_text(encoding="utf-8"))
            assert not USERS & set(keys)
