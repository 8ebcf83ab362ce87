"""The sheet: many pictures checked at once, by pointer and by keyboard."""

from browser.chromium import heard, meanwhile
from browser.films import hold_back, review_of, side_in_doubt
from browser.sheets import open_sheet, seen, tile, tiles
from waiting import eventually


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
    side_in_doubt(page, "**/bodypart/sheet?*", fresh.agreeing[0])
    open_sheet(page, server, "?agreement=agree")
    seen(page, 3)
    page.get_by_role("button", name="Confirm 2 as Hand, left").wait_for()
    assert "Side in doubt" in tile(page, fresh.agreeing[0]).inner_text()
    page.unroute_all(behavior="wait")


def test_page_down_goes_on_before_a_picture_was_chosen(page, server, fresh):
    """Whoever confirms by keyboard alone stood still at the first screen."""
    page.set_viewport_size({"width": 420, "height": 640})
    open_sheet(page, server)
    offset = "document.getElementById('sheet').scrollTop"
    for key, moved in (
        ("PageDown", lambda: page.evaluate(offset) > 0),
        ("PageUp", lambda: page.evaluate(offset) == 0),
    ):
        page.keyboard.press(key)
        eventually(moved)
    page.set_viewport_size({"width": 1200, "height": 640})
    size = page.locator("#sheet-size")
    before = size.input_value()
    size.press("PageUp")
    assert size.input_value() != before, "a slider has these keys for itself"


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


def test_what_was_just_corrected_is_not_confirmed_with_the_others(page, server, fresh):
    """Who pressed on at once was told that somebody else had changed it."""
    open_sheet(page, server, "?agreement=agree")
    seen(page, 3)
    held = []
    page.route("**/bodypart/sheet?*show=all*", lambda route: hold_back(held, route))
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
