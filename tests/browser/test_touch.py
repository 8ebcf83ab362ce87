"""Fingers: on the screen of a phone or tablet, and on the touchpad of a laptop."""

import pytest

from browser.chromium import meanwhile

HOLD = "Element.prototype.setPointerCapture = () => {}"


@pytest.fixture
def page(browser):
    """A page on a phone."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    yield context.new_page()
    context.close()


def finger(page, what, number, x, y):
    """Put down, move or lift a finger at so many pixels from the upper left of the stage."""
    page.locator(".stage").evaluate(
        """(stage, [what, pointerId, x, y]) => {
            const { left, top } = stage.getBoundingClientRect();
            stage.dispatchEvent(new PointerEvent(`pointer${what}`, {
                pointerId, pointerType: 'touch', clientX: left + x, clientY: top + y,
            }));
        }""",
        [what, number, x, y],
    )


def on_a_film(alone, page):
    alone.open("?show=all#films")
    page.locator(".detail[data-may-sign]").wait_for()


@pytest.mark.parametrize("size", [(390, 844), (844, 390)])
@pytest.mark.parametrize(
    ("address", "below"), [("#films", ".detail > .actions"), ("", ".sheet-bar")]
)
def test_what_is_told_does_not_cover_what_is_pressed_next(alone, page, address, below, size):
    """Undo lay under the thumb that was about to correct or confirm."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    alone.open(f"?show=all{address}")
    page.locator(
        ".detail[data-may-sign]" if address else ".tile"
    ).first.scroll_into_view_if_needed()
    page.get_by_role("button", name="Confirm").and_(page.locator(":enabled")).wait_for()
    page.get_by_role("button", name="Confirm").tap()
    page.locator("#message").get_by_role("button", name="Undo").wait_for()
    told, pressed = page.locator("#message").bounding_box(), page.locator(below).bounding_box()
    assert told["y"] + told["height"] <= pressed["y"]


def test_what_a_finger_touched_goes_away_by_itself(alone, page):
    """For CSS the finger hovered on, and the message stayed for good."""
    page.clock.install()
    alone.answers["POST reviews/undo"] = lambda route: {
        "failed": {},
        "revisions": dict.fromkeys(route.request.post_data_json["instances"], "3"),
    }
    alone.open("?show=all")
    meanwhile(page, lambda: page.clock.run_for(300) or page.get_by_text("3 seen").count())
    page.get_by_role("button", name="Confirm").tap()
    page.locator("#message").get_by_role("button", name="Undo").tap()
    page.get_by_text("3 answers taken back.").wait_for()
    page.clock.run_for(7000)
    assert page.get_by_text("3 answers taken back.").count() == 0


def test_two_fingers_zoom_and_leave_the_window_as_it_was(alone, page):
    """The one that was lifted last set the window, by all the way that it had come."""
    page.add_init_script(HOLD)
    on_a_film(alone, page)
    before = page.locator(".units").inner_text()
    finger(page, "down", 1, 150, 100)
    finger(page, "down", 2, 170, 100)
    finger(page, "move", 1, 60, 40)
    finger(page, "move", 2, 260, 160)
    finger(page, "up", 2, 260, 160)
    finger(page, "move", 1, 61, 41)
    page.wait_for_timeout(50)
    assert page.locator(".units").inner_text() == before
    finger(page, "up", 1, 61, 41)
    assert "scale(1)" not in page.locator(".stage .film").get_attribute("style")


def test_a_touchpad_zooms_a_little_at_a_time(alone, page):
    """It sends many small pieces; each was a notch of a wheel, and one stroke too far."""
    on_a_film(alone, page)
    zoom = "node => new DOMMatrix(node.style.transform).a"
    for pixels in (-3, -3, -3, -3, -3, -3, -3, -3, -3, -3):
        page.locator(".stage").dispatch_event("wheel", {"deltaY": pixels})
    assert page.locator(".stage .film").evaluate(zoom) == pytest.approx(1.25)
    page.locator(".stage").dispatch_event("wheel", {"deltaY": -120})
    assert page.locator(".stage .film").evaluate(zoom) == pytest.approx(1.25**2)
    page.locator(".stage").dispatch_event("wheel", {"deltaY": 3, "deltaMode": 1})
    assert page.locator(".stage .film").evaluate(zoom) == pytest.approx(1.25)


@pytest.mark.parametrize(("address", "field"), [("#films", "#filter-q"), ("", "#sheet-q")])
def test_the_cross_of_a_search_shows_all_again(alone, page, address, field):
    """The list stayed as it was until something else was touched."""
    asked = r"GET (sheet|worklist)"
    page.set_viewport_size({"width": 1000, "height": 800})
    alone.open(f"?show=all{address}")
    page.locator(field).fill("knie")
    page.locator(field).press("Enter")
    meanwhile(page, lambda: alone.asked_for(asked)[-1][2].get("q") == "knie")
    before = len(alone.asked_for(asked))
    box = page.locator(field).bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] - 18, box["y"] + box["height"] / 2)
    meanwhile(page, lambda: "q" not in alone.asked_for(asked)[-1][2])
    assert len(alone.asked_for(asked)) == before + 1
