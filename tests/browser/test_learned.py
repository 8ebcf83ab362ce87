"""A day's work: one film corrected, more like it found, what was learned seen and taken back."""

import pytest
from pydicom.uid import generate_uid

from browser.chromium import meanwhile
from browser.test_accessibility import grave_violations
from orthanc_server import running
from phantoms import file_bytes, radiograph

WORDS = 10
FILMS = 4


def film(server, number):
    headers = {"PatientID": generate_uid(), "SeriesDescription": "", "StudyDescription": ""}
    data = radiograph("hand", 420 + 8 * (number % 7), 380, seed=number, **headers)
    instance = server.upload(file_bytes(data))
    server.annotation(instance)
    return instance


def words(server):
    told = server.get("/bodypart/memory")
    return told["words"] if not told["waiting"] else None


def opened(page, server, query=""):
    page.goto(f"{server.url}/bodypart/ui/{query}")
    page.locator("body[data-ready]").wait_for()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    section = {"Tags": "none"}
    with running(tmp_path_factory.mktemp("learned"), configuration={"BodyPart": section}) as server:
        yield server


@pytest.fixture(scope="module")
def films(server):
    """Films that the model reads as hand, and this hospital calls wrist."""
    return [film(server, number) for number in range(FILMS)]


@pytest.fixture(scope="module")
def taught(server, films):
    """The same after ten words on such films of other patients."""
    said = [film(server, 20 + number) for number in range(WORDS)]
    for instance in said:
        server.request("PUT", f"/bodypart/instances/{instance}", json={"examined": "wrist"})
    server.wait_until(lambda: (words(server) or 0) >= WORDS, 60)
    return said


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_before_anything_was_learned_it_says_how_to_begin(page, server, films, colours):
    page.emulate_media(color_scheme=colours)
    opened(page, server, "#learned")
    page.get_by_text("Nothing was learned yet.").wait_for()
    page.get_by_text("Learn: on").wait_for()
    assert grave_violations(page) == []


def test_a_correction_leads_to_more_of_the_kind_and_they_are_corrected_together(
    page, server, films
):
    opened(page, server, f"?instances={films[0]}#films")
    page.locator("#detail[data-may-sign]").wait_for()
    page.keyboard.press("e")
    page.keyboard.type("wrist")
    page.keyboard.press("Enter")
    page.get_by_role("link", name=f"{FILMS - 1} more look like this one").click()
    page.get_by_text(f"{FILMS - 1} seen").wait_for()
    tiles = page.locator(".tile")
    assert {tile.get_attribute("data-instance") for tile in tiles.all()} == set(films[1:])
    tiles.first.click()
    tiles.last.click(modifiers=["Shift"])
    page.keyboard.press("e")
    page.get_by_role("dialog", name=f"Correct {FILMS - 1} pictures").wait_for()
    page.keyboard.type("wrist")
    page.keyboard.press("Enter")
    page.get_by_text(f"{FILMS - 1} signed.").wait_for()
    meanwhile(page, lambda: words(server) == FILMS)


def test_a_film_says_what_it_is_like_and_what_that_changed(page, server, taught):
    instance = film(server, 50)
    opened(page, server, f"?instances={instance}#films")
    page.get_by_role("heading", name="Wrist joint").wait_for()
    told = page.locator(".detail .memory")
    assert "without them: Hand" in told.inner_text()
    told.get_by_role("link", name="like 7 pictures confirmed here").click()
    page.locator(".tile").nth(6).wait_for()
    assert page.locator(".tile").count() == 7
    assert page.locator("li.done").count() == 7


def test_what_was_learned_is_shown_by_part_with_its_gain(page, server, taught):
    film(server, 51)
    opened(page, server, "#learned")
    row = page.locator("table.learned tr", has_text="Wrist joint").first
    assert row.locator("td").all_inner_texts()[1:3] == ["0%", "100%"]
    page.get_by_role("link", name="Hand → Wrist joint").wait_for()
    page.goto(f"{server.url}/bodypart/ui/#statistics")
    page.get_by_role("heading", name="What was learned changed").wait_for()
    page.get_by_role("link", name="Hand → Wrist joint").click()
    page.locator(".tile").first.wait_for()
    assert page.locator("li.done").count() == 0


def test_what_it_changed_is_asked_for_again_where_others_ask_too(page, server, taught):
    busy = {"error": "Busy", "details": "too many requests of this kind at once"}
    film(server, 52)
    page.route("**/memory/changes", lambda route: route.fulfill(status=503, json=busy))
    opened(page, server, "#learned")
    page.locator(".taught li").first.wait_for()
    page.unroute_all(behavior="wait")
    page.get_by_role("link", name="Hand → Wrist joint").wait_for()


def test_what_the_words_change_is_read_again(page, server, taught):
    zone = {"timezoneId": "Asia/Tokyo"}
    page.context.new_cdp_session(page).send("Emulation.setTimezoneOverride", zone)
    opened(page, server, "#learned")
    page.get_by_label("Words since").fill("2020-01-01")
    with page.expect_request(lambda request: request.method == "POST") as asked:
        page.get_by_role("button", name="Read again what they change").click()
    assert asked.value.post_data_json == {"LearnedSince": "2019-12-31T15:00:00Z"}
    page.get_by_text("These words change nothing that is stored.").wait_for()


@pytest.mark.parametrize(
    ("width", "colours"), [(390, "light"), (720, "dark"), (1440, "light"), (1440, "dark")]
)
def test_it_fits_every_screen_and_everybody(page, server, taught, width, colours):
    page.emulate_media(color_scheme=colours)
    page.set_viewport_size({"width": width, "height": 844})
    opened(page, server, "#learned")
    page.locator(".taught li").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert grave_violations(page) == []


def test_a_word_is_taken_back_and_forgotten(page, server, taught):
    before = words(server)
    opened(page, server, "#learned")
    first = page.locator(".taught li").first
    instance = first.get_attribute("data-instance")
    first.get_by_role("button", name="Take back Wrist joint").click()
    page.locator(f'.taught li[data-instance="{instance}"]').wait_for(state="detached")
    meanwhile(page, lambda: words(server) == before - 1, 20)
    assert server.annotation(instance)["review"] is None
    page.locator(".figures dd", has_text=str(before - 1)).first.wait_for()


def test_the_word_of_somebody_else_is_not_taken_back_unseen(page, server, taught):
    before = words(server)
    opened(page, server, "#learned")
    line = page.locator(".taught li").first
    instance = line.get_attribute("data-instance")
    server.request("PUT", f"/bodypart/instances/{instance}", json={"examined": "foot"})
    stands = server.annotation(instance)["revision"]
    line.get_by_role("button", name="Take back Wrist joint").click()
    page.get_by_text("changed this meanwhile to: Foot").wait_for()
    assert server.annotation(instance)["review"]["examined"] == "foot"
    own = page.locator(f'.taught li[data-instance="{instance}"]')
    with page.expect_request(lambda request: request.method == "DELETE") as sent:
        own.get_by_role("button", name="Take back Foot").click()
    assert sent.value.headers["if-match"] == f'"{stands}"'
    own.wait_for(state="detached")
    assert server.annotation(instance)["review"] is None
    meanwhile(page, lambda: words(server) == before - 1, 20)


def test_the_word_on_a_picture_that_is_gone_is_forgotten_all_the_same(page, server, taught):
    before = words(server)
    server.request("DELETE", f"/instances/{taught[0]}")
    opened(page, server, "#learned")
    gone = page.locator(f'.taught li[data-instance="{taught[0]}"]')
    gone.get_by_role("button").click()
    gone.wait_for(state="detached")
    meanwhile(page, lambda: words(server) == before - 1, 20)


def test_all_is_forgotten_after_a_question(page, server, taught):
    opened(page, server, "#learned")
    page.get_by_role("button", name="Forget all…").click()
    question = page.get_by_role("dialog", name="Forget all that was learned?")
    question.get_by_role("button", name="Cancel").click()
    assert words(server)
    page.get_by_role("button", name="Forget all…").click()
    question.get_by_role("button", name="Forget all", exact=True).click()
    page.get_by_text("Nothing was learned yet.").wait_for()
    assert words(server) == 0
    assert server.annotation(taught[1])["review"]["examined"] == "wrist"
