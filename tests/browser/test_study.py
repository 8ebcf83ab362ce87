"""A study: its films side by side, each signed by itself."""

import pytest

from browser.chromium import meanwhile
from browser.phantoms_uploaded import upload_study
from waiting import eventually


@pytest.fixture
def study(server):
    return upload_study(server)


def open_study(page, server, study):
    page.goto(f"{server.url}/bodypart/ui/?studies={study}")
    page.locator("body[data-ready]").wait_for()
    page.locator(".study .tile").first.wait_for()


def reviewed(server, study):
    children = server.get(f"/bodypart/studies/{study}")["children"]
    notes = [server.annotation(child["instance"]) for child in children]
    return [note["instance"] for note in notes if note["review"]]


def test_films_stand_side_by_side_and_slices_as_one(page, server, study):
    open_study(page, server, study)
    assert page.locator(".study h2").inner_text() == "Several parts (2)"
    assert page.locator(".study .tile").count() == 4
    page.get_by_text("CT · 12 pictures").wait_for()
    answers = page.locator(".study .tile .part").all_inner_texts()
    assert {"Hand, left", "Hand, right"} <= set(answers)
    eventually(lambda: page.get_by_text("DX · PA R").count() == 1)
    page.get_by_role("button", name="Confirm 12 as Knee").wait_for()


def test_each_film_is_confirmed_by_itself_and_that_is_undone(page, server, study):
    open_study(page, server, study)
    page.get_by_role("button", name="Confirm Hand, left").click()
    page.get_by_text("1 signed.").wait_for()
    assert len(reviewed(server, study)) == 1
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("1 answer taken back").wait_for()
    assert not reviewed(server, study)


def test_a_conflict_has_no_default(page, server, study):
    open_study(page, server, study)
    film = page.locator(".films > li.conflict")
    assert film.get_by_role("button", name="Confirm").count() == 0
    film.get_by_role("button", name="Knee, as in the header").click()
    page.get_by_text("1 signed.").wait_for()
    (instance,) = reviewed(server, study)
    assert server.annotation(instance)["examined"]["label"] == "knee"


def test_a_slice_in_doubt_is_not_confirmed_with_the_others(page, server, study):
    def doubt(route):
        found = route.fetch()
        answer = found.json()
        slices = [item for item in answer["items"] if item["modality"] == "CT"]
        for item in slices[-1:]:
            item["side_in_doubt"] = True
        route.fulfill(response=found, json=answer)

    page.route("**/bodypart/sheet?*", doubt)
    open_study(page, server, study)
    page.get_by_role("button", name="Confirm 11 as Knee").wait_for()
    alone = page.locator(".films > li", has_text="Side in doubt")
    assert alone.count() == 1
    assert alone.get_by_role("button", name="Confirm").count() == 0
    page.unroute_all(behavior="wait")


def test_what_is_not_on_the_screen_yet_is_not_signed(page, server, study):
    held = []

    def hold(route):
        held.append(route)

    page.route("**/thumbnail*", hold)
    open_study(page, server, study)
    page.get_by_role("button", name="Confirm Hand, left").click()
    page.get_by_text("The picture is not on the screen yet.").wait_for()
    for route in held:
        route.fulfill(status=503)
    page.locator(".no-picture").nth(3).wait_for()
    page.get_by_role("button", name="Confirm Hand, left").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert not reviewed(server, study)


def test_slices_are_corrected_together(page, server, study):
    open_study(page, server, study)
    folded = page.locator(".films > li", has_text="12 pictures")
    folded.get_by_role("button", name="Correct").click()
    page.keyboard.type("patella")
    page.keyboard.press("Enter")
    page.get_by_text("12 signed.").wait_for(timeout=30_000)
    meanwhile(page, lambda: len(reviewed(server, study)) == 12)
