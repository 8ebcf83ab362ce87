"""The letter finder at run time: what it is given, and when it keeps silent."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from bodypart.model.side_marker import (
    LETTERS,
    PIECE,
    PROMISING,
    MarkerParameters,
    MarkerReader,
    Place,
    decided,
    finder_input,
    pieces,
    promising,
    reduced,
)
from bodypart.network import ModelError

PARAMETERS = MarkerParameters("", "", 320, 0.8, 0.4)


def said(**probabilities):
    """What the reader makes of one place for each letter."""
    letters = np.zeros((max(1, len(probabilities)), len(LETTERS)))
    for place, (letter, probability) in enumerate(probabilities.items()):
        letters[place, LETTERS.index(letter)] = probability
    return letters, [Place(10.0 * place, 20.0, 1.0) for place in range(len(letters))]


@pytest.mark.parametrize(("letter", "side"), [("L", "L"), ("R", "R"), ("D", "R"), ("E", "L")])
def test_each_letter_means_one_side(letter, side):
    marker = decided(*said(**{letter: 0.9}), PARAMETERS)
    assert (marker.side, marker.letter, marker.at) == (side, letter, (0.0, 20.0))


@pytest.mark.parametrize(
    "seen",
    [{}, {"L": 0.79}, {"L": 0.95, "R": 0.9}, {"L": 0.95, "R": 0.4}, {"D": 0.9, "E": 0.9}, {"G": 1}],
    ids=["nothing", "not sure", "both", "perhaps both", "both in Portuguese", "not measured"],
)
def test_it_keeps_silent_when_unsure_and_where_letters_disagree(seen):
    assert decided(*said(**seen), PARAMETERS) is None


@pytest.mark.parametrize(
    ("chances", "silent"), [((1, 0.5), True), ((1, 0.4), False), ((0.5, 0.4), True)]
)
def test_what_is_hardly_a_letter_contradicts_none(chances, silent):
    letters, places = said(L=0.95, R=0.9)
    places = [place._replace(chance=chance) for place, chance in zip(places, chances, strict=True)]
    assert (decided(letters, places, PARAMETERS) is None) is silent


def test_two_letters_of_one_side_agree():
    assert decided(*said(E=0.85, L=0.9), PARAMETERS).at == (10.0, 20.0)


def test_the_whole_picture_is_seen_at_one_size():
    small = reduced(np.arange(640 * 400, dtype=np.float32).reshape(640, 400), 320)
    assert small.shape == (320, 200)
    tensor = finder_input(small)
    assert tensor.shape == (1, 1, 320, 208)
    assert tensor.dtype == np.float32
    assert (tensor[..., 200:] == -1).all()
    assert (tensor.min(), tensor.max()) == (-1, 1)


def test_places_are_the_middles_of_what_the_finder_sees():
    seen = np.zeros((20, 30))
    seen[5, 7], seen[5, 8], seen[15, 25], seen[0, 0] = 0.6, 0.6, 0.9, PROMISING / 2
    assert promising(seen) == [(102.0, 62.0, 0.9), (32.0, 22.0, 0.6)]
    seen[19, 29] = 0.95
    assert promising(seen)[0] == (118.0, 78.0, 0.95)


def test_a_piece_has_its_own_contrast_and_may_reach_over_the_edge():
    small = np.zeros((100, 90), np.float32)
    small[:, 45:] = 1000
    small[40:60, 60:62] = 1100
    cut = pieces(small, [Place(70.0, 50.0, 1.0), Place(0.0, 0.0, 1.0)])
    assert cut.shape == (2, 1, PIECE, PIECE)
    assert cut[0].max() > 0.9
    assert (cut[1] == cut[1].min()).all()


@pytest.mark.parametrize("values", [np.zeros((50, 50)), np.full((50, 50), np.nan), np.ones((0, 4))])
def test_a_picture_with_nothing_in_it_has_no_marker(values):
    class Never:
        def run(self, pictures):
            raise AssertionError

    assert MarkerReader(Never(), Never(), PARAMETERS).read(values.astype(np.float32)) is None


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    description, *networks = files = [tmp_path / name for name in ("m.json", "a.onnx", "b.onnx")]
    with pytest.raises(ModelError, match=r"m\.json"):
        MarkerReader.load(files)
    for file in networks:
        file.write_bytes(b"a network")
    record = {"letters": list(LETTERS), "size": 320, "limit": 0.9, "contrary": 0.5}
    record |= {"finder_sha256": "0", "reader_sha256": "0"}
    description.write_text(json.dumps(record))
    with pytest.raises(ModelError, match="does not describe"):
        MarkerReader.load(files)
    digest = hashlib.sha256(b"a network").hexdigest()
    description.write_text(json.dumps(record | {"finder_sha256": digest, "reader_sha256": digest}))
    with pytest.raises(ModelError, match="does not load"):
        MarkerReader.load(files)


@pytest.fixture(scope="module")
def reader():
    return MarkerReader.load()


def film(text=None, *, mirrored=False, at=(28, 30), high=22):
    """A limb of soft tissue and bone, with a letter beside it."""
    _y, x = np.mgrid[0:384, 0:320]
    values = 20 + 90 * np.exp(-(((x - 170) / 70) ** 4)) + 80 * np.exp(-(((x - 170) / 22) ** 4))
    values += np.random.default_rng(1).normal(0, 2, values.shape)
    if text:
        canvas = Image.new("L", (320, 384))
        ImageDraw.Draw(canvas).text(at, text, 255, ImageFont.load_default(high))
        drawn = np.asarray(canvas, np.float32)
        values = np.maximum(values, drawn[:, ::-1] if mirrored else drawn)
    return values.astype(np.float32)


@pytest.mark.parametrize(
    ("letter", "high", "side"),
    [("L", 16, "L"), ("L", 28, "L"), ("R", 22, "R"), ("D", 16, "R"), ("E", 16, "L")],
)
def test_the_shipped_network_reads_a_plain_letter(reader, letter, high, side):
    marker = reader.read(film(letter, high=high))
    assert marker is not None
    assert marker.side == side


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [(None, False), ("L", True), ("R", True), ("ERECT", False), ("LAT", False), ("B", False)],
    ids=["none", "mirrored L", "mirrored R", "a word", "a view", "another letter"],
)
def test_the_shipped_network_keeps_silent(reader, text, mirrored):
    assert reader.read(film(text, mirrored=mirrored)) is None
