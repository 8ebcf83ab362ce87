"""A day on real pictures: back-fill, all knees, a sheet, conflicts, two people, a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from browser.chromium import ARTEFACTS
from orthanc_server import running
from phantoms import file_bytes
from real_films import films
from waiting import eventually

pytestmark = pytest.mark.shared

KNEES, OTHERS = 12, 18
PASSWORD = "secret"
USERS = ("ann", "ben")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An archive of before the plugin came: nothing is annotated on upload."""
    configuration = {
        "AuthenticationEnabled": True,
        "RegisteredUsers": dict.fromkeys(USERS, PASSWORD),
        "BodyPart": {"OnUpload": False, "Tags": "in-place"},
    }
    folder, auth = tmp_path_factory.mktemp("day"), ("ann", PASSWORD)
    with running(folder, configuration=configuration, auth=auth) as server:
        yield server


@pytest.fixture(scope="module")
def stored(server, shared):
    """Give each instance its film."""
    return {server.upload(file_bytes(film.dataset)): film for film in films(shared, KNEES, OTHERS)}


@pytest.fixture
def archive(server, stored):
    """The same, annotated, without any person's word."""
    said = [row["instance"] for row in server.get("/bodypart/sheet?show=reviewed")["items"]]
    for instance in said:
        server.request("DELETE", f"/bodypart/instances/{instance}")
        server.request("POST", f"/bodypart/instances/{instance}")
    if sum(server.get("/bodypart/status")["queue"].values()) < len(stored):
        server.request("POST", "/bodypart/backfill", json={})
        server.wait_until(lambda: server.get("/bodypart/backfill")["state"] == "done", 120)
    server.settle()
    return stored


@pytest.fixture
def opened(browser, server, request):
    """Open a page as one of the users; no page may have raised an error in the end."""
    contexts, errors = [], []

    def open_(address="", by="ann", **options):
        options = {"viewport": {"width": 1440, "height": 900}, **options}
        credentials = {"username": by, "password": PASSWORD}
        context = browser.new_context(http_credentials=credentials, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{server.url}/bodypart/ui/{address}")
        page.locator("body[data-ready]").wait_for()
        return page

    yield open_
    ARTEFACTS.mkdir(exist_ok=True)
    for number, context in enumerate(contexts):
        for page in context.pages:
            page.screenshot(path=ARTEFACTS / f"{Path(request.node.name).name}-{number}.png")
        context.close()
    assert not errors


def shown(page):
    return page.locator(".tile").evaluate_all("all => all.map(tile => tile.dataset.instance)")


def may_sign(page):
    page.locator(".detail[data-may-sign]").wait_for()


def said_of(server, instance):
    note = server.annotation(instance)
    return note["examined"]["label"], note["laterality"]["value"], note["review"]


def conflict(server, archive):
    """Return a knee whose header says foot, and which the picture shows."""
    rows = server.get("/bodypart/sheet?agreement=conflict&picture=knee")["items"]
    return next(row["instance"] for row in rows if archive[row["instance"]].examined == "knee")


def test_a_back_fill_fills_the_sheet_that_was_empty(opened, server, stored):
    page = opened()
    page.get_by_text("Nothing waits here").wait_for()
    page.get_by_role("button", name="Back-fill").click()
    question = page.get_by_role("dialog")
    question.get_by_text(f"{len(stored)} pictures of this archive have none.").wait_for()
    question.get_by_role("button", name="Begin").click()
    page.get_by_text(f"{len(stored)} done").wait_for(timeout=90_000)
    page.locator(".tile").nth(len(stored) - 1).wait_for()
    assert set(shown(page)) == set(stored)


@pytest.mark.parametrize("view", ["sheet", "films"])
def test_all_knees_are_found_in_one_s_own_language(opened, archive, view):
    page = opened(f"?show=all#{view}")
    page.get_by_label("Search").locator("visible=true").fill("Knie")
    page.keyboard.press("Enter")
    page.get_by_text("Found: Knee").locator("visible=true").wait_for()
    kind = {"sheet": ".tile", "films": ".line"}[view]
    found = page.locator(kind).evaluate_all("all => all.map(one => one.dataset.instance)")
    knees = {instance for instance, film in archive.items() if film.examined == "knee"}
    assert len(knees & set(found)) >= 0.8 * len(knees)
    assert len(knees & set(found)) >= 0.8 * len(found)


def test_a_sheet_is_checked_what_is_wrong_corrected_and_all_of_it_undone(opened, server, archive):
    page = opened("?group=picture")
    for tile in page.locator(".tile").all():
        tile.scroll_into_view_if_needed()
        page.wait_for_timeout(60)
    page.get_by_text(f"{len(archive)} seen").wait_for()
    wrong = shown(page)[:2]
    for instance in wrong:
        page.locator(f'.tile[data-instance="{instance}"]').click()
    page.keyboard.press("e")
    page.keyboard.type("patella")
    page.keyboard.press("Enter")
    page.get_by_text("2 signed.").wait_for()
    assert all(said_of(server, one)[0] == "patella" for one in wrong)
    page.keyboard.press("c")
    page.get_by_role("button", name="Nothing to confirm yet").wait_for()
    reviewed = server.get("/bodypart/sheet?show=reviewed")["total"]
    items = server.get("/bodypart/sheet?show=all")["items"]
    to_decide = {
        one["instance"] for one in items if one["agreement"] == "conflict" or one["side_in_doubt"]
    }
    assert reviewed == len(archive) - len(to_decide - set(wrong))
    page.keyboard.press("Control+z")
    page.get_by_text(f"{reviewed - 2} answers taken back").wait_for()
    page.keyboard.press("Control+z")
    page.get_by_text("2 answers taken back").wait_for()
    assert server.get("/bodypart/sheet?show=reviewed")["total"] == 0


def test_a_conflict_is_put_right_with_its_side_by_three_keys(opened, server, archive):
    knee = conflict(server, archive)
    page = opened(f"?instances={knee}#films")
    may_sign(page)
    page.keyboard.press("l")
    page.keyboard.press("p")
    eventually(lambda: said_of(server, knee)[2])
    assert said_of(server, knee)[:2] == ("knee", "L")
    page.locator(".detail .chip", has_text="Written to the file").wait_for()
    page.keyboard.press("z")
    page.get_by_text("1 answer taken back").wait_for()
    assert said_of(server, knee)[2] is None


def test_what_looks_like_a_corrected_film_is_offered_and_checked_together(opened, server, archive):
    knee = conflict(server, archive)
    page = opened(f"?instances={knee}#films")
    may_sign(page)
    page.keyboard.press("p")
    page.get_by_role("link", name="like this one").click()
    page.locator("li .tile img").first.wait_for()
    page.locator("body[data-ready]").wait_for()
    alike = shown(page)
    assert alike
    assert knee not in alike
    assert {archive[one].examined for one in alike} == {"knee"}
    page.get_by_text(f"{len(alike)} seen").wait_for()
    page.keyboard.press("c")
    eventually(lambda: server.get("/bodypart/sheet?show=reviewed")["total"] > 1)
    assert said_of(server, alike[0])[0] == "knee"


def test_a_conflict_is_decided_on_the_sheet_in_the_loupe(opened, server, archive):
    knee = conflict(server, archive)
    page = opened("?agreement=conflict")
    page.locator(f'.tile[data-instance="{knee}"]').dblclick()
    loupe = page.get_by_role("dialog")
    loupe.get_by_role("button", name="Foot, as in the header").wait_for()
    eventually(lambda: loupe.locator("img").evaluate("image => image.naturalHeight"))
    page.wait_for_timeout(350)
    page.keyboard.press("p")
    page.get_by_text("1 signed.").wait_for()
    assert said_of(server, knee)[0] == "knee"
    page.keyboard.press("Escape")
    assert page.locator("li.marked").count() == 0
    assert "✓" in page.locator(f'.tile[data-instance="{knee}"]').inner_text()


def test_of_two_reviewers_the_later_one_looks_again(opened, server, archive):
    knee = conflict(server, archive)
    ann = opened(f"?instances={knee}#films")
    ben = opened(f"?instances={knee}#films", by="ben")
    expect(ben.locator(".top .user")).to_have_text("ben")
    may_sign(ann)
    may_sign(ben)
    ben.keyboard.press("h")
    eventually(lambda: said_of(server, knee)[2])
    ann.keyboard.press("p")
    ann.get_by_text("ben changed this meanwhile to: Foot").wait_for()
    label, _, review = said_of(server, knee)
    assert (label, review["by"]) == ("foot", "ben")
    may_sign(ann)
    ann.keyboard.press("1")
    eventually(lambda: said_of(server, knee)[2]["by"] == "ann")
    assert said_of(server, knee)[0] == "knee"


def test_a_phone_checks_corrects_and_undoes(opened, server, archive):
    page = opened("?picture=knee", viewport={"width": 390, "height": 844}, has_touch=True)
    tile = page.locator(".tile").first
    instance = tile.get_attribute("data-instance")
    tile.tap()
    page.get_by_role("button", name="Correct 1 marked…").tap()
    page.get_by_role("combobox", name="Body part").fill("femur")
    page.get_by_role("radio", name="right").check()
    page.get_by_role("button", name="Save").tap()
    page.get_by_text("1 signed.").wait_for()
    assert said_of(server, instance)[:2] == ("femur", "R")
    page.get_by_role("button", name="Undo").tap()
    page.get_by_text("1 answer taken back").wait_for()
    page.goto(f"{server.url}/bodypart/ui/?instances={instance}#films")
    may_sign(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Cannot be told").tap()
    eventually(lambda: server.annotation(instance)["review"])
    assert server.annotation(instance)["examined"] is None
