"""What the README's pictures show: drawn films, with headers as they come from hospitals."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.uid import generate_uid

from drawn_films import film
from orthanc_server import Server
from phantoms import dataset_of, file_bytes

_DAY = (
    ("hand", "R", "KNEE", "Knie re. 2 Eb."),
    ("wrist", "R", "EXTREMITY", "Handgelenk re."),
    ("chest", "", "THORAX", "Thorax p.a."),
    ("knee", "R", "", "Genou droit F/P"),
    ("foot", "L", "KNEE", "Knie li. 2 Eb."),
    ("lower_leg", "L", "", "Unterschenkel li."),
    ("forearm", "R", "FOREARM", "Antebrazo der."),
    ("chest", "", "CHEST", "Torace PA"),
    ("knee", "L", "EXTREMITY", ""),
    ("hand", "R", "HAND", "Mão dir."),
    ("chest", "", "PELVIS", "Beckenübersicht"),
    ("wrist", "L", "", "Poignet gauche"),
    ("foot", "R", "", "Voet re"),
    ("hand", "L", "HAND", "Hand li. d.p."),
)
"""What is drawn, its side, and what the header says: Body Part Examined and Study Description."""
_FALL = (
    ("forearm", "L", "FOREARM"),
    ("wrist", "L", "WRIST"),
    ("hand", "L", "KNEE"),
    ("wrist", "R", "WRIST"),
)
"""The same of one study, without the description."""


@dataclass(frozen=True, slots=True)
class Day:
    """The films of a day in Orthanc.

    Attributes
    ----------
    films : tuple of str
        Orthanc ids.
    """

    films: tuple[str, ...]

    @property
    def hand_called_knee(self) -> str:
        """A film that shows a hand, whose header says knee."""
        return self.films[0]

    @property
    def hands(self) -> int:
        """How many of the films are of hands."""
        return sum(part == "hand" for part, *_ in _DAY)

    @property
    def hand_called_hand(self) -> str:
        """One that shows a hand, whose header says so."""
        return self.films[-1]


def upload_day(server: Server) -> Day:
    """Upload the films and wait until all is written that follows from them."""
    films = tuple(
        server.upload(
            file_bytes(
                dataset_of(
                    film(part, number, side),
                    modality="DX" if number % 2 else "CR",
                    BodyPartExamined=header,
                    StudyDescription=description,
                    StudyDate=f"202603{number + 1:02}",
                    SpecificCharacterSet="ISO_IR 100",
                    PatientName=f"Phantom^{number + 1}",
                    PatientID=f"Phantom{number + 1}",
                )
            )
        )
        for number, (part, side, header, description) in enumerate(_DAY)
    )
    for instance in films:
        server.annotation(instance)
    server.settle()
    return Day(films)


def upload_fall(server: Server) -> str:
    """Upload the films of one study, in a series each; return its Orthanc id."""
    study, patient = generate_uid(), generate_uid()
    for number, (part, side, header) in enumerate(_FALL):
        dataset = dataset_of(
            film(part, 20 + number, side),
            modality="DX",
            BodyPartExamined=header,
            StudyInstanceUID=study,
            StudyDescription="Sturz",
            StudyDate="20260314",
            PatientID=patient,
            PatientName="Phantom^Fall",
        )
        instance = server.upload(file_bytes(dataset))
    server.settle()
    return server.above(instance)["studies"]
