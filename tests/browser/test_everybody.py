"""Who listens, types, reads from right to left, prints, or has a browser that keeps nothing."""

import pytest

from browser.chromium import meanwhile
from browser.pages_alone import annotation, instance, item, picture


def test_a_browser_that_keeps_nothing_shows_the_pages_all_the_same(alone, page):
    page.add_init_script(
        "for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name,"
        " { get() { throw new DOMException('denied', 'SecurityError'); } });"
    )
    alone.open("?show=all")
    page.get_by_text("3 seen").wait_for()
    page.get_by_role("button", name="Switch between light and dark").click()
    page.keyboard.press("c")
    page.get_by_text("3 signed.").wait_for()


def test_the_progress_keeps_the_keyboard_and_interrupts_nobody(alone, page):
    alone.answers["GET backfill"] = {
        "state": "running", "open": 9, "pending": 9, "done": 1, "total": 10,
    }  # fmt: skip
    alone.open("?show=all")
    stop = page.get_by_role("button", name="Stop")
    stop.focus()
    alone.answers["GET backfill"]["done"] = 1234
    page.get_by_text("1,234 of 10").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "Stop"
    assert page.locator("#progress").get_attribute("role") is None


def test_messages_stand_in_a_region_that_was_there_before_them(alone, page):
    """A screen reader tells nothing of a region that appears together with its text."""
    alone.open("?show=all")
    region = page.locator("#message")
    assert region.get_attribute("role") == "status"
    assert region.evaluate("node => getComputedStyle(node).display") != "none"
    assert region.evaluate("node => getComputedStyle(node).visibility") == "visible"


def test_who_is_about_to_press_undo_is_not_hurried(alone, page):
    page.clock.install()
    alone.open("?show=all")
    page.clock.run_for(2000)
    page.get_by_text("3 seen").wait_for()
    page.keyboard.press("c")
    page.get_by_text("3 signed.").wait_for()
    page.get_by_role("button", name="Undo").focus()
    page.clock.run_for(20_000)
    assert page.get_by_text("3 signed.").is_visible()
    page.locator(".tile").first.focus()
    page.clock.run_for(20_000)
    assert page.get_by_text("3 signed.").count() == 0


def test_the_bar_of_the_sheet_keeps_the_keyboard(alone, page):
    held = []
    alone.answers[rf"GET instances/{instance(3)}/thumbnail"] = held.append
    alone.open("?show=all")
    page.get_by_text("2 seen").wait_for()
    page.locator(".tile").first.click()
    page.get_by_role("button", name="Clear marks").focus()
    held[0].fulfill(body=picture())
    page.get_by_text("3 seen").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "Clear marks"


def test_a_side_that_was_pressed_keeps_the_keyboard(alone, page):
    alone.open("?show=all#films")
    page.locator(".detail[data-may-sign]").wait_for()
    page.get_by_role("button", name="right", exact=True).press("Enter")
    assert page.evaluate("document.activeElement.dataset.act") == "side R"


@pytest.mark.parametrize(
    "name", ["כהן^רחל", "Ann\u202e^abc", "Ann\u2069\u202e^abc", "כהן\u2069\u202e^רחל"]
)
def test_a_name_from_right_to_left_turns_nothing_beside_it_round(alone, page, name):
    alone.answers["GET worklist"]["items"] = [item(1, patient_name=name)]
    alone.open("?show=all#films")
    page.locator(".line").wait_for()
    left = "node => { const range = document.createRange(); const text = node.firstChild;"
    left += " const at = text.data.indexOf('Hand li.'); range.setStart(text, at);"
    left += " range.setEnd(text, at + 1); const first = range.getBoundingClientRect().left;"
    left += " range.setStart(text, at + 1); range.setEnd(text, at + 2);"
    left += " return range.getBoundingClientRect().left - first; }"
    assert page.locator(".line .about").evaluate(left) > 0


def test_counts_are_written_in_singular_or_plural_as_the_language_does(alone, page):
    page.add_init_script("localStorage.setItem('bodypart-language', 'fr')")
    alone.answers["GET sheet"]["items"] = [item(1)]
    alone.answers["GET status"]["queue"] = {"pending": 1234, "failed": 1, "done": 1}
    alone.open("?show=all")
    page.get_by_text("3 images · 1 vue", exact=True).wait_for()
    page.get_by_text("1 234 en attente").wait_for()
    page.keyboard.press("c")
    page.get_by_text("1 signée.").wait_for()


def test_an_impossible_day_is_shown_as_it_is(alone, page):
    alone.open("?show=all")
    found = page.evaluate(
        "async () => { const { date, lastDay } = await import('./language.js');"
        " return [date('20260231'), date('20260228'), lastDay('202602'), lastDay('202412')]; }"
    )
    assert found == ["20260231", "Feb 28, 2026", "20260228", "20241231"]


def test_on_paper_all_pictures_stand(alone, page):
    alone.answers["GET sheet"]["items"] = [item(number) for number in range(1, 61)]
    alone.open("?show=all")
    page.locator(".tile").nth(59).wait_for()
    page.emulate_media(media="print")
    sheet = page.locator("#sheet")
    meanwhile(page, lambda: sheet.evaluate("node => node.scrollHeight <= node.clientHeight"))
    assert page.locator("#sheet-bar").is_hidden()


def test_a_side_in_doubt_is_told_beside_an_uncertain_part(alone, page):
    reason = "The answer hand is uncertain (61%). The marker says R, the header L."
    alone.answers[r"GET instances/(\w{8})\S*"] = annotation(
        1, needs_review=True, review_reason=reason
    )
    alone.open(f"?instances={instance(1)}#films")
    page.get_by_text("The answer is uncertain. The marker in the picture says right").wait_for()
    for side in ("Hand, right, as in the picture", "Hand, left, as in the header"):
        assert page.get_by_role("button", name=side).is_visible()
    assert page.get_by_role("button", name="Confirm").count() == 0


BOTH_IN_DOUBT = {
    "examined": annotation(1)["examined"], "agreement": "conflict", "needs_review": True,
    "review_reason": "The picture looks like foot, but the header says hand; the answer follows the"
    " header. The marker says R, the header L.",
    "image": {
        "rejected": False, "reason": None,
        "top": [{"label": "foot", "probability": 0.6}, {"label": "hand", "probability": 0.2}],
    },
}  # fmt: skip
SIDE_IN_DOUBT = {"needs_review": True, "review_reason": "The marker says R, the header L."}


def film_signed(alone, page, key, **other):
    """Press a key on a film; return what was sent."""
    alone.answers[r"GET instances/(\w{8})\S*"] = annotation(1, **other)
    alone.open(f"?instances={instance(1)}#films")
    page.locator(".detail[data-may-sign]").wait_for()
    page.keyboard.press(key)
    meanwhile(page, lambda: alone.asked_for(r"PUT \S*"))
    *_, body = alone.asked_for(r"PUT \S*")[0]
    return body


@pytest.mark.parametrize(
    ("key", "button", "sent"),
    [
        ("p", "Foot, right, as in the picture", {"examined": "foot", "laterality": "R"}),
        ("h", "Hand, left, as in the header", {"examined": "hand", "laterality": "L"}),
    ],
)
def test_part_and_side_in_doubt_are_signed_as_the_button_says(alone, page, key, button, sent):
    """P signed the header's part, with the marker's side."""
    assert film_signed(alone, page, key, **BOTH_IN_DOUBT) == sent
    page.reload()
    page.locator(".detail[data-may-sign]").wait_for()
    page.get_by_role("button", name=button).click()
    meanwhile(page, lambda: len(alone.asked_for(r"PUT \S*")) == 2)
    *_, body = alone.asked_for(r"PUT \S*")[1]
    assert body == sent


def test_who_decides_a_side_for_the_header_gives_it(alone, page):
    sent = film_signed(alone, page, "h", **SIDE_IN_DOUBT)
    assert sent == {"examined": "hand", "laterality": "L"}


def test_the_side_that_a_button_shows_is_signed(alone, page):
    """The header's side of the hand stood beside the foot, and was not sent."""
    conflict = {**BOTH_IN_DOUBT, "review_reason": "The picture looks like foot."}
    sent = film_signed(alone, page, "p", **conflict)
    assert sent == {"examined": "foot", "laterality": "L"}


def test_a_guess_decides_no_side_in_doubt(alone, page):
    alone.answers[r"GET instances/(\w{8})\S*"] = annotation(1, **SIDE_IN_DOUBT)
    alone.open(f"?instances={instance(1)}#films")
    page.locator(".detail[data-may-sign]").wait_for()
    page.keyboard.press("2")
    page.get_by_text("please set the side first").wait_for()
    assert not alone.asked_for(r"PUT \S*")
    page.keyboard.press("r")
    page.keyboard.press("2")
    meanwhile(page, lambda: alone.asked_for(r"PUT \S*"))
    *_, body = alone.asked_for(r"PUT \S*")[0]
    assert body == {"examined": "wrist", "laterality": "R"}


@pytest.mark.parametrize("view", ["sheet", "study"])
def test_a_conflict_is_not_decided_where_its_side_is_not_seen(alone, page, view):
    conflict = {"agreement": "conflict", "image_label": "foot", "needs_review": True}
    alone.answers["GET sheet"]["items"] = [item(1, **conflict)]
    alone.answers[r"GET instances/(\w{8})\S*"] = annotation(1, **BOTH_IN_DOUBT)
    alone.open(f"?studies={instance(9000)}&show=all#{view}")
    told = page.get_by_text("Marker and header name different sides: please decide on the film.")
    page.locator(".tile img").first.wait_for()
    if view == "sheet":
        page.locator(".tile").first.dblclick()
        page.get_by_role("dialog").get_by_text("The marker in the picture says right").wait_for()
        assert page.get_by_role("button", name="as in the").count() == 0
        page.wait_for_timeout(500)
        page.keyboard.press("p")
    else:
        meanwhile(page, lambda: page.locator(".tile img").first.evaluate("one => one.naturalWidth"))
        page.get_by_role("button", name="Foot, as in the picture").click()
    told.wait_for()
    assert not alone.asked_for(r"POST reviews\S*")


def test_a_header_that_names_two_parts_is_told_with_both(alone, page):
    alone.answers[r"GET instances/(\w{8})\S*"] = annotation(
        1, agreement="header-only", image=None, needs_review=True,
        header={"label": "hand", "labels": ["hand", "foot"], "evidence": []},
        review_reason="The header says hand in one place and foot in another, and no picture"
        " decides.",
    )  # fmt: skip
    alone.open(f"?instances={instance(1)}#films")
    page.get_by_text("The header says Hand, Foot, but no picture confirms it.").wait_for()
