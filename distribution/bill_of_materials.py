"""Write the bill of materials, CycloneDX 1.6 in JSON: ``make sbom``.

What a hospital's security department asks for: each Python package of a lock file at its version,
with the hashes of its files and its licence, and the model.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import uuid
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name
from pip_requirements_parser import RequirementsFile

from distribution import ROOT, version

NAME = "orthanc-bodypart"
LICENCE = "AGPL-3.0-or-later"


def bill_of_materials(lock: Path) -> str:
    """Return the document for what a lock file installs; the same lock gives the same text."""
    packages = list(_packages(lock))
    models = [_model(), _network("marker_finder"), _network("marker_reader")]
    plugin = Component(
        name=NAME,
        version=version(),
        type=ComponentType.APPLICATION,
        bom_ref=NAME,
        licenses=[LicenseFactory().make_from_string(LICENCE)],
    )
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"{NAME} {version()} {lock.read_text()}")
    document = Bom(serial_number=number, components=[*packages, *models])
    document.metadata.component = plugin
    document.register_dependency(plugin, [*packages, *models])
    parsed = json.loads(JsonV1Dot6(document).output_as_string())
    # When it was made says nothing of what is in it.
    del parsed["metadata"]["timestamp"]
    return json.dumps(parsed, indent=2) + "\n"


def _packages(lock: Path) -> Iterator[Component]:
    licences = {
        canonicalize_name(found.name): _licence(found)
        for found in distributions(path=[str(path) for path in _site_packages()])
    }
    for wanted in RequirementsFile.from_file(str(lock)).requirements:
        name, number = canonicalize_name(wanted.name), wanted.get_pinned_version
        licence = licences.get(name)
        address = PackageURL("pypi", name=name, version=number)
        yield Component(
            name=name,
            version=number,
            purl=address,
            bom_ref=str(address),
            hashes=[_sha256(option.removeprefix("sha256:")) for option in wanted.hash_options],
            licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
        )


def _model() -> Component:
    card = json.loads((ROOT / "models/bodypart.json").read_text(encoding="utf-8"))
    content = (ROOT / "models/bodypart.onnx").read_bytes()
    return Component(
        name=card["name"],
        version=card["version"],
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"model:{card['name']}@{card['version']}",
        hashes=[_sha256(hashlib.sha256(content).hexdigest())],
    )


def _network(name: str) -> Component:
    """Return a network that belongs to the program and has no version of its own."""
    content = (ROOT / f"models/{name}.onnx").read_bytes()
    return Component(
        name=name.replace("_", "-"),
        version=version(),
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"model:{name}",
        hashes=[_sha256(hashlib.sha256(content).hexdigest())],
    )


def _site_packages() -> list[Path]:
    return sorted((ROOT / ".venv").glob("lib/python3*/site-packages"))


def _licence(found: Distribution) -> str | None:
    """Return what an installed package calls its licence, if that is one line."""
    told = [*_lines(found, "License-Expression"), *_lines(found, "License")]
    told += [
        line.rsplit("::", 1)[1].strip()
        for line in _lines(found, "Classifier")
        if line.startswith("License")
    ]
    return next((line for line in told if line and "\n" not in line), None)


def _lines(found: Distribution, key: str) -> list[str]:
    return [str(line) for line in found.metadata.get_all(key) or []]


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def main() -> None:
    """Print the document, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", type=Path, default=ROOT / "requirements.lock")
    parser.add_argument("--out", type=Path, default=ROOT / "dist/bill-of-materials.cdx.json")
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(bill_of_materials(arguments.lock), encoding="utf-8")
    print(arguments.out)


if __name__ == "__main__":
    main()
