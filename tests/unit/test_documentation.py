"""Documentation that is out of date fails."""

import re

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
