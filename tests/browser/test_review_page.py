"""The review page, used by keyboard and by pointer."""

import csv
import io

import pytest

from browser.chromium import heard, meanwhile
from waiting import eventually


@pytest.fixture
def fresh(server, uploaded):
    """The uploaded phantoms without any person's word."""
    for instance in (*uploaded.agreeing, *uploaded.conflicting):
        server.request("DELETE", f"/bodypart/instances/{instance}")
        server.request("POST", f"/bodypart/instances/{instance}")
    server.settle()
    return uploaded


def open_page(page, server, query="", until=".detail .answer"):
    page.goto(f"{server.url}/bodypart/ui/{query}#films")
    page.locator("body[data-ready]").wait_for()
    page.locator(until).first.wait_for()


def may_sign(page):
    """Wait until the film was on the screen long enough to have been looked at."""
    page.locator(".detail[data-may-sign]").wait_for()


def holding(page, instance, method):
    """Hold back what asks about a picture by a method; return where the requests gather."""
    held = []

    def hold(route):
        held.append(route) if route.request.method == method else route.continue_()

    page.route(f"**/bodypart/instances/{instance}", hold)
    return held


def review_of(server, instance):
    return server.annotation(instance)["review"]


def current(page):
    return page.locator('.line[aria-current="true"]').get_attribute("data-instance")


def test_conflicts_come_first_and_nothing_else_needs_a_review(page, server, fresh):
    open_page(page, server)
    shown = [line.get_attribute("data-instance") for line in page.locator(".line").all()]
    assert set(shown) == set(fresh.conflicting)
    assert page.locator("li.conflict").count() == len(fresh.conflicting)
    open_page(page, server, "?show=all")
    shown = [line.get_attribute("data-instance") for line in page.locator(".line").all()]
    assert set(shown[:3]) == set(fresh.conflicting)
    assert set(shown[3:]) == set(fresh.agreeing)


def test_an_address_without_its_last_slash_leads_to_the_page(page, server, fresh):
    page.goto(f"{server.url}/bodypart/ui?show=all")
    page.locator("body[data-ready]").wait_for()
    assert page.url == f"{server.url}/bodypart/ui/?show=all"


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


def test_the_help_lists_the_keys(page, server, fresh):
    open_page(page, server)
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keys")
    for text in ("Confirm and go on", "Correct", "Next", "Heat map"):
        assert help_.get_by_text(text).count()
    page.keyboard.press("Escape")
    help_.wait_for(state="detached")


def test_what_the_header_says_is_highlighted(page, server, fresh):
    open_page(page, server, f"?instances={fresh.conflicting[0]}")
    header = page.locator(".block", has=page.get_by_role("heading", name="Header"))
    assert header.locator("mark").all_inner_texts() == ["Knie", "KNEE"]


def test_window_and_level_change_the_picture_and_reset_brings_it_back(page, server, fresh):
    open_page(page, server, f"?instances={fresh.agreeing[0]}")
    brightness = """() => {
      const canvas = document.querySelector('canvas');
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      let sum = 0;
      for (let at = 0; at < pixels.length; at += 4) sum += pixels[at];
      return canvas.width > 300 ? sum / pixels.length * 4 : 0;
    }"""
    eventually(lambda: page.evaluate(brightness) > 1)
    before = page.evaluate(brightness)
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 120, steps=4)
    page.mouse.up()
    eventually(lambda: page.evaluate(brightness) > before + 5)
    page.keyboard.press("i")
    assert page.evaluate(brightness) < 255 - before
    page.keyboard.press("i")
    page.keyboard.press("w")
    assert page.evaluate(brightness) == pytest.approx(before, abs=0.01)


def test_the_heat_map_lies_over_the_picture_in_its_geometry(page, server, fresh):
    open_page(page, server, f"?instances={fresh.agreeing[0]}")
    layer = page.locator(".stage img.layer").last
    assert layer.is_hidden()
    page.keyboard.press("m")
    layer.wait_for()
    eventually(lambda: layer.evaluate("image => image.naturalWidth"))
    shapes = page.evaluate("""() => {
      const canvas = document.querySelector('canvas');
      const layer = document.querySelector('.stage img.layer:not([hidden])');
      return [canvas.width / canvas.height, layer.naturalWidth / layer.naturalHeight];
    }""")
    assert shapes[0] == pytest.approx(shapes[1], rel=0.01)
    page.keyboard.press("m")
    layer.wait_for(state="hidden")


def test_filters_narrow_the_list_and_stay_in_the_address(page, server, fresh):
    server.request("PUT", f"/bodypart/instances/{fresh.conflicting[1]}", json={"examined": "chest"})
    open_page(page, server, "?show=all")
    page.locator("#filters summary").click()
    page.get_by_label("Body part").select_option("chest")
    page.get_by_label("Agreement").select_option("conflict")
    eventually(lambda: page.locator(".line").count() == 1)
    assert current(page) == fresh.conflicting[1]
    assert "label=chest" in page.url
    page.reload()
    page.locator("body[data-ready]").wait_for()
    assert page.locator(".line").count() == 1
    page.locator("#filters summary").click()
    page.get_by_label("Agreement").select_option("")
    page.get_by_label("Body part").select_option("")
    page.get_by_label("Studies from").fill("2026-04-01")
    page.get_by_label("to", exact=True).fill("2026-04-30")
    eventually(lambda: page.locator(".line").count() == 2)
    page.get_by_label("Modality").select_option("DX")
    page.get_by_role("button", name="Clear all").click()
    eventually(lambda: page.locator(".line").count() == 2)


def test_the_history_tells_who_changed_what(page, server, fresh):
    instance = fresh.conflicting[1]
    server.request("PUT", f"/bodypart/instances/{instance}", json={"examined": "shoulder"})
    server.request(
        "PUT", f"/bodypart/instances/{instance}", json={"examined": "rib", "comment": "ribs only"}
    )
    open_page(page, server, f"?instances={instance}")
    lines = page.locator(".history li").all_inner_texts()
    assert "Shoulder → Rib" in lines[0]
    assert "ribs only" in lines[0]
    assert "Hand → Shoulder" in lines[1]
    assert "anonymous" in lines[1]


def test_statistics_show_counts_conflicts_and_calibration(page, server, fresh):
    server.request("PUT", f"/bodypart/instances/{fresh.conflicting[0]}", json={"examined": "knee"})
    page.goto(f"{server.url}/bodypart/ui/#statistics")
    cell = page.get_by_role("link", name="header Knee, picture Hand: 1")
    cell.wait_for()
    assert page.locator(".counts tr").count() == 2
    assert page.locator(".chart").count() == 1
    page.get_by_text("the chart appears from 50 on").wait_for()
    page.get_by_text("1 of 1 reviewed pictures were conflicts").wait_for()
    cell.click()
    tile = page.locator(".tile")
    tile.wait_for()
    assert tile.get_attribute("data-instance") == fresh.conflicting[0]


def one_row_at_a_time(route):
    route.continue_(url=route.request.url.replace("limit=10000", "limit=1"))


def test_confirmed_labels_leave_as_a_training_manifest(page, server, fresh):
    corrected, confirmed = fresh.conflicting[0], fresh.agreeing[0]
    server.request(
        "PUT", f"/bodypart/instances/{corrected}", json={"examined": "knee", "laterality": "L"}
    )
    server.request("POST", "/bodypart/reviews", json={"instances": [confirmed]})
    page.goto(f"{server.url}/bodypart/ui/#statistics")
    page.route("**/bodypart/manifest?*", one_row_at_a_time)
    with page.expect_download() as download:
        page.get_by_role("button", name="Confirmed labels (CSV)").click()
    assert download.value.suggested_filename == "bodypart-manifest.csv"
    text = download.value.path().read_text(encoding="utf-8")
    rows = {row["file"]: row for row in csv.DictReader(io.StringIO(text))}
    assert set(rows) == {f"{corrected}.png", f"{confirmed}.png"}
    assert rows[f"{corrected}.png"]["examined"] == "knee"
    assert rows[f"{corrected}.png"]["laterality"] == "L"
    assert rows[f"{corrected}.png"]["notes"].startswith("corrected from hand")
    assert rows[f"{confirmed}.png"]["notes"].startswith("confirmed")
    assert "Phantom" not in text


def test_the_picture_falls_back_to_orthancs_own(page, server, fresh):
    page.route(
        "**/picture",
        lambda route: route.fulfill(status=503, json={"error": "Engine down", "details": "x"}),
    )
    open_page(page, server, f"?instances={fresh.agreeing[0]}")
    page.get_by_text("Orthanc’s own preview").wait_for()
    preview = page.locator(".stage img.layer").first
    eventually(lambda: preview.evaluate("image => image.naturalWidth"))


def _hold(held, route):
    # Playwright marks what it calls, which no method of a list allows.
    held.append(route)


def without_pictures(page, status):
    """Neither the service's picture nor Orthanc's own preview can be had."""
    for what in ("**/picture", "**/preview"):
        page.route(what, lambda route: route.fulfill(status=status, json={"details": "x"}))


def test_a_film_without_a_picture_is_signed_in_a_second_step_only(page, server, fresh):
    instance = fresh.agreeing[0]
    without_pictures(page, 400)
    open_page(page, server, f"?instances={instance}")
    page.get_by_text("This instance has no picture.").wait_for()
    may_sign(page)
    page.keyboard.press("Enter")
    question = page.get_by_role("dialog", name="Sign without having seen the picture?")
    question.get_by_text("nobody looked at it").wait_for()
    page.keyboard.press("Enter")
    question.wait_for(state="detached")
    assert review_of(server, instance) is None
    page.keyboard.press("Enter")
    question.get_by_role("button", name="Sign unseen").click()
    meanwhile(page, lambda: review_of(server, instance))


def test_a_picture_that_was_lost_on_its_way_is_fetched_again(page, server, fresh):
    without_pictures(page, 503)
    open_page(page, server, f"?instances={fresh.agreeing[0]}")
    page.get_by_text("The picture could not be fetched").wait_for()
    page.unroute_all(behavior="wait")
    eventually(lambda: page.locator(".stage canvas").is_visible())
    may_sign(page)
    page.keyboard.press("Enter")
    meanwhile(page, lambda: review_of(server, fresh.agreeing[0]))


def test_the_picture_before_does_not_stand_beside_the_next_answer(page, server, fresh):
    pictures = []

    def hold(route):
        pictures.append(route)
        if len(pictures) == 1:
            route.continue_()

    page.route("**/picture", hold)
    open_page(page, server, "?show=all&agreement=agree")
    may_sign(page)
    page.keyboard.press("j")
    page.get_by_text("Loading…").wait_for()
    assert page.locator(".stage canvas").is_hidden()
    assert page.locator(".detail[data-may-sign]").count() == 0
    pictures[1].continue_()
    may_sign(page)
    assert page.locator(".stage canvas").is_visible()


def test_a_correction_waits_for_the_picture(page, server, fresh):
    instance = fresh.agreeing[0]
    held = []
    page.route(f"**/{instance}/picture", lambda route: _hold(held, route))
    open_page(page, server, f"?instances={instance}")
    page.keyboard.press("e")
    page.keyboard.type("wrist")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Correct")
    dialog.get_by_text("The picture is not on the screen yet.").wait_for()
    assert review_of(server, instance) is None
    held[0].continue_()
    may_sign(page)
    page.keyboard.press("Enter")
    meanwhile(page, lambda: review_of(server, instance))
    assert review_of(server, instance)["examined"] == "wrist"


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


def test_an_empty_list_says_so(page, server, fresh):
    open_page(page, server, "?show=failed", until=".detail .note")
    assert "Nothing to review here" in page.locator(".detail").inner_text()


def test_progress_of_a_back_fill_is_live(page, server, fresh):
    answers = iter([{"state": "running", "total": 40, "done": 7, "pending": 33}])
    last = {"state": "done", "total": 40, "done": 40, "pending": 0}
    page.route("**/bodypart/backfill", lambda route: route.fulfill(json=next(answers, last)))
    open_page(page, server)
    page.get_by_text("Back-fill 7 of 40").wait_for()
    page.get_by_role("button", name="Back-fill").wait_for(timeout=8000)


def test_a_back_fill_asks_first(page, server, fresh):
    open_page(page, server)
    sent = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    page.get_by_role("button", name="Back-fill").click()
    question = page.get_by_role("dialog")
    question.get_by_text("written into the stored DICOM files").wait_for()
    question.get_by_role("button", name="Cancel").click()
    question.wait_for(state="detached")
    assert not sent
    page.get_by_role("button", name="Back-fill").click()
    page.get_by_role("button", name="Begin").click()
    heard(page, sent)


def test_what_failed_can_be_tried_again(page, server, fresh):
    def failing(route):
        found = route.fetch().json()
        route.fulfill(json={**found, "queue": {**found["queue"], "failed": 3}})

    page.route("**/bodypart/status", failing)
    open_page(page, server)
    page.get_by_text("3 failed").wait_for()
    with page.expect_request(lambda request: request.method == "POST") as again:
        page.get_by_role("button", name="Try again").click()
    assert again.value.post_data_json == {"Failed": True}
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
