"""Ray's command line, in an environment in which Ray sends no usage reports."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from backfill.cluster import ray_environment


def main() -> None:
    """Replace this process by ``ray`` with the same arguments."""
    program = Path(sys.executable).with_name("ray")
    if not program.exists():
        sys.exit("Ray is not installed here: make ray-tools")
    os.execve(program, [str(program), *sys.argv[1:]], ray_environment(os.environ))


if __name__ == "__main__":
    main()
