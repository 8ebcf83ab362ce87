"""axe-core over every view, in light and dark; and what axe cannot see."""

import pytest

from browser.chromium import eventually

Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe

GRAVE = ("serious", "critical")


def grave_violations(page, within="document"):
    context = None if within == "document" else within
    found = Axe().run(page, context=context).response["violations"]
    return [
        (violation["id"], [node["target"] for node in violation["nodes"]][:5])
        for violation in found
        if violation["impact"] in GRAVE
    ]


@pytest.fixture(params=["light", "dark"])
def shown(page, request):
    page.emulate_media(color_scheme=request.param)
    return page


def open_page(page, server, fragment=""):
    page.goto(f"{server.url}/bodypart/ui/?show=all{fragment}")
    page.locator("body[data-ready]").wait_for()
    page.locator(".detail .answer").wait_for()


def test_the_work_list(shown, server, uploaded):
    open_page(shown, server)
    shown.locator("#filters summary").click()
    shown.locator(".lines input").first.check()
    assert grave_violations(shown) == []


def test_the_correction(shown, server, uploaded):
    open_page(shown, server)
    shown.keyboard.press("e")
    shown.get_by_role("dialog").wait_for()
    assert grave_violations(shown) == []


def test_the_help(shown, server, uploaded):
    open_page(shown, server)
    shown.keyboard.press("?")
    shown.get_by_role("dialog").wait_for()
    assert grave_violations(shown) == []


def test_the_statistics(shown, server, uploaded):
    server.request("PUT", f"/bodypart/instances/{uploaded.agreeing[0]}", json={"examined": "hand"})
    shown.goto(f"{server.url}/bodypart/ui/#statistics")
    shown.locator(".matrix").wait_for()
    assert grave_violations(shown) == []


@pytest.mark.parametrize("level", ["instances", "studies"])
def test_the_panel(shown, server, uploaded, level):
    instance = uploaded.conflicting[0]
    resource = {"instances": instance, **server.above(instance)}[level]
    name = {"instances": "instance", "studies": "study"}[level]
    shown.goto(f"{server.url}/app/explorer.html#{name}?uuid={resource}")
    shown.locator(f"#{name} .bodypart-panel .answer").wait_for()
    assert grave_violations(shown, f"#{name} .bodypart-panel") == []


def test_the_switch_between_light_and_dark_is_remembered(page, server, uploaded):
    open_page(page, server)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    page.get_by_role("button", name="Switch between light and dark").click()
    eventually(lambda: page.evaluate(ground) != before)
    dark = page.evaluate(ground)
    open_page(page, server)
    assert page.evaluate(ground) == dark


def test_everything_fits_an_upright_tablet(page, server, uploaded):
    page.set_viewport_size({"width": 820, "height": 1180})
    open_page(page, server)
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
    for name in ("Confirm", "Correct", "Next"):
        box = page.locator(".detail").get_by_role("button", name=name).first.bounding_box()
        assert box["height"] >= 36, name
        assert box["x"] + box["width"] <= 820, name
    assert page.locator("canvas").bounding_box()["height"] > 240


def test_tab_reaches_the_controls_in_the_order_they_are_seen(page, server, uploaded):
    open_page(page, server)
    page.locator("#to-worklist").focus()
    seen = []
    for _ in range(30):
        seen.append(page.evaluate("document.activeElement.textContent.trim().slice(0, 12)"))
        page.keyboard.press("Tab")
    order = [
        next(n for n, text in enumerate(seen) if text.startswith(start))
        for start in ("Work list", "Filters", "Heat map", "Confirm")
    ]
    assert order == sorted(order)
