"""A page that is open all day: words on a slow line, marks, an ended session, other people."""

import pytest

from browser.chromium import meanwhile
from browser.films import hold_back
from browser.pages_alone import annotation, instance, item, number_of

PAGES = 2


@pytest.fixture
def many(alone, page):
    """Pictures that come in two pages, and by their ids; few of them fit the screen."""
    page.set_viewport_size({"width": 500, "height": 340})
    every = {one["instance"]: one for one in (item(number) for number in range(1, 241))}

    def sheet(route):
        query = alone.asked[-1][2]
        if "instances" in query:
            wanted = [every[one] for one in query["instances"].split(",")]
            return {"total": len(wanted), "next": None, "items": wanted, "meaning": None}
        half = len(every) // PAGES
        items = list(every.values())[half:] if "after" in query else list(every.values())[:half]
        following = None if "after" in query else "half"
        return {"total": len(every), "next": following, "items": items, "meaning": None}

    alone.answers["GET sheet"] = sheet
    return every


def down(page):
    page.locator("#sheet").evaluate("sheet => sheet.scrollTo(0, sheet.scrollHeight)")


def all_of(page, many):
    """Go down until all pages are there."""
    meanwhile(page, lambda: page.locator(".tile").count() == len(many) or down(page))


def test_a_mark_outlives_what_does_not_show_its_picture(alone, page):
    """Another order shows the first 200 at first: marks on those after them were gone."""
    everything = alone.answers["GET sheet"]
    alone.open("?show=all")
    page.locator(".tile").nth(2).click()
    page.get_by_text("· 1 marked").wait_for()
    alone.answers["GET sheet"] = {**everything, "items": everything["items"][:2]}
    page.get_by_label("Order").select_option("new")
    meanwhile(page, lambda: page.locator(".tile").count() == 2)
    page.wait_for_timeout(200)
    page.reload()
    page.locator(".tile").nth(1).wait_for()
    alone.answers["GET sheet"] = everything
    page.get_by_label("Order").select_option("odd")
    page.get_by_text("· 1 marked").wait_for()
    page.get_by_role("button", name="Clear marks").click()
    page.get_by_label("Order").select_option("new")
    meanwhile(page, lambda: alone.asked[-1][2].get("order") == "new")
    page.wait_for_timeout(100)
    assert page.locator("li.marked").count() == 0


def test_who_leaves_while_one_comes_back_still_comes_back(alone, page, many):
    """As long as the pages before it were on their way, the place was the beginning."""
    alone.open("?show=all")
    all_of(page, many)
    down(page)
    page.wait_for_timeout(250)
    answers = alone.answers["GET sheet"]
    held = []
    alone.answers["GET sheet"] = lambda route: (
        hold_back(held, route) if "after" in alone.asked[-1][2] else answers(route)
    )
    page.reload()
    meanwhile(page, lambda: held)
    page.wait_for_timeout(250)
    alone.answers["GET sheet"] = answers
    page.reload()
    last = page.locator(f'.tile[data-instance="{instance(len(many))}"]')
    meanwhile(page, lambda: last.count() and last.bounding_box()["y"] < 340)


def test_words_on_a_slow_line_ask_for_the_rest_once(alone, page, many):
    """Each word asked for all pictures anew, beside those before it, and the next word waited."""
    answers = alone.answers["GET sheet"]
    alone.open("?show=all")
    all_of(page, many)
    page.locator("#sheet").evaluate("sheet => sheet.scrollTo(0, 0)")
    held = []
    alone.answers["GET sheet"] = lambda route: (
        hold_back(held, route) if "," in alone.asked[-1][2]["instances"] else answers(route)
    )
    for number in (0, 1):
        page.locator(".tile").nth(number).press("e")
        page.get_by_role("combobox", name="Body part").fill("patella")
        page.keyboard.press("Enter")
        page.get_by_text("1 signed.").wait_for()
        meanwhile(page, lambda: len(held) > number)  # noqa: B023
        page.get_by_role("button", name="Close").click()
    alone.answers["GET sheet"] = answers
    before = len(alone.asked_for("GET sheet"))
    older, newer = held
    older.fulfill(json={"total": 0, "next": None, "items": [], "meaning": None})
    page.wait_for_timeout(200)
    assert len(alone.asked_for("GET sheet")) == before
    newer.fulfill(json={"total": 0, "next": None, "items": [], "meaning": None})
    meanwhile(page, lambda: len(alone.asked_for("GET sheet")) > before)


@pytest.mark.parametrize("view", ["sheet", "study"])
def test_what_one_said_oneself_is_not_somebody_elses_word(alone, page, view):
    """On a slow line it was, for whoever mended it at once."""
    alone.open(f"?studies={instance(9000)}&show=all#{view}")
    page.locator(".tile img").first.wait_for()
    meanwhile(page, lambda: page.locator(".tile img").first.evaluate("one => one.naturalWidth"))
    alone.answers["GET sheet"] = lambda _: None
    alone.answers["GET worklist"] = lambda _: None
    for part in ("patella", "foot"):
        if view == "sheet":
            page.locator(".tile").first.press("e")
        else:
            page.get_by_role("button", name="Correct…").first.click()
        page.get_by_role("combobox", name="Body part").fill(part)
        page.keyboard.press("Enter")
        page.get_by_text("1 signed.").wait_for()
        page.get_by_role("button", name="Close").click()
    seen = [body["revisions"][instance(1)] for *_, body in alone.asked_for("POST reviews")]
    assert seen == ["1", "2"]


def test_what_is_not_on_the_sheet_any_more_is_not_waited_for(alone, page):
    """A picture that never came was looked at four times a second until the page was left."""
    page.add_init_script(
        "const real = setTimeout; window.looks = 0; window.setTimeout = (work, pause, ...more) =>"
        " { window.looks += pause === 250; return real(work, pause, ...more); }"
    )
    alone.answers[r"GET instances/\S*/thumbnail"] = lambda route: route.fulfill(status=404)
    alone.open("?show=all")
    page.get_by_text("No picture").first.wait_for()
    meanwhile(page, lambda: page.evaluate("looks"))
    alone.answers["GET sheet"] = {"total": 0, "next": None, "items": [], "meaning": None}
    page.get_by_label("Order").select_option("new")
    meanwhile(page, lambda: page.locator(".tile").count() == 0)
    page.evaluate("looks = 0")
    page.wait_for_timeout(300)
    assert page.evaluate("looks") == 0


def test_the_sheet_goes_on_once_one_has_signed_in_again(alone, page, many):
    """Whoever stood at its end had to go up and down again."""
    page.clock.install()
    stood = dict(alone.answers)
    alone.open("?show=all")
    for what in ("GET status", "GET sheet"):
        alone.answers[what] = lambda route: route.fulfill(status=401)
    meanwhile(page, lambda: down(page) or page.get_by_text("no longer signed in").count())
    page.clock.run_for(3000)
    page.locator("#progress").get_by_text("no longer signed in").wait_for()
    alone.answers.update(stood)
    page.clock.run_for(3000)
    meanwhile(page, lambda: page.locator(".tile").count() == len(many))


def test_what_was_lost_is_asked_for_before_a_conflict_is_decided(alone, page):
    """It says that the side is in doubt as well, which the film shows."""
    conflict = {"agreement": "conflict", "image_label": "foot", "needs_review": True}
    alone.answers["GET sheet"]["items"] = [item(1, **conflict)]
    alone.answers[r"GET instances/(\w{8})\S*"] = lambda route: route.abort()
    alone.open("?show=all")
    page.locator(".tile").first.press(" ")
    page.get_by_role("button", name="as in the picture").wait_for()
    page.wait_for_timeout(400)
    page.keyboard.press("p")
    page.get_by_role("dialog").get_by_text("Orthanc does not answer.").wait_for()
    assert not alone.asked_for("POST reviews")
    alone.answers[r"GET instances/(\w{8})\S*"] = lambda route: annotation(number_of(route))
    page.keyboard.press("p")
    meanwhile(page, lambda: alone.asked_for("POST reviews"))
    assert alone.asked_for("POST reviews")[0][3]["instances"] == [instance(1)]


def test_what_somebody_else_reviewed_makes_the_next_page_skip_nothing(alone, page):
    """Of two people in one list each missed as many pictures as the other had done before them."""
    alone.answers["GET worklist"] = {"total": 4, "items": [item(1), item(2)], "meaning": None}
    review = {"by": "ben", "at": "2026-11-29T10:00:00Z", "examined": "foot"}
    alone.answers[rf"GET instances/{instance(2)}"] = annotation(2, revision="2", review=review)
    alone.open("#films")
    page.locator(".detail[data-may-sign]").wait_for()
    page.keyboard.press("Enter")
    page.locator("li.done").nth(1).wait_for()
    page.locator(f'.stage[data-shown="{instance(2)}"]').wait_for()
    page.keyboard.press("j")
    meanwhile(page, lambda: len(alone.asked_for("GET worklist")) == 2)
    assert alone.asked_for("GET worklist")[1][2]["since"] == "0"
