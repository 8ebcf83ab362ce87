"""What the pages make of the service's own words: the first pattern that fits tells."""

import re

import pytest

_PATTERN = re.compile(r"^  \[/(.*)/(i?), '(.*)'\],$", re.MULTILINE)


@pytest.fixture(scope="module")
def plain(request):
    path = request.config.rootpath / "plugin/service/pages/sentences.js"
    found = _PATTERN.findall(path.read_text(encoding="utf-8"))

    def said(text):
        return next(
            sentence for pattern, fold, sentence in found
            if re.search(pattern, text, re.IGNORECASE if fold else 0)
        )  # fmt: skip

    return said


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rule 'full storage' must be counted first: DryRun true", "Please count again first."),
        ("rule 'full' is being looked at: wait, or cancel", "Somebody else changed it meanwhile."),
        ("no rule 'storage' sends to peer:X any more", "No rule asks for it any more."),
        ("delivery 7 is delivered", "Somebody else changed it meanwhile."),
        ("Orthanc has no instances", "The picture is no longer in this archive."),
        ("Orthanc has no such instance", "The picture is no longer in this archive."),
        (
            "others ask the same kind of question",
            "Too much is asked at once. Please try again in a moment.",
        ),
    ],
)
def test_a_reason_is_said_in_plain_words(plain, text, sentence):
    assert plain(text) == sentence
