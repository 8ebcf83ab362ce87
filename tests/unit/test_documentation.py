"""Documentation that is out of date fails."""

import re

import yaml

import documentation


def test_every_setting_and_route_is_in_the_readme():
    text = documentation.README.read_text(encoding="utf-8")
    assert documentation.current(text) == text, "run: make docs"


def test_what_the_readme_points_to_exists(request):
    text = documentation.README.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (request.config.rootpath / target).exists(), target
    for name in re.findall(r"`((?:plugin|tests|orthanc-config|models)/[\w./-]+)`", text):
        assert (request.config.rootpath / name).exists(), name


def test_make_targets_in_the_readme_exist(request):
    targets = (request.config.rootpath / "Makefile").read_text(encoding="utf-8")
    for name in re.findall(r"make ([a-z-]+)", documentation.README.read_text(encoding="utf-8")):
        assert re.search(rf"^(?:[\w-]+ )*{name}\b[^\n]*:", targets, re.MULTILINE), name


def test_the_compose_file_has_the_services_that_the_readme_names(request):
    root = request.config.rootpath
    compose = yaml.safe_load((root / "docker-compose.yml").read_text(encoding="utf-8"))
    default = compose["services"]["orthanc"]
    gpu = compose["services"]["orthanc-gpu"]
    assert "profiles" not in default
    assert gpu["profiles"] == ["gpu"]
    assert all(port.startswith("127.0.0.1:") for port in default["ports"])
    assert gpu["deploy"]["resources"]["reservations"]["devices"][0]["driver"] == "nvidia"
    for service in (default, gpu):
        build = service["build"]
        dockerfile = (root / build["dockerfile"]).read_text(encoding="utf-8")
        lock = build.get("args", {}).get("LOCK", "requirements.lock")
        assert (root / lock).exists()
        for source in re.findall(r"^COPY (?:--\S+ )*([^$\n]+) \S+$", dockerfile, re.MULTILINE):
            for path in source.split():
                assert (root / path).exists(), path
        assert "orthanc-config/venv.sh" in dockerfile
