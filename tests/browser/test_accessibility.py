"""axe-core over every view, in light and dark; and what axe cannot see."""

import pytest

from browser.pages_alone import annotation, item
from browser.phantoms_uploaded import upload_study
from waiting import eventually

Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe

GRAVE = ("serious", "critical")


def violations(page):
    return [found["id"] for found in Axe().run(page).response["violations"]]


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


def open_page(page, server):
    page.goto(f"{server.url}/bodypart/ui/?show=all#films")
    page.locator("body[data-ready]").wait_for()
    page.locator(".detail .answer").wait_for()


def test_the_sheet(shown, server, uploaded):
    shown.goto(f"{server.url}/bodypart/ui/?show=all&group=pair")
    shown.locator("body[data-ready]").wait_for()
    shown.locator(".more summary").click()
    shown.locator(".tile").first.click()
    shown.locator("li.marked").wait_for()
    assert grave_violations(shown) == []
    shown.locator(".tile").first.press(" ")
    shown.get_by_role("dialog").get_by_text("The picture looks like").wait_for()
    assert grave_violations(shown) == []


@pytest.mark.parametrize("view", ["sheet", "study", "films", "deliveries", "statistics"])
@pytest.mark.parametrize(("width", "colours"), [(390, "dark"), (720, "light"), (1920, "dark")])
def test_no_view_is_wider_than_the_screen(page, server, uploaded, view, width, colours):
    """A screen of 1440 pixels at 200 % is one of 720."""
    page.emulate_media(color_scheme=colours)
    page.set_viewport_size({"width": width, "height": 844})
    of = {"study": f"&studies={server.above(uploaded.conflicting[0])['studies']}"}.get(view, "")
    page.goto(f"{server.url}/bodypart/ui/?show=all{of}#{view}")
    page.locator("body[data-ready]").wait_for()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []


def test_on_a_phone_the_picture_is_on_top_and_the_actions_stay(page, server, uploaded):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/bodypart/ui/?show=all&agreement=agree#films")
    page.locator(".detail .answer").wait_for()
    picture = page.locator(".stage").bounding_box()
    confirm = page.get_by_role("button", name="Confirm Hand").bounding_box()
    assert picture["y"] + picture["height"] < confirm["y"]
    page.locator("#detail").evaluate("detail => detail.scrollTo(0, 9999)")
    assert confirm["y"] + confirm["height"] <= 844
    after = page.get_by_role("button", name="Confirm Hand").bounding_box()
    assert after["y"] + after["height"] <= 844


def test_the_study(shown, server, uploaded):
    shown.goto(f"{server.url}/bodypart/ui/?studies={upload_study(server)}")
    shown.locator(".study .tile img").first.wait_for()
    assert grave_violations(shown) == []
    shown.locator(".study .tile").first.click()
    shown.get_by_role("dialog").get_by_role("link", name="Open the film").wait_for()
    assert grave_violations(shown) == []


def test_the_work_list(shown, server, uploaded):
    open_page(shown, server)
    shown.locator("#filters summary").click()
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
    for name in ("as in the picture", "as in the header", "Correct", "Next"):
        box = page.locator(".detail").get_by_role("button", name=name).first.bounding_box()
        assert box["height"] >= 36, name
        assert box["x"] + box["width"] <= 820, name
    page.locator("canvas").wait_for()
    assert page.locator("canvas").bounding_box()["height"] > 240


def test_tab_reaches_the_controls_in_the_order_they_are_seen(page, server, uploaded):
    open_page(page, server)
    page.locator("#to-films").focus()
    seen = []
    for _ in range(30):
        seen.append(page.evaluate("document.activeElement.textContent.trim().slice(0, 12)"))
        page.keyboard.press("Tab")
    order = [
        next(n for n, text in enumerate(seen) if text.startswith(start))
        for start in ("Films", "Filters", "Heat map", "Hand, as in")
    ]
    assert order == sorted(order)


@pytest.mark.parametrize("width", [390, 1440])
def test_a_guess_is_read_with_its_side_before_it_is_signed(alone, page, width):
    """Of long names the side, which is signed with the part, was cut off."""
    guess = {"label": "lower_limb", "probability": 0.9}
    alone.answers[r"GET instances/(\w{8})\S*"] = annotation(1, image={
        "rejected": False, "reason": None, "top": [guess],
    })  # fmt: skip
    page.add_init_script("localStorage.setItem('bodypart-language', 'fr')")
    page.set_viewport_size({"width": width, "height": 844})
    alone.open("?show=all#films")
    button = page.get_by_role("button", name="Membre inférieur, gauche").first
    assert button.evaluate("node => node.scrollWidth <= node.clientWidth")


@pytest.mark.parametrize("size", [(320, 256), (480, 300)])
def test_at_four_times_the_size_pictures_are_seen_and_answers_read(alone, page, size):
    """WCAG 2.2, 1.4.10; the head took all the room, and no picture ever counted as seen."""
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    alone.open("?show=all")
    page.locator(".tile").nth(2).scroll_into_view_if_needed()
    page.get_by_role("button", name="Confirm").and_(page.locator(":enabled")).wait_for()
    page.evaluate("location.hash = 'films'")
    page.locator(".detail[data-may-sign]").wait_for()
    page.locator(".detail").evaluate("node => node.scrollIntoView()")
    answer = page.get_by_role("heading", name="Hand, left").bounding_box()
    assert 0 <= answer["y"] < answer["y"] + answer["height"] <= height
    at = answer["x"] + 5, answer["y"] + 5
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).id", at) == "examined"


@pytest.mark.parametrize("size", [(844, 390), (910, 430), (1000, 600)])
def test_on_a_wide_low_screen_the_answer_is_on_it(alone, page, size):
    """Of a phone that lies, or a laptop at 150 %, it was below the screen, and nothing scrolled."""
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    alone.open("?show=all#films")
    page.locator(".detail[data-may-sign]").wait_for()
    for what in (page.get_by_role("button", name="Confirm Hand"), page.locator(".stage")):
        box = what.bounding_box()
        assert box["y"] + box["height"] <= height
    assert page.locator("#detail").evaluate("node => node.getBoundingClientRect().bottom") <= height


@pytest.mark.parametrize("how", ["scrolled", "page down"])
def test_what_lies_under_the_filters_was_not_seen(alone, page, how):
    """They stay above the pictures: what went by under them was confirmed with the others."""
    page.set_viewport_size({"width": 1000, "height": 640})
    alone.answers["GET sheet"]["items"] = [item(number) for number in range(1, 61)]
    alone.open("?show=all&label=hand")
    page.get_by_role("button", name="Confirm").and_(page.locator(":enabled")).wait_for()
    page.wait_for_timeout(400)
    seen = "all => all.filter((node) => node.tile.seen).length"
    before = page.locator(".tile").evaluate_all(seen)
    edge = page.locator("#sheet").bounding_box()["y"]
    tile = page.locator(".tile").nth(before)
    if how == "scrolled":
        tile.evaluate("(tile, edge) => tile.closest('#sheet').scrollBy(0,"
                      " tile.getBoundingClientRect().top - edge)", edge)  # fmt: skip
        page.wait_for_timeout(500)
        assert not tile.evaluate("node => node.tile.seen")
    else:
        page.keyboard.press("PageDown")
        filters = page.locator("#sheet-filters").bounding_box()
        assert tile.bounding_box()["y"] >= filters["y"] + filters["height"] - 60


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_edge_of_a_field_is_seen(alone, page, colours):
    """WCAG 2.2, 1.4.11: three to one; a field has the ground of what is around it."""
    page.emulate_media(color_scheme=colours)
    alone.open("?show=all")
    contrast = page.locator("#sheet-q").evaluate("""node => {
        const light = (text) => text.match(/\\d+/g).slice(0, 3).map((value) => value / 255)
            .map((value) => value <= 0.04 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
            .reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0.05);
        const { borderTopColor, backgroundColor } = getComputedStyle(node);
        const [dark, bright] = [light(borderTopColor), light(backgroundColor)].sort();
        return bright / dark;
    }""")
    assert contrast >= 3
