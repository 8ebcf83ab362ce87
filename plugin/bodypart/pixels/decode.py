"""Which decoder for which transfer syntax; pydicom where the fast one gives up."""

from __future__ import annotations

from collections.abc import Callable

import pydicom.uid as syntaxes
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from bodypart.pixels.errors import PictureError
from bodypart.pixels.frames import encapsulated_frame
from bodypart.pixels.jpeg import decode_jpeg
from bodypart.pixels.jpeg_2000 import decode_htj2k, decode_jpeg_2000
from bodypart.pixels.jpeg_ls import decode_jpeg_ls
from bodypart.pixels.layout import Layout
from bodypart.pixels.native import decode_native
from bodypart.pixels.raster import Raster, stated_space, stored_values
from bodypart.pixels.rle import decode_rle

Decoder = Callable[[bytes, Layout, int], Raster]

_NATIVE = frozenset(
    {
        syntaxes.ImplicitVRLittleEndian,
        syntaxes.ExplicitVRLittleEndian,
        syntaxes.DeflatedExplicitVRLittleEndian,
        syntaxes.ExplicitVRBigEndian,
    }
)

_DECODERS: dict[UID, Decoder] = {
    syntaxes.RLELossless: decode_rle,
    syntaxes.JPEGBaseline8Bit: decode_jpeg,
    syntaxes.JPEGExtended12Bit: decode_jpeg,
    syntaxes.JPEGLossless: decode_jpeg,
    syntaxes.JPEGLosslessSV1: decode_jpeg,
    syntaxes.JPEGLSLossless: decode_jpeg_ls,
    syntaxes.JPEGLSNearLossless: decode_jpeg_ls,
    syntaxes.JPEG2000Lossless: decode_jpeg_2000,
    syntaxes.JPEG2000: decode_jpeg_2000,
    syntaxes.JPEG2000MCLossless: decode_jpeg_2000,
    syntaxes.JPEG2000MC: decode_jpeg_2000,
    syntaxes.HTJ2KLossless: decode_htj2k,
    syntaxes.HTJ2KLosslessRPCL: decode_htj2k,
    syntaxes.HTJ2K: decode_htj2k,
}


def decode_frame(dataset: Dataset, layout: Layout, index: int, largest_step: int) -> Raster:
    """Return frame `index`, reduced by up to `largest_step` if the coding makes that cheap.

    Raises
    ------
    PictureError
        If the transfer syntax is not supported, or neither the fast decoder nor pydicom can
        decode what is there.
    """
    syntax = layout.transfer_syntax
    if syntax in _NATIVE:
        return decode_native(dataset, layout, index)
    decoder = _DECODERS.get(syntax)
    if decoder is None:
        raise PictureError(f"transfer syntax {_shown(syntax)} is not supported")
    code = encapsulated_frame(dataset, layout, index)
    try:
        return decoder(code, layout, largest_step)
    except (PictureError, MemoryError):
        raise
    except Exception:  # codecs raise anything; what they cannot do, pydicom's may
        return _with_pydicom(dataset, layout, index)


def _with_pydicom(dataset: Dataset, layout: Layout, index: int) -> Raster:
    """Decode with one of pydicom's plugins, at full size and without colour conversion.

    Not with whatever it finds: pyjpegls takes ten seconds to refuse a truncated frame, and
    pylibjpeg's RLE decoder panics on some.
    """
    plugin = "pydicom" if layout.transfer_syntax == syntaxes.RLELossless else "pylibjpeg"
    image = dataset.group_dataset(0x0028)
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = layout.transfer_syntax
    image.PixelData = bytes(dataset.PixelData)
    try:
        samples = pixel_array(image, index=index, raw=True, decoding_plugin=plugin)
    except MemoryError:
        raise
    except Exception:
        raise PictureError(f"its {_shown(layout.transfer_syntax)} data cannot be decoded") from None
    if samples.shape[:2] != (layout.rows, layout.columns):
        raise PictureError("its frame does not have the size that Rows and Columns state")
    return Raster(stored_values(samples, layout), stated_space(layout))


def _shown(syntax: UID) -> str:
    """Return a transfer syntax's name, or its UID if it is one at all."""
    return syntax.name if syntax.is_valid else "of an invalid UID"
