"""What is drawn to train the letter finder, and what is measured of it."""

# ruff: noqa: E402 (the imports below need what is skipped without)

import json
from dataclasses import replace

import numpy as np
import pytest

for module in ("torch", "onnx", "cv2", "matplotlib"):
    pytest.importorskip(module, reason=f"the training needs the train extra ({module})")

import torch
from PIL import Image

from bodypart.evidence import SideMarker
from bodypart.model.side_marker import LETTERS, STRIDE
from training.card import CardError
from training.manifest import Example
from training.markers import reader_pieces
from training.markers.drawing import SIDE, UNKNOWN, Drawer
from training.markers.evaluate import BEGIN, END, figures, origin, report, with_table
from training.markers.fit import Batches, Plan, fit
from training.markers.network import LetterFinder
from training.markers.places import read_places
from training.markers.reader_pieces import ReaderDrawer
from training.markers.readings import Reading, read_readings
from training.markers.train import loss
from training.markers.train_reader import Pieces
from training.paths import CARD, MODELS


def test_a_piece_teaches_a_letter_where_it_stands():
    film = np.full((200, 160), 40, np.uint8)
    drawer = Drawer(np.random.default_rng(3), [film], [[(80.0, 100.0, 12.0, "R")]])
    taught = set()
    for _ in range(60):
        piece, goal = drawer.piece()
        assert piece.shape == (SIDE, SIDE)
        assert goal.shape == (SIDE // STRIDE, SIDE // STRIDE)
        assert goal.min() >= UNKNOWN
        assert goal.max() <= len(LETTERS)
        taught |= set(np.unique(goal[goal > 0]))
    assert taught == set(range(1, len(LETTERS) + 1))


def test_the_network_answers_each_four_pixels():
    assert LetterFinder().eval()(torch.zeros(1, 1, 64, 96)).shape == (1, 1 + len(LETTERS), 16, 24)


def test_what_is_right_already_and_what_is_unknown_costs_little():
    goal = torch.zeros(1, 4, 4, dtype=torch.long)
    goal[0, 0, 0], goal[0, 3, 3] = 1, UNKNOWN
    sure = torch.zeros(1, 1 + len(LETTERS), 4, 4)
    sure[:, 0] = 9.0
    sure[0, :2, 0, 0] = torch.tensor([0.0, 9.0])
    assert float(loss(sure, goal)) < 1e-4
    wrong = sure.clone()
    wrong[0, :2, 0, 0] = torch.tensor([9.0, 0.0])
    assert float(loss(wrong, goal)) > 1


class Halves(Batches):
    """Pictures, and twice of each what is right."""

    def __iter__(self):
        while True:
            yield torch.ones(8, 1, 1, 1), torch.full((8, 1, 1, 1), 2.0)


def test_a_fit_comes_near_and_goes_on_from_what_it_wrote(tmp_path):
    torch.manual_seed(0)
    file = tmp_path / "runs/weights.pt"
    plan = Plan(60, 1, 0.1, 0.0, 0.9, say_every=20)

    def fitted(plan):
        fit(lambda: torch.nn.Conv2d(1, 1, 1), Halves(), torch.nn.functional.mse_loss, file, plan)
        return sum(float(value.sum()) for value in torch.load(file).values())

    assert fitted(plan) == pytest.approx(2.0, abs=0.2)
    assert fitted(replace(plan, steps=1, rate=1e-6, start=file)) == pytest.approx(2.0, abs=0.2)


def example(label, source="a"):
    return Example("f", source, "clear", "", "g", label, (), None, "adult", "")


def test_what_is_said_counts_as_right_only_where_a_marker_says_it():
    left = SideMarker("L", "L", 0.9, (0.0, 0.0))
    found = [
        (example("knee"), Reading(("L",), True, False), left),
        (example("knee"), Reading(("R",), True, False), left),
        (example("knee"), Reading(("L", "R"), True, False), left),
        (example("chest"), Reading((), True, False), left),
        (example("chest"), Reading((), False, False), None),
        (example("chest"), Reading(("E",), True, False), None),
    ]
    of_all = figures(found)
    assert (of_all["precision"]["right"], of_all["precision"]["n"]) == (1, 4)
    assert (of_all["recall"]["right"], of_all["recall"]["n"]) == (1, 3)
    result = {**report(found), "origin": origin(MODELS)}
    assert result["limbs"]["films"] == 3
    assert result["origin"]["letters"] > 0
    card = with_table(f"a\n{BEGIN}\nold\n{END}\nz", result)
    assert "old" not in card
    assert "0.250" in card
    with pytest.raises(CardError):
        with_table("no place", result)


def test_the_reader_learns_from_no_film_but_the_training_s(tmp_path):
    noted = sorted(read_places())[:2]
    (tmp_path / noted[0]).parent.mkdir()
    Image.fromarray(np.full((60, 40), 90, np.uint8)).save(tmp_path / noted[0])
    pieces = Pieces(tmp_path, {noted[0]}, 1)
    assert len(pieces.films) == len(pieces.marked) == 1


@pytest.fixture
def boxed_letter():
    """A film with a faint letter in a bright box, read and drawn by one who may draw just that."""
    film = np.full((200, 160), 30, np.uint8)
    film[92:108, 73:87] = 170
    film[96:104, 78:80] = film[102:104, 78:83] = 210
    return ReaderDrawer(np.random.default_rng(3), [film], [[(80.0, 100.0, 8.0, "L")]], [(0, 9, 9)])


def drawn_alone(monkeypatch, drawer, share):
    for name in ("REAL", "WIPED", "MISTAKEN", "DRAWN"):
        monkeypatch.setattr(reader_pieces, name, float(name == share))
    pieces, letters = zip(*(drawer.sample() for _ in range(40)), strict=True)
    return [piece[20:28, 20:28] for piece in pieces], set(letters)


def test_a_faint_letter_stays_readable_and_its_box_alone_is_none(monkeypatch, boxed_letter):
    """Otherwise the reader learns that a box is the letter that one hospital puts into it."""
    strokes, letters = drawn_alone(monkeypatch, boxed_letter, "REAL")
    assert letters == {1 + LETTERS.index("L")}
    assert all(np.ptp(middle) > 0.2 for middle in strokes)
    wiped, letters = drawn_alone(monkeypatch, boxed_letter, "WIPED")
    assert letters == {0}
    # Some are noisy.
    assert np.quantile([np.ptp(middle) for middle in wiped], 0.25) < 0.15


def test_what_is_drawn_to_be_mistaken_is_no_letter(monkeypatch, boxed_letter):
    for share in ("MISTAKEN", "none of them"):
        assert drawn_alone(monkeypatch, boxed_letter, share)[1] == {0}


def test_the_card_s_table_is_that_of_the_evaluation():
    result = json.loads((MODELS / "marker_evaluation.json").read_text(encoding="utf-8"))
    card = CARD.read_text(encoding="utf-8")
    assert with_table(card, result) == card
    assert result["origin"] == origin(MODELS)


def test_the_readings_name_only_letters_that_are_read():
    assert {letter for one in read_readings().values() for letter in one.letters} <= set(LETTERS)
