"""The Image Pixel module (PS3.3 C.7.6.3): what the headers claim about the pixels, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from bodypart.pixels.errors import PictureError

LARGEST_FRAME = 100_000_000
"""Pixels in a frame; the largest radiographs, stitched spines and legs, have about 50 million."""

GE_PRIVATE = UID("1.2.840.113619.5.2")
"""GE's private syntax: implicit VR little endian with big-endian pixels."""

ENCAPSULATED_UNCOMPRESSED = UID("1.2.840.10008.1.2.1.98")
"""Uncompressed frames, in items like compressed ones (PS3.5 section A.4)."""

UNCOMPRESSED = frozenset(
    {
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        GE_PRIVATE,
    }
)

_BEYOND = 2**31
"""Larger than any integer that the standard allows (PS3.5 6.2, IS)."""
_FLOATS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
PIXEL_KEYWORDS = ("PixelData", *_FLOATS)
"""Attributes that hold pixels (PS3.3 C.7.6.3 and C.7.6.24)."""

_PHOTOMETRIC = frozenset(
    {
        "MONOCHROME1",
        "MONOCHROME2",
        "PALETTE COLOR",
        "RGB",
        "YBR_FULL",
        "YBR_FULL_422",
        "YBR_PARTIAL_422",
        "YBR_PARTIAL_420",
        "YBR_ICT",
        "YBR_RCT",
        "XYB",
    }
)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pixels are stored.

    Attributes
    ----------
    rows, columns, samples, frames : int
        Size of a frame, samples a pixel (1 or 3), number of frames.
    allocated, stored, high_bit : int
        Bits of the container, bits used, place of the highest used bit.
    signed : bool
        Whether Pixel Representation is 1 (two's complement).
    photometric : str
        Photometric Interpretation.
    planar : bool
        Whether uncompressed colour comes plane by plane.
    keyword : str
        The attribute that holds the pixels: ``PixelData``, ``FloatPixelData`` or
        ``DoubleFloatPixelData``.
    transfer_syntax : UID
        Transfer Syntax UID; guessed from the encoding if the file meta information has none.
    big_endian : bool
        Byte order of uncompressed pixels.
    """

    rows: int
    columns: int
    samples: int
    frames: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    photometric: str
    planar: bool
    keyword: str
    transfer_syntax: UID
    big_endian: bool

    @property
    def floating(self) -> bool:
        """Whether the samples are floating-point numbers."""
        return self.keyword in _FLOATS

    @property
    def encapsulated(self) -> bool:
        """Whether the transfer syntax says that the pixels are compressed."""
        return self.transfer_syntax not in UNCOMPRESSED

    @property
    def frame_bytes(self) -> float:
        """Size of an uncompressed frame; frames of one bit a pixel share bytes."""
        half_chroma = self.photometric in ("YBR_FULL_422", "YBR_PARTIAL_422")
        samples = 2 if half_chroma else self.samples
        return self.rows * self.columns * samples * self.allocated / 8

    @property
    def lowest(self) -> int:
        """The smallest value that the stored bits can express."""
        return -(1 << self.stored - 1) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest value that the stored bits can express."""
        return (1 << self.stored - 1) - 1 if self.signed else (1 << self.stored) - 1


def read_layout(dataset: Dataset) -> Layout:
    """Read the Image Pixel module and refuse impossible values.

    Raises
    ------
    PictureError
        If there are no pixels, an attribute is missing, unreadable or out of its range, or the
        frame has more than `LARGEST_FRAME` pixels.
    """
    keyword = next((word for word in PIXEL_KEYWORDS if word in dataset), None)
    if keyword is None:
        raise PictureError("it has no pixel data")
    rows, columns = _whole(dataset, "Rows"), _whole(dataset, "Columns")
    if rows < 1 or columns < 1:
        raise PictureError(f"Rows x Columns is {rows} x {columns}")
    if rows * columns > LARGEST_FRAME:
        raise PictureError(
            f"a frame of {rows} x {columns} pixels is over the limit of {LARGEST_FRAME}"
        )
    samples = _whole(dataset, "SamplesPerPixel", 1)
    if samples not in (1, 3):
        raise PictureError(f"SamplesPerPixel is {samples}, not 1 or 3")
    photometric = _photometric(dataset, samples)
    allocated = _FLOATS.get(keyword) or _whole(dataset, "BitsAllocated")
    if allocated not in (1, 8, 16, 32, 64):
        raise PictureError(f"BitsAllocated is {allocated}, not 1, 8, 16, 32 or 64")
    stored = allocated if keyword in _FLOATS else _whole(dataset, "BitsStored", allocated)
    if not 0 < stored <= allocated:
        raise PictureError(f"BitsStored is {stored} where BitsAllocated is {allocated}")
    high_bit = _whole(dataset, "HighBit", stored - 1)
    if not stored <= high_bit + 1 <= allocated:
        high_bit = stored - 1
    syntax = _transfer_syntax(dataset)
    return Layout(
        rows=rows,
        columns=columns,
        samples=samples,
        frames=max(1, _whole(dataset, "NumberOfFrames", 1)),
        allocated=allocated,
        stored=stored,
        high_bit=high_bit,
        signed=_whole(dataset, "PixelRepresentation", 0) == 1,
        photometric=photometric,
        planar=_whole(dataset, "PlanarConfiguration", 0) == 1,
        keyword=keyword,
        transfer_syntax=syntax,
        big_endian=_is_big_endian(dataset, syntax),
    )


def read_value(dataset: Dataset, keyword: str) -> Any:
    """Return an attribute's value, whatever a file has there; None if it is absent or empty.

    Raises
    ------
    PictureError
        If pydicom cannot convert its bytes.
    """
    try:
        value = dataset.get(keyword)
    except Exception:  # conversion of a damaged raw element raises anything
        raise PictureError(f"{keyword} cannot be read") from None
    return None if value in (None, "", b"") else value


def optional_value(dataset: Dataset, keyword: str) -> Any:
    """Return an attribute's value, None also if it cannot be read.

    For attributes that only refine the picture: it is still read if a spacing has a decimal comma.
    """
    try:
        return read_value(dataset, keyword)
    except PictureError:
        return None


def _whole(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    value = read_value(dataset, keyword)
    if value is None:
        if default is None:
            raise PictureError(f"{keyword} is missing")
        return default
    try:
        number: int = int(value)
    except (TypeError, ValueError, OverflowError):
        raise PictureError(f"{keyword} is not one whole number") from None
    # Error messages repeat the number, which may have thousands of digits in the file.
    return max(-_BEYOND, min(number, _BEYOND))


def _photometric(dataset: Dataset, samples: int) -> str:
    value = read_value(dataset, "PhotometricInterpretation")
    if value is None:
        return "MONOCHROME2" if samples == 1 else "RGB"
    photometric = str(value).strip().upper()
    if photometric not in _PHOTOMETRIC:
        raise PictureError("PhotometricInterpretation is not one of the defined terms")
    grey = photometric in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
    if grey != (samples == 1):
        raise PictureError(f"{photometric} does not go with SamplesPerPixel {samples}")
    return photometric


def _transfer_syntax(dataset: Dataset) -> UID:
    stated = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    return UID(str(stated)) if stated else uncompressed_syntax(dataset)


def uncompressed_syntax(dataset: Dataset) -> UID:
    """Return the uncompressed transfer syntax with the encoding in which a data set was read."""
    implicit, little = dataset.original_encoding
    if little is False:
        return ExplicitVRBigEndian
    return ExplicitVRLittleEndian if implicit is False else ImplicitVRLittleEndian


def _is_big_endian(dataset: Dataset, syntax: UID) -> bool:
    """Return the byte order in which the data set was read, else that of the transfer syntax."""
    little = dataset.original_encoding[1]
    if syntax == GE_PRIVATE:
        return True
    return syntax == ExplicitVRBigEndian if little is None else not little
