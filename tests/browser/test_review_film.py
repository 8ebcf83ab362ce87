"""The film beside its answer; and around it filters, history, statistics and the back-fill."""

import csv
import io

import pytest

from browser.chromium import heard, meanwhile
from browser.films import (
    current,
    hold_back,
    may_sign,
    open_page,
    review_of,
    without_pictures,
)
from waiting import eventually


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
    page.route(f"**/{instance}/picture", lambda route: hold_back(held, route))
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
