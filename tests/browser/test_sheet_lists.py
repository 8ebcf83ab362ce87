"""What the sheet lists: found, filtered, kept in the address, and fetched again."""

import pytest

from browser.chromium import heard, meanwhile
from browser.pages_alone import item
from browser.sheets import open_sheet, seen, tile, tiles
from waiting import eventually


@pytest.mark.parametrize("text", ["Knie", "genou", "膝", "rodilla", "knee"])
def test_a_part_is_found_in_any_language(page, server, fresh, text):
    instance = fresh.conflicting[0]
    server.request("PUT", f"/bodypart/instances/{instance}", json={"examined": "knee"})
    open_sheet(page, server, "?show=all")
    page.get_by_label("Search").fill(text)
    page.keyboard.press("Enter")
    eventually(lambda: tiles(page) == [instance])
    page.get_by_text("Found: Knee").wait_for()


@pytest.mark.parametrize("text", ["phantom conflict 2", "Conflict1"])
def test_a_patient_is_found_by_name_and_by_id(page, server, fresh, text):
    open_sheet(page, server, "?show=all")
    page.get_by_label("Search").fill(text)
    page.keyboard.press("Enter")
    eventually(lambda: tiles(page) == [fresh.conflicting[1]])


def test_filters_order_and_groups_stay_in_the_address(page, server, fresh):
    open_sheet(page, server)
    page.get_by_label("Group").select_option("pair")
    page.get_by_text("Header: Knee, picture: Hand").wait_for()
    page.get_by_text("Filters", exact=True).first.click()
    page.get_by_label("Header", exact=True).select_option("chest")
    eventually(lambda: tiles(page) == [fresh.conflicting[1]])
    assert "group=pair" in page.url
    assert "header=chest" in page.url
    page.reload()
    page.locator("body[data-ready]").wait_for()
    assert tiles(page) == [fresh.conflicting[1]]
    page.get_by_label("At most").select_option("0.5")
    page.get_by_text("Nothing fits these filters.").wait_for()
    page.get_by_role("button", name="Clear all").click()
    eventually(lambda: len(tiles(page)) == 6)


def test_a_reload_comes_back_to_the_same_picture(page, server, fresh):
    """The heights of what was never on the screen are guesses, in pixels one comes elsewhere."""
    page.set_viewport_size({"width": 420, "height": 640})
    open_sheet(page, server)
    page.locator("#sheet-size").evaluate(
        "input => { input.value = input.max; input.dispatchEvent(new Event('input')); }"
    )
    last = tile(page, tiles(page)[-1])
    for one in tiles(page):
        tile(page, one).scroll_into_view_if_needed()
        page.wait_for_timeout(80)
    page.wait_for_timeout(400)
    before = last.bounding_box()["y"]
    page.reload()
    page.locator("body[data-ready]").wait_for()
    eventually(lambda: abs(last.bounding_box()["y"] - before) < 10)


def test_a_late_answer_is_dropped(page, server, fresh):
    open_sheet(page, server)
    held = []

    def hold(route):
        held.append(route)

    page.route("**/sheet?*header=knee*", hold)
    page.get_by_text("Filters", exact=True).first.click()
    page.get_by_label("Header", exact=True).select_option("knee")
    heard(page, held)
    page.get_by_label("Header", exact=True).select_option("chest")
    eventually(lambda: tiles(page) == [fresh.conflicting[1]])
    with page.expect_response("**/sheet?*header=knee*"):
        held[0].continue_()
    page.wait_for_timeout(100)
    assert tiles(page) == [fresh.conflicting[1]]


def test_an_empty_sheet_fills_by_itself(page, server, fresh):
    empty = {"total": 0, "next": None, "items": [], "meaning": None}
    page.route("**/bodypart/sheet?*", lambda route: route.fulfill(json=empty))
    open_sheet(page, server)
    page.get_by_text("Nothing waits here").wait_for()
    page.unroute("**/bodypart/sheet?*")
    done = iter(range(100, 10_000))
    queue = {"pending": 1, "failed": 0}
    page.route(
        "**/bodypart/status",
        lambda route: route.fulfill(
            json={"ready": True, "tags": "none", "queue": {**queue, "done": next(done)}}
        ),
    )
    page.locator(".tile").nth(5).wait_for(timeout=15_000)


@pytest.mark.parametrize("width", [390, 720, 1440])
def test_nothing_is_wider_than_the_screen(page, server, fresh, width):
    page.set_viewport_size({"width": width, "height": 844})
    open_sheet(page, server)
    seen(page, 6) if width > 400 else page.locator(".tile").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    bar = page.locator("#sheet-bar").bounding_box()
    assert bar["y"] + bar["height"] <= 844 + 1


def test_what_the_sheet_shows_the_films_show(page, server, fresh):
    open_sheet(page, server)
    page.get_by_text("Filters", exact=True).first.click()
    page.get_by_label("Header", exact=True).select_option("chest")
    page.get_by_label("Show").select_option("all")
    eventually(lambda: tiles(page) == [fresh.conflicting[1]])
    page.get_by_role("link", name="Films").click()
    page.locator(".line").wait_for()
    assert page.locator(".line").get_attribute("data-instance") == fresh.conflicting[1]
    page.locator("#filters summary").click()
    page.locator("#filter-show").select_option("review")
    assert "header=chest" in page.url
    page.get_by_role("link", name="Sheet").click()
    eventually(lambda: tiles(page) == [fresh.conflicting[1]])
    assert page.locator("#sheet-show").input_value() == "review"


def test_a_list_that_was_lost_on_its_way_is_asked_for_again(page, server, fresh):
    lost = []

    def lose_the_first(route):
        lost.append(route.request.url)
        route.abort() if len(lost) == 1 else route.continue_()

    page.route("**/bodypart/sheet?*", lose_the_first)
    open_sheet(page, server)
    page.locator(".tile").nth(5).wait_for()
    page.route("**/bodypart/statistics", lambda route: route.abort())
    page.get_by_role("link", name="Statistics").click()
    page.locator("#statistics").get_by_text("Orthanc does not answer.").wait_for()
    page.unroute_all(behavior="wait")
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("heading", name="Overview").wait_for()


def test_what_other_filters_gave_does_not_stand_under_these(page, server, fresh):
    open_sheet(page, server)
    page.locator(".tile").nth(5).wait_for()
    refused = {"details": "the service did not answer"}
    page.route("**/bodypart/sheet?*", lambda route: route.fulfill(status=503, json=refused))
    page.get_by_label("Show").select_option("all")
    page.locator("#sheet-end", has_text="The service is starting").wait_for()
    assert tiles(page) == []


def test_who_confirms_where_only_conflicts_stand_is_told_how_they_are_decided(alone, page):
    conflicts = [item(number, agreement="conflict", header_label="knee") for number in (1, 2)]
    alone.answers["GET sheet"]["items"] = conflicts
    alone.open("?show=all")
    page.get_by_text("2 seen").wait_for()
    page.keyboard.press("c")
    told = "Conflicts are decided one by one: Space or a double click shows one large."
    page.locator("#message").get_by_text(told).wait_for()
    assert told in page.locator("#sheet-bar").inner_text()
    assert not alone.asked_for("POST reviews")


def test_marks_outlive_a_look_at_a_film_another_order_and_a_reload(alone, page):
    """Who had marked many, and opened a film, had to find them all again."""
    alone.open("?show=all")
    page.get_by_text("3 seen").wait_for()
    for number in (0, 2):
        page.locator(".tile").nth(number).click()
    page.wait_for_timeout(300)
    page.keyboard.press("o")
    page.locator(".detail .answer").wait_for()
    page.go_back()
    page.get_by_text("· 2 marked").wait_for()
    page.reload()
    page.get_by_text("· 2 marked").wait_for()
    page.get_by_label("Order").select_option("new")
    meanwhile(page, lambda: alone.asked[-1][2].get("order") == "new")
    page.get_by_text("· 2 marked").wait_for()
    alone.answers["GET sheet"]["items"][0].update(revision="2", examined="foot")
    page.wait_for_timeout(300)
    page.reload()
    page.get_by_text("· 1 marked").wait_for()
