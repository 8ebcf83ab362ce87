"""The keyboard: keys are about what has it, and it is not lost where something goes."""

import pytest

from browser.chromium import meanwhile
from browser.films import hold_back
from browser.pages_alone import annotation, instance, item, number_of

RULE = {"Name": "all", "If": {}, "To": ["folder:/x"], "When": "always", "Otherwise": False}


def at(page):
    """The instance that the keyboard is on, else the text of what has it."""
    return page.evaluate(
        "(({ dataset, textContent }) => dataset.instance ?? textContent.trim())"
        "(document.activeElement)"
    )


def delivery(number, state):
    return {
        "id": number, "state": state, "instance": instance(number), "rule": "all", "error": None,
        "destination": "folder:/x", "answer": "hand L", "attempts": 1, "due": "", "changed_at": "",
    }  # fmt: skip


def open_deliveries(alone, *lines):
    alone.answers["GET routes"] = {"routes": [RULE], "open": {}}
    alone.answers["GET routes/apply"] = {"state": "idle"}
    alone.answers["GET deliveries"] = {"deliveries": list(lines), "next": None}
    alone.open("#deliveries")


def test_a_mark_goes_to_the_tile_that_has_the_keyboard(alone, page):
    """A screen reader puts it there; the mark went to the tile on which it was before."""
    alone.open("?show=all")
    page.locator(".tile").nth(2).focus()
    page.keyboard.press("x")
    marked = page.locator('.tile[aria-pressed="true"]')
    assert marked.get_attribute("data-instance") == instance(3)


def test_a_confirmation_is_of_the_line_that_has_the_keyboard(alone, page):
    """Enter on the third line confirmed the first one."""
    alone.open("?show=all#films")
    page.locator(".detail[data-may-sign]").wait_for()
    page.locator(".line").nth(2).focus()
    page.locator(f'.stage[data-shown="{instance(3)}"]').wait_for()
    page.locator(".detail[data-may-sign]").wait_for()
    page.keyboard.press("Enter")
    meanwhile(page, lambda: alone.asked_for(r"PUT \S*"))
    assert alone.asked_for(r"PUT \S*")[0][1] == f"instances/{instance(3)}"


def test_escape_leaves_a_correction_whatever_was_looked_for(alone, page):
    """A search field keeps it to itself: in Safari always, elsewhere if something is typed."""
    alone.open("?show=all")
    page.locator(".tile").first.press("e")
    page.get_by_role("combobox", name="Body part").fill("wrist")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")


def test_who_leaves_the_loupe_is_on_the_picture_that_it_showed(alone, page):
    alone.open("?show=all")
    page.locator(".tile").first.press(" ")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    meanwhile(page, lambda: at(page) == instance(3))
    page.keyboard.press("x")
    assert page.locator(".tile").nth(2).get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize(("key", "shift", "signed"), [("é", False, True), ("@", True, False)])
def test_a_digit_is_one_where_it_needs_shift(alone, page, key, shift, signed):
    """On a French keyboard 2 is é, and 2 only with Shift; on an American one it is @ with Shift."""
    alone.open("?show=all#films")
    page.locator(".detail[data-may-sign]").wait_for()
    page.locator(".line").first.dispatch_event(
        "keydown", {"key": key, "code": "Digit2", "shiftKey": shift}
    )
    page.wait_for_timeout(100)
    assert [body["examined"] for *_, body in alone.asked_for(r"PUT \S*")] == ["wrist"][:signed]


def test_what_brings_back_elsewhere_what_was_undone_undoes_nothing_more(alone, page):
    """Ctrl+Shift+Z took one more word back."""
    alone.answers["POST reviews/undo"] = {"failed": {}, "revisions": {instance(1): "3"}}
    alone.open("?show=all")
    page.get_by_text("3 seen").wait_for()
    page.keyboard.press("c")
    page.get_by_text("3 signed.").wait_for()
    page.keyboard.press("Control+Shift+Z")
    page.locator(".tile").first.press(" ")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Control+Shift+Z")
    page.wait_for_timeout(100)
    assert not alone.asked_for("POST reviews/undo")
    page.keyboard.press("Control+z")
    page.get_by_text("1 answer taken back.").wait_for()


def test_a_key_of_the_browsers_own_menu_signs_nothing(alone, page):
    """Alt+H opens a menu of Firefox; where a picture stood large, it took what the header says."""
    alone.answers["GET sheet"]["items"] = [item(1, agreement="conflict", image_label="foot")]
    alone.open("?show=all")
    page.locator(".tile").first.press(" ")
    page.get_by_role("button", name="as in the header").wait_for()
    page.wait_for_timeout(400)
    page.keyboard.press("Alt+h")
    page.wait_for_timeout(100)
    assert not alone.asked_for("POST reviews")
    page.keyboard.press("h")
    meanwhile(page, lambda: alone.asked_for("POST reviews"))


def test_tab_leads_to_the_films_of_a_study(alone, page):
    alone.open(f"?studies={instance(9_000)}#study")
    page.locator(".study .tile").first.wait_for()
    page.locator("#help").focus()
    page.keyboard.press("Tab")
    assert at(page) == instance(1)
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Hand, left").wait_for()


def test_a_rule_that_is_counted_can_be_stopped_by_keyboard(alone, page):
    looked = iter(range(1, 1000))
    open_deliveries(alone)
    alone.answers[r"(GET|POST) routes/apply"] = lambda _: {
        "state": "running", "rule": "all", "dry_run": True, "looked_at": next(looked), "taken": 1,
        "deliveries": 0, "counted": 0, "started_at": "2026-11-20T12:00:00Z",
    }  # fmt: skip
    page.get_by_role("button", name="Count what is stored…").press("Enter")
    page.get_by_role("button", name="Stop").wait_for()
    page.keyboard.press("Tab")
    told = page.locator(".stock p").text_content()
    meanwhile(page, lambda: page.locator(".stock p").text_content() != told)
    assert at(page) == "Stop"


def test_a_delivery_that_is_tried_again_keeps_the_keyboard(alone, page):
    open_deliveries(alone, delivery(1, "delivered"), delivery(2, "failed"))

    def retried(_):
        alone.answers["GET deliveries"] = {"deliveries": [delivery(2, "waiting")], "next": None}
        return delivery(2, "waiting")

    alone.answers["POST deliveries/2"] = retried
    page.get_by_role("button", name="Retry").press("Enter")
    meanwhile(page, lambda: page.locator(".deliveries li").count() == 1)
    assert at(page).startswith("Hand, left")


def test_a_delivery_that_leaves_the_list_gives_the_keyboard_to_no_other_one(alone, page):
    """The next Enter would have tried another one again."""
    open_deliveries(alone, delivery(1, "failed"), delivery(2, "failed"))

    def retried(_):
        alone.answers["GET deliveries"] = {"deliveries": [delivery(1, "failed")], "next": None}
        return delivery(2, "failed")

    alone.answers["POST deliveries/2"] = retried
    retry = page.get_by_role("button", name="Retry")
    retry.nth(1).press("Enter")
    meanwhile(page, lambda: retry.count() == 1)
    assert page.evaluate("document.activeElement.matches('ol.deliveries')")


def test_the_keyboard_stays_with_its_receiver(alone, page):
    """It went to the first one that has a button of the same words."""
    page.clock.install()
    open_deliveries(alone)
    counts = {"waiting": 0, "sending": 0, "failed": 3}
    alone.answers["GET routes"]["open"] = {"folder:/x": counts, "folder:/y": counts}
    retry = page.get_by_role("button", name="Retry all that failed")
    meanwhile(page, lambda: page.clock.run_for(1000) or retry.count() == 2)
    retry.nth(1).focus()
    alone.answers["GET routes"]["open"] = {
        "folder:/x": counts,
        "folder:/y": {**counts, "failed": 4},
    }
    four = page.get_by_role("button", name="4 failed")
    meanwhile(page, lambda: page.clock.run_for(1000) or four.is_visible())
    assert page.evaluate("document.activeElement.parentNode.textContent").startswith("folder:/y")


def test_a_rule_is_not_sent_twice_while_the_line_is_slow(alone, page):
    """What is told every few seconds put a fresh button in the place of the one that waits."""
    page.clock.install()
    open_deliveries(alone)
    held = []
    alone.answers["POST routes/apply"] = lambda route: hold_back(held, route)
    button = page.get_by_role("button", name="Count what is stored…")
    button.press("Enter")
    meanwhile(page, lambda: held)
    told = len(alone.asked_for("GET routes"))
    meanwhile(
        page, lambda: page.clock.run_for(1000) or len(alone.asked_for("GET routes")) > told + 2
    )
    assert button.get_attribute("aria-disabled") == "true"


def test_at_four_times_the_size_the_correction_gives_the_keyboard_back(alone, page):
    """There the list, to which it went, is not shown."""
    page.set_viewport_size({"width": 320, "height": 700})
    alone.open("?show=all#films")
    page.locator(".detail[data-may-sign]").wait_for()
    page.get_by_role("button", name="Correct…").press("Enter")
    page.get_by_role("button", name="Cancel").press("Enter")
    page.get_by_role("dialog").wait_for(state="detached")
    assert at(page).startswith("Correct…")


def test_who_pressed_undo_is_where_they_were(alone, page):
    alone.open("?show=all")
    page.get_by_text("3 seen").wait_for()
    page.locator(".tile").nth(1).focus()
    page.keyboard.press("c")
    undo = page.get_by_role("button", name="Undo")
    undo.wait_for()
    undo.press("Enter")
    page.get_by_text("taken back.").wait_for()
    assert at(page) == instance(2)


def test_who_closes_what_was_told_stays_with_the_picture_that_is_shown(alone, page):
    """The keyboard went to the line where it had been, and the view with it."""
    alone.open("?show=all#films")
    page.locator(".detail[data-may-sign]").wait_for()
    page.keyboard.press("Enter")
    page.locator(f'.line[data-instance="{instance(2)}"]:focus').wait_for()
    close = page.get_by_role("button", name="Close")
    close.focus()
    page.keyboard.press("j")
    page.locator(f'.stage[data-shown="{instance(3)}"]').wait_for()
    close.press("Enter")
    assert at(page) == instance(3)


def test_who_is_about_to_undo_stays_there_when_more_is_told(alone, page):
    """Enter, meant for Undo, was a word on the film."""
    for what in ("GET worklist", "GET sheet"):
        alone.answers[what] = {"total": 1, "next": None, "items": [item(1)], "meaning": None}
    alone.open("?show=all#films")
    page.locator(".detail[data-may-sign]").wait_for()
    held = []
    alone.answers[r"GET instances/(\w{8})[\w-]*"] = lambda route: hold_back(held, route)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Undo").focus()
    meanwhile(page, lambda: held)
    for route in held:
        route.fulfill(json=annotation(1))
    page.get_by_text("That was the last one.").wait_for()
    assert at(page).startswith("Undo")


def test_who_chose_one_of_two_is_at_the_next_answer(alone, page):
    both = {"agreement": "conflict", "image": {"top": [{"label": "foot", "probability": 0.9}]}}
    alone.answers[r"GET instances/(\w{8})[\w-]*"] = lambda route: annotation(
        number_of(route), needs_review=True, review_reason="The picture looks like foot.", **both
    )
    alone.answers["GET worklist"]["items"] = [item(n, agreement="conflict") for n in (1, 2)]
    alone.open("?show=all#films")
    page.locator(".detail[data-may-sign]").wait_for()
    page.get_by_role("button", name="as in the header").press("Enter")
    page.locator(f'.stage[data-shown="{instance(2)}"]').wait_for()
    assert page.evaluate("document.activeElement.id") == "detail"


def test_the_way_back_leaves_no_dialog_behind(alone, page):
    alone.open("?show=all#films")
    page.get_by_role("link", name="Sheet").click()
    page.locator(".tile").first.press("e")
    page.get_by_role("dialog").wait_for()
    page.go_back()
    page.locator(".detail .answer").wait_for()
    assert page.get_by_role("dialog").count() == 0
