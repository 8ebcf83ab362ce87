"""Answers that come in another order than they were asked for, and what is left of those before."""

import pytest

from browser.chromium import meanwhile
from browser.pages_alone import HOST, annotation, instance, item, picture

FILMS = "?show=all#films"


def on_a_film(alone, page, address=FILMS):
    alone.open(address)
    page.locator(".detail[data-may-sign]").wait_for()


def go_on(page, number):
    page.keyboard.press("j")
    page.locator(f'.stage[data-shown="{instance(number)}"]').wait_for()


def test_the_heat_map_of_one_picture_does_not_lie_over_the_next(alone, page):
    on_a_film(alone, page)
    page.get_by_role("button", name="Heat map").click()
    layer = page.locator(".stage .layer").nth(1)
    layer.wait_for()
    held = []
    alone.answers[r"GET instances/\S*/heatmap"] = held.append
    go_on(page, 2)
    meanwhile(page, lambda: held)
    assert layer.is_hidden()
    held[0].fulfill(body=picture("red"))
    layer.wait_for()


def test_the_corners_of_one_picture_are_not_those_of_the_next(alone, page):
    """The letters of Patient Orientation would be those of another film."""
    tags = {"PatientOrientation": "L\\F", "ViewPosition": "PA", "PatientAge": "001Y"}
    held = {}

    def hold(route):
        held[route.request.url.split("/")[-2]] = route

    alone.answers[r"GET instances/\S*/simplified-tags"] = hold
    alone.answers[rf"GET instances/{instance(2)}"] = [].append
    on_a_film(alone, page)
    page.keyboard.press("j")
    page.wait_for_timeout(50)
    held[instance(1)].fulfill(json=tags)
    page.wait_for_timeout(150)
    assert page.locator(".edge.at-left").inner_text() == ""
    page.keyboard.press("k")
    page.get_by_text("1 year", exact=False).wait_for()
    assert page.locator(".edge.at-right").inner_text() == "L"


def test_a_view_that_is_opened_twice_at_once_is_made_once(alone, page):
    alone.open("?show=all#sheet")
    held = []
    page.route("**/ui/film.js", lambda route: held.append(route))  # noqa: PLW0108 (Playwright counts the parameters)
    for view in ("films", "sheet", "films"):
        page.evaluate(f"location.hash = '{view}'")
        page.wait_for_timeout(50)
    meanwhile(page, lambda: held)
    held[0].fallback()
    page.locator(".detail[data-may-sign]").wait_for()
    assert page.locator(".stage").count() == 1


@pytest.mark.parametrize("pages", [1, 2])
def test_a_view_that_could_not_be_loaded_comes_once_there_is_an_answer(alone, page, pages):
    """Firefox asks for a module once as long as a page stands: it comes with the second one."""
    begun, lost = [], ["sheet.js"]
    page.on("request", lambda one: one.is_navigation_request() and begun.append(one))

    def lose(route):
        route.abort() if lost or len(begun) < pages else route.fallback()

    alone.answers["GET status"] = lambda route: route.abort()
    page.route("**/ui/sheet.js", lose)
    alone.open("?show=all#sheet")
    page.get_by_text("Orthanc does not answer.").first.wait_for()
    lost.clear()
    alone.answers["GET status"] = {"ready": True, "queue": {"pending": 0, "failed": 0, "done": 3}}
    page.locator(".tile").first.wait_for()


def test_an_address_that_names_no_view_is_the_sheet(alone, page):
    alone.open("?show=all#constructor")
    page.locator(".tile").first.wait_for()


def test_a_page_that_does_not_fill_the_screen_is_followed_by_the_next(alone, page):
    """Of 200 small tiles on a large screen nobody could scroll to more."""
    everything = [item(number) for number in range(1, 21)]

    def pages(route):
        start = int(route.request.url.partition("after=")[2] or 0)
        more = str(start + 5) if start < 15 else None
        return {"total": 20, "next": more, "items": everything[start : start + 5], "meaning": None}

    alone.answers["GET sheet"] = pages
    alone.open("?show=all")
    page.locator(".tile").nth(19).wait_for()


def test_a_picture_that_came_just_now_was_not_seen(alone, page):
    """Its tile was there for a moment: what a slow browser had not drawn yet was signed."""
    alone.answers["GET sheet"] = (sheets := []).append
    alone.answers[r"GET instances/\S*/thumbnail"] = (held := []).append
    page.clock.install()
    page.goto(f"{HOST}/bodypart/ui/?show=all")
    meanwhile(page, lambda: sheets)
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 10)
    sheets[0].fulfill(json={"total": 1, "next": None, "items": [item(1)], "meaning": None})
    meanwhile(page, lambda: held)
    page.clock.run_for(249)
    held[0].fulfill(body=picture())
    tile = page.locator(".tile")
    meanwhile(page, lambda: tile.evaluate("node => node.tile.loaded"))
    page.clock.run_for(1)
    assert not tile.evaluate("node => node.tile.seen")
    page.clock.run_for(250)
    assert tile.evaluate("node => node.tile.seen")


def test_what_arrives_does_not_take_the_keyboard_away(alone, page):
    alone.open("?show=all")
    page.get_by_text("3 seen").wait_for()
    page.locator(".tile").nth(1).focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    alone.answers["GET sheet"]["items"].insert(0, item(7))
    alone.answers["GET sheet"]["total"] = 4
    alone.answers["GET status"]["queue"]["done"] = 4
    page.locator(".tile").nth(3).wait_for()
    focused = page.evaluate("document.activeElement.dataset.instance")
    assert focused == instance(2)


def test_what_arrives_does_not_change_what_is_looked_at(alone, page):
    alone.open("?show=all")
    page.get_by_text("3 seen").wait_for()
    page.locator(".tile").first.press(" ")
    page.get_by_role("dialog").wait_for()
    alone.answers["GET sheet"]["items"].insert(0, item(7))
    alone.answers["GET status"]["queue"]["done"] = 4
    page.get_by_text("4 done").wait_for()
    page.keyboard.press("ArrowRight")
    page.get_by_role("dialog").get_by_role("link", name="Open the film").wait_for()
    assert instance(2) in page.get_by_role("link", name="Open the film").get_attribute("href")


def test_what_was_undone_is_shown_wherever_it_stands_among_all(alone, page):
    """It was looked for among the first of all pictures only, reviewed ones included."""
    shown = alone.answers["GET sheet"]

    def only_by_id(route):
        if "instances=" in route.request.url:
            signed = [item(number, reviewed_at="2026-11-29T10:00:00Z") for number in (2, 3)]
            return {**shown, "items": [item(1), *signed]}
        return {**shown, "items": [] if "after" in route.request.url else shown["items"]}

    alone.answers["GET sheet"] = only_by_id
    alone.open("?show=open")
    page.get_by_text("3 seen").wait_for()
    page.keyboard.press("c")
    page.get_by_text("3 signed.").wait_for()
    page.keyboard.press("z")
    page.get_by_text("3 answers taken back.").wait_for()
    meanwhile(page, lambda: page.locator("li.done").count() == 2)
    assert "97%" in page.locator(".tile").first.inner_text()


def test_a_view_that_is_not_shown_asks_for_nothing(alone, page):
    alone.open(f"?studies={instance(9000)}&show=all#study")
    page.locator(".study .tile").first.wait_for()
    page.evaluate("location.hash = 'films'")
    page.locator(".detail[data-may-sign]").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("signed").first.wait_for()
    asked = len(alone.asked_for("GET sheet"))
    page.keyboard.press("z")
    page.get_by_text("1 answer taken back.").wait_for()
    page.wait_for_timeout(200)
    assert len(alone.asked_for("GET sheet")) == asked


def test_a_page_of_the_list_that_is_lost_is_told(alone, page):
    alone.answers["GET worklist"]["total"] = 99
    on_a_film(alone, page)
    alone.answers["GET worklist"] = lambda route: route.abort()
    page.get_by_role("button", name="Next ›").click()
    page.get_by_text("Orthanc does not answer.").wait_for()


def test_days_of_another_view_stand_in_the_fields_of_the_films(alone, page):
    alone.open("?show=all#films")
    page.locator(".detail .answer").wait_for()
    page.locator("#filters summary").click()
    page.evaluate("history.replaceState(null, '', '?show=all&from=20260201#films')")
    page.evaluate("location.hash = 'statistics'")
    page.wait_for_timeout(100)
    page.evaluate("location.hash = 'films'")
    meanwhile(page, lambda: page.locator("#filter-from").input_value() == "2026-02-01")


def test_a_study_keeps_its_pictures_and_the_keyboard_from_word_to_word(alone, page):
    alone.open(f"?studies={instance(9000)}")
    page.locator(".study .tile").nth(2).wait_for()
    page.get_by_text("DX · PA").nth(2).wait_for()
    before = len(alone.asked_for(r"GET instances/\S*"))
    page.get_by_role("button", name="Confirm Hand, left").first.press("Enter")
    page.get_by_text("1 signed.").wait_for()
    page.wait_for_timeout(200)
    assert len(alone.asked_for(r"GET instances/\S*")) == before
    assert page.evaluate("document.activeElement.dataset.instance") == instance(1)


def test_many_studies_are_not_asked_for_all_at_once(alone, page):
    alone.answers["GET sheet"]["items"] = [
        item(number, study=instance(8000 + number)) for number in range(1, 21)
    ]
    held = []
    alone.answers["GET worklist"] = held.append
    page.goto(f"{HOST}/bodypart/ui/?patients={instance(1)}#study")
    meanwhile(page, lambda: held)
    page.wait_for_timeout(200)
    assert len(held) <= 4


def test_older_deliveries_come_once_for_two_clicks(alone, page):
    rule = {"Name": "all", "If": {}, "To": ["folder:/x"], "When": "always", "Otherwise": False}
    alone.answers["GET routes"] = {"routes": [rule], "open": {}}
    alone.answers["GET routes/apply"] = {"state": "idle"}
    line = {
        "id": 1, "state": "delivered", "instance": instance(1), "rule": "all", "error": None,
        "destination": "folder:/x", "answer": "hand L", "attempts": 1, "due": "", "changed_at": "",
    }  # fmt: skip

    def pages(route):
        after = route.request.url.partition("&after=")[2].partition("&")[0]
        return {"deliveries": [line], "next": "b" if after == "a" else None if after else "a"}

    alone.answers["GET deliveries"] = pages
    alone.open("#deliveries")
    page.get_by_role("button", name="Older").dblclick()
    meanwhile(page, lambda: "after=a" in page.url)
    page.get_by_role("button", name="Newer").click()
    meanwhile(page, lambda: "after" not in page.url)


def test_older_deliveries_can_be_asked_for_again(alone, page):
    """After a page that was refused, "Older" did nothing any more."""
    rule = {"Name": "all", "If": {}, "To": ["folder:/x"], "When": "always", "Otherwise": False}
    alone.answers["GET routes"] = {"routes": [rule], "open": {}}
    alone.answers["GET routes/apply"] = {"state": "idle"}
    refused = {"error": "Bad request", "details": "after: is not the `next` of a page"}

    def pages(route):
        if "after=" in route.request.url:
            return route.fulfill(status=400, json=refused)
        return {"deliveries": [], "next": "a"}

    alone.answers["GET deliveries"] = pages
    alone.open("?state=waiting#deliveries")
    for _ in range(2):
        asked = len(alone.asked_for("GET deliveries"))
        page.get_by_role("button", name="Older").click()
        meanwhile(page, lambda asked=asked: len(alone.asked_for("GET deliveries")) > asked)
        page.get_by_text("After: is not").first.wait_for()
        meanwhile(page, lambda: "after=" not in page.url)
    assert len([one for one in alone.asked_for("GET deliveries") if "after" in one[2]]) == 2


def test_a_word_in_a_study_is_followed_before_all_its_tags_are_there(alone, page):
    alone.answers["GET sheet"]["items"] = [item(number) for number in range(1, 9)]
    alone.answers[r"GET instances/\S*/simplified-tags"] = [].append
    alone.open(f"?studies={instance(9000)}#study")
    page.locator(".study .tile img").nth(7).wait_for()
    page.wait_for_timeout(300)
    asked = len(alone.asked_for("GET worklist"))
    page.get_by_role("button", name="Confirm Hand, left").first.click()
    page.get_by_text("1 signed.").wait_for()
    meanwhile(page, lambda: len(alone.asked_for("GET worklist")) > asked)


def test_nobody_waits_until_all_of_a_sheet_was_asked_for_again(alone, page):
    everything = [item(number) for number in range(1, 251)]

    def pages(route):
        asked = route.request.url.partition("instances=")[2].partition("&")[0]
        chosen = [one for one in everything if one["instance"] in asked] if asked else everything
        if asked.count("%2C") > 5:
            return None
        return {"total": 250, "next": None, "items": chosen, "meaning": None}

    alone.answers["GET sheet"] = pages
    alone.open("?show=all")
    meanwhile(page, lambda: page.locator(".tile.tile").first.locator("img").is_visible())
    page.wait_for_timeout(500)
    page.locator(".tile").first.click()
    page.keyboard.press("e")
    page.get_by_role("dialog").get_by_label("right").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("1 signed.").wait_for()
    meanwhile(page, lambda: alone.asked_for(r"GET instances/\S*/alike"))


def test_a_thousand_films_leave_no_more_bitmaps_than_six(alone, page):
    """A bitmap of a film is some 60 MB, which no garbage collector counts."""
    page.add_init_script(
        "window.shut = 0; const close = ImageBitmap.prototype.close;"
        "ImageBitmap.prototype.close = function () { window.shut += 1; close.call(this); };"
    )
    alone.answers["GET worklist"]["items"] = [item(number) for number in range(1, 13)]
    on_a_film(alone, page)
    for number in range(2, 13):
        go_on(page, number)
    page.wait_for_timeout(200)
    assert page.evaluate("window.shut") == 12 - 6
    page.keyboard.press("i")
    page.keyboard.press("i")


def test_the_panel_shows_the_last_answer_that_was_asked_for(alone, page):
    waits = annotation(1, status="pending", examined=None, image=None)
    alone.answers[r"POST instances/\S*"] = waits
    alone.answers[rf"GET instances/{instance(1)}"] = waits
    page.route(f"{HOST}/bodypart/explorer", lambda route: route.fulfill(
        content_type="text/html",
        body='<!doctype html><title>x</title><div id="page"><div data-role="content"></div></div>',
    ))  # fmt: skip
    page.goto(f"{HOST}/bodypart/explorer")
    page.evaluate(
        "async (id) => (await import('./ui/panel.js')).show(window.page, 'instances', id)",
        instance(1),
    )
    panel = page.locator(".bodypart-panel")
    panel.get_by_text("Waiting in the queue").wait_for()
    assert panel.get_attribute("lang") == "en"
    panel.get_by_role("button", name="Classify again").focus()
    asked = len(alone.asked_for(r"GET instances/\S*"))
    meanwhile(page, lambda: len(alone.asked_for(r"GET instances/\S*")) > asked + 1)
    assert page.evaluate("document.activeElement.textContent") == "Classify again"
    held = []
    alone.answers[rf"GET instances/{instance(1)}"] = held.append
    meanwhile(page, lambda: held)
    panel.get_by_role("button", name="Classify again").press("Enter")
    meanwhile(page, lambda: len(held) == 2)
    held[1].fulfill(json=annotation(1))
    panel.get_by_text("Hand, left").first.wait_for()
    assert page.evaluate("document.activeElement.matches('.bodypart-panel')")
    held[0].fulfill(json=waits)
    page.wait_for_timeout(150)
    assert panel.locator(".answer").inner_text() == "Hand, left"


def test_what_was_taken_back_is_not_told_as_signed_after_it(alone, page):
    """The last film is shown anew, and only then it was told that it was the last one."""
    only = {"total": 1, "next": None, "items": [item(1)], "meaning": None}
    alone.answers["GET worklist"] = only
    on_a_film(alone, page)
    held = []
    alone.answers[rf"GET instances/{instance(1)}"] = held.append
    page.keyboard.press("Enter")
    meanwhile(page, lambda: held)
    page.keyboard.press("z")
    page.get_by_text("1 answer taken back.").wait_for()
    for route in held:
        route.fulfill(json=annotation(1, revision="3"))
    page.wait_for_timeout(300)
    assert "1 answer taken back." in page.locator("#message").inner_text()
