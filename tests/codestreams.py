"""Encodes frames as codestreams, in every coding that test pictures use."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pydicom.uid as uids
from numpy.typing import NDArray
from pydicom.uid import UID


def encode(frame: NDArray[np.generic], syntax: UID, bits: int) -> bytes:
    """Return the codestream of one frame, (rows, columns) or (rows, columns, 3)."""
    unsigned = frame.view(f"u{frame.dtype.itemsize}")
    if frame.dtype.kind == "i" and bits < frame.dtype.itemsize * 8:
        unsigned = unsigned & ((1 << bits) - 1)
    if syntax == uids.RLELossless:
        return _rle(frame)
    if syntax in (uids.JPEGLossless, uids.JPEGLosslessSV1):
        predictor = 1 if syntax == uids.JPEGLosslessSV1 else 6
        return bytes(
            imagecodecs.jpeg8_encode(
                unsigned, lossless=True, predictor=predictor, bitspersample=bits
            )
        )
    if syntax in (uids.JPEGBaseline8Bit, uids.JPEGExtended12Bit):
        return bytes(
            imagecodecs.jpeg8_encode(unsigned, level=95, bitspersample=8 if bits <= 8 else 12)
        )
    if syntax in (uids.JPEGLSLossless, uids.JPEGLSNearLossless):
        level = 0 if syntax == uids.JPEGLSLossless else 2
        return bytes(imagecodecs.jpegls_encode(unsigned, level))
    if syntax in (uids.JPEG2000Lossless, uids.JPEG2000):
        lossless = syntax == uids.JPEG2000Lossless
        return bytes(
            imagecodecs.jpeg2k_encode(
                frame,
                level=0 if lossless else 45,
                codecformat="j2k",
                bitspersample=bits,
                reversible=lossless,
            )
        )
    if syntax in (uids.HTJ2KLossless, uids.HTJ2KLosslessRPCL, uids.HTJ2K):
        return bytes(imagecodecs.htj2k_encode(frame, reversible=syntax != uids.HTJ2K))
    raise ValueError(f"no encoder for {syntax.name}")


def _rle(frame: NDArray[np.generic]) -> bytes:
    """Encode by PS3.5 annex G: one segment for each byte of each sample, the highest byte first."""
    planes = frame.reshape(*frame.shape[:2], -1).astype(frame.dtype.newbyteorder(">"))
    octets = planes.view(np.uint8)
    segments = []
    for index in range(octets.shape[2]):
        packed = imagecodecs.packbits_encode(np.ascontiguousarray(octets[:, :, index]), axis=-1)
        segments.append(packed + b"\0" * (len(packed) % 2))
    ends = np.cumsum([64] + [len(segment) for segment in segments])
    header = np.zeros(16, "<u4")
    header[0] = len(segments)
    header[1 : len(segments) + 1] = ends[:-1]
    return header.tobytes() + b"".join(segments)
