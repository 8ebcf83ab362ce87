"""Training, evaluation and export of the image model; needs the ``train`` extra."""

import importlib.util
import sys

# PyTorch looks for a library of this name, and would import the folder beside this one as such.
_found = importlib.util.find_spec("triton")
if _found and _found.origin is None:
    sys.modules["triton"] = None  # type: ignore[assignment]  # that there is none
