"""The phantoms that the browser tests and the README's pictures show."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.uid import generate_uid

from orthanc_server import Server
from phantoms import file_bytes, foreign, radiograph

_HEADERS = {
    "hand": ("HAND", "Hand li. d.p."),
    "chest": ("CHEST", "Thorax p.a."),
    "knee": ("KNEE", "Knie re. 2 Eb."),
    "foot": ("FOOT", "Fuß li."),
}
# The hand is the phantom that passes for a radiograph most surely, whatever the model's training.
_AGREEING = (("hand", "hand"), ("hand", "hand"), ("hand", "hand"))
_CONFLICTING = (("hand", "knee"), ("hand", "chest"), ("hand", "foot"))
"""What is drawn, and what the header says."""
_SLICES = 12


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Orthanc ids of instances.

    Attributes
    ----------
    agreeing : list of str
        Header and picture say hand.
    conflicting : list of str
        The header says knee, chest, foot; the picture hand.
    """

    agreeing: list[str]
    conflicting: list[str]


def upload(server: Server) -> Uploaded:
    """Upload the phantoms and wait for their annotations."""
    agreeing = [_phantom(server, "Agreement", n, *row) for n, row in enumerate(_AGREEING)]
    conflicting = [_phantom(server, "Conflict", n, *row) for n, row in enumerate(_CONFLICTING)]
    for instance in (*agreeing, *conflicting):
        server.annotation(instance)
    server.settle()
    return Uploaded(agreeing, conflicting)


def _phantom(server: Server, name: str, number: int, part: str, header: str) -> str:
    examined, description = _HEADERS[header]
    dataset = radiograph(
        part,
        rows=1400,
        columns=1150,
        seed=number,
        modality="DX" if number % 2 else "CR",
        BodyPartExamined=examined,
        StudyDescription=description,
        StudyDate=f"20260{3 + number}14",
        SpecificCharacterSet="ISO_IR 100",
        PatientName=f"Phantom^{name} {number + 1}",
        PatientID=f"{name}{number}",
    )
    return server.upload(file_bytes(dataset))


def upload_study(server: Server) -> str:
    """Upload one study of three films and a series of slices; return its Orthanc id."""
    study, patient = generate_uid(), generate_uid()
    common = {
        "StudyInstanceUID": study,
        "PatientID": patient,
        "PatientName": "Phantom^Several",
        "StudyDate": "20260814",
        "StudyDescription": "Sturz",
        "SpecificCharacterSet": "ISO_IR 100",
    }
    films = [("hand", "HAND", "L"), ("hand", "HAND", "R"), ("hand", "KNEE", "L")]
    for number, (part, header, side) in enumerate(films):
        dataset = radiograph(
            part, rows=1400, columns=1150, seed=20 + number, modality="DX",
            BodyPartExamined=header, ImageLaterality=side, ViewPosition="PA", **common,
        )  # fmt: skip
        instance = server.upload(file_bytes(dataset))
    series = generate_uid()
    for number in range(_SLICES):
        slice_ = foreign(
            "CT", BodyPartExamined="KNEE", InstanceNumber=number + 1,
            SeriesInstanceUID=series, **common,
        )  # fmt: skip
        instance = server.upload(file_bytes(slice_))
    server.settle()
    return server.above(instance)["studies"]
