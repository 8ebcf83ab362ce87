"""Ray's command line in an environment in which it tells nobody that it runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from backfill.cluster import ray_environment


def main() -> None:
    """Become ``ray`` with what was typed."""
    program = Path(sys.executable).with_name("ray")
    if not program.exists():
        sys.exit("Ray is not installed here: make ray-tools")
    os.execve(program, [str(program), *sys.argv[1:]], ray_environment(os.environ))


if __name__ == "__main__":
    main()
