"""How long a 3000 x 2500 radiograph of 12 bits takes from DICOM bytes to a small picture.

    nice -n 5 python tests/benchmarks/decode.py [repetitions]

prints a table of CPU milliseconds (the fastest repetition, one thread) for each transfer syntax:

- "parse", "picture": `read_dataset`, and `read_picture` (decode and reduce);
- "decoder": the fastest known decoder alone, on the same codestream, reducing as it decodes if
  it can: what no caller can undercut. "ratio" is parse + picture over it;
- "pydicom": what pydicom takes to parse and decode at full size, without reducing.
"""

# ruff: noqa: E402 (the imports below need the path that is set above them)

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import imagecodecs
import pydicom
import pydicom.uid as uids
from PIL import Image
from pydicom.encaps import get_frame

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "plugin"), str(ROOT / "tests")]

from bodypart.pixels import read_dataset, read_picture
from phantoms import file_bytes, radiograph

Decoder = Callable[[bytes], object]


def jpeg_at_an_eighth(code: bytes) -> None:
    """Decode in the DCT domain at 1/8."""
    with Image.open(BytesIO(code)) as image:
        image.draft("L", (312, 375))
        image.load()


def jpeg_2000_at_an_eighth(code: bytes) -> None:
    """Leave the three finest wavelet levels out."""
    with Image.open(BytesIO(code)) as image:
        image.reduce = 3
        image.load()


FASTEST: dict[uids.UID, Decoder | None] = {
    uids.ExplicitVRLittleEndian: None,
    uids.ImplicitVRLittleEndian: None,
    uids.ExplicitVRBigEndian: None,
    uids.DeflatedExplicitVRLittleEndian: None,
    uids.RLELossless: lambda code: imagecodecs.dicomrle_decode(code, "<u2"),
    uids.JPEGBaseline8Bit: jpeg_at_an_eighth,
    uids.JPEGExtended12Bit: imagecodecs.jpeg8_decode,
    uids.JPEGLosslessSV1: imagecodecs.jpeg8_decode,
    uids.JPEGLSLossless: imagecodecs.jpegls_decode,
    uids.JPEG2000Lossless: jpeg_2000_at_an_eighth,
    uids.JPEG2000: jpeg_2000_at_an_eighth,
    uids.HTJ2KLossless: lambda code: imagecodecs.htj2k_decode(code, skipres=3),
}


def fastest(repetitions: int, action: Callable[[], object]) -> float:
    """Return the CPU milliseconds of the fastest repetition."""
    taken = []
    for _ in range(repetitions):
        start = time.process_time()
        action()
        taken.append(time.process_time() - start)
    return min(taken) * 1_000


def row(syntax: uids.UID, repetitions: int) -> list[str]:
    """Measure one transfer syntax."""
    bits = 8 if syntax == uids.JPEGBaseline8Bit else 12
    data = file_bytes(radiograph("chest", 3_000, 2_500, bits=bits, syntax=syntax))
    dataset = read_dataset(data)
    parse = fastest(repetitions, lambda: read_dataset(data))
    picture = fastest(repetitions, lambda: read_picture(dataset))
    alone, decoder = 0.0, FASTEST[syntax]
    if decoder is not None:
        code = get_frame(bytes(dataset.PixelData), 0, number_of_frames=1)
        alone = fastest(repetitions, lambda: decoder(code))
    try:
        plain = f"{fastest(2, lambda: pydicom.dcmread(BytesIO(data)).pixel_array):.0f}"
    except Exception as error:  # pydicom has no decoder for some
        plain = type(error).__name__
    rows, columns = read_picture(dataset).values.shape
    return [
        syntax.keyword,
        f"{len(data) / 1e6:.1f}",
        f"{rows} x {columns}",
        f"{parse:.1f}",
        f"{picture:.1f}",
        f"{alone:.1f}" if decoder else "",
        f"{(parse + picture) / alone:.2f}" if decoder else "",
        plain,
    ]


def main() -> None:
    """Print the table."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    titles = ["syntax", "MB", "size", "parse", "picture", "decoder", "ratio", "pydicom"]
    print("| " + " | ".join(titles) + " |")
    print("|---" * len(titles) + "|")
    for syntax in FASTEST:
        print("| " + " | ".join(row(syntax, repetitions)) + " |", flush=True)


if __name__ == "__main__":
    main()
