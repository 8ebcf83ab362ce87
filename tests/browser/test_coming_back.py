"""Coming back to a page that the browser kept as it was left: it shows what is said by now."""

from browser.films import may_sign
from browser.pages_alone import annotation, instance, item


def come_back(page):
    """Come back to the page as a browser does that kept it; Playwright's Chromium keeps none."""
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")


def test_a_sheet_to_which_one_comes_back_shows_what_was_said_on_the_film(alone, page):
    """It showed the answers from before until something was done on it."""
    alone.open("?show=all")
    page.get_by_text("3 seen").wait_for()
    page.locator(".tile").nth(2).click()
    page.locator(".tile").nth(1).press(" ")
    page.get_by_role("dialog").wait_for()
    alone.answers["GET sheet"]["items"][1].update(
        examined="wrist", revision="2", reviewed_at="2026-11-29T10:00:00Z"
    )
    come_back(page)
    page.locator("li.done").get_by_text("Wrist").wait_for()
    page.get_by_text("1 marked").first.wait_for()
    assert page.locator(".tile .part").all_inner_texts() == [
        "Hand, left",
        "Wrist joint, left",
        "Hand, left",
    ]
    assert not page.get_by_role("dialog").count()


def test_a_correction_that_is_being_typed_is_there_when_one_comes_back(alone, page):
    alone.open("?show=all")
    page.get_by_text("3 seen").wait_for()
    page.keyboard.press("e")
    page.get_by_role("dialog").get_by_role("combobox").fill("patella")
    asked = len(alone.asked_for("GET sheet"))
    come_back(page)
    page.wait_for_timeout(200)
    assert page.get_by_role("dialog").get_by_role("combobox").input_value() == "patella"
    assert len(alone.asked_for("GET sheet")) == asked


def test_a_film_to_which_one_comes_back_is_shown_as_it_is_now(alone, page):
    alone.open("?show=all#films")
    may_sign(page)
    page.keyboard.press("j")
    page.locator(f'.stage[data-shown="{instance(2)}"]').wait_for()
    right = {"value": "R", "source": "person"}
    alone.answers[rf"GET instances/{instance(2)}"] = annotation(2, laterality=right)
    alone.answers["GET worklist"]["items"][0]["examined"] = "wrist"
    come_back(page)
    page.locator(".line").first.get_by_text("Wrist joint, left").wait_for()
    page.locator(".detail .answer").get_by_text("Hand, right").wait_for()
    assert page.locator('.line[aria-current="true"]').get_attribute("data-instance") == instance(2)


def test_another_view_to_which_one_comes_back_is_loaded_anew(alone, page):
    alone.open(f"?studies={instance(9000)}")
    page.locator(".study .tile").nth(2).wait_for()
    alone.answers["GET sheet"]["items"].append(item(4))
    come_back(page)
    page.locator(".study .tile").nth(3).wait_for()
