"""What ``find`` selects is the same however much of the archive is looked through for it."""

import hashlib
import random
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from service.databases.schema import open_durable, open_index
from service.databases.tables import instances, mentions
from service.errors import ArchiveError
from service.queue.tasks import Kind, Mode
from service.routes import search
from service.routes.search import Question, _ids, find

COUNT = 1500


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """An index in which hands are frequent and one instance is a jaw; and what it holds."""
    folder = tmp_path_factory.mktemp("records")
    durable = open_durable(folder / "audit.sqlite")
    database = open_index(folder / "index.sqlite", durable, print)
    chance = random.Random(4)
    rows, named, held = [], [], {}
    for number in range(COUNT):
        instance = hashlib.sha1(str(number).encode()).hexdigest()
        label = "jaw" if number == 7 else chance.choice(["hand", "hand", "hand", "knee"])
        held[instance] = label
        rows.append(
            {
                "id": instance, "series": f"se{number // 2}", "study": f"st{number // 4}",
                "patient": "p", "state": "done", "examined": label,
                "needs_review": number % 10 == 0, "router_group": "others",
            }
        )  # fmt: skip
        named += [{"instance": instance, "label": label, "source": s} for s in ("final", "visible")]
    with database.write() as connection:
        connection.execute(sa.insert(instances), rows)
        connection.execute(sa.insert(mentions), named)
    yield database, held
    database.close()
    durable.close()


def test_a_source_without_a_part_narrows_nothing(filled):
    """It says which source must name the part; scripts may send it with any question."""
    database, held = filled
    assert len(_ids(Question(Evidence="image", Limit=COUNT), database)) == len(held)


def all_pages(database, **question):
    found, after = [], None
    while page := _ids(Question(After=after, **question), database):
        found += page
        after = page[-1]
    return found


@pytest.mark.parametrize("limit", [3, 100, 2000])
@pytest.mark.parametrize("label", ["hand", "knee", "jaw", "foot"])
def test_pages_hold_each_once_in_order(filled, label, limit):
    database, held = filled
    found = all_pages(database, Examined=label, Limit=limit)
    assert found == sorted(instance for instance, part in held.items() if part == label)


def test_conditions_hold_together(filled):
    database, held = filled
    found = all_pages(database, Examined="hand", Visible=["hand"], NeedsReview=True, Limit=50)
    assert set(found) < {instance for instance, part in held.items() if part == "hand"}
    assert all_pages(database, Examined="hand", Visible=["knee"]) == []


def test_what_is_frequent_is_found_in_a_part(filled, monkeypatch):
    database, _ = filled
    asked = []
    rows = database.rows
    monkeypatch.setattr(database, "rows", lambda question: asked.append(question) or rows(question))
    _ids(Question(Examined="hand", Limit=5), database)
    assert len(asked) == 1
    _ids(Question(Examined="jaw", Limit=5), database)
    assert len(asked) == 2 + len(search._SHARES)


@pytest.mark.parametrize("after", ["", "zz", "ffffffff", "0", "not-an-id"])
def test_any_text_may_stand_where_a_page_goes_on(filled, after):
    database, held = filled
    found = _ids(Question(Examined="hand", After=after or None, Limit=10_000), database)
    assert found == sorted(i for i, part in held.items() if part == "hand" and i > after)


def test_studies_are_found_whole(filled):
    database, _ = filled
    found = _ids(Question(Level="Study", Examined="hand", Limit=10_000), database)
    assert len(found) == len(set(found)) > 300


def test_a_code_may_come_as_a_number_and_one_value_without_a_list(filled):
    """As scripts write them, and as the conditions of a rule do."""
    database, _ = filled
    hands = _ids(Question(Examined="hand", Limit=10_000), database)
    for question in (
        {"Examined": 85562004},
        {"Examined": "hand", "Visible": "85562004"},
        {"Visible": [85562004]},
        {"Examined": "hand", "Group": "others"},
        {"Examined": "hand", "Group": ["spine", "others"]},
    ):
        assert _ids(Question.model_validate({**question, "Limit": 10_000}), database) == hands
    assert _ids(Question(Group=["spine"]), database) == []


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ({"Examined": True}, ("Examined",)),
        ({"Examined": ["hand"]}, ("Examined",)),
        ({"Visible": {}}, ("Visible", 0)),
        ({"Visible": [None]}, ("Visible", 0)),
        ({"Group": "chest"}, ("Group", 0)),
        ({"Group": [1]}, ("Group", 0)),
    ],
)
def test_what_is_wrong_is_named_once(question, place):
    with pytest.raises(ValidationError) as caught:
        Question.model_validate(question)
    assert [error["loc"] for error in caught.value.errors()] == [place]


def test_a_study_is_found_before_its_roll_up_is_written(house):
    """Amid a burst that takes ten seconds, and who asked for a study's knees had none."""
    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.roll_ups = lambda ids, level: [house.orthanc.annotation(i, level) for i in ids]
    service = SimpleNamespace(archive=house.orthanc, index=house.index)
    found = [find(Question(Level="Study", Examined="hand"), service)]
    while task := house.claim(Kind.ROLL_UP):
        house.roll_ups.write([task])
        house.tasks.finish(task)
    found.append(find(Question(Level="Study", Examined="hand"), service))
    assert [one["id"] for one in found[0]] == ["study"]
    assert found[0] == found[1]


@pytest.mark.parametrize("level", ["Instance", "Study"])
def test_one_that_orthanc_fails_at_is_left_out_and_the_others_are_found(house, level):
    """The whole page was refused, and with it all that a script would have found after it."""
    orthanc = house.orthanc
    orthanc.arrive("j", b"file")
    for instance in "ij":
        house.annotator.annotate(instance, Mode.NEW)

    def annotation(instance):
        if orthanc.down or instance == "j":
            raise ArchiveError("status 500")
        return house.orthanc.annotation(instance)

    orthanc.annotations = lambda ids: list(map(annotation, ids))
    orthanc.roll_ups = lambda ids, _level: list(map(annotation, ["j", *ids]))
    service = SimpleNamespace(archive=orthanc, index=house.index, annotation=annotation)
    found = [one["id"] for one in find(Question(Level=level, Examined="hand"), service)]
    assert found == ["i" if level == "Instance" else "study"]
    orthanc.down = True
    with pytest.raises(ArchiveError):
        find(Question(Level=level, Examined="hand"), service)
