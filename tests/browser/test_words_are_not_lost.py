"""A word of a person arrives, or who said it is told that it did not, whatever happens."""

import pytest

from browser.chromium import meanwhile
from browser.pages_alone import annotation, instance, item, said

REVIEWS = "POST reviews"
BUSY = {"error": "Busy", "details": "too many requests of /bodypart at once"}


def on_a_film(alone, page):
    alone.open("?show=all#films")
    page.locator(".detail[data-may-sign]").wait_for()


def correct_as(page, text, comment=""):
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").fill(text)
    dialog.get_by_label("right").check()
    dialog.get_by_label("Comment").fill(comment)
    dialog.get_by_role("button", name="Save").click()


def test_what_there_was_no_time_for_is_said_again(alone, page):
    def busy_at_first(route):
        if len(alone.asked_for(r"PUT \S*")) > 1:
            return said(1)
        return route.fulfill(status=503, json=BUSY, headers={"Retry-After": "1"})

    alone.answers[r"PUT instances/\S*"] = busy_at_first
    on_a_film(alone, page)
    page.keyboard.press("Enter")
    page.get_by_text("Hand, left: signed").wait_for()
    assert len(alone.asked_for(r"PUT \S*")) == 2


SIGNED_OUT = "You are no longer signed in"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"status": 401}, SIGNED_OUT),
        ({"status": 302, "headers": {"Location": "https://login.example/"}}, SIGNED_OUT),
        ({"content_type": "text/html", "body": "<h1>Please sign in</h1>"}, SIGNED_OUT),
        ({"status": 403}, "You are not allowed to do this."),
    ],
    ids=["401", "sent to a login", "a login in its place", "403"],
)
def test_who_is_signed_out_is_told_so_and_keeps_what_was_typed(alone, page, answer, told):
    alone.answers[r"PUT instances/\S*"] = lambda route: route.fulfill(**answer)
    on_a_film(alone, page)
    correct_as(page, "patella", "as on the request")
    page.get_by_text(told).wait_for()
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_label("Comment").input_value() == "as on the request"


def test_what_may_have_been_begun_is_not_said_again(alone, page):
    down = {"error": "Engine down", "details": "the service did not answer: OSError"}
    alone.answers[r"PUT instances/\S*"] = lambda route: route.fulfill(
        status=503, json=down, headers={"Retry-After": "1"}
    )
    on_a_film(alone, page)
    page.keyboard.press("Enter")
    page.get_by_text("The service is starting.").wait_for()
    page.wait_for_timeout(1200)
    assert len(alone.asked_for(r"PUT \S*")) == 1


@pytest.mark.parametrize("view", ["films", "sheet"])
def test_a_correction_that_was_not_saved_stands_there_again(alone, page, view):
    route, sign = {
        "films": (r"PUT instances/\S*", on_a_film),
        "sheet": (REVIEWS, on_a_sheet),
    }[view]
    works = alone.answers.get(route) or alone.answers[r"POST reviews\S*"]
    alone.answers[route] = lambda asked: asked.abort()
    sign(alone, page)
    correct_as(page, "patella", "seen with Ann")
    page.get_by_text("What you typed stands there again").wait_for()
    alone.answers[route] = works
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog")
    assert dialog.locator('[aria-selected="true"]').get_attribute("data-label") == "patella"
    assert dialog.get_by_label("right").is_checked()
    assert dialog.get_by_label("Comment").input_value() == "seen with Ann"
    dialog.get_by_role("button", name="Save").click()
    page.get_by_text("signed").first.wait_for()
    *_, body = alone.asked_for(r"(PUT|POST) (instances/\S*|reviews)")[-1]
    assert (body["examined"], body["laterality"]) == ("patella", "R")
    assert body["comment"] == "seen with Ann"
    page.keyboard.press("e")
    assert page.get_by_role("dialog").get_by_label("Comment").input_value() == ""


def on_a_sheet(alone, page):
    alone.open("?show=all")
    page.get_by_text("3 seen").wait_for()
    page.locator(".tile").first.click()


def test_only_the_side_is_changed_where_only_the_side_is_changed(alone, page):
    """The first part of the alphabet, or the model's guess, took the place of what stood there."""
    on_a_sheet(alone, page)
    page.keyboard.press("e")
    page.get_by_role("dialog").get_by_label("right").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("1 signed.").wait_for()
    *_, body = alone.asked_for(REVIEWS)[0]
    assert (body["examined"], body["laterality"]) == ("hand", "R")


def test_what_pictures_do_not_have_in_common_is_no_default(alone, page):
    alone.answers["GET sheet"]["items"][1]["examined"] = "foot"
    on_a_sheet(alone, page)
    page.locator(".tile").nth(1).click()
    page.keyboard.press("e")
    assert page.get_by_role("button", name="Save").is_disabled()


@pytest.mark.parametrize(
    ("language", "typed", "label"),
    [("fr", "epaule", "shoulder"), ("de", "fuss", "foot"), ("de", "huefte", "hip")],
)
def test_a_part_is_found_without_its_accents(alone, page, language, typed, label):
    page.add_init_script(f"localStorage.setItem('bodypart-language', '{language}')")
    on_a_film(alone, page)
    page.keyboard.press("e")
    page.keyboard.type(typed)
    chosen = page.get_by_role("dialog").locator('[aria-selected="true"]')
    assert chosen.get_attribute("data-label") == label


def test_an_answer_that_broke_off_is_an_answer_lost(alone, page):
    """What was signed before it could not be undone any more, and the message was the browser's."""
    alone.answers["GET sheet"]["items"] = [item(number) for number in range(1, 61)]
    whole = alone.answers[r"POST reviews\S*"]

    def broken(route):
        if len(alone.asked_for(REVIEWS)) == 1:
            return whole(route)
        return route.fulfill(content_type="application/json", body='{"failed": {}, "revi')

    alone.answers[r"POST reviews\S*"] = broken
    page.set_viewport_size({"width": 1900, "height": 2400})
    alone.open("?show=all")
    page.get_by_text("60 seen").wait_for()
    page.keyboard.press("c")
    page.get_by_text("40 signed. 20 were not: The connection was lost").wait_for()
    alone.answers[r"POST reviews\S*"] = whole
    page.keyboard.press("z")
    page.get_by_text("40 answers taken back.").wait_for()


def test_what_was_said_can_be_taken_back_after_a_reload(alone, page):
    on_a_film(alone, page)
    page.keyboard.press("Enter")
    page.get_by_text("Hand, left: signed").wait_for()
    page.reload()
    page.locator(".detail[data-may-sign]").wait_for()
    page.keyboard.press("z")
    page.get_by_text("1 answer taken back.").wait_for()
    *_, body = alone.asked_for("POST reviews/undo")[0]
    assert body["revisions"] == {instance(1): "2"}
    page.reload()
    page.locator(".detail[data-may-sign]").wait_for()
    page.keyboard.press("z")
    page.get_by_text("There is nothing to undo.").wait_for()


def test_who_leaves_while_words_wait_is_asked(alone, page):
    alone.answers["GET sheet"]["items"] = [item(number) for number in range(1, 61)]
    held = []
    alone.answers[r"POST reviews\S*"] = held.append
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.set_viewport_size({"width": 1900, "height": 2400})
    alone.open("?show=all")
    page.get_by_text("60 seen").wait_for()
    page.keyboard.press("c")
    meanwhile(page, lambda: held)
    page.reload()
    assert asked == ["beforeunload"]


def test_two_undos_at_once_take_back_two_words(alone, page):
    on_a_film(alone, page)
    for number in (1, 2):
        page.keyboard.press("Enter")
        meanwhile(page, lambda number=number: len(alone.asked_for(r"PUT \S*")) == number)
        page.locator(f'.stage[data-shown="{instance(number + 1)}"]').wait_for()
        page.locator(".detail[data-may-sign]").wait_for()
    held = []
    alone.answers[r"PUT instances/\S*"] = held.append
    page.keyboard.press("Enter")
    meanwhile(page, lambda: held)
    page.keyboard.press("z")
    page.keyboard.press("z")
    held[0].fulfill(json=said(3))
    meanwhile(page, lambda: len(alone.asked_for("POST reviews/undo")) == 2)
    undone = [body["instances"] for *_, body in alone.asked_for("POST reviews/undo")]
    assert undone == [[instance(3)], [instance(2)]]


def test_a_side_that_was_chosen_stays_chosen_and_seen_where_the_picture_is_read_again(alone, page):
    alone.answers[r"POST instances/\S*"] = annotation(1, revision="3")
    on_a_film(alone, page)
    page.keyboard.press("r")
    page.get_by_role("button", name="Classify again").click()
    meanwhile(page, lambda: alone.asked_for(r"POST instances/\S*"))
    page.locator(".detail[data-may-sign]").wait_for()
    page.get_by_role("button", name="Confirm Hand, right").wait_for()
    assert (
        page.get_by_role("button", name="right", exact=True).get_attribute("aria-pressed") == "true"
    )


def leave(page):
    """Ask whether leaving the page now would lose something; older Chromes go by the value."""
    return page.evaluate("""() => {
      const event = document.createEvent('BeforeUnloadEvent');
      event.initEvent('beforeunload', false, true);
      window.dispatchEvent(event);
      return event.defaultPrevented && event.returnValue !== '';
    }""")


def test_a_word_that_waits_for_its_turn_is_asked_about(alone, page):
    held = []
    alone.answers[r"POST reviews\S*"] = held.append
    alone.open("?show=all")
    page.get_by_text("3 seen").wait_for()
    page.keyboard.press("c")
    meanwhile(page, lambda: held)
    assert not leave(page)
    page.locator(".tile").first.click()
    correct_as(page, "patella")
    assert leave(page)


def test_a_word_that_was_sent_back_for_now_is_asked_about(alone, page):
    alone.answers[r"PUT instances/\S*"] = lambda route: route.fulfill(
        status=503, json=BUSY, headers={"Retry-After": "2"}
    )
    on_a_film(alone, page)
    page.keyboard.press("Enter")
    meanwhile(page, lambda: alone.asked_for(r"PUT \S*"))
    meanwhile(page, lambda: leave(page))


def test_another_person_takes_nothing_back(alone, page):
    alone.answers["GET status"]["user"] = "ann"
    on_a_film(alone, page)
    page.keyboard.press("Enter")
    page.get_by_text("Hand, left: signed").wait_for()
    page.locator("#progress").get_by_text("ann").wait_for()
    alone.answers["GET status"]["user"] = "ben"
    page.locator("#progress").get_by_text("ben").wait_for()
    page.keyboard.press("z")
    page.get_by_text("There is nothing to undo.").wait_for()
    page.reload()
    page.locator("#progress").get_by_text("ben").wait_for()
    page.keyboard.press("z")
    page.get_by_text("There is nothing to undo.").wait_for()


@pytest.mark.parametrize("kept", ['{"said": [7]}', "[[7]]", "null", "{"])
def test_what_else_stands_in_the_browsers_store_is_no_word(alone, page, kept):
    page.add_init_script(
        "Storage.prototype.getItem = (get => function (name) { return name.startsWith("
        f"'bodypart-said') ? {kept!r} : get.call(this, name); }})(Storage.prototype.getItem)"
    )
    on_a_film(alone, page)
    page.keyboard.press("z")
    page.get_by_text("There is nothing to undo.").wait_for()


def test_a_store_without_room_takes_back_no_other_word(alone, page):
    """What had been kept before stayed, and its word was taken back for the last one."""
    on_a_film(alone, page)
    page.keyboard.press("Enter")
    page.get_by_text("Hand, left: signed").wait_for()
    page.locator(f'.stage[data-shown="{instance(2)}"]').wait_for()
    page.locator(".detail[data-may-sign]").wait_for()
    page.evaluate(
        "() => { Storage.prototype.setItem = () => { throw new DOMException('', 'Quota'); }; }"
    )
    page.keyboard.press("Enter")
    meanwhile(page, lambda: len(alone.asked_for(r"PUT \S*")) == 2)
    page.locator(f'.stage[data-shown="{instance(3)}"]').wait_for()
    page.reload()
    page.locator(".detail[data-may-sign]").wait_for()
    page.keyboard.press("z")
    page.get_by_text("There is nothing to undo.").wait_for()


def test_a_browser_that_joins_no_signals_shows_the_films(alone, page):
    page.add_init_script("delete AbortSignal.any")
    on_a_film(alone, page)
    page.keyboard.press("Enter")
    page.get_by_text("Hand, left: signed").wait_for()


@pytest.mark.parametrize(("typed", "side"), [("foot", "L"), ("chest", None), ("hand", None)])
def test_the_side_that_stands_in_the_dialog_is_signed_of_another_part(alone, page, typed, side):
    """The header's side of the hand is none of the foot's, though it was shown."""
    on_a_film(alone, page)
    page.keyboard.press("e")
    page.get_by_role("dialog").get_by_role("combobox").fill(typed)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("signed").first.wait_for()
    *_, body = alone.asked_for(r"PUT \S*")[0]
    assert (body["examined"], body.get("laterality")) == (typed, side)
