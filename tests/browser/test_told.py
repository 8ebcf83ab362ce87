"""What is told: to those who listen, to those who wait, and as their language writes it."""

import pytest

from browser.chromium import meanwhile
from browser.films import hold_back
from browser.pages_alone import instance, item, said


@pytest.mark.parametrize(
    ("place", "ready", "told"),
    [
        ("?show=all", "text=3 seen", "Signing… 0 of 3"),
        ("?show=all#films", ".detail[data-may-sign]", "Signing… 0 of 1"),
    ],
)
def test_a_word_on_its_way_is_told_until_it_is_answered(alone, page, place, ready, told):
    """On a slow line nothing stood there, as if it had been done."""
    held = []
    for what in (r"POST reviews\S*", r"PUT instances/\S*"):
        alone.answers[what] = lambda route: hold_back(held, route)
    page.clock.install()
    alone.open(place)
    page.clock.run_for(2000)
    page.locator(ready).wait_for()
    page.keyboard.press("c")
    meanwhile(page, lambda: held)
    page.clock.run_for(30_000)
    assert page.locator("#message").get_by_text(told).is_visible()


def test_a_word_on_what_is_not_there_yet_is_told_not_to_be_taken(alone, page):
    held = []
    alone.answers[r"GET instances/\S*/picture"] = lambda route: hold_back(held, route)
    alone.open("?show=all#films")
    page.locator(".detail .answer").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("The picture is not on the screen yet.").wait_for()
    assert not alone.asked_for(r"PUT \S*")


def test_what_the_loupe_shows_and_marks_is_heard(alone, page):
    alone.answers["GET sheet"]["items"] = [item(1), item(2, examined="foot")]
    alone.open("?show=all")
    page.locator(".tile").first.press(" ")
    heard = page.get_by_role("dialog").get_by_role("status")
    page.keyboard.press("ArrowRight")
    heard.get_by_text("Foot, left").wait_for()
    page.keyboard.press("x")
    heard.get_by_text("Not this").wait_for()


def test_the_help_names_all_keys_in_the_readers_language(alone, page):
    page.add_init_script("localStorage.setItem('bodypart-language', 'de')")
    alone.open("?show=all")
    page.keyboard.press("?")
    for name in ("Leertaste", "Umschalt+Klick", "PageDown PageUp"):
        page.get_by_role("cell", name=name, exact=True).wait_for()


def test_what_a_sign_or_a_colour_tells_is_heard(alone, page):
    alone.answers["GET sheet"]["items"] = [
        item(1, reviewed_at="2026-11-20T12:00:00Z"), item(2, needs_review=True, probability=0.6),
        item(3),
    ]  # fmt: skip
    alone.answers["GET worklist"]["items"] = alone.answers["GET sheet"]["items"]
    alone.answers[rf"GET instances/{instance(1)}"] = said(1)
    alone.open("?show=all")
    for name in ("Hand, left ✓ Reviewed", "Hand, left 60% To review", "Hand, left 97%"):
        page.get_by_role("button", name=name, exact=True).wait_for()
    page.evaluate("location.hash = 'films'")
    page.get_by_role("button", name="Hand, left ✓ Reviewed DX").wait_for()
    assert page.evaluate("document.scrollingElement.scrollHeight") <= 900


def test_the_heat_map_says_which_guess_it_explains(alone, page):
    alone.open("?show=all#films")
    page.locator(".detail[data-may-sign]").wait_for()
    page.get_by_role("button", name="Show where the model saw Wrist joint").click()
    page.get_by_role("img", name="Where the model saw Wrist joint").wait_for()
    assert page.locator(".stage .note").text_content() == "Where the model saw Wrist joint"
    page.keyboard.press("m")
    assert page.locator(".stage .note").text_content() == ""


def test_the_window_is_set_by_keyboard_and_told_in_the_pictures_units(alone, page):
    alone.open("?show=all#films")
    page.locator(".detail[data-may-sign]").wait_for()
    level = page.get_by_role("slider", name="Level")
    before = int(level.input_value())
    level.press("ArrowLeft")
    assert int(level.input_value()) <= before - 250
    assert f"C {level.get_attribute('aria-valuetext')} " in page.locator(".units").text_content()


def test_a_view_is_named_in_the_title(alone, page):
    alone.open("?show=all")
    assert page.title() == "Sheet · Body parts"
    page.get_by_role("link", name="Films").click()
    meanwhile(page, lambda: page.title() == "Films · Body parts")


def test_what_nothing_fits_is_said_in_the_correction(alone, page):
    alone.open("?show=all")
    page.locator(".tile").first.press("e")
    page.get_by_role("combobox", name="Body part").fill("qqqq")
    page.get_by_role("dialog").get_by_text("Nothing here").wait_for()


def test_numbers_are_written_as_the_language_does(alone, page):
    page.add_init_script("localStorage.setItem('bodypart-language', 'fr')")
    alone.answers["GET sheet"] = {"total": 0, "next": None, "items": [], "meaning": None}
    alone.open("?show=all")
    page.get_by_text("0 image · 0 vue", exact=True).wait_for()
    found = page.evaluate(
        "async () => { const { percent } = await import('./words.js');"
        " return [percent(0.5), percent(0.999), percent(0.001), percent(1)]; }"
    )
    assert found == ["50\xa0%", "> 99\xa0%", "< 1\xa0%", "100\xa0%"]


def test_a_long_part_is_read_on_its_tile(alone, page):
    page.add_init_script("localStorage.setItem('bodypart-language', 'de')")
    alone.answers["GET sheet"]["items"] = [
        item(1, agreement="conflict", image_label="paranasal_sinus", header_label="hand")
    ]
    page.set_viewport_size({"width": 360, "height": 740})
    alone.open("?show=all")
    told = page.get_by_text("Bild: Nasennebenhöhle")
    assert told.evaluate("node => node.scrollWidth <= node.clientWidth")


def test_on_a_phone_one_goes_back_to_the_film_before(alone, page):
    """There the list is not shown."""
    page.set_viewport_size({"width": 360, "height": 740})
    alone.open("?show=all#films")
    page.locator(f'.stage[data-shown="{instance(1)}"]').wait_for()
    page.get_by_role("button", name="Next").click()
    page.locator(f'.stage[data-shown="{instance(2)}"]').wait_for()
    page.get_by_role("button", name="Previous").click()
    page.locator(f'.stage[data-shown="{instance(1)}"]').wait_for()


def test_pictures_of_a_study_come_once_the_service_is_back(alone, page):
    """After three tries they were never asked for again."""
    stood = dict(alone.answers)
    page.clock.install()
    thumbnail = r"GET instances/\S*/thumbnail"
    for what in (thumbnail, "GET status"):
        alone.answers[what] = lambda route: route.abort()
    alone.open(f"?studies={instance(9_000)}#study")
    meanwhile(page, lambda: page.clock.run_for(3000) or len(alone.asked_for(thumbnail)) == 3 * 3)
    meanwhile(page, lambda: page.get_by_text("No picture").count() == 3)
    alone.answers.clear()
    alone.answers.update(stood)
    page.clock.run_for(3000)
    meanwhile(page, lambda: page.get_by_text("No picture").count() == 0)
