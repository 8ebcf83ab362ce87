"""Both pages where hospitals put them: behind a proxy, behind a password, in a newer Orthanc."""

import pytest
from pydicom.uid import generate_uid

from browser.proxy import proxied
from orthanc_server import KNOWN, Server, require, running
from phantoms import file_bytes, foreign, radiograph
from waiting import eventually


def correct_in_panel(page, label):
    panel = page.locator("#instance .bodypart-panel")
    panel.locator(".answer").wait_for()
    panel.get_by_role("button", name="Correct").click()
    page.get_by_role("combobox", name="Body part").fill(label)
    page.get_by_role("button", name="Save").click()
    panel.get_by_text("from a person").wait_for()
    return panel


def test_behind_a_reverse_proxy_with_a_prefix(page, server, uploaded):
    instance = uploaded.agreeing[0]
    with proxied(server.url, "/pacs/orthanc") as url:
        page.goto(f"{url}/app/explorer.html#instance?uuid={instance}")
        panel = correct_in_panel(page, "wrist")
        picture = panel.locator("figure img")
        eventually(lambda: picture.evaluate("image => image.naturalWidth"))
        address = panel.get_by_role("link", name="Open the review page").get_attribute("href")
        assert address.startswith(f"{url}/bodypart/ui/")
        page.goto(address)
        page.get_by_role("heading", name="Wrist joint").wait_for()
        eventually(lambda: page.evaluate("document.querySelector('canvas').width") > 300)


def test_behind_a_password(browser, tmp_path):
    users = {"AuthenticationEnabled": True, "RegisteredUsers": {"ann": "secret"}}
    with running(tmp_path / "locked", configuration=users, auth=("ann", "secret")) as server:
        instance = server.upload(file_bytes(radiograph("knee", PatientID=generate_uid())))
        server.annotation(instance)
        context = browser.new_context(http_credentials={"username": "ann", "password": "secret"})
        page = context.new_page()
        page.goto(f"{server.url}/app/explorer.html#instance?uuid={instance}")
        correct_in_panel(page, "patella")
        page.goto(f"{server.url}/bodypart/ui/?instances={instance}")
        page.get_by_role("heading", name="Patella").wait_for()
        assert "ann, " in page.locator(".history").inner_text()
        context.close()
        assert server.get(f"/bodypart/instances/{instance}")["review"]["by"] == "ann"


@pytest.mark.parametrize("target", KNOWN[1:])
def test_in_a_newer_orthanc(page, tmp_path, target):
    require(target)
    server = Server(tmp_path / "newer-browser", target)
    (server.storage / "received").mkdir()
    rule = {"Name": "all", "If": {}, "To": [f"folder:{server.inside}/received"], "Urgent": True}
    server.configuration = {"BodyPart": {"Routes": [rule]}}
    try:
        server.start()
        instance = server.upload(
            file_bytes(radiograph("knee", BodyPartExamined="KNEE", PatientID=generate_uid()))
        )
        server.annotation(instance)
        page.goto(f"{server.url}/bodypart/ui/#deliveries")
        page.locator('li[data-state="delivered"]').wait_for(timeout=20_000)
        page.get_by_label("Orthanc’s id of an instance").fill(instance)
        page.get_by_role("button", name="Try", exact=True).click()
        page.get_by_text("Taken by all.").wait_for()
        page.goto(f"{server.url}/app/explorer.html#instance?uuid={instance}")
        correct_in_panel(page, "patella")
        server.settle()
        assert "bodypart-patella" in server.get(f"/instances/{instance}/labels")
        page.goto(f"{server.url}/bodypart/ui/?instances={instance}")
        page.get_by_role("heading", name="Patella").wait_for()
    finally:
        server.close()


def test_why_a_person_should_look_is_said_in_their_language(page, server):
    page.add_init_script("localStorage.setItem('bodypart-language', 'de')")
    page.goto(f"{server.url}/bodypart/ui/")
    page.locator("body[data-ready]").wait_for()
    blank = "The picture was not classified (the picture is blank), and only the header says chest."
    reasons = {
        blank: "Das Bild ist leer. Nur der Header sagt Thorax.",
        "Only the header says chest: the model has not learned to see it.": (
            "Nur der Header sagt Thorax."
        ),
        "The header says 40 years, but the picture looks like a child's.": (
            "Der Header sagt 40 Jahre, das Bild sieht aber nach einem Kind aus."
        ),
        "The answer chest is uncertain (71%).": "Die Antwort ist unsicher.",
        "A person said hand of other pixel data before this copy was made.": (
            "Was jemand gesagt hat, galt einem anderen Bild."
        ),
    }
    told = page.evaluate(
        """async (reasons) => {
          const { reviewReason } = await import('./sentences.js');
          const header = { label: 'chest' };
          return reasons.map((reason) => reviewReason(
            { examined: header, header, review_reason: reason }, () => 'Thorax'));
        }""",
        list(reasons),
    )
    assert told == list(reasons.values())
    phantom = {
        "examined": {"label": "knee"},
        "agreement": "image-only",
        "header": {"label": None, "labels": []},
        "image": {"rejected": False, "top": [{"label": "knee"}]},
        "review_reason": "The picture looks like knee, but the header says phantom.",
    }
    said = page.evaluate(
        """async (annotation) => {
          const { reviewReason } = await import('./sentences.js');
          return reviewReason(annotation, () => 'Knie');
        }""",
        phantom,
    )
    assert said == "Das Bild sieht aus wie Knie, der Header sagt etwas anderes."


def test_a_study_of_five_hundred_instances(page, server):
    study, series, patient = generate_uid(), generate_uid(), generate_uid()
    for number in range(500):
        dataset = foreign(
            "CT", BodyPartExamined="KNEE", InstanceNumber=number + 1, StudyInstanceUID=study,
            SeriesInstanceUID=series, PatientID=patient,
        )  # fmt: skip
        last = server.upload(file_bytes(dataset))
    server.settle(180)
    resource = server.above(last)["studies"]
    page.goto(f"{server.url}/app/explorer.html#study?uuid={resource}")
    panel = page.locator("#study .bodypart-panel")
    panel.get_by_text("500 done").wait_for()
    assert panel.locator(".answer").inner_text() == "Knee"
    assert panel.bounding_box()["height"] < 500
    panel.get_by_role("link", name="Look at 500 pictures").wait_for()
    assert panel.get_by_role("button", name="Confirm").count() == 0
    panel.get_by_role("button", name="Classify again").wait_for()
    page.goto(f"{server.url}/bodypart/ui/?studies={resource}#films")
    page.get_by_text("1–50 of 500").wait_for()
    page.goto(f"{server.url}/bodypart/ui/?studies={resource}")
    page.get_by_text("CT · 500 pictures").wait_for()
    assert page.locator(".tile").count() == 1
