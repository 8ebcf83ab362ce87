"""The deliveries: from no rule at all to what arrived, failed, is tried again."""

import re
import sqlite3
from types import SimpleNamespace

import pytest

from browser.test_accessibility import grave_violations
from nodes import BareOrthanc, WebhookReceiver
from orthanc_server import running
from phantoms import file_bytes, radiograph
from waiting import eventually

RETRY_SOON = {"RouteRetryDelay": 0.2, "RouteRetryCeiling": 0.5, "RouteRetries": 1}
OLD = 60


def picture(part, header, **options):
    return file_bytes(radiograph(part, BodyPartExamined=header, **options))


def opened(page, server, query=""):
    page.goto(f"{server.url}/bodypart/ui/{query}#deliveries")
    page.locator("body[data-ready]").wait_for()


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """An Orthanc without rules, with one picture in it."""
    configuration = {"StableAge": 1, "BodyPart": {"Tags": "none"}}
    with running(tmp_path_factory.mktemp("deliveries"), configuration=configuration) as server:
        server.annotation(server.upload(picture("hand", "HAND", SeriesNumber="1")))
        yield server


@pytest.fixture(scope="module")
def routed(bare, tmp_path_factory):
    """The same with rules: to a folder, to a receiver that is down, to a web server."""
    receiver = BareOrthanc(tmp_path_factory.mktemp("receiver"), "RECEIVER")
    hook = WebhookReceiver()
    folder = bare.storage / "received"
    folder.mkdir()
    hands = {"Examined": "hand", "Evidence": "any", "View": "frontal"}
    rules = [
        {"Name": "hands", "If": hands, "To": [f"folder:{folder}"]},
        {"Name": "to a node", "If": {"Examined": "hand", "Evidence": "any"},
         "To": ["modality:RECEIVER"], "Urgent": True},
        {"Name": "rest", "Otherwise": True, "To": [f"webhook:{hook.url}"], "When": "00:00-23:59"},
    ]  # fmt: skip
    bare.settle()
    bare.stop()
    bare.configuration |= {
        "DicomModalities": {"RECEIVER": receiver.modality},
        "BodyPart": {"Tags": "none", "Routes": rules, **RETRY_SOON},
    }
    bare.start()
    yield SimpleNamespace(server=bare, receiver=receiver, folder=f"folder:{folder}")
    receiver.kill()
    hook.close()


@pytest.fixture(scope="module")
def failed(routed):
    """A hand that failed on the way to the receiver."""
    server = routed.server
    server.upload(picture("hand", "HAND", ViewPosition="PA", SeriesNumber="2"))
    server.wait_until(
        lambda: (
            server.get("/bodypart/deliveries?state=failed")["deliveries"]
            and server.get("/bodypart/deliveries?state=delivered")["deliveries"]
        )
    )
    return routed


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_without_rules_it_says_how_to_begin(page, bare, colours):
    page.emulate_media(color_scheme=colours)
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, bare)
    page.get_by_role("heading", name="There are no rules yet").wait_for()
    page.get_by_text('"To": ["modality:CHESTAI"]').wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert grave_violations(page) == []


def test_what_arrives_and_what_fails_appears_by_itself(page, routed, request):
    opened(page, routed.server)
    page.get_by_text("Nothing fits these filters.").wait_for()
    request.getfixturevalue("failed")
    sent = page.locator('li[data-state="delivered"]')
    sent.get_by_text("It arrived").wait_for()
    assert f"hands → {routed.folder}" in sent.inner_text()
    eventually(lambda: sent.locator("img").evaluate("image => image.naturalWidth") > 0)
    lost = page.locator('li[data-state="failed"]')
    lost.get_by_text(
        re.compile("Tried 2 times, then given up.*The receiver does not answer")
    ).wait_for()
    page.get_by_role("button", name="1 failed").click()
    eventually(lambda: page.locator(".deliveries li").count() == 1)
    assert "state=failed" in page.url
    page.reload()
    lost.wait_for()
    assert page.locator(".deliveries li").count() == 1


def test_cancelled_and_tried_again(page, failed):
    opened(page, failed.server, "?rule=to+a+node")
    line = page.locator(".deliveries li").first
    line.get_by_role("button", name="Cancel").click()
    line.get_by_text("Somebody cancelled it.").wait_for()
    line.get_by_role("button", name="Retry").click()
    page.locator('li[data-state="failed"]').wait_for()


def test_a_file_and_an_id_are_tried_on_the_rules(page, failed):
    opened(page, failed.server)
    file = {"name": "knee.dcm", "mimeType": "", "buffer": picture("knee", "KNEE", Modality="DX")}
    page.locator("#tester-file").set_input_files(file)
    page.get_by_text("knee.dcm: Taken by rest.").wait_for()
    verdict = page.locator('.verdicts li[data-takes="no"]').first.inner_text()
    assert "Body part: the rule wants Hand, the picture has" in verdict
    assert "Knee" in verdict
    (instance,) = {
        row["instance"] for row in failed.server.get("/bodypart/deliveries")["deliveries"]
    }
    page.get_by_label("Orthanc’s id of an instance").fill(instance)
    page.get_by_role("button", name="Try", exact=True).click()
    page.get_by_text("Taken by hands, to a node.").wait_for()
    page.get_by_text("Another rule takes it: hands, to a node.").wait_for()
    page.get_by_label("Orthanc’s id of an instance").fill("nonsense")
    page.get_by_role("button", name="Try", exact=True).click()
    page.get_by_text("This is no id of an instance.").wait_for()


def test_a_rule_is_applied_to_the_old_stock_after_a_count(page, failed):
    opened(page, failed.server)
    rule = page.locator('.rules li[data-rule="to a node"]')
    rule.get_by_role("button", name="Count what is stored…").click()
    rule.get_by_text("2 stored pictures fit this rule. That is 1 delivery that").wait_for()
    assert len(failed.server.get("/bodypart/deliveries?rule=to a node")["deliveries"]) == 1
    # Somebody else counts; this page did not hear of it yet.
    apply = "/bodypart/routes/apply"
    old = failed.server.get(apply)
    page.route(f"**{apply}", lambda route: _as_before(route, old))
    page.wait_for_timeout(1000)
    failed.server.request("POST", apply, json={"Rule": "to a node"})
    failed.server.wait_until(lambda: failed.server.get(apply)["state"] == "done")
    rule.get_by_role("button", name="Send 1").click()
    page.get_by_text("It was counted again meanwhile").wait_for()
    assert len(failed.server.get("/bodypart/deliveries?rule=to a node")["deliveries"]) == 1
    page.unroute_all(behavior="wait")
    count = failed.server.get(apply)["started_at"]
    rule.locator(f'[data-count="{count}"]').wait_for()
    rule.get_by_role("button", name="Send 1").click()
    rule.get_by_text("1 delivery was added.").wait_for()
    page.get_by_role("button", name="2 failed").wait_for()


def _as_before(route, old):
    route.fulfill(json=old) if route.request.method == "GET" else route.continue_()


def test_all_that_failed_is_tried_again_at_once(page, failed):
    failed.receiver.start()
    opened(page, failed.server)
    page.get_by_role("button", name="Retry all that failed").click()
    page.get_by_text(re.compile("(is|are) tried again")).wait_for()
    page.get_by_role("button", name="Retry all that failed").wait_for(state="detached")
    eventually(lambda: page.locator('li[data-state="delivered"]').count() > 1, 20)


@pytest.mark.parametrize(
    ("width", "colours"), [(390, "light"), (390, "dark"), (720, "dark"), (1440, "light")]
)
def test_it_fits_every_screen_and_everybody(page, failed, width, colours):
    page.emulate_media(color_scheme=colours)
    page.set_viewport_size({"width": width, "height": 844})
    opened(page, failed.server)
    for title in ("Rules", "Try the rules on a picture"):
        if width < 1080:
            page.locator("summary", has_text=re.compile(f"^{title}$")).click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert grave_violations(page) == []


def test_long_lists_have_pages(page, failed):
    opened(page, failed.server)
    before = page.locator(".deliveries li").count()
    database = failed.server.storage / "db/bodypart-audit.sqlite"
    with sqlite3.connect(database, timeout=30) as connection:
        connection.executemany(
            "INSERT INTO deliveries (rule, destination, instance, series, study, answer, state,"
            " priority, due, created_at, changed_at) SELECT rule, destination, ?, series, study,"
            " answer, 'cancelled', priority, due, created_at, changed_at FROM deliveries LIMIT 1",
            [(f"{number:08x}-" * 4 + f"{number:08x}",) for number in range(OLD)],
        )
    page.get_by_role("button", name="Older").click()
    eventually(lambda: page.locator(".deliveries li").count() == before + OLD - 50)
    assert "after=" in page.url
    page.get_by_role("button", name="Newer").click()
    eventually(lambda: page.locator(".deliveries li").count() == 50)


def test_it_speaks_german(page, failed):
    page.add_init_script("localStorage.setItem('bodypart-language', 'de')")
    opened(page, failed.server, "?state=waiting,sending")
    state = page.locator("#delivery-state option:checked")
    eventually(lambda: state.text_content() == "Wartet, Unterwegs")
    assert page.title() == "Zustellungen · Körperteile"
    page.get_by_text("Die Regeln an einem Bild erproben").wait_for()
    page.get_by_text("was keine andere Regel nimmt").wait_for()
