"""A stand-in for the `orthanc` module: what a test does not set raises."""

import sys
import types

import pytest


class _Orthanc(types.ModuleType):
    """Knows nothing by itself, so that a test cannot pass on an answer it did not give."""

    class OrthancException(Exception):  # noqa: N818
        """As Orthanc's own."""

    def __getattr__(self, name):
        raise AttributeError(f"this test does not give orthanc.{name}")


@pytest.fixture(scope="session", autouse=True)
def orthanc_module():
    """Make `import orthanc` possible outside Orthanc."""
    module = _Orthanc("orthanc")
    sys.modules["orthanc"] = module
    return module
