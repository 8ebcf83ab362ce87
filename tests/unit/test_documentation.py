"""Documentation that is out of date fails."""

import re

import pytest
from starlette.routing import Match

import documentation
from bodypart import __version__
from bodypart.labels import labels_named
from service.databases.tables import DURABLE, INDEX, LEARNED, SEEN
from service.queue.tasks import Kind

LONGEST_README = 160
ID = "0123abcd-0123abcd-0123abcd-0123abcd-0123abcd"
DOCUMENTS = [
    pytest.param(path, id=str(path.relative_to(documentation.ROOT)))
    for path in documentation.documents()
]


def test_every_setting_and_route_is_documented():
    for path, text in documentation.current().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run make docs"


def test_the_architecture_names_every_kind_of_task_and_every_table():
    text = (documentation.ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    tables = [name for schema in (DURABLE, INDEX, LEARNED, SEEN) for name in schema.tables]
    for name in [*Kind, *tables]:
        assert f"`{name}`" in text, name


def test_what_differs_from_a_release_does_not_bear_its_number():
    """All of 0.2 called itself 0.1.0, and a helper of the one was taken for one of the other."""
    text = (documentation.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased, *releases = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert unreleased.startswith("[Unreleased]")
    dated = [re.match(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)\n", one) for one in releases]
    assert all(dated)
    assert [found[2] for found in dated] == sorted((found[2] for found in dated), reverse=True)
    released = dated[0][1]
    if "\n- " in unreleased:
        assert __version__.endswith(".dev0")
        assert _numbers(__version__.removesuffix(".dev0")) > _numbers(released)
    else:
        assert __version__ == released


def _numbers(version):
    return tuple(map(int, version.split(".")))


def test_the_readme_stays_short():
    assert len(documentation.README.read_text(encoding="utf-8").splitlines()) <= LONGEST_README


@pytest.mark.parametrize("path", DOCUMENTS)
def test_what_a_document_points_to_exists(path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", text):
        assert (path.parent / target).exists(), target
    for name in re.findall(
        r"`((?:plugin|tests|orthanc-config|models|distribution)/[\w./-]+)`", text
    ):
        assert (documentation.ROOT / name).exists(), name


@pytest.mark.parametrize("path", DOCUMENTS)
def test_headings_that_a_document_points_to_exist(path):
    for target, heading in re.findall(r"\]\(([^)#:]*)#([\w-]+)\)", path.read_text("utf-8")):
        other = (path.parent / target).resolve() if target else path
        headings = re.findall(r"^#+ (.+)$", other.read_text("utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in headings}
        assert heading in anchors, f"{target}#{heading}"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_make_targets_that_a_document_names_exist(path):
    targets = (documentation.ROOT / "Makefile").read_text(encoding="utf-8")
    for name in re.findall(r"(?:`|^)make ([a-z-]+)", path.read_text("utf-8"), re.MULTILINE):
        assert re.search(rf"^(?:[\w-]+ )*{name}\b[^\n]*:", targets, re.MULTILINE), name


@pytest.mark.parametrize("path", DOCUMENTS)
def test_commands_of_the_training_that_a_document_shows_exist_with_their_options(path):
    text = path.read_text("utf-8").replace("\\\n", " ")
    for name, rest in re.findall(r"python -m (training[\w.]*\w)([^\n`#&|]*)", text):
        module = documentation.ROOT / "models" / f"{name.replace('.', '/')}.py"
        source = module.read_text(encoding="utf-8")
        for option in re.findall(r"--[a-z][a-z0-9-]*", rest):
            assert f'"{option}"' in source, f"{name} {option}"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_routes_that_a_document_names_exist(path):
    named = re.findall(
        r"\b(GET|POST|PUT|DELETE) (/bodypart/[\w/{}.-]*[\w/}])", path.read_text("utf-8")
    )
    for method, shown in named:
        address = re.sub(r"\{level\}", "studies", re.sub(r"\{id\}|\bID\b", ID, shown))
        address = re.sub(r"\{number\}", "1", re.sub(r"\{file\}", "index.html", address))
        scope = {"type": "http", "method": method, "path": address}
        answering = [
            route
            for router in documentation.ROUTERS
            for route in router.routes
            if route.matches(scope)[0] is Match.FULL
        ]
        assert answering, f"{method} {shown}"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_labels_in_an_example_exist(path):
    for name in re.findall(r'"(?:label|examined|Examined)": "([^"]+)"', path.read_text("utf-8")):
        assert labels_named(name), name


def test_every_report_in_the_list_has_its_test(request):
    listed = request.config.rootpath / "docs/field-reports.md"
    rows = [
        line.split("|")[1:-1]
        for line in listed.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| report")
    ]
    assert len(rows) >= 40
    sources = {
        path: path.read_text(encoding="utf-8")
        for path in (request.config.rootpath / "tests").rglob("test_*.py")
    }
    for source, _, test, outcome in rows:
        assert re.search(r"\w", source)
        assert outcome.strip() in ("mended", "held"), source
        file, name = test.strip().strip("`").split("::")
        (path,) = (path for path in sources if path.as_posix().endswith(f"tests/{file}"))
        assert f"def {name}(" in sources[path], name
