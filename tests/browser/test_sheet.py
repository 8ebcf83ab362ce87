"""The sheet: many pictures checked at once, by pointer and by keyboard."""

import pytest

from browser.chromium import heard, meanwhile
from waiting import eventually


@pytest.fixture
def fresh(server, uploaded):
    """The uploaded phantoms without any person's word."""
    for instance in (*uploaded.agreeing, *uploaded.conflicting):
        server.request("DELETE", f"/bodypart/instances/{instance}")
        server.request("POST", f"/bodypart/instances/{instance}")
    server.settle()
    return uploaded


def open_sheet(page, server, query=""):
    page.goto(f"{server.url}/bodypart/ui/{query}")
    page.locator("body[data-ready]").wait_for()


def tiles(page):
    return page.locator(".tile").evaluate_all("all => all.map(tile => tile.dataset.instance)")


def tile(page, instance):
    return page.locator(f'.tile[data-instance="{instance}"]')


def review_of(server, instance):
    return server.annotation(instance)["review"]


def seen(page, number):
    page.get_by_text(f"{number} seen").wait_for()


def test_the_oddest_come_first_each_with_its_picture(page, server, fresh):
    open_sheet(page, server)
    assert set(tiles(page)[:3]) == set(fresh.conflicting)
    assert set(tiles(page)[3:]) == set(fresh.agreeing)
    for picture in page.locator(".tile img").all():
        eventually(lambda picture=picture: picture.evaluate("image => image.naturalHeight") == 192)
    told = tile(page, fresh.conflicting[0]).inner_text()
    assert told.startswith("Hand")
    assert "Header: Knee" in told


def test_what_was_seen_is_confirmed_but_no_conflict(page, server, fresh):
    open_sheet(page, server)
    seen(page, 6)
    page.get_by_text("3 conflicts stay open").wait_for()
    page.get_by_role("button", name="Confirm 3 as Hand, left").click()
    page.get_by_text("3 signed.").wait_for()
    assert all(review_of(server, one)["examined"] == "hand" for one in fresh.agreeing)
    assert all(review_of(server, one) is None for one in fresh.conflicting)


def test_a_side_in_doubt_is_not_confirmed_with_the_others(page, server, fresh):
    def doubt(route):
        found = route.fetch()
        answer = found.json()
        for item in answer["items"]:
            item["side_in_doubt"] = item["instance"] == fresh.agreeing[0]
        route.fulfill(response=found, json=answer)

    page.route("**/bodypart/sheet?*", doubt)
    open_sheet(page, server, "?agreement=agree")
    seen(page, 3)
    page.get_by_role("button", name="Confirm 2 as Hand, left").wait_for()
    assert "Please look at the film" in tile(page, fresh.agreeing[0]).inner_text()
    page.unroute_all(behavior="wait")


def test_what_was_not_on_the_screen_is_not_confirmed(page, server, fresh):
    page.set_viewport_size({"width": 420, "height": 640})
    open_sheet(page, server, "?agreement=agree")
    page.wait_for_timeout(1000)
    assert page.get_by_text("3 seen").count() == 0
    for instance in fresh.agreeing:
        tile(page, instance).scroll_into_view_if_needed()
        page.wait_for_timeout(500)
    seen(page, 3)
    page.get_by_role("button", name="Confirm 3 as Hand, left").wait_for()


def test_an_answer_that_changed_off_the_screen_was_not_seen(page, server, fresh):
    open_sheet(page, server, "?agreement=agree")
    seen(page, 3)
    first, _, last = tiles(page)
    tile(page, last).click()
    page.keyboard.press("e")
    page.keyboard.type("wrist")
    page.keyboard.press("Enter")
    page.get_by_text("1 signed.").wait_for()

    def change(route):
        found = route.fetch()
        answer = found.json()
        for item in answer["items"]:
            if item["instance"] == first:
                item["examined"] = "foot"
        route.fulfill(response=found, json=answer)

    tile(page, first).click()
    page.get_by_text("· 1 marked").wait_for()
    page.route("**/bodypart/sheet?*show=all*", change)
    page.set_viewport_size({"width": 420, "height": 480})
    page.locator("#sheet").evaluate("node => { node.scrollTop = node.scrollHeight; }")
    page.wait_for_timeout(300)
    page.keyboard.press("Control+z")
    page.get_by_text("1 answer taken back").wait_for()
    eventually(lambda: "Foot" in tile(page, first).text_content())
    page.wait_for_timeout(500)
    assert "2 seen" in page.locator("#sheet-bar").text_content()
    assert page.locator("li.marked").count() == 0
    page.unroute_all(behavior="wait")


def test_a_confirmation_of_many_is_undone_as_one(page, server, fresh):
    open_sheet(page, server)
    seen(page, 6)
    page.keyboard.press("c")
    page.get_by_text("3 signed.").wait_for()
    page.keyboard.press("Control+z")
    page.get_by_text("3 answers taken back").wait_for()
    assert all(review_of(server, one) is None for one in fresh.agreeing)
    page.get_by_role("button", name="Confirm 3 as Hand, left").wait_for()


def _hold(held, route):
    # Playwright marks what it calls, which no method of a list allows.
    held.append(route)


def test_what_was_just_corrected_is_not_confirmed_with_the_others(page, server, fresh):
    """Who pressed on at once was told that somebody else had changed it."""
    open_sheet(page, server, "?agreement=agree")
    seen(page, 3)
    held = []
    page.route("**/bodypart/sheet?*show=all*", lambda route: _hold(held, route))
    tile(page, fresh.agreeing[0]).click()
    page.keyboard.press("e")
    page.keyboard.type("wrist")
    page.keyboard.press("Enter")
    page.get_by_text("1 signed.").wait_for()
    heard(page, held)
    page.keyboard.press("c")
    page.get_by_text("2 signed.").wait_for()
    assert review_of(server, fresh.agreeing[0])["examined"] == "wrist"
    page.unroute_all(behavior="ignoreErrors")


def test_what_was_decided_in_the_loupe_is_undone_there(page, server, fresh):
    open_sheet(page, server)
    tile(page, fresh.conflicting[0]).dblclick()
    loupe = page.get_by_role("dialog")
    choice = loupe.get_by_role("button", name="Knee, as in the header")
    for undo in ("button", "key"):
        eventually(lambda: loupe.locator("img:not(.waits)").count())
        page.wait_for_timeout(350)
        page.keyboard.press("h")
        loupe.get_by_text("1 signed.").wait_for()
        meanwhile(page, lambda: review_of(server, fresh.conflicting[0]))
        choice.wait_for(state="detached")
        if undo == "button":
            loupe.get_by_role("button", name="Undo").click()
        else:
            page.keyboard.press("Control+z")
        loupe.get_by_text("1 answer taken back").wait_for()
        choice.wait_for()
        assert review_of(server, fresh.conflicting[0]) is None
    page.keyboard.press("Escape")
    page.locator("body > #message").wait_for()


def test_a_range_leaves_out_what_was_never_on_the_screen(page, server, fresh):
    """Who jumps to the end and marks from there on would correct what nobody saw."""
    open_sheet(page, server)
    seen(page, 6)
    order = tiles(page)
    tile(page, order[4]).evaluate("button => { button.tile.seen = false; }")
    tile(page, order[3]).click()
    tile(page, order[5]).click(modifiers=["Shift"])
    page.get_by_text("· 2 marked").wait_for()
    assert tile(page, order[4]).get_attribute("aria-pressed") == "false"


def test_marked_ones_are_corrected_together_with_their_side(page, server, fresh):
    open_sheet(page, server)
    seen(page, 6)
    order = tiles(page)
    tile(page, order[3]).click()
    tile(page, order[5]).click(modifiers=["Shift"])
    page.get_by_text("· 3 marked").wait_for()
    page.keyboard.press("e")
    page.get_by_role("dialog", name="Correct 3 pictures").wait_for()
    page.keyboard.type("wrist")
    page.get_by_role("radio", name="right").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("3 signed.").wait_for()
    for instance in fresh.agreeing:
        said = server.annotation(instance)
        assert (said["examined"]["label"], said["laterality"]["value"]) == ("wrist", "R")
    assert page.locator("li.marked").count() == 0


def test_the_keyboard_alone_marks_looks_and_moves(page, server, fresh):
    open_sheet(page, server)
    order = tiles(page)
    page.locator(".tile").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    assert page.locator("li.marked .tile").get_attribute("data-instance") == order[1]
    page.keyboard.press(" ")
    loupe = page.get_by_role("dialog")
    eventually(lambda: loupe.locator("img").evaluate("image => image.naturalHeight") == 512)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    loupe.wait_for(state="detached")
    marked = [one.get_attribute("data-instance") for one in page.locator("li.marked .tile").all()]
    assert marked == [order[1], order[2]]


def test_what_changed_meanwhile_is_not_signed(page, server, fresh):
    open_sheet(page, server)
    seen(page, 6)
    other = fresh.agreeing[0]
    server.request("PUT", f"/bodypart/instances/{other}", json={"examined": "foot"})
    page.keyboard.press("c")
    page.get_by_text("Somebody else changed it meanwhile").wait_for()
    assert review_of(server, other)["examined"] == "foot"
    assert "Foot" in tile(page, other).inner_text()


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


def test_a_picture_that_could_not_be_fetched_was_not_seen(page, server, fresh):
    page.route("**/thumbnail*", lambda route: route.fulfill(status=503, json={"details": "x"}))
    open_sheet(page, server)
    page.locator(".no-picture").nth(5).wait_for()
    page.wait_for_timeout(600)
    page.get_by_text("· 0 seen").wait_for()
    page.unroute("**/thumbnail*")
    page.route("**/bodypart/status", lambda route: route.fulfill(status=503, json={"details": "x"}))
    page.locator(".progress .bad").wait_for()
    page.unroute("**/bodypart/status")
    seen(page, 6)
    assert page.locator(".no-picture").count() == 0


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


def test_a_connection_lost_amid_a_confirmation_says_what_stands(page, server, fresh):
    def lose_the_answer(route):
        route.fetch()
        route.abort()

    open_sheet(page, server, "?agreement=agree&show=all")
    seen(page, 3)
    page.route("**/bodypart/reviews", lose_the_answer)
    page.keyboard.press("c")
    page.get_by_text("0 signed. 3 were not: The connection was lost").wait_for()
    eventually(lambda: page.locator("li.done").count() == 3)
    assert all(review_of(server, one) for one in fresh.agreeing)


def test_what_the_connection_lost_is_taken_back_once_it_is_there(page, server, fresh):
    open_sheet(page, server)
    seen(page, 6)
    page.keyboard.press("c")
    page.get_by_text("3 signed.").wait_for()
    page.route("**/reviews/undo", lambda route: route.abort())
    page.keyboard.press("Control+z")
    page.get_by_text("0 answers taken back. 3 were not").wait_for()
    page.unroute_all(behavior="wait")
    page.keyboard.press("Control+z")
    page.get_by_text("3 answers taken back.").wait_for()
    assert all(review_of(server, one) is None for one in fresh.agreeing)


def test_what_other_filters_gave_does_not_stand_under_these(page, server, fresh):
    open_sheet(page, server)
    page.locator(".tile").nth(5).wait_for()
    refused = {"details": "the service did not answer"}
    page.route("**/bodypart/sheet?*", lambda route: route.fulfill(status=503, json=refused))
    page.get_by_label("Show").select_option("all")
    page.locator("#sheet-end", has_text="The service is starting").wait_for()
    assert tiles(page) == []
