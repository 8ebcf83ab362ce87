"""The panel in the legacy Explorer, clicked as a person would."""

import json

import pytest
from pydicom.uid import generate_uid

from phantoms import file_bytes, radiograph
from waiting import eventually

PAGES = {"instances": "instance", "series": "series", "studies": "study", "patients": "patient"}


def explorer(server, level, resource):
    return f"{server.url}/app/explorer.html#{PAGES[level]}?uuid={resource}"


def open_panel(page, server, level, resource):
    page.goto(explorer(server, level, resource))
    panel = page.locator(f"#{PAGES[level]} .bodypart-panel")
    panel.locator(".answer").wait_for()
    return panel


@pytest.mark.parametrize("level", PAGES)
def test_the_panel_tells_part_code_and_certainty_at_each_level(page, server, uploaded, level):
    instance = uploaded.agreeing[0]
    resource = {"instances": instance, **server.above(instance)}[level]
    panel = open_panel(page, server, level, resource)
    assert panel.locator(".answer").inner_text().startswith("Hand")
    text = panel.inner_text()
    assert "85562004" in text
    assert "from picture and header" in text
    assert "Picture and header agree" in text
    assert (
        panel.get_by_role("link", name="Open the review page")
        .get_attribute("href")
        .endswith(f"/bodypart/ui/?{level}={resource}")
    )


def test_an_instance_shows_where_the_model_looked(page, server, uploaded):
    panel = open_panel(page, server, "instances", uploaded.agreeing[0])
    picture = panel.locator("figure img")
    picture.wait_for()
    eventually(lambda: picture.evaluate("image => image.naturalWidth"))


def test_a_correction_in_the_panel_shows_everywhere(page, server, uploaded):
    instance = uploaded.conflicting[0]
    panel = open_panel(page, server, "instances", instance)
    assert "Picture and header conflict" in panel.inner_text()
    panel.get_by_role("button", name="Correct").click()
    page.get_by_role("combobox", name="Body part").fill("patel")
    page.get_by_role("radio", name="left").check()
    page.get_by_label("Comment").fill("skyline view")
    page.get_by_role("button", name="Save").click()
    panel.get_by_text("Patella, left").wait_for()
    assert "Reviewed" in panel.inner_text()

    stored = json.loads(server.metadata("instances", instance, "BodyPart"))
    assert stored["examined"]["label"] == "patella"
    assert stored["laterality"] == {"value": "L", "source": "person"}
    assert stored["review"]["comment"] == "skyline view"
    study = server.above(instance)["studies"]
    assert server.metadata("studies", study, "BodyPartExamined") == "64234005"
    found = server.request("POST", "/bodypart/find", json={"Examined": "patella"}).json()
    assert [row["id"] for row in found] == [instance]
    exported = server.get("/bodypart/manifest")
    assert [row["examined"] for row in exported if row["file"] == f"{instance}.png"] == ["patella"]
    assert (
        open_panel(page, server, "studies", study).locator(".answer").inner_text()
        == "Patella, left"
    )


def test_confirming_a_study_confirms_its_instances(page, server, uploaded):
    instance = uploaded.agreeing[1]
    study = server.above(instance)["studies"]
    panel = open_panel(page, server, "studies", study)
    panel.get_by_role("button", name="Confirm").click()
    panel.get_by_text("from a person").wait_for()
    server.settle()
    assert server.annotation(instance)["review"]["examined"] == "hand"


def test_a_study_of_several_parts_is_not_confirmed_under_one_headline(page, server, uploaded):
    study, patient = generate_uid(), generate_uid()
    for part in ("hand", "knee"):
        dataset = radiograph(
            "hand", BodyPartExamined=part.upper(), StudyInstanceUID=study, PatientID=patient
        )
        instance = server.upload(file_bytes(dataset))
        server.annotation(instance)
        server.request("PUT", f"/bodypart/instances/{instance}", json={"examined": part})
    server.settle()
    panel = open_panel(page, server, "studies", server.above(instance)["studies"])
    assert panel.locator(".answer").inner_text() == "Several parts"
    assert panel.get_by_role("button", name="Confirm").count() == 0
    assert panel.get_by_role("link", name="Look at 2 pictures").is_visible()


def test_a_conflict_has_no_default(page, server, uploaded):
    panel = open_panel(page, server, "instances", uploaded.conflicting[1])
    assert panel.get_by_role("button", name="Confirm").count() == 0
    for name in ("Hand, as in the picture", "Chest, as in the header"):
        assert panel.get_by_role("button", name=name).is_visible()


def test_an_action_can_be_taken_back(page, server, uploaded):
    instance = uploaded.conflicting[1]
    panel = open_panel(page, server, "instances", instance)
    panel.get_by_role("button", name="Hand, as in the picture").click()
    panel.get_by_role("button", name="Undo").click()
    panel.get_by_role("button", name="Hand, as in the picture").wait_for()
    assert server.get(f"/bodypart/instances/{instance}")["review"] is None


def test_a_series_is_corrected_in_one_go(page, server, uploaded):
    instance = uploaded.conflicting[2]
    panel = open_panel(page, server, "series", server.above(instance)["series"])
    panel.get_by_role("button", name="Correct").click()
    page.get_by_role("combobox", name="Body part").fill("knee")
    page.keyboard.press("Enter")
    panel.get_by_text("from a person").wait_for()
    assert server.get(f"/bodypart/instances/{instance}")["examined"]["label"] == "knee"


def test_classifying_again_keeps_a_persons_word(page, server, uploaded):
    instance = uploaded.agreeing[2]
    server.request("PUT", f"/bodypart/instances/{instance}", json={"examined": "knee"})
    panel = open_panel(page, server, "instances", instance)
    with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
        panel.get_by_role("button", name="Classify again").click()
    assert answer.value.status == 200
    server.settle()
    assert server.get(f"/bodypart/instances/{instance}")["examined"]["source"] == "person"


def test_the_panel_says_so_while_the_decoder_is_starting(page, server, uploaded):
    page.route("**/bodypart/status", lambda route: route.fulfill(json={
        "ready": False, "reason": "the decoder is starting", "queue": {},
    }))  # fmt: skip
    panel = open_panel(page, server, "instances", uploaded.agreeing[0])
    panel.get_by_text("The classifier is not running: The service is starting").wait_for()
    assert panel.get_by_role("button", name="Classify again").is_disabled()
    assert panel.get_by_role("button", name="Correct").is_enabled()


def test_going_from_one_resource_to_another_shows_the_other(page, server, uploaded):
    open_panel(page, server, "instances", uploaded.agreeing[0])
    page.evaluate(
        "address => { location.hash = address; }", f"instance?uuid={uploaded.conflicting[1]}"
    )
    page.locator("#instance .bodypart-panel").get_by_text("Picture and header conflict").wait_for()


def test_the_start_page_has_a_way_in_and_the_pages_one_back(page, server, uploaded):
    page.goto(f"{server.url}/app/explorer.html")
    page.get_by_role("link", name="Check body parts in the sheet").click()
    page.locator("body[data-ready]").wait_for()
    assert page.url == f"{server.url}/bodypart/ui/"
    study = server.above(uploaded.agreeing[0])["studies"]
    page.goto(f"{server.url}/bodypart/ui/?studies={study}")
    page.locator("body[data-ready]").wait_for()
    page.get_by_role("link", name="Orthanc", exact=True).click()
    page.locator("#study .bodypart-panel .answer").wait_for()
