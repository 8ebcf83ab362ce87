"""The keyboard: keys are about what has it, and it is not lost where something goes."""

from browser.chromium import meanwhile
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


def test_who_leaves_the_loupe_is_on_the_picture_that_it_showed(alone, page):
    alone.open("?show=all")
    page.locator(".tile").first.press(" ")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    meanwhile(page, lambda: at(page) == instance(3))
    page.keyboard.press("x")
    assert page.locator(".tile").nth(2).get_attribute("aria-pressed") == "true"


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
    page.get_by_role("button", name="Cancel").wait_for()
    assert at(page).startswith("Hand, left")


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
