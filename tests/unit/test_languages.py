"""The pages' languages: complete, and with the same places to fill in."""

import re

import pytest

from bodypart.labels import BY_LABEL

_TEXT = r"'((?:[^'\\]|\\.)*)'"
_ENTRY = re.compile(rf"^  (?:{_TEXT}|(\w+)): {_TEXT},$", re.MULTILINE)
_SPOKEN = (
    rf"\bt\(\s*{_TEXT}",
    rf"\bcount\(\s*{_TEXT}",
    rf"\bcount\(\s*{_TEXT},\s*{_TEXT}",
    rf"navigator\.onLine \? {_TEXT} : {_TEXT}",
    rf"^  \[/.*/i?, {_TEXT}\],$",
)
_IMPORTED = re.compile(r"^(?:import .*|\} )from '\./(\w+\.js)'", re.MULTILINE)
_VIEWS_WITH_WORDS = {"deliveries": "deliveries", "learned": "learned", "statistics": "learned"}
_ENTRANCES = ("review", "panel", "sheet", "study", "film", *_VIEWS_WITH_WORDS)
_IN_THE_PAGE = (r"data-text[^>]*>([^<]+)<", r'aria-label="([^"]+)"')


@pytest.fixture(scope="module")
def pages(request):
    return request.config.rootpath / "plugin/service/pages"


def sentences(path):
    """The English sentences of one module."""
    text = path.read_text(encoding="utf-8")
    matches = (match for pattern in _SPOKEN for match in re.finditer(pattern, text, re.MULTILINE))
    return {one.replace("\\'", "'") for match in matches for one in match.groups() if one}


@pytest.fixture(scope="module")
def spoken(pages):
    """Every English sentence that the pages say."""
    found = set().union(*map(sentences, pages.glob("*.js")))
    page = (pages / "index.html").read_text(encoding="utf-8")
    for pattern in _IN_THE_PAGE:
        found |= {one.strip() for one in re.findall(pattern, page)}
    return found


def entries(text):
    return {
        (quoted or bare).replace("\\'", "'"): said for quoted, bare, said in _ENTRY.findall(text)
    }


def language(pages, tag):
    """The parts' names and the words of a language, with those of single views."""
    parts, words = (pages / f"languages/{tag}.js").read_text("utf-8").split("export const words")
    found = entries(words)
    for path in pages.glob(f"languages/*/{tag}.js"):
        own = entries(path.read_text(encoding="utf-8"))
        assert not set(own) & set(found), path
        found |= own
    return entries(parts), found


def loaded_with(path):
    """A module, and all that the browser loads with it."""
    found, waiting = set(), [path]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            imported = _IMPORTED.findall(one.read_text(encoding="utf-8"))
            waiting += [one.parent / name for name in imported]
    return found


def places(text):
    return sorted(re.findall(r"\{\w+\}", text))


@pytest.mark.parametrize("tag", ["de", "fr", "es", "it", "pt", "ja", "zh"])
def test_every_sentence_and_every_part_is_there(pages, spoken, tag):
    parts, words = language(pages, tag)
    assert set(parts) == set(BY_LABEL)
    assert spoken - set(words) == set()
    for english, said in words.items():
        for form in said.split("|"):
            assert places(english) == places(form), english


@pytest.mark.parametrize("view", _ENTRANCES)
def test_a_view_has_the_words_of_all_that_it_is_made_of(pages, view):
    words = entries((pages / "languages/de.js").read_text("utf-8").split("export const words")[1])
    if view in _VIEWS_WITH_WORDS:
        words |= entries((pages / f"languages/{_VIEWS_WITH_WORDS[view]}/de.js").read_text("utf-8"))
    modules = loaded_with(pages / f"{view}.js")
    assert len(modules) > 1
    missing = {path.name: sentences(path) - set(words) for path in modules}
    assert {name: said for name, said in missing.items() if said} == {}


def test_every_file_is_offered(pages):
    offered = re.search(
        r"LANGUAGES = \{(.*?)\};", (pages / "language.js").read_text(encoding="utf-8"), re.DOTALL
    )
    tags = set(re.findall(r"(\w\w): '", offered[1])) - {"en"}
    assert tags == {path.stem for path in (pages / "languages").glob("*.js")}


def test_numbers_are_written_as_in_the_language_of_the_page(pages):
    for path in pages.glob("*.js"):
        assert "toLocaleString()" not in path.read_text(encoding="utf-8"), path


def test_modules_of_the_pages_stay_small(pages):
    for path in pages.rglob("*.js"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path
