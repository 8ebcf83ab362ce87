"""Films of whole legs: joined of plates of hips, knees and ankles that this module draws."""

import csv
import tomllib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from training import long_legs
from training.long_legs import LongLegs, LongLegsError, draw_films, parts_of
from training.long_legs_pieces import ANKLE, CUT, HIP, KNEE, Placed, Rows, read_piece, read_rows
from training.manifest import read_manifest
from training.split import SPLIT as SHIPPED_SPLIT
from training.split import Split

SPLIT = """
least_pictures = 1
never_measured = "keep out of validation"
calibration = 1.0
calibration_from = 6
held_out = ["calibrates", "tests"]
limbs = []
held_out_foreign = []
[kept_apart]
"*" = 0.0
[age]
"""
PLATES = {"trains": 3, "calibrates": 2, "tests": 1}
"""Plates of each kind, by their source; the split calibrates on sources of six plates."""

PIECES = {
    HIP: "5,2,85,96,48,55,50,96,,40,30,left",
    KNEE: "20,4,80,96,50,4,50,96,40,30,{joint},",
    ANKLE: "20,40,80,98,50,40,50,85,30,,85,",
}
JOINTS = (40, 60, 50)
"""Heights of the knees on their plates, in percent."""

COLUMNS = (
    *("file", "source", "upstream", "licence", "licence_class", "group"),
    *("examined", "visible", "laterality", "view", "age_group", "notes"),
)


def plate(kind, number):
    """Draw soft tissue and a shaft, a hip's pelvis, and a knee's joint, brightest of all."""
    image = Image.new("L", (200, 240), 10 + number)
    draw = ImageDraw.Draw(image)
    half = 30 if kind == ANKLE else 40
    draw.rectangle([100 - half, 0, 100 + half, 240], fill=90)
    if kind == HIP:
        draw.ellipse([-40, 0, 130, 110], fill=140)
    draw.rectangle([92, 0 if kind != HIP else 60, 108, 240], fill=170)
    if kind == KNEE:
        y = 240 * JOINTS[number] / 100
        draw.ellipse([70, y - 20, 130, y + 20], fill=250)
    return image


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Write plates of three parts of a split, their manifest and what is said of their pieces."""
    folder = tmp_path_factory.mktemp("plates")
    (folder / "images").mkdir()
    rows, pieces = [], [",".join(read_rows()[0])]
    for source, count in PLATES.items():
        for kind, said in PIECES.items():
            for number in range(count):
                file = f"images/{source}-{kind}-{number}.png"
                plate(kind, number).save(folder / file)
                clear = "unclear" if (source, kind) == ("tests", KNEE) else "clear"
                rows.append((file, source, source, f"{kind}'s", clear, file, kind, kind))
                pieces.append(f"{kind},{file},{said.format(joint=JOINTS[number])}")
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([*row, "", "AP", "unknown", ""] for row in rows)
    (folder / "pieces.csv").write_text("\n".join(pieces))
    (folder / "split.toml").write_text(SPLIT)
    return folder


@pytest.fixture(scope="module")
def legs(archive):
    files = {f"images/trains-{kind}-{number}.png" for kind in PIECES for number in range(2)}
    return LongLegs(archive, files, archive / "pieces.csv")


@pytest.fixture(scope="module")
def drawn(archive, tmp_path_factory):
    """Draw a few films of each part."""
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_legs, "TRAINING_FILMS", 3)
        patch.setattr(long_legs, "CALIBRATION_FILMS", 2)
        patch.setattr(long_legs, "TEST_FILMS", 2)
        for _ in range(2):  # a second time over the first
            draw_films(
                archive / "manifest.csv",
                out,
                split_file=archive / "split.toml",
                pieces=archive / "pieces.csv",
            )
    return out


def test_the_same_seed_gives_the_same_film_and_another_one_another(legs):
    once, again, other = (legs.draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert once.files == again.files
    assert once.image.tobytes() == again.image.tobytes()
    assert once.image.tobytes() != other.image.tobytes()


def test_films_are_tall_and_their_knees_near_the_middle(legs):
    numbers = set()
    for seed in range(12):
        film = legs.draw(np.random.default_rng(seed))
        width, height = film.image.size
        assert film.image.mode == "L"
        assert height == 320
        assert 1.6 < height / width < 5
        brightest = np.asarray(film.image, dtype=float).max(1)[40:-40].argmax() + 40
        assert 0.35 < brightest / height < 0.7
        numbers.add(len(film.files))
    assert numbers == {3, 6}


def test_only_plates_that_may_be_used_are(legs):
    used = {file for seed in range(12) for file in legs.draw(np.random.default_rng(seed)).files}
    assert used == {f"images/trains-{kind}-{number}.png" for kind in PIECES for number in range(2)}


def test_two_legs_have_one_pelvis_and_knees_at_the_same_height(legs):
    for seed in range(4):
        random = np.random.default_rng(seed)
        first = legs.leg(random)
        other = legs.leg_beside(random, first)
        assert other.files[0] == first.files[0]
        assert 0.35 < first.knee_height < 0.65
        assert abs(other.knee_height - first.knee_height) < 0.03


def test_a_part_without_ankles_is_refused(archive):
    files = [f"images/trains-{kind}-0.png" for kind in (HIP, KNEE)]
    with pytest.raises(LongLegsError, match="ankle"):
        LongLegs(archive, files, archive / "pieces.csv")


def test_a_piece_finds_back_to_where_it_fits(archive):
    row = next(row for row in read_rows(archive / "pieces.csv") if row["piece"] == KNEE)
    piece = read_piece(row, archive)
    there = Placed(piece, piece.lower, CUT, 1 + 0j)
    beside = Placed(piece, piece.lower, CUT + 9, 1 / 1.15 + 0j)
    score, fitted = beside.fitted(there, Rows(300, 470), CUT.real, piece.upper_width)
    assert abs(fitted.target - CUT) <= 1
    assert abs(fitted.turn - 1) < 0.01
    assert score > 0.9


def test_a_mirrored_piece_leans_the_other_way(archive):
    row = next(row for row in read_rows(archive / "pieces.csv") if row["piece"] == HIP)
    piece = read_piece(row, archive)
    twin = read_piece({**row, "midline": "right"}, archive)
    assert piece.slope > 0
    assert twin.slope == pytest.approx(-piece.slope)
    assert twin.joint.real == pytest.approx(piece.values.shape[1] - piece.joint.real)
    assert np.array_equal(piece.mirrored().mirrored().values, piece.values)


def test_the_manifest_has_what_it_had_and_the_films_below(archive, drawn):
    before, after = (read_manifest(folder / "manifest.csv") for folder in (archive, drawn))
    assert after[: len(before)] == before
    films = after[len(before) :]
    assert [film.source for film in films] == [
        *["joined plates (training)"] * 3,
        *["joined plates (calibration)"] * 2,
        *["joined plates (test)"] * 2,
    ]
    assert {film.notes for film in films[:3]} == {"joined, keep out of validation"}
    assert {film.notes for film in films[3:]} == {"joined"}
    for film in films:
        assert film.group == film.file
        assert film.examined == "lower_limb"
        assert film.visible == ("lower_limb", "hip", "femur", "knee", "lower_leg", "ankle")
        assert film.view == "frontal"
    for row in after:  # all are there, those of before through the link
        with Image.open(drawn / row.file) as image:
            assert image.height in {240, 320}


def test_each_film_is_of_its_part_of_the_split_and_as_free_as_its_plates(drawn):
    with (drawn / "manifest.csv").open(newline="") as file:
        films = [row for row in csv.DictReader(file) if row["source"].startswith("joined")]
    assert [film["upstream"] for film in films] == [
        *["trains"] * 3,
        *["calibrates"] * 2,
        *["tests"] * 2,
    ]
    assert {film["licence"] for film in films} == {"hip's; knee's; ankle's"}
    assert [film["licence_class"] for film in films] == [*["clear"] * 5, *["unclear"] * 2]


def test_a_manifest_is_never_written_over(archive):
    before = (archive / "manifest.csv").read_bytes()
    with pytest.raises(LongLegsError, match="written over"):
        draw_films(archive / "manifest.csv", archive)
    assert (archive / "manifest.csv").read_bytes() == before


def test_the_projects_split_knows_the_films_of_each_part_by_their_source():
    """One that it did not know would train, also where it is made of tested plates."""
    joined = tomllib.loads(SHIPPED_SPLIT.read_text(encoding="utf-8"))["joined"]
    parts = parts_of(Split((), (), (), (), frozenset(), frozenset()))
    assert [part.source for part in parts] == [joined[u] for u in ("train", "calibration", "test")]


def test_the_projects_own_pieces_lie_in_their_plates_and_downwards():
    rows = read_rows()
    assert {row["piece"] for row in rows} == {HIP, KNEE, ANKLE}
    for row in rows:
        texts = {"piece", "file", "midline"}
        number = {name: float(row[name] or 0) for name in row if name not in texts}
        assert 0 <= number["left"] < number["right"] <= 100, row
        assert 0 <= number["top"] < number["bottom"] <= 100, row
        assert number["top"] <= number["upper_y"] < number["lower_y"] <= number["bottom"], row
        assert number["left"] < number["upper_x"] < number["right"], row
        assert number["left"] < number["lower_x"] < number["right"], row
        assert number["top"] < number["joint_y"] <= number["lower_y"], row
        assert (row["midline"] in {"left", "right"}) == (row["piece"] == HIP), row
        assert (number["upper_width"] > 0) == (row["piece"] != HIP), row
        assert (number["lower_width"] > 0) == (row["piece"] != ANKLE), row
