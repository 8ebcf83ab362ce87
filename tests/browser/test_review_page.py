"""The review page, used by keyboard and by pointer: words, taken back, and what comes late."""

import pytest

from browser.chromium import heard, meanwhile
from browser.films import current, holding, may_sign, open_page, review_of, side_in_doubt
from waiting import eventually


def test_conflicts_come_first_and_nothing_else_needs_a_review(page, server, fresh):
    open_page(page, server)
    shown = [line.get_attribute("data-instance") for line in page.locator(".line").all()]
    assert set(shown) == set(fresh.conflicting)
    assert page.locator("li.conflict").count() == len(fresh.conflicting)
    open_page(page, server, "?show=all")
    shown = [line.get_attribute("data-instance") for line in page.locator(".line").all()]
    assert set(shown[:3]) == set(fresh.conflicting)
    assert set(shown[3:]) == set(fresh.agreeing)


def test_a_side_in_doubt_says_why_it_waits(page, server, fresh):
    """It said that picture and header agree, which they do of the part."""
    side_in_doubt(page, "**/bodypart/worklist?*", fresh.agreeing[0])
    open_page(page, server, "?show=all&agreement=agree")
    assert page.locator("li.conflict").all_inner_texts()[0].endswith("Side in doubt")
    page.unroute_all(behavior="wait")


def test_an_address_without_its_last_slash_leads_to_the_page(page, server, fresh):
    page.goto(f"{server.url}/bodypart/ui?show=all")
    page.locator("body[data-ready]").wait_for()
    assert page.url == f"{server.url}/bodypart/ui/?show=all"
    # Without the slash it looked for its files where they are not; Orthanc 1.13 has that told.
    page.errors[:] = [error for error in page.errors if not error.startswith("Refused to apply")]


def test_confirm_correct_and_next_by_keyboard_alone(page, server, fresh):
    open_page(page, server, "?show=all&agreement=agree")
    order = [line.get_attribute("data-instance") for line in page.locator(".line").all()]
    may_sign(page)
    page.keyboard.press("Enter")
    eventually(lambda: current(page) == order[1])
    may_sign(page)
    assert review_of(server, order[0])["examined"] == "hand"
    page.keyboard.press("e")
    page.keyboard.type("calcan")
    page.keyboard.press("Enter")
    eventually(lambda: current(page) == order[2])
    assert review_of(server, order[1])["examined"] == "calcaneus"
    page.keyboard.press("k")
    assert current(page) == order[1]
    page.keyboard.press("j")
    assert current(page) == order[2]
    assert review_of(server, order[2]) is None


def test_a_conflict_has_no_default(page, server, fresh):
    knee = fresh.conflicting[0]
    open_page(page, server, f"?instances={knee}")
    may_sign(page)
    for name in ("Hand, as in the picture", "Knee, as in the header"):
        assert page.get_by_role("button", name=name).is_visible()
    assert page.locator(".detail .primary").count() == 0
    page.keyboard.press("Enter")
    page.get_by_text("please choose one of them").wait_for()
    assert review_of(server, knee) is None


@pytest.mark.parametrize(("key", "side"), [("p", "R"), ("h", "L"), ("r", "R")])
def test_sides_that_contradict_each_other_have_no_default(page, server, fresh, key, side):
    instance = fresh.agreeing[0]

    def doubt(route):
        if route.request.method != "GET":
            return route.continue_()
        found = route.fetch()
        told = {"needs_review": True, "review_reason": "The marker says R, the header L."}
        return route.fulfill(response=found, json={**found.json(), **told})

    page.route(f"**/bodypart/instances/{instance}", doubt)
    open_page(page, server, f"?instances={instance}")
    may_sign(page)
    for name in ("Hand, right, as in the picture", "Hand, left, as in the header"):
        assert page.get_by_role("button", name=name).is_visible()
    page.keyboard.press("Enter")
    page.get_by_text("please choose one of them").wait_for()
    assert review_of(server, instance) is None
    page.keyboard.press(key)
    if key == "r":
        page.keyboard.press("Enter")
    meanwhile(page, lambda: review_of(server, instance))
    said = server.annotation(instance)
    assert (said["examined"]["label"], said["laterality"]["value"]) == ("hand", side)
    page.unroute_all(behavior="wait")


def test_one_key_takes_what_the_picture_says(page, server, fresh):
    open_page(page, server, f"?instances={fresh.conflicting[0]}")
    may_sign(page)
    page.keyboard.press("p")
    page.get_by_role("heading", name="Hand", exact=True).wait_for()
    meanwhile(page, lambda: review_of(server, fresh.conflicting[0]))
    assert review_of(server, fresh.conflicting[0])["examined"] == "hand"


def test_a_guess_with_a_side_takes_two_keys(page, server, fresh):
    knee = fresh.conflicting[0]
    open_page(page, server, f"?instances={knee}")
    may_sign(page)
    page.keyboard.press("l")
    page.keyboard.press("1")
    meanwhile(page, lambda: review_of(server, knee))
    said = server.annotation(knee)
    assert said["examined"]["label"] == said["image"]["top"][0]["label"]
    assert said["laterality"] == {"value": "L", "source": "person"}


def test_enter_that_ends_the_input_of_a_japanese_word_signs_nothing(page, server, fresh):
    open_page(page, server, f"?instances={fresh.conflicting[0]}")
    may_sign(page)
    page.keyboard.press("e")
    search = page.get_by_role("dialog").get_by_role("combobox")
    search.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    page.wait_for_timeout(300)
    assert search.is_visible()
    assert review_of(server, fresh.conflicting[0]) is None


@pytest.mark.parametrize("how", ["held", "twice"])
def test_one_key_press_is_one_review(page, server, fresh, how):
    open_page(page, server, "?show=all&agreement=agree")
    may_sign(page)
    for _ in range(24):
        page.keyboard.down("Enter")
        if how == "twice":
            page.keyboard.up("Enter")
    page.keyboard.up("Enter")
    eventually(lambda: current(page) != fresh.agreeing[0])
    page.wait_for_timeout(600)
    assert sum(review_of(server, one) is not None for one in fresh.agreeing) == 1


def test_a_late_list_is_dropped(page, server, fresh):
    """Who filters for one part and then for another sees the other."""
    server.request("PUT", f"/bodypart/instances/{fresh.conflicting[1]}", json={"examined": "chest"})
    open_page(page, server, "?show=all")
    held = []

    def hold(route):
        held.append(route)

    page.route("**/worklist?*label=knee*", hold)
    page.locator("#filters summary").click()
    page.get_by_label("Body part").select_option("knee")
    heard(page, held)
    page.get_by_label("Body part").select_option("chest")
    eventually(lambda: page.locator(".line").count() == 1)
    with page.expect_response("**/worklist?*label=knee*"):
        held[0].continue_()
    page.wait_for_timeout(100)
    assert current(page) == fresh.conflicting[1]


def test_undo_takes_the_word_back_and_the_trail_keeps_both(page, server, fresh):
    knee = fresh.conflicting[0]
    open_page(page, server, f"?instances={knee}")
    may_sign(page)
    page.keyboard.press("h")
    meanwhile(page, lambda: review_of(server, knee))
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("1 answer taken back").wait_for()
    assert review_of(server, knee) is None
    actions = [row["action"] for row in server.get("/bodypart/audit") if row["instance"] == knee]
    assert actions[-2:] == ["confirmed", "withdrawn"] or actions[-2:] == ["corrected", "withdrawn"]
    page.get_by_role("button", name="Hand, as in the picture").wait_for()


def test_undo_gives_an_earlier_word_back(page, server, fresh):
    knee = fresh.conflicting[0]
    server.request("PUT", f"/bodypart/instances/{knee}", json={"examined": "patella"})
    open_page(page, server, f"?instances={knee}")
    may_sign(page)
    page.keyboard.press("1")
    meanwhile(page, lambda: review_of(server, knee)["examined"] == "hand")
    page.get_by_text("Hand, right: signed").wait_for()
    page.keyboard.press("Control+z")
    page.get_by_text("1 answer taken back").wait_for()
    assert review_of(server, knee)["examined"] == "patella"


def test_undo_goes_back_step_by_step(page, server, fresh):
    knee = fresh.conflicting[0]
    open_page(page, server, f"?instances={knee}")
    for key, part in (("p", "hand"), ("h", "knee")):
        may_sign(page)
        page.keyboard.press(key)
        eventually(lambda part=part: (review_of(server, knee) or {}).get("examined") == part)
        page.get_by_text(": signed").wait_for()
    page.keyboard.press("Control+z")
    meanwhile(page, lambda: review_of(server, knee)["examined"] == "hand")
    page.get_by_text("1 answer taken back").wait_for()
    page.keyboard.press("Control+z")
    meanwhile(page, lambda: review_of(server, knee) is None)
    page.keyboard.press("Control+z")
    page.get_by_text("There is nothing to undo.").wait_for()


def test_the_later_of_two_reviewers_sees_what_changed_and_decides_again(page, server, fresh):
    knee = fresh.conflicting[0]
    open_page(page, server, f"?instances={knee}")
    may_sign(page)
    server.request("PUT", f"/bodypart/instances/{knee}", json={"examined": "patella"})
    page.keyboard.press("h")
    page.get_by_text("changed this meanwhile to: Patella").wait_for()
    page.get_by_role("heading", name="Patella").wait_for()
    assert review_of(server, knee)["examined"] == "patella"


def test_whether_the_file_followed_stands_beside_the_answer(page, server, fresh):
    knee = fresh.conflicting[0]
    open_page(page, server, f"?instances={knee}")
    may_sign(page)
    page.keyboard.press("1")
    page.locator(".detail .chip", has_text="Written to the file").wait_for()
    page.locator(".line .tags", has_text="Written to the file").wait_for()


def test_a_refused_file_says_why_and_what_to_do(page, server, fresh):
    knee = fresh.conflicting[0]
    refused = {
        "state": "refused",
        "changed": [],
        "refused": "a digital signature covers Laterality",
    }

    def answer(route):
        found = route.fetch()
        route.fulfill(response=found, json={**found.json(), "tags": refused})

    page.route(f"**/bodypart/instances/{knee}", answer)
    open_page(page, server, f"?instances={knee}")
    may_sign(page)
    page.keyboard.press("1")
    page.get_by_text("not written to the file").first.wait_for()
    page.get_by_text("digitally signed, so it stays as it is").wait_for()
    page.unroute_all(behavior="wait")


def test_a_late_answer_does_not_land_on_the_next_picture(page, server, fresh):
    """Who confirms confirms what is shown, not what was shown when a request was sent."""
    open_page(page, server)
    order = [line.get_attribute("data-instance") for line in page.locator(".line").all()]
    held = holding(page, order[0], "POST")
    page.get_by_role("button", name="Classify again").click()
    heard(page, held)
    page.keyboard.press("j")
    eventually(lambda: current(page) == order[1])
    page.locator(".detail .answer").wait_for()
    with page.expect_response(f"**/bodypart/instances/{order[0]}"):
        held[0].continue_()
    may_sign(page)
    with page.expect_request(lambda request: request.method == "PUT") as put:
        page.keyboard.press("h")
    assert put.value.url.endswith(order[1])
    eventually(lambda: current(page) == order[2])
    assert review_of(server, order[0]) is None
    assert review_of(server, order[1])["by"]


def test_who_goes_on_before_a_word_is_answered_stays_there(page, server, fresh):
    open_page(page, server, "?show=all&agreement=agree")
    order = [line.get_attribute("data-instance") for line in page.locator(".line").all()]
    held = holding(page, order[0], "PUT")
    may_sign(page)
    page.keyboard.press("Enter")
    heard(page, held)
    page.keyboard.press("j")
    eventually(lambda: current(page) == order[1])
    held[0].continue_()
    page.get_by_text(": signed").wait_for()
    page.wait_for_timeout(300)
    assert current(page) == order[1]
    page.unroute_all(behavior="wait")


def test_who_types_before_the_answer_is_there_presses_no_keys(page, server, fresh):
    instance = fresh.agreeing[0]
    held = []

    def hold(route):
        held.append(route) if route.request.method == "GET" and not held else route.continue_()

    page.route(f"**/bodypart/instances/{instance}", hold)
    page.goto(f"{server.url}/bodypart/ui/?instances={instance}#films")
    heard(page, held)
    page.keyboard.press("e")
    page.keyboard.type("wrist")
    held[0].continue_()
    may_sign(page)
    page.keyboard.press("Enter")
    meanwhile(page, lambda: review_of(server, instance))
    said = server.annotation(instance)
    assert (said["examined"]["label"], said["laterality"]["value"]) == ("wrist", "L")


def test_a_correction_waits_for_the_word_before(page, server, fresh):
    open_page(page, server, "?show=all&agreement=agree")
    order = [line.get_attribute("data-instance") for line in page.locator(".line").all()]
    held = holding(page, order[0], "PUT")
    may_sign(page)
    page.keyboard.press("Enter")
    heard(page, held)
    page.keyboard.press("j")
    may_sign(page)
    page.keyboard.press("Enter")
    page.get_by_text("The word before is still on its way.").wait_for()
    page.keyboard.press("e")
    page.keyboard.type("wrist")
    page.keyboard.press("Enter")
    held[0].continue_()
    meanwhile(page, lambda: review_of(server, order[1]))
    assert review_of(server, order[1])["examined"] == "wrist"
    page.unroute_all(behavior="wait")


def test_a_letter_can_change_its_place(page, server, fresh):
    knee = fresh.conflicting[0]
    open_page(page, server, f"?instances={knee}")
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keys")
    help_.get_by_role("button", name="P Take what the picture says").click()
    page.keyboard.press("q")
    help_.get_by_role("button", name="Q Take what the picture says").wait_for()
    page.keyboard.press("Escape")
    help_.wait_for(state="detached")
    assert page.locator(".detail .choice kbd").first.inner_text() == "Q"
    may_sign(page)
    page.keyboard.press("p")
    page.wait_for_timeout(300)
    assert review_of(server, knee) is None
    page.keyboard.press("q")
    meanwhile(page, lambda: review_of(server, knee))
    page.reload()
    page.locator("body[data-ready]").wait_for()
    page.get_by_role("button", name="Keys").click()
    page.get_by_role("button", name="Usual keys").click()
    help_.get_by_role("button", name="P Take what the picture says").wait_for()


def test_undo_waits_for_the_word_that_is_on_its_way(page, server, fresh):
    knee = fresh.conflicting[0]
    open_page(page, server, f"?instances={knee}")
    may_sign(page)
    held = []

    def hold(route):
        held.append(route) if route.request.method == "PUT" else route.continue_()

    page.route(f"**/bodypart/instances/{knee}", hold)
    page.keyboard.press("h")
    heard(page, held)
    page.keyboard.press("z")
    held[0].continue_()
    page.get_by_text("1 answer taken back").wait_for()
    assert review_of(server, knee) is None
    page.unroute_all(behavior="wait")


def test_letters_can_be_turned_off_as_keys(page, server, fresh):
    open_page(page, server, f"?instances={fresh.conflicting[0]}")
    page.keyboard.press("?")
    page.get_by_label("Letters and digits are keys").uncheck()
    page.keyboard.press("Escape")
    may_sign(page)
    page.keyboard.press("p")
    page.wait_for_timeout(300)
    assert review_of(server, fresh.conflicting[0]) is None
