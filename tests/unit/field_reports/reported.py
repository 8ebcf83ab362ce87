"""Inputs that people who run archives have reported, written anew: docs/field-reports.md.

Each goes through the pipeline, and what the model gets to see is compared with what was drawn.
"""

import struct
from functools import cache

import numpy as np
from pydicom.encaps import encapsulate

from bodypart.evidence import Guess, ImageReading
from bodypart.pipeline import Pipeline
from bodypart.settings import Settings
from phantoms import dataset_of, draw, file_bytes

ROWS, COLUMNS = 120, 100
PIXELS = draw("hand", ROWS, COLUMNS)
BYTES = draw("hand", ROWS, COLUMNS, bits=8).astype(np.uint8)
RUN = np.stack([draw("hand", ROWS, COLUMNS, seed=number) for number in range(5)])


class Model:
    """Says hand, and keeps what it was shown."""

    name, version, sha256 = "told", "1", "0" * 64
    labels = ("hand",)

    def __init__(self):
        self.seen = None

    def read(self, values):
        self.seen = values
        return ImageReading({"hand": 0.95}, visible=(Guess("hand", 0.95),))


@cache
def shared_pipeline():
    return Pipeline(Model(), Settings())


def annotated(source):
    """Return the annotation of a data set or file, and the picture that the model was shown."""
    data = source if isinstance(source, bytes) else file_bytes(source)
    pipeline = shared_pipeline()
    pipeline.model.seen = None
    annotation, _ = pipeline.annotate(data, "i")
    return annotation, pipeline.model.seen


def seen(source):
    annotation, values = annotated(source)
    assert annotation.status == "done", annotation.reason
    assert annotation.examined.source == "image"
    return values


def shows(source, pixels=PIXELS, *, within=0):
    """Check what the model is shown, up to an error for lossy codings."""
    values = seen(source)
    assert values.shape == pixels.shape
    assert np.abs(values - pixels).mean() <= within


def element(tag, vr, value):
    """Return an explicit little endian element, whatever its VR and value are."""
    value += b"\0" * (len(value) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def before(data, place, piece):
    """Put bytes before an element of a file."""
    at = data.index(place)
    return data[:at] + piece + data[at:]


def replaced(data, tag, piece):
    """Put bytes in the place of an explicit element with a short length."""
    at = data.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF), 132)
    return data[:at] + piece + data[at + 8 + struct.unpack_from("<H", data, at + 6)[0] :]


def compressed(code, syntax, **headers):
    """Return a hand whose pixel data are a codestream of our own making."""
    dataset = dataset_of(PIXELS, **headers)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([code])
    dataset["PixelData"].VR = "OB"
    return dataset
