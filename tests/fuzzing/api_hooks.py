"""What schemathesis is told of our bodies; it loads this by ``SCHEMATHESIS_HOOKS``."""

import schemathesis
from hypothesis import strategies as st

from phantoms import file_bytes, foreign, radiograph

_FILES = [
    file_bytes(radiograph("knee", 64, 48)),
    file_bytes(radiograph("hand", 64, 48, Rows=9999)),
    file_bytes(foreign("SR")),
]

schemathesis.openapi.media_type("application/dicom", st.sampled_from(_FILES) | st.binary())
