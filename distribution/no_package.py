"""What pip is told that wants to build a package of this project: there is none.

Orthanc loads the plugin from its own folder, with the models beside it and an environment of locked
packages. In ``site-packages`` it would lack the models, and ``service`` or ``decoder`` would be
names that anybody may have. ``pyproject.toml`` is read for what to lock alone.
"""

from __future__ import annotations

import sys
from typing import Any, NoReturn


def build_wheel(*_: Any, **__: Any) -> NoReturn:
    """End with one line that says how to install instead."""
    sys.exit(
        "orthanc-bodypart is no Python package: run `make install` or orthanc-config/install.sh "
        "(see README.md), or `make dist` for machines without internet"
    )


build_sdist = build_editable = build_wheel
