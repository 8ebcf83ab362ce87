"""Build the archive for machines without internet: ``make dist``.

``dist/orthanc-bodypart-VERSION.tar.gz`` holds the plugin, the model, the configuration, the wheels
of each Python, checksums and the bill of materials. ``orthanc-config/install.sh`` in it installs
and updates from them alone. The same checkout gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pip_requirements_parser import RequirementsFile

from distribution import ROOT, version
from distribution.bill_of_materials import NAME, bill_of_materials

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
LOCK = "requirements.lock"
CONTENT = (
    *("plugin", "orthanc-config", "docs", "models/triton", "models/*.md", "models/figures"),
    *("models/bodypart.*", "models/marker.json", "models/marker_*.onnx"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "Makefile", LOCK),
)
"""What is in it, in git's words: a new file of the model goes along by its name."""
_PLATFORMS = (*(f"manylinux_2_{minor}_x86_64" for minor in range(36, 4, -1)), "any")
"""Debian 12's C library and older ones."""


def main() -> None:
    """Build it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", choices=PYTHONS, help="all, unless named")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.out) as folder:
        inside = Path(folder) / NAME
        lay_out(inside)
        for python in arguments.python or PYTHONS:
            download_wheels(python, inside / "wheels")
        (inside / "SHA256SUMS").write_text("".join(checksums(inside)), encoding="utf-8")
        archive = arguments.out / f"{NAME}-{version()}.tar.gz"
        pack(inside, archive)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(f"{archive.name}.sha256").write_text(f"{digest}  {archive.name}\n")
    print(archive)


def lay_out(inside: Path) -> None:
    """Copy what is committed or about to be, not what lies about in the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *CONTENT],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        (inside / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, inside / name)
    document = bill_of_materials(ROOT / LOCK)
    (inside / "bill-of-materials.cdx.json").write_text(document, encoding="utf-8")


def download_wheels(python: str, into: Path) -> None:
    """Download what the lock file asks for on one Python, each file checked against its hash."""
    # pip would judge the markers by the Python that it runs on itself.
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    wanted = [
        requirement
        for requirement in RequirementsFile.from_file(str(ROOT / LOCK)).requirements
        if requirement.marker is None or requirement.marker.evaluate(environment)
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as list_file:
        for requirement in wanted:
            hashes = " ".join(f"--hash={option}" for option in requirement.hash_options)
            list_file.write(f"{requirement.name}=={requirement.get_pinned_version} {hashes}\n")
        list_file.flush()
        platforms = [f"--platform={platform}" for platform in _PLATFORMS]
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--require-hashes", "--only-binary=:all:", "--python-version", python),
            *(*platforms, "--dest", str(into), "--requirement", list_file.name),
        ]
        subprocess.run(command, check=True)


def checksums(inside: Path) -> Iterator[str]:
    """Yield a line of ``sha256sum`` for each file."""
    for path in sorted(inside.rglob("*")):
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            yield f"{digest}  {path.relative_to(inside)}\n"


def pack(inside: Path, archive: Path) -> None:
    """Write the archive, without whose files they were and when."""
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or _committed_at())

    def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mtime = moment
        member.mode = 0o755 if member.isdir() else 0o644
        return member

    # Wheels are compressed already.
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=moment) as stream,
        tarfile.open(fileobj=stream, mode="w") as tar,
    ):
        # Sorted, for folders list their files as they like.
        for path in [inside, *sorted(inside.rglob("*"))]:
            name = path.relative_to(inside.parent)
            tar.add(path, str(name), recursive=False, filter=anonymous)


def _committed_at() -> str:
    command = ["git", "log", "-1", "--format=%ct"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
