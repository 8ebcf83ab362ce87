"""Test pictures drawn by code, and DICOM made of them.

Every pixel and every header is invented. A phantom is a projection of ellipsoids and rods: it looks
enough like a radiograph to be taken for one, and can be drawn at any size.

    radiograph("hand", BodyPartExamined="HAND")            a data set
    file_bytes(radiograph("chest", syntax=JPEG2000))       a DICOM file
    file_bytes(foreign("SR"))                              something that is no radiograph
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from io import BytesIO
from itertools import pairwise

import numpy as np
import pydicom.uid as uids
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from codestreams import encode

DRAWN_SIDE = 400
"""Pixels; larger phantoms are drawn at this size and enlarged."""

SOP_CLASSES = {
    "CR": uids.ComputedRadiographyImageStorage,
    "DX": uids.DigitalXRayImageStorageForPresentation,
    "MG": uids.DigitalMammographyXRayImageStorageForPresentation,
    "RF": uids.XRayRadiofluoroscopicImageStorage,
    "XA": uids.XRayAngiographicImageStorage,
    "OT": uids.SecondaryCaptureImageStorage,
    "SC": uids.SecondaryCaptureImageStorage,
    "RG": uids.SecondaryCaptureImageStorage,
    "CT": uids.CTImageStorage,
    "MR": uids.MRImageStorage,
    "US": uids.UltrasoundImageStorage,
    "SR": uids.BasicTextSRStorage,
    "PDF": uids.EncapsulatedPDFStorage,
    "ECG": uids.TwelveLeadECGWaveformStorage,
    "PR": uids.GrayscaleSoftcopyPresentationStateStorage,
    "RTPLAN": uids.RTPlanStorage,
}


class Canvas:
    """Thickness of tissue along the beam, in widths of the picture."""

    def __init__(self, rows: int, columns: int) -> None:
        self.down, self.across = np.mgrid[0:rows, 0:columns].astype(np.float32)
        self.down = (self.down + 0.5) / rows
        self.across = (self.across + 0.5) / columns
        self.thickness = np.zeros((rows, columns), np.float32)

    def ellipse(self, x: float, y: float, width: float, height: float, density: float) -> None:
        """Add an ellipsoid with its centre at (x, y)."""
        inside = 1 - ((self.across - x) / width) ** 2 - ((self.down - y) / height) ** 2
        self.thickness += density * width * np.sqrt(np.maximum(inside, 0))

    def ring(self, x: float, y: float, width: float, height: float, density: float) -> None:
        """Add a shell: an ellipsoid minus a smaller one."""
        self.ellipse(x, y, width, height, density)
        self.ellipse(x, y, 0.85 * width, 0.85 * height, -density)

    def rod(
        self, start: tuple[float, float], end: tuple[float, float], radius: float, density: float
    ) -> None:
        """Add a rod with round ends, a long bone for example."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        along = (self.across - start[0]) * dx + (self.down - start[1]) * dy
        along = np.clip(along / max(dx * dx + dy * dy, 1e-9), 0, 1)
        apart = (self.across - start[0] - along * dx) ** 2
        apart += (self.down - start[1] - along * dy) ** 2
        self.thickness += density * np.sqrt(np.maximum(radius * radius - apart, 0))


def _hand(canvas: Canvas) -> None:
    canvas.ellipse(0.5, 0.66, 0.28, 0.2, 0.5)
    for x, tip, lean in (
        (0.3, 0.22, -0.1),
        (0.42, 0.1, -0.03),
        (0.54, 0.07, 0.02),
        (0.66, 0.15, 0.07),
    ):
        canvas.rod((x, 0.6), (x + lean, tip), 0.055, 0.6)
        joints = np.linspace(0.68, tip, 5)
        for upper, lower in pairwise(joints):
            share = [(0.68 - joint) / (0.68 - tip) * lean for joint in (upper, lower)]
            canvas.rod((x + share[0], upper - 0.015), (x + share[1], lower + 0.015), 0.02, 3)
    canvas.rod((0.68, 0.72), (0.88, 0.45), 0.06, 0.6)
    canvas.rod((0.68, 0.72), (0.78, 0.59), 0.022, 3)
    canvas.rod((0.79, 0.57), (0.87, 0.46), 0.02, 3)
    for x in (0.4, 0.48, 0.56, 0.62):
        canvas.ellipse(x, 0.76, 0.035, 0.03, 3)
    canvas.rod((0.44, 0.86), (0.44, 1.1), 0.04, 3)
    canvas.rod((0.57, 0.86), (0.57, 1.1), 0.045, 3)


def _chest(canvas: Canvas) -> None:
    canvas.ellipse(0.5, 0.6, 0.48, 0.62, 0.7)
    for x in (0.3, 0.7):
        canvas.ellipse(x, 0.47, 0.15, 0.34, -0.9)
    canvas.ellipse(0.56, 0.6, 0.14, 0.17, 1.0)
    canvas.rod((0.5, 0.0), (0.5, 1.0), 0.04, 2.5)
    for level in np.linspace(0.15, 0.75, 9):
        canvas.rod((0.5, level), (0.14, level + 0.08), 0.012, 2.5)
        canvas.rod((0.5, level), (0.86, level + 0.08), 0.012, 2.5)
    canvas.rod((0.45, 0.16), (0.12, 0.1), 0.018, 3)
    canvas.rod((0.55, 0.16), (0.88, 0.1), 0.018, 3)
    canvas.ellipse(0.3, 0.97, 0.24, 0.16, 0.8)


def _knee(canvas: Canvas) -> None:
    canvas.rod((0.5, -0.1), (0.5, 1.1), 0.26, 0.7)
    canvas.rod((0.5, -0.1), (0.5, 0.36), 0.085, 2)
    canvas.ellipse(0.42, 0.43, 0.11, 0.09, 2)
    canvas.ellipse(0.59, 0.43, 0.11, 0.09, 2)
    canvas.rod((0.35, 0.55), (0.65, 0.55), 0.045, 2)
    canvas.rod((0.5, 0.58), (0.5, 1.1), 0.085, 2)
    canvas.rod((0.68, 0.63), (0.67, 1.1), 0.028, 2)
    canvas.ellipse(0.5, 0.36, 0.08, 0.07, 1.2)


def _pelvis(canvas: Canvas) -> None:
    canvas.ellipse(0.5, 0.5, 0.5, 0.6, 0.6)
    canvas.rod((0.5, -0.1), (0.5, 0.35), 0.07, 2)
    for side in (-1, 1):
        canvas.ring(0.5 + side * 0.24, 0.32, 0.17, 0.2, 1.6)
        canvas.ring(0.5 + side * 0.12, 0.68, 0.09, 0.1, 2)
        canvas.ellipse(0.5 + side * 0.29, 0.58, 0.06, 0.06, 2.5)
        canvas.rod((0.5 + side * 0.3, 0.58), (0.5 + side * 0.38, 0.66), 0.045, 2)
        canvas.rod((0.5 + side * 0.39, 0.66), (0.5 + side * 0.36, 1.1), 0.055, 2)


def _skull(canvas: Canvas) -> None:
    canvas.ring(0.48, 0.42, 0.4, 0.36, 1.2)
    canvas.ellipse(0.48, 0.42, 0.36, 0.32, 0.4)
    canvas.ellipse(0.68, 0.68, 0.16, 0.18, 0.8)
    canvas.rod((0.52, 0.82), (0.82, 0.9), 0.035, 2)
    canvas.ring(0.76, 0.56, 0.07, 0.06, 1.6)
    for level in np.linspace(0.72, 1.0, 5):
        canvas.rod((0.36, level), (0.44, level + 0.01), 0.03, 2)


def _foot(canvas: Canvas) -> None:
    canvas.rod((0.5, 0.3), (0.5, 0.85), 0.22, 0.6)
    for x, lean in ((0.32, -0.1), (0.42, -0.05), (0.51, 0.0), (0.6, 0.03), (0.7, 0.05)):
        canvas.rod((x, 0.56), (x + lean, 0.28), 0.026, 2.5)
        canvas.rod((x + lean, 0.25), (x + 1.3 * lean, 0.13), 0.022, 2.5)
        canvas.rod((x + 1.3 * lean, 0.11), (x + 1.4 * lean, 0.05), 0.02, 2.5)
    for x in (0.38, 0.5, 0.62):
        canvas.ellipse(x, 0.63, 0.06, 0.045, 2)
    canvas.ellipse(0.5, 0.82, 0.13, 0.13, 1.8)


DRAWINGS: dict[str, Callable[[Canvas], None]] = {
    "hand": _hand,
    "chest": _chest,
    "knee": _knee,
    "pelvis": _pelvis,
    "skull": _skull,
    "foot": _foot,
}


@cache
def _projection(part: str, rows: int, columns: int) -> NDArray[np.float32]:
    """Return the thickness along the beam, 0 to 1."""
    shrink = max(1.0, max(rows, columns) / DRAWN_SIDE)
    canvas = Canvas(max(1, round(rows / shrink)), max(1, round(columns / shrink)))
    DRAWINGS[part](canvas)
    thickness = np.maximum(canvas.thickness, 0)
    thickness /= max(float(thickness.max()), 1e-6)
    image = Image.fromarray(thickness).resize((columns, rows), Image.Resampling.BILINEAR)
    return np.asarray(image)


def draw(
    part: str = "chest", rows: int = 480, columns: int = 400, bits: int = 12, seed: int = 0
) -> NDArray[np.uint16]:
    """Draw a phantom.

    Parameters
    ----------
    part : str
        One of `DRAWINGS`.
    bits : int
        Values reach from about 5 % to 95 % of 0 ... 2**bits - 1, bright where dense.
    seed : int
        Seed of the quantum noise; another seed gives another picture.

    Returns
    -------
    uint16 array, (rows, columns)
    """
    top = (1 << bits) - 1
    noise = np.random.default_rng(seed).standard_normal((rows, columns), np.float32)
    values = top * (0.05 + 0.9 * _projection(part, rows, columns) + 0.008 * noise)
    return np.clip(np.rint(values), 0, top).astype(np.uint16)


def dataset_of(
    pixels: NDArray[np.generic],
    *,
    modality: str = "CR",
    syntax: UID = ExplicitVRLittleEndian,
    bits: int = 12,
    photometric: str = "MONOCHROME2",
    **headers: object,
) -> FileDataset:
    """Wrap pixels as a DICOM image.

    Parameters
    ----------
    pixels : integer array
        (rows, columns), (rows, columns, 3) or (frames, rows, columns); values as they are to be
        stored. A signed type gives Pixel Representation 1.
    syntax : UID
        Transfer syntax in which the pixels are encoded, lossily if it is lossy.
    bits : int
        Bits Stored; 8 or fewer take one byte per sample.
    **headers
        Further attributes by keyword, or other values for those set here; None omits one.
    """
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    frames = pixels if pixels.ndim == 3 and not colour else pixels[np.newaxis]
    container = np.dtype(("i" if pixels.dtype.kind == "i" else "u") + ("1" if bits <= 8 else "2"))
    frames = frames.astype(container)
    dataset = _empty(modality, syntax)
    dataset.Rows, dataset.Columns = frames.shape[1:3]
    dataset.SamplesPerPixel = 3 if colour else 1
    dataset.PhotometricInterpretation = photometric
    if colour:
        dataset.PlanarConfiguration = 0
    if len(frames) > 1:
        dataset.NumberOfFrames = len(frames)
    dataset.BitsAllocated = container.itemsize * 8
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = 1 if container.kind == "i" else 0
    if syntax.is_encapsulated:
        codes = [encode(frame, syntax, bits) for frame in frames]
        dataset.PixelData = encapsulate(codes)
        dataset["PixelData"].VR = "OB"
    else:
        order = "<" if syntax.is_little_endian else ">"
        dataset.PixelData = frames.astype(container.newbyteorder(order)).tobytes()
        dataset["PixelData"].VR = "OB" if bits <= 8 else "OW"
        if len(dataset.PixelData) % 2:
            dataset.PixelData += b"\0"
    _apply(dataset, headers)
    return dataset


def radiograph(
    part: str = "chest",
    rows: int = 480,
    columns: int = 400,
    *,
    bits: int = 12,
    seed: int = 0,
    photometric: str = "MONOCHROME2",
    **options: object,
) -> FileDataset:
    """Draw a phantom and wrap it; `options` are those of `dataset_of`."""
    pixels = draw(part, rows, columns, bits, seed)
    if photometric == "MONOCHROME1":
        pixels = (1 << bits) - 1 - pixels
    if photometric == "RGB":
        pixels = np.stack([pixels] * 3, axis=-1)
    return dataset_of(pixels, bits=bits, photometric=photometric, **options)


def foreign(kind: str, **headers: object) -> FileDataset:
    """Make an object that is no radiograph.

    Parameters
    ----------
    kind : str
        ``CT``, ``MR``, ``US`` (colour), ``photo`` (colour Secondary Capture), ``SR``, ``PDF``,
        ``ECG``, ``PR`` or ``RTPLAN``.
    """
    across = np.arange(128, dtype=np.int16)
    if kind in ("CT", "MR"):
        disc = np.hypot(across[:, None] - 64, across - 64) < 50
        pixels = np.where(disc, 40, -1000).astype(np.int16)
        return dataset_of(pixels, modality=kind, bits=16, **headers)
    if kind in ("US", "photo"):
        pixels = np.empty((128, 128, 3), np.uint8)
        pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2] = across, 2 * across[:, None], 200
        modality = "US" if kind == "US" else "OT"
        return dataset_of(pixels, modality=modality, bits=8, photometric="RGB", **headers)
    dataset = _empty(kind, ExplicitVRLittleEndian)
    if kind == "SR":
        dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
        dataset.ContentSequence = Sequence([_item(ValueType="TEXT", TextValue="No finding.")])
    elif kind == "PDF":
        dataset.Modality = "DOC"
        dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
        dataset.EncapsulatedDocument = b"%PDF-1.4\n%%EOF\n\0"
    elif kind == "ECG":
        dataset.WaveformSequence = Sequence(
            [
                _item(
                    NumberOfWaveformChannels=1,
                    NumberOfWaveformSamples=4,
                    SamplingFrequency="500",
                    WaveformBitsAllocated=16,
                    WaveformSampleInterpretation="SS",
                    WaveformData=b"\0\0\1\0\2\0\1\0",
                )
            ]
        )
    elif kind not in ("PR", "RTPLAN"):
        raise ValueError(f"no foreign object of kind {kind!r}")
    _apply(dataset, headers)
    return dataset


def file_bytes(dataset: Dataset) -> bytes:
    """Return the data set as a DICOM file: preamble, file meta, data set."""
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _empty(modality: str, syntax: UID) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    dataset = FileDataset(
        "",
        {},
        file_meta=meta,
        preamble=b"\0" * 128,
        is_implicit_VR=syntax.is_implicit_VR,
        is_little_endian=syntax.is_little_endian,
    )
    dataset.SOPClassUID = SOP_CLASSES[modality]
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.Modality = modality
    dataset.PatientName, dataset.PatientID = "Phantom^Drawn", "PHANTOM"
    dataset.PatientBirthDate, dataset.PatientSex = "19700101", "O"
    dataset.StudyDate, dataset.StudyTime = "20260101", "120000"
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = "1", 1, 1
    dataset.AccessionNumber, dataset.ReferringPhysicianName = "", ""
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def _apply(dataset: FileDataset, headers: dict[str, object]) -> None:
    for keyword, value in headers.items():
        if value is None:
            dataset.pop(keyword, None)
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def _item(**attributes: object) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item
