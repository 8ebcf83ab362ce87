"""A word whose answer was lost may have arrived: it is the one that an undo takes back."""

import pytest

from browser.chromium import meanwhile
from browser.films import may_sign
from browser.pages_alone import HOST, annotation, instance, item

REVIEWS = "POST reviews"
UNDO = "POST reviews/undo"


@pytest.fixture
def on_the_second(alone, page):
    """The second film, after a word on the first."""
    alone.answers["GET status"]["user"] = "ann"
    alone.open("?show=all#films")
    may_sign(page)
    page.locator("#progress").get_by_text("ann").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("Hand, left: signed").wait_for()
    page.locator(f'.stage[data-shown="{instance(2)}"]').wait_for()
    may_sign(page)
    return alone


def stands(alone, number, **other):
    """Have the service tell what stands for a picture."""
    present = item(number, **other)
    alone.answers["GET sheet"] = {"total": 1, "next": None, "items": [present], "meaning": None}


def lose_a_word(alone, page):
    works = alone.answers[r"PUT instances/\S*"]
    alone.answers[r"PUT instances/\S*"] = lambda route: route.abort()
    page.keyboard.press("Enter")
    page.get_by_text("Your answer may have arrived all the same").wait_for()
    alone.answers[r"PUT instances/\S*"] = works
    may_sign(page)


def undone(alone):
    return [body["revisions"] for *_, body in alone.asked_for(UNDO)]


def undo(alone, page):
    """Take back one answer; return what was asked to be taken back by now."""
    page.keyboard.press("z")
    page.get_by_text("1 answer taken back.").wait_for()
    return undone(alone)


@pytest.mark.parametrize("reloaded", [False, True])
def test_what_arrived_is_taken_back(on_the_second, page, reloaded):
    lose_a_word(on_the_second, page)
    if reloaded:
        page.reload()
        may_sign(page)
    stands(on_the_second, 2, revision="7", reviewed_by="ann")
    assert undo(on_the_second, page) == [{instance(2): "7"}]


@pytest.mark.parametrize(
    "present", [{}, {"revision": "7", "reviewed_by": "ben"}, {"reviewed_by": "ann"}]
)
def test_that_a_word_did_not_arrive_is_told_before_an_earlier_one_is_undone(
    on_the_second, page, present
):
    """Nothing, another person's word, and one that stood there before."""
    lose_a_word(on_the_second, page)
    stands(on_the_second, 2, **present)
    page.keyboard.press("z")
    page.get_by_text("What you said of it did not arrive.").wait_for()
    assert not undone(on_the_second)
    assert undo(on_the_second, page) == [{instance(1): "2"}]


def test_as_long_as_nobody_answers_nothing_is_taken_back(on_the_second, page):
    lose_a_word(on_the_second, page)
    on_the_second.answers["GET sheet"] = lambda route: route.abort()
    page.keyboard.press("z")
    page.get_by_text("Orthanc does not answer.").first.wait_for()
    stands(on_the_second, 2, revision="7", reviewed_by="ann")
    assert undo(on_the_second, page) == [{instance(2): "7"}]


@pytest.mark.parametrize(("by", "asked"), [("ann", 1), ("ben", 2)])
def test_what_was_taken_back_without_an_answer_is_told_to_be(alone, page, by, asked):
    """It was told that somebody else had changed it; what somebody else did say is refused."""
    alone.answers["GET status"]["user"] = "ann"
    alone.answers[UNDO] = lambda route: route.abort()
    alone.open("?show=all")
    page.locator("#progress").get_by_text("ann").wait_for()
    page.get_by_text("3 seen").wait_for()
    for revision in ("2", "3"):
        alone.answers[REVIEWS] = {"failed": {}, "revisions": {instance(1): revision}}
        stands(alone, 1, revision=revision, reviewed_by="ann")
        page.locator(".tile").first.press("e")
        page.keyboard.press("Enter")
        page.get_by_text("1 signed.").wait_for()
        page.get_by_role("button", name="Close").click()
    page.keyboard.press("z")
    page.get_by_text("0 answers taken back. 1 was not: The connection was lost").wait_for()
    stands(alone, 1, revision="4", reviewed_by=by)
    changed = {"failed": {instance(1): "it changed since"}, "revisions": {}}
    alone.answers[UNDO] = lambda _: changed
    page.keyboard.press("z")
    told = "0 answers taken back. 1 was not: Some" if by == "ben" else "1 answer taken back."
    page.get_by_text(told).wait_for()
    assert len(undone(alone)) == asked
    page.keyboard.press("z")
    meanwhile(page, lambda: len(undone(alone)) == asked + 1)
    assert undone(alone)[-1] == {instance(1): "2" if by == "ben" else "4"}


def test_what_was_signed_again_is_taken_back_once(on_the_second, page):
    lose_a_word(on_the_second, page)
    page.keyboard.press("Enter")
    page.locator(f'.stage[data-shown="{instance(3)}"]').wait_for()
    page.keyboard.press("z")
    meanwhile(page, lambda: len(undone(on_the_second)) == 1)
    page.get_by_text("1 answer taken back.").wait_for()
    page.keyboard.press("z")
    meanwhile(page, lambda: len(undone(on_the_second)) == 2)
    assert undone(on_the_second) == [{instance(2): "2"}, {instance(1): "2"}]


def test_what_was_refused_is_not_taken_back(on_the_second, page):
    on_the_second.answers[r"PUT instances/\S*"] = lambda route: route.fulfill(
        status=409, json={"error": "Conflict", "details": "no such thing"}
    )
    page.keyboard.press("Enter")
    page.get_by_text("No such thing.").wait_for()
    assert undo(on_the_second, page) == [{instance(1): "2"}]


def test_a_page_that_was_left_amid_a_word_asks_for_it(on_the_second, page):
    """It arrives, and the one before it was taken back for it."""
    held = []
    on_the_second.answers[r"PUT instances/\S*"] = held.append
    page.keyboard.press("Enter")
    meanwhile(page, lambda: held)
    page.reload()
    may_sign(page)
    stands(on_the_second, 2, revision="7", reviewed_by="ann")
    assert undo(on_the_second, page) == [{instance(2): "7"}]


def test_of_many_those_are_taken_back_that_arrived(alone, page):
    everything = [item(number) for number in range(1, 61)]
    alone.answers["GET sheet"]["items"] = everything
    alone.answers["GET status"]["user"] = "ann"
    whole = alone.answers[r"POST reviews\S*"]
    alone.answers[r"POST reviews\S*"] = lambda route: (
        whole(route) if len(alone.asked_for(REVIEWS)) == 1 else route.abort()
    )
    page.set_viewport_size({"width": 1900, "height": 2400})
    alone.open("?show=all")
    page.get_by_text("60 seen").wait_for()
    page.keyboard.press("c")
    page.get_by_text("40 signed. 20 were not: The connection was lost").wait_for()
    for one in everything[40:45]:
        one.update(revision="7", reviewed_by="ann")
    alone.answers[r"POST reviews\S*"] = whole
    page.keyboard.press("z")
    page.get_by_text("45 answers taken back. 15 were not").wait_for()
    revisions = [body["revisions"] for *_, body in alone.asked_for(UNDO)]
    assert sum(map(len, revisions)) == 45
    assert revisions[1][instance(45)] == "7"


@pytest.mark.parametrize(("by", "words"), [("ann", 2), ("ben", 1)])
def test_a_word_that_was_lost_and_seen_to_stand_is_taken_back_after_the_next(
    alone, page, by, words
):
    """Only the next one was: the lost one stayed signed, and nobody said so."""
    alone.answers["GET status"]["user"] = "ann"
    alone.answers[r"POST reviews\S*"] = lambda route: route.abort()
    stands(alone, 1)
    alone.open("?show=all")
    page.get_by_text("1 seen").wait_for()
    stands(alone, 1, revision="7", reviewed_by=by, reviewed_at="2026-11-29T10:00:00Z")
    page.keyboard.press("c")
    page.locator("li.done").wait_for()
    alone.answers[REVIEWS] = {"failed": {}, "revisions": {instance(1): "9"}}
    stands(alone, 1, revision="9", reviewed_by="ann", reviewed_at="2026-11-29T10:00:00Z")
    page.keyboard.press("e")
    page.get_by_role("dialog").get_by_role("combobox").fill("patella")
    page.keyboard.press("Enter")
    page.get_by_text("1 signed.").wait_for()
    alone.answers[UNDO] = lambda _: {"failed": {}, "revisions": {instance(1): "11"}}
    page.keyboard.press("z")
    page.get_by_text("1 answer taken back.").wait_for()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("z")
    page.get_by_text("1 answer taken back." if words == 2 else "nothing to undo").wait_for()
    assert [list(one.values()) for one in undone(alone)] == [["9"], ["11"]][:words]


def test_where_the_service_ends_amid_many_words_it_is_told_that_some_may_be_done(alone, page):
    alone.answers[r"POST reviews\S*"] = lambda route: route.fulfill(
        status=503, json={"error": "Engine down", "details": "the service did not answer: OSError"}
    )
    alone.open("?show=all")
    page.get_by_text("3 seen").wait_for()
    page.keyboard.press("c")
    page.get_by_text("3 were not: The connection was lost; some of these may be done").wait_for()


@pytest.mark.parametrize("known", [True, False])
def test_the_panel_takes_back_what_arrived(alone, page, known):
    """Also where it was not told who is signed in, and asks for it then."""
    status = alone.answers["GET status"] | {"user": "ann"}
    alone.answers["GET status"] = status if known else lambda route: route.abort()
    alone.answers[r"PUT instances/\S*"] = lambda route: route.abort()
    page.route(f"{HOST}/bodypart/explorer", lambda route: route.fulfill(
        content_type="text/html",
        body='<!doctype html><title>x</title><div id="page"><div data-role="content"></div></div>',
    ))  # fmt: skip
    alone.answers[rf"GET instances/{instance(1)}"] = annotation(1)
    page.goto(f"{HOST}/bodypart/explorer")
    page.evaluate(
        "async (id) => (await import('./ui/panel.js')).show(window.page, 'instances', id)",
        instance(1),
    )
    panel = page.locator(".bodypart-panel")
    panel.get_by_role("button", name="Confirm Hand, left").click()
    panel.get_by_text("Your answer may have arrived all the same").wait_for()
    alone.answers["GET status"] = status
    stands(alone, 1, revision="7", reviewed_by="ann")
    panel.get_by_role("button", name="Undo").click()
    meanwhile(page, lambda: undone(alone) == [{instance(1): "7"}])
