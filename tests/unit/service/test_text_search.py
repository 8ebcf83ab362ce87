"""What a typed text means."""

import pytest

from bodypart.headers import Vocabulary
from service.text_search import meaning_of


class _Orthanc:
    """Knows one patient."""

    def __init__(self):
        self.asked = []

    def question(self, path, question):
        self.asked.append(question)
        return ["study"] if question["Query"] == {"PatientName": "*becker*ann*"} else []


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary.load({})


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("Knie", ("knee",)),
        ("genou", ("knee",)),
        ("膝", ("knee",)),
        ("Hüfte", ("hip",)),
        ("kne", ("knee",)),
        ("lumb", ("lspine",)),
        ("upper limb", ("clavicle", "scapula", "shoulder", "humerus", "elbow", "forearm", "wrist",
                        "hand", "finger", "thumb")),
        ("Becker", ()),
        ("12345", ()),
    ],
)  # fmt: skip
def test_a_part_in_any_language(vocabulary, text, labels):
    assert meaning_of(text, _Orthanc(), vocabulary).labels == labels


@pytest.mark.parametrize("text", ["becker ann", "becker, ann", "becker*ann?", "ann becker"])
def test_a_name_as_people_write_it(vocabulary, text):
    assert meaning_of(text, _Orthanc(), vocabulary).studies == ("study",)


@pytest.mark.parametrize("text", ["*", "?*", "  ", "\\"])
def test_a_text_of_wildcards_asks_for_nothing(vocabulary, text):
    orthanc = _Orthanc()
    meaning = meaning_of(text, orthanc, vocabulary)
    assert (meaning.labels, meaning.studies) == ((), ())
    assert not orthanc.asked
