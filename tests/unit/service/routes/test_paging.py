"""A page that is full tells of another one only where there is one."""

from types import SimpleNamespace

import pytest

from bodypart.annotation import Review
from routed import annotation, outbox, rules
from service.deliveries.overview import Overview
from service.deliveries.routing import Routing
from service.routes import exports
from service.routes import worklist as worklist_module
from service.routes.deliveries import Page as DeliveriesPage
from service.routes.deliveries import listed
from service.routes.memory import Words, words
from service.routes.sheet import Sheet, sheet
from service.routes.worklist import Page, worklist
from unit.service.house import PARENTS, note


@pytest.fixture
def service(house, tmp_path):
    """Give a service with three instances, each with a review, and three deliveries."""
    (tmp_path / "outbox").mkdir()
    box = outbox(tmp_path / "outbox")
    everything = {"Name": "all", "If": {}, "To": ["modality:A"]}
    archive = SimpleNamespace(sender=lambda _: ("", ""), client=None)
    routing = Routing(rules(everything), box, archive, settle=0)
    for number, name in enumerate("ijk"):
        house.orthanc.arrive(name, b"file")
        house.annotations.put(note(name), PARENTS)
        house.reviewer.review(name, Review("ann", f"2026-11-28T10:00:0{number}Z", "foot"))
        routing.take(annotation(instance=name), PARENTS)
    house.orthanc.study_descriptions = lambda studies: {one: {} for one in studies}
    return SimpleNamespace(
        archive=house.orthanc,
        index=house.index,
        trail=house.trail,
        archive_name="here",
        dispatch=SimpleNamespace(overview=Overview(box.database)),
    )


def of_sheet(service, limit, after):
    return sheet(Sheet(show="all", limit=limit, after=after or ""), service)


def of_worklist(service, limit, after):
    return worklist(Page(show="all", limit=limit, after=after or ""), service)


def of_deliveries(service, limit, after):
    answer = listed(DeliveriesPage(limit=limit, after=after), service)
    return {"items": answer["deliveries"], "next": answer["next"]}


def of_words(_service, limit, after):
    numbers = [number for number in (3, 2, 1) if after is None or number < after]
    found = SimpleNamespace(page=lambda _, __, ___, most: [{"number": n} for n in numbers[:most]])
    learning = SimpleNamespace(model=None, words=found)
    answer = words(Words(limit=limit, after=after), SimpleNamespace(learning=learning))
    return {"items": answer["words"], "next": answer["next"]}


def of_audit(service, limit, after):
    service.archive.client = None
    answer = exports.audit(exports.Events(limit=limit, since=int(after or 0)), service)
    found = service.trail.events(int(after or 0), limit)
    return {"items": found, "next": answer.headers.get("BodyPart-Next")}


def of_manifest(service, limit, after):
    answer = exports.manifest(exports.TrainingRows(limit=limit, after=after or ""), service)
    rows = exports.training_rows(service.index, service.trail, "here", after or "")
    return {"items": list(rows)[:limit], "next": answer.headers.get("BodyPart-Next")}


@pytest.mark.parametrize(
    "page", [of_sheet, of_worklist, of_deliveries, of_words, of_audit, of_manifest]
)
@pytest.mark.parametrize(("limit", "sizes"), [(1, [1, 1, 1]), (2, [2, 1]), (3, [3]), (4, [3])])
def test_the_last_page_tells_of_no_other(service, page, limit, sizes):
    """Who went on from a last page that was full had an empty one."""
    found, after = [], None
    while True:
        answer = page(service, limit, after)
        found.append(len(answer["items"]))
        after = answer["next"]
        if after is None:
            break
    assert found == sizes


@pytest.mark.parametrize(
    ("place", "shown", "following"),
    [
        ({"limit": 200}, 200, "200"),
        ({"limit": 200, "after": "200"}, 200, "400"),
        ({"limit": 200, "after": "400"}, 100, None),
        ({"limit": 100, "since": 400}, 100, None),
        ({"limit": 100, "after": "500"}, 0, None),
        ({"limit": 100, "since": 700}, 0, None),
    ],
)
def test_what_teaches_most_ends_after_500(monkeypatch, place, shown, following):
    """Beyond them a page led to another one, which was refused."""
    asked = []

    def most_instructive(_sightings, _model, _memory, most, _where):
        asked.append(most)
        return [f"{number}" for number in range(most)], 700

    monkeypatch.setattr(worklist_module, "most_instructive", most_instructive)
    monkeypatch.setattr(worklist_module, "lines", lambda _, ids: ids)
    learning = SimpleNamespace(sightings=None, model="m", memory=None)
    page = worklist(Page(order="teaches-most", **place), SimpleNamespace(learning=learning))
    assert (page["total"], len(page["items"]), page["next"]) == (500, shown, following)
    assert max(asked) <= 500
