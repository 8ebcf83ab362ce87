"""The kinds of process and the one direction between them, read off the source."""

import ast
import graphlib
import subprocess
import sys

import pytest

_PACKAGES = ["backfill", "bodypart", "decoder", "gpu_network", "orthanc_side", "service"]
STANDARD_LIBRARY = set(sys.stdlib_module_names) | {"__future__"}


def imports(path, *, members=False):
    """Return what a module imports, at any depth of it; members of modules too, if wanted."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if members:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules(root, package):
    return sorted((root / "plugin" / package).rglob("*.py"))


def packages_in_order(plugin):
    """Return the packages, lowest first, as source anywhere says what they import of each other.

    What lies in no package within its process's own (``service.main``) is one by itself.

    Raises
    ------
    CycleError
        If there is no such order; it names the circle.
    """
    below = imports_by_module(plugin)
    packages = {name for name in below if plugin.joinpath(*name.split(".")).is_dir()}

    def package_of(name):
        around = name if name in packages else name.rpartition(".")[0]
        return around if "." in around else name

    arrows = {}
    for name, others in below.items():
        own = package_of(name)
        arrows.setdefault(own, set()).update({package_of(other) for other in others} - {own})
    return list(graphlib.TopologicalSorter(arrows).static_order())


def imports_by_module(plugin):
    """Return the modules of ours that each module imports, wherever it does so."""
    paths = {name_of(path.relative_to(plugin)): path for path in plugin.rglob("*.py")}

    def module_of(name):
        while name and name not in paths:
            name = name.rpartition(".")[0]
        return name

    return {
        name: {module_of(other) for other in imports(path, members=True)} - {name, ""}
        for name, path in paths.items()
    }


def name_of(path):
    return ".".join(part for part in path.with_suffix("").parts if part != "__init__")


def test_between_packages_the_arrows_go_one_way(request):
    order = packages_in_order(request.config.rootpath / "plugin")
    service = ("databases", "queue", "records", "dicom_tags", "work", "routes")
    upwards = [f"service.{package}" for package in service]
    assert [name for name in order if name in upwards] == upwards


def test_no_modules_need_each_other(request):
    graphlib.TopologicalSorter(imports_by_module(request.config.rootpath / "plugin")).prepare()


def test_a_circle_is_found_wherever_the_import_stands(tmp_path):
    sources = {
        "service/queue/tasks.py": "from service.records import tables",
        "service/records/tables.py": "def late():\n    import service.errors",
        "service/errors.py": "if TYPE_CHECKING:\n    from service.queue.tasks import Tasks",
        "service/main.py": "from service import errors",
    }
    for name, source in sources.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(source)
    with pytest.raises(graphlib.CycleError) as found:
        packages_in_order(tmp_path)
    assert set(found.value.args[1]) == {"service.errors", "service.queue", "service.records"}


def test_the_core_never_imports_orthanc(request):
    for path in modules(request.config.rootpath, "bodypart"):
        tops = {name.split(".")[0] for name in imports(path)}
        assert not tops & {"orthanc", "orthanc_side", "service", "decoder"}, path


def test_a_decoder_knows_the_core_only_and_nothing_of_networks(request):
    for path in modules(request.config.rootpath, "decoder"):
        tops = {name.split(".")[0] for name in imports(path)}
        assert tops <= STANDARD_LIBRARY | {"decoder", "bodypart", "pydicom"}, path
        assert not tops & {"socket", "ssl", "http", "urllib", "subprocess", "multiprocessing"}, path


def test_a_helper_takes_of_the_service_its_decoders_only(request):
    """It writes nothing, and has no records and no door to Orthanc but its own.

    Its decoders ask a network elsewhere as those of the service do.
    """
    for path in modules(request.config.rootpath, "backfill"):
        names = imports(path)
        service = {name for name in names if name.split(".")[0] == "service"}
        decoders = {"service.decoders.process", "service.decoders.elsewhere"}
        assert service <= {*decoders, "service.inference.choice"}, path
        assert not {name.split(".")[0] for name in names} & {"orthanc", "orthanc_side"}, path


def test_the_network_s_process_knows_the_core_and_how_decoders_are_locked_down(request):
    for path in modules(request.config.rootpath, "gpu_network"):
        tops = {name.split(".")[0] for name in imports(path)}
        assert tops <= STANDARD_LIBRARY | {"gpu_network", "bodypart", "decoder", "numpy"}, path
        assert not tops & {"socket", "ssl", "http", "urllib", "subprocess"}, path


def test_of_a_decoder_the_other_side_of_the_pipe_knows_the_frames_only(request):
    sides = ("orthanc_side", "service", "backfill")
    for path in [path for side in sides for path in modules(request.config.rootpath, side)]:
        decoders = {name for name in imports(path) if name.split(".")[0] == "decoder"}
        assert decoders <= {"decoder.wire", "decoder.shelf"}, path


def test_the_table_of_tasks_knows_nobody_who_fills_it_or_works_it_off(request):
    for path in modules(request.config.rootpath, "service/queue"):
        names = {name for name in imports(path) if name.split(".")[0] == "service"}
        known = ("queue.", "databases.", "orthanc_api.", "errors", "clock")
        allowed = tuple(f"service.{name}" for name in known)
        assert all(name.startswith(allowed) for name in names), path


def test_orthanc_s_side_needs_the_standard_library_and_orthanc_only(request):
    lines = 0
    for path in modules(request.config.rootpath, "orthanc_side"):
        tops = {name.split(".")[0] for name in imports(path)}
        assert tops <= STANDARD_LIBRARY | {"orthanc", "orthanc_side"}, path
        lines += len(path.read_text(encoding="utf-8").splitlines())
    assert lines < 600


def test_nothing_else_imports_orthanc(request):
    for package in ("bodypart", "decoder", "gpu_network", "service"):
        for path in modules(request.config.rootpath, package):
            tops = {name.split(".")[0] for name in imports(path)}
            assert not tops & {"orthanc", "orthanc_side"}, path


def test_the_service_speaks_to_orthanc_and_to_what_is_configured_alone(request):
    """No byte leaves the machine unless somebody configured, or typed, where it goes."""
    speaking = {"http", "requests", "urllib3", "httpx", "aiohttp", "ftplib", "smtplib", "telnetlib"}
    plugin = request.config.rootpath / "plugin"
    found = {
        str(path.relative_to(plugin))
        for package in ("service", "backfill")
        for path in modules(request.config.rootpath, package)
        if any(
            name.split(".")[0] in speaking or name.startswith("urllib.request")
            for name in imports(path)
        )
    }
    assert found == {
        "service/orthanc_api/kept_connections.py",  # Orthanc, by its own address and token
        "service/orthanc_api/http_answer.py",  # what came back on its connections
        "service/deliveries/webhook.py",  # what a rule of `Routes` names
        "service/inference/open_inference.py",  # what `Server` names
        "backfill/connection.py",  # what was typed
    }


def test_the_service_never_reads_a_dicom_file_or_a_picture(request):
    """What a hostile file could break runs in a decoder; numpy is there for numbers alone."""
    program = """
import sys
import service.main, service.routes.app
heavy = {"pydicom", "onnxruntime", "PIL", "imagecodecs"} & set(sys.modules)
assert not heavy, heavy
"""
    environment = {"PYTHONPATH": str(request.config.rootpath / "plugin")}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env=environment)


def test_what_orthanc_loads_needs_nothing_but_the_standard_library(request):
    """Import the whole Orthanc side in a bare interpreter with a stand-in for `orthanc`."""
    root = request.config.rootpath
    names = [path.stem for path in modules(root, "orthanc_side") if path.stem != "__init__"]
    program = f"""
import sys, types
sys.path.insert(0, {str(root / "plugin")!r})
stand_in = types.ModuleType("orthanc")
stand_in.__getattr__ = lambda name: type(name, (Exception,), {{}})
sys.modules["orthanc"] = stand_in
for name in {names!r}:
    __import__("orthanc_side." + name)
heavy = [m for m in ("numpy", "pydicom", "onnxruntime", "PIL") if m in sys.modules]
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("folder", ["plugin", "tests", "models/training", "distribution"])
def test_modules_stay_small(request, folder):
    paths = list((request.config.rootpath / folder).rglob("*.py"))
    assert paths
    for path in paths:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path


@pytest.mark.parametrize("package", _PACKAGES)
def test_no_module_is_named_after_nothing(request, package):
    for path in modules(request.config.rootpath, package):
        assert path.stem not in {"utils", "util", "helpers", "manager", "common", "misc"}
