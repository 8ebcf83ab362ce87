"""Which decoder is used for which coding; pydicom's if the fast one fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pydicom.uid as syntaxes
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from bodypart.pixels.codestream import Coding, coding_of
from bodypart.pixels.cut_off import END_OF_IMAGE, MORE_DATA, must_have_most_rows
from bodypart.pixels.errors import FrameSizeError, PictureError
from bodypart.pixels.frames import StoredFrames
from bodypart.pixels.jpeg import decode_jpeg
from bodypart.pixels.jpeg_2000 import decode_htj2k, decode_jpeg_2000
from bodypart.pixels.jpeg_ls import decode_jpeg_ls
from bodypart.pixels.jpeg_xl import decode_jpeg_xl
from bodypart.pixels.layout import ENCAPSULATED_UNCOMPRESSED, Layout
from bodypart.pixels.native import decode_native
from bodypart.pixels.raster import Raster, stated_space, stored_values
from bodypart.pixels.rle import decode_rle

Decoder = Callable[[bytes, Layout, int], Raster]

_DECODERS: dict[Coding, Decoder] = {
    "rle": decode_rle,
    "jpeg": decode_jpeg,
    "jpeg-ls": decode_jpeg_ls,
    "jpeg-2000": decode_jpeg_2000,
    "htj2k": decode_htj2k,
    "jpeg-xl": decode_jpeg_xl,
}

_CODINGS: dict[UID, Coding] = {
    syntaxes.RLELossless: "rle",
    syntaxes.JPEGBaseline8Bit: "jpeg",
    syntaxes.JPEGExtended12Bit: "jpeg",
    syntaxes.JPEGLossless: "jpeg",
    syntaxes.JPEGLosslessSV1: "jpeg",
    syntaxes.JPEGLSLossless: "jpeg-ls",
    syntaxes.JPEGLSNearLossless: "jpeg-ls",
    syntaxes.JPEG2000Lossless: "jpeg-2000",
    syntaxes.JPEG2000: "jpeg-2000",
    syntaxes.JPEG2000MCLossless: "jpeg-2000",
    syntaxes.JPEG2000MC: "jpeg-2000",
    syntaxes.HTJ2KLossless: "htj2k",
    syntaxes.HTJ2KLosslessRPCL: "htj2k",
    syntaxes.HTJ2K: "htj2k",
    UID("1.2.840.10008.1.2.4.110"): "jpeg-xl",  # lossless
    UID("1.2.840.10008.1.2.4.111"): "jpeg-xl",  # recompressed JPEG
    UID("1.2.840.10008.1.2.4.112"): "jpeg-xl",
}

_ENDS: dict[Coding, tuple[bytes, ...]] = {
    "jpeg": (END_OF_IMAGE, MORE_DATA + END_OF_IMAGE),
    "jpeg-ls": (END_OF_IMAGE,),
}
"""What is appended to a codestream without an end marker (ITU-T T.81 B.1.1.3): CharLS searches ten
seconds for one, and Pillow fails. A JPEG is decoded with both ends, which shows what was filled in;
the decoder of JPEG-LS checks that itself."""

_PLUGINS: dict[Coding, tuple[UID, str]] = {
    "rle": (syntaxes.RLELossless, "pydicom"),
    "jpeg": (syntaxes.JPEGLossless, "pylibjpeg"),
    "jpeg-ls": (syntaxes.JPEGLSLossless, "pylibjpeg"),
    "jpeg-2000": (syntaxes.JPEG2000Lossless, "pylibjpeg"),
    "htj2k": (syntaxes.HTJ2KLossless, "pylibjpeg"),
}
"""Syntax and plugin of pydicom for each coding.

pydicom must not choose itself: pyjpegls takes ten seconds to refuse a truncated frame, and
pylibjpeg's RLE decoder panics on some. The plugin reads details of the coding from the codestream.
"""


def decode_frame(
    dataset: Dataset, layout: Layout, stored: StoredFrames, index: int, largest_step: int
) -> Raster:
    """Return frame `index`, reduced by up to `largest_step` if the coding makes that cheap.

    Raises
    ------
    PictureError
        If neither codestream nor transfer syntax name a supported coding, or neither the fast
        decoder nor pydicom can decode the frame.
    """
    if stored.codestreams is None:
        return decode_native(stored.data, dataset, layout, index)
    syntax = layout.transfer_syntax
    code = stored.codestreams[index].joined()
    # A shorter frame is compressed in spite of its syntax, or cut off.
    if syntax == ENCAPSULATED_UNCOMPRESSED and len(code) >= layout.frame_bytes:
        return decode_native(memoryview(code), dataset, layout, 0)
    coding = coding_of(code, layout) or _CODINGS.get(syntax)
    if coding is None:
        raise PictureError(f"transfer syntax {_shown(syntax)} is not supported")
    try:
        return _decoded(code, coding, dataset, layout, largest_step)
    except FrameSizeError as error:
        if not error.exchanged:
            raise
        turned = replace(layout, rows=layout.columns, columns=layout.rows)
        return _upright(_decoded(code, coding, dataset, turned, 1), layout)


def _decoded(
    code: bytes, coding: Coding, dataset: Dataset, layout: Layout, largest_step: int
) -> Raster:
    cut_off = coding in _ENDS and code.rfind(END_OF_IMAGE) < 0
    ends = _ENDS[coding] if cut_off else (b"",)
    try:
        with _nothing_ignored():
            rasters = [_DECODERS[coding](code + end, layout, largest_step) for end in ends]
    except (PictureError, MemoryError):
        raise
    except Exception:  # codecs raise anything; pydicom's may succeed
        if cut_off:  # pydicom's would invent the rest
            raise PictureError("PixelData is truncated: its codestream has no end") from None
        return _with_pydicom(code, coding, dataset, layout)
    if cut_off:
        must_have_most_rows(rasters[0].samples, rasters[-1].samples)
    return rasters[0]


@contextmanager
def _nothing_ignored() -> Iterator[None]:
    """Raise an error if a codec reported one only as unraisable.

    imagecodecs does so if OpenJPH fails within a frame, and returns a frame that is black below.
    """
    ignored: list[type[BaseException] | None] = []
    before = sys.unraisablehook
    sys.unraisablehook = lambda report: ignored.append(report.exc_type)
    try:
        yield
    finally:
        sys.unraisablehook = before
    if ignored:
        raise RuntimeError("a codec gave up within a frame")


def _upright(raster: Raster, layout: Layout) -> Raster:
    """Decide whether the codestream or the data set has exchanged rows and columns.

    Of the two ways to divide the pixels into rows, the right one makes neighbouring rows similar.
    """
    coded = raster.samples
    stated = coded.reshape(layout.rows, layout.columns, *coded.shape[2:])
    samples = min(
        coded, stated, key=lambda rows: np.abs(np.diff(rows.astype(np.float32), axis=0)).mean()
    )
    return replace(raster, samples=samples)


def _with_pydicom(code: bytes, coding: Coding, dataset: Dataset, layout: Layout) -> Raster:
    """Decode with one of pydicom's plugins, at full size and without colour conversion."""
    if coding not in _PLUGINS:
        raise PictureError(f"its {_shown(layout.transfer_syntax)} data cannot be decoded")
    image = dataset.group_dataset(0x0028)
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID, plugin = _PLUGINS[coding]
    image.NumberOfFrames = 1
    image.PixelData = encapsulate([code])
    try:
        samples = pixel_array(image, raw=True, decoding_plugin=plugin)
    except MemoryError:
        raise
    except Exception:
        name = _shown(layout.transfer_syntax)
        raise PictureError(f"its {name} data cannot be decoded") from None
    if samples.shape[:2] != (layout.rows, layout.columns):
        raise PictureError("its frame does not have the size that Rows and Columns state")
    return Raster(stored_values(samples, layout), stated_space(layout))


def _shown(syntax: UID) -> str:
    """Return the name of a transfer syntax, or its UID if it has none; no invalid UID is quoted."""
    return syntax.name if syntax.is_valid else "of an invalid UID"
