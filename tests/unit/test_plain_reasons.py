"""What the pages make of the service's own words: the first pattern that fits tells."""

import ast
import re

import pytest
from pydicom.uid import UID_dictionary

from bodypart.model.raw_answer import NO_NUMBERS

_PATTERN = re.compile(r"^  \[/(.*)/(i?), '(.*)'\],$", re.MULTILINE)


STOPPED = "Reading this picture failed and was stopped. It can be tried again."
DAMAGED = "The file is damaged, or of a kind that cannot be read."
NOT_WRITTEN = "Writing the file failed. The answer is kept in Orthanc."


@pytest.fixture(scope="module")
def plain(request):
    path = request.config.rootpath / "plugin/service/pages/sentences.js"
    found = _PATTERN.findall(path.read_text(encoding="utf-8"))

    def said(text):
        return next(
            (
                sentence
                for pattern, fold, sentence in found
                if re.search(pattern, text, re.IGNORECASE if fold else 0)
            ),
            None,
        )

    return said


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("the service ended: status -9", "The service is starting. What was said before is kept."),
        ("the service ended: BodyPart.Tagz is no setting", None),
        ("rule 'full storage' must be counted first: DryRun true", "Please count again first."),
        ("rule 'full' is being looked at: wait, or cancel", "Somebody else changed it meanwhile."),
        ("no rule 'storage' sends to peer:X any more", "No rule asks for it any more."),
        ("delivery 7 is delivered", "Somebody else changed it meanwhile."),
        ("Orthanc has no instances", "The picture is no longer in this archive."),
        ("Orthanc has no such instance", "The picture is no longer in this archive."),
        (
            "storage full",
            "Orthanc’s storage is full. The answer is kept; the file follows once there is room.",
        ),
        ("quarantined: the decoder took longer than 20 s, 3 times", STOPPED),
        ("the worker died", STOPPED),  # As it was called up to 0.2.
        (
            "the decoder is starting again",
            "The service is starting. What was said before is kept.",
        ),
        ("the decoder did not start: no model here", STOPPED),
        ("given up after 4 attempts: ArchiveError", STOPPED),
        (NO_NUMBERS, STOPPED),
        ("it could not be done: ArchiveError", NOT_WRITTEN),
        ("Orthanc answers FilteredOut", NOT_WRITTEN),
        ("Orthanc stores it under another id", NOT_WRITTEN),
        (
            "the header says left in one place and right in another: say which",
            "The header says left in one place and right in another.",
        ),
        (
            "too many requests of this kind at once",
            "Too much is asked at once. Please try again in a moment.",
        ),
    ],
)
def test_a_reason_is_said_in_plain_words(plain, text, sentence):
    assert plain(text) == sentence


def test_a_kind_of_object_is_not_taken_for_something_else(plain):
    """Every name ends in "Storage", which is none that is full."""
    kinds = [name for name, kind, *_ in UID_dictionary.values() if kind == "SOP Class"]
    assert len(kinds) > 200
    for kind in kinds:
        of = f"{kind} is not a radiograph, and "
        silent = plain(of + "nothing in the header names a body part")
        assert silent == "This is not a radiograph, and its header names no body part."
        other = plain(of + "the header names BREAST, which is none of the 36 body parts")
        assert (
            other == "This is not a radiograph, and its header names none of the parts known here."
        )
        assert plain(f"{kind} is not an image IOD of projection radiography").startswith("Files of")


def test_what_cannot_be_read_is_not_taken_for_something_else(plain, request):
    folder = request.config.rootpath / "plugin/bodypart/pixels"
    raised = [
        node.exc.args[0]
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args
    ]
    texts = [text for text in map(_written, raised) if text]
    assert len(texts) > 30
    for text in texts:
        assert plain(text) in (None, DAMAGED, "There is no picture in this file."), text


def _written(text):
    """A message with some number in its places."""
    if isinstance(text, ast.JoinedStr):
        return "".join(one.value if isinstance(one, ast.Constant) else "7" for one in text.values)
    return text.value if isinstance(text, ast.Constant) else None
