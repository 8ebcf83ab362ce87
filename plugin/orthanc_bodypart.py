"""The one script that Orthanc loads: registers the callbacks, nothing else."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from orthanc_side.callbacks import register

plugin = register()
