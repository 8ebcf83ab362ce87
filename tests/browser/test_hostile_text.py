"""Markup and script in every text attribute: nothing of it runs, in either page."""

import pytest

from phantoms import file_bytes, radiograph

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

CALL = "window.attacked=(window.attacked||0)+1"
HOSTILE = (
    f"<script>{CALL}</script>",
    f"<img src=x onerror={CALL}>",
    f"<svg onload={CALL}>",
    f"<svg><script>{CALL}</script></svg>",
    f"<body onload={CALL}>",
    f"<iframe srcdoc='<script>parent.{CALL}</script>'>",
    f"<iframe src=javascript:parent.{CALL}>",
    f"<a href=javascript:{CALL}>knee</a>",
    f"javascript:{CALL}",
    f"data:text/html,<script>{CALL}</script>",
    f'"><script>{CALL}</script>',
    f"'><script>{CALL}</script>",
    f'" onmouseover={CALL} x="',
    f"' onfocus={CALL} autofocus x='",
    f"</textarea><script>{CALL}</script>",
    f"</title><script>{CALL}</script>",
    f"</style><script>{CALL}</script>",
    f"</script><script>{CALL}</script>",
    f"--><script>{CALL}</script>",
    f"]]><script>{CALL}</script>",
    f"<details open ontoggle={CALL}>",
    f"<video><source onerror={CALL}>",
    f"<math href=javascript:{CALL}>x</math>",
    f"<object data=javascript:{CALL}>",
    f"<input autofocus onfocus={CALL}>",
    f"{{{{constructor.constructor('{CALL}')()}}}}",
    f"${{{CALL}}}",
    f"`${{{CALL}}}`",
    f"&lt;script&gt;{CALL}&lt;/script&gt;",
    f"%3Cscript%3E{CALL}%3C/script%3E",
    f"\u202e<script>{CALL}</script>\u202c",
    f"<scr<script>ipt>{CALL}</scr</script>ipt>",
)
# Every attribute that a page could show, with the most characters that its VR takes.
ATTRIBUTES = {
    "PatientName": 64, "PatientID": 64, "PatientComments": 10240, "PatientSex": 16,
    "AccessionNumber": 16, "StudyID": 16, "StudyDescription": 64, "SeriesDescription": 64,
    "ProtocolName": 64, "BodyPartExamined": 16, "ViewPosition": 16, "Laterality": 16,
    "ImageLaterality": 16, "ReferringPhysicianName": 64, "OperatorsName": 64,
    "PerformingPhysicianName": 64, "InstitutionName": 64, "InstitutionAddress": 1024,
    "StationName": 16, "Manufacturer": 64, "ManufacturerModelName": 64, "DeviceSerialNumber": 64,
    "SoftwareVersions": 64, "RequestedProcedureDescription": 64,
    "AdmittingDiagnosesDescription": 64,
    "AcquisitionDeviceProcessingDescription": 64, "PerformedProcedureStepDescription": 64,
    "ImageComments": 10240, "DerivationDescription": 1024,
}  # fmt: skip
OUR_TAGS = {
    "HEADER", "H2", "SPAN", "DIV", "P", "DL", "DT", "DD", "FIGURE", "FIGCAPTION", "IMG", "BUTTON",
    "A",
}  # fmt: skip
STANDS = "Knee "
"""Put before the text where the header reader shall take it for evidence and show it."""


def hostile_instance(text):
    values = {name: text for name, longest in ATTRIBUTES.items() if longest >= 64}
    values["StudyDescription"] = values["ProtocolName"] = STANDS + text
    dataset = radiograph("knee", SpecificCharacterSet="ISO_IR 192")
    for name, value in values.items():
        setattr(dataset, name, value)
    for name, longest in ATTRIBUTES.items():
        if longest < 64:
            # Short attributes are code strings, which know no other character set.
            setattr(dataset, name, text.encode("ascii", "ignore").decode()[:longest])
    return file_bytes(dataset)


@pytest.fixture(scope="module")
def instances(server):
    ids = [server.upload(hostile_instance(text)) for text in HOSTILE]
    for text, instance in zip(HOSTILE, ids, strict=True):
        server.annotation(instance)
        server.request(
            "PUT",
            f"/bodypart/instances/{instance}",
            json={"examined": "knee", "comment": text},
        )
    server.settle()
    return dict(zip(HOSTILE, ids, strict=True))


def attacked(page):
    page.wait_for_timeout(150)
    return page.evaluate("window.attacked || 0")


def test_at_least_thirty_strings_are_tried():
    assert len(set(HOSTILE)) >= 30


def test_nothing_runs_in_the_review_page(page, server, instances):
    page.goto(f"{server.url}/bodypart/ui/?show=all#films")
    page.locator("body[data-ready]").wait_for()
    assert page.locator(".line").count() == len(HOSTILE)
    shown = set()
    for _ in HOSTILE:
        instance = page.locator('.line[aria-current="true"]').get_attribute("data-instance")
        page.locator(f'.stage[data-shown="{instance}"]').wait_for()
        shown.add(page.locator(".detail dd").first.inner_text())
        page.mouse.move(1300, 400)
        page.mouse.move(1200, 600)
        page.keyboard.press("j")
        page.wait_for_timeout(60)
    assert attacked(page) == 0
    assert len(shown) >= 25  # The texts are there, as text.
    page.goto(f"{server.url}/bodypart/ui/#statistics")
    page.locator(".matrix").wait_for()
    assert attacked(page) == 0


def test_nothing_of_ours_runs_in_the_explorer(page, server, instances):
    page.goto(f"{server.url}/app/explorer.html")
    panel = page.locator("#instance .bodypart-panel")
    for text, instance in instances.items():
        page.evaluate("place => { location.hash = place; }", f"#instance?uuid={instance}")
        panel.locator(f'a[href*="{instance}"]').wait_for()
        tags = panel.evaluate("panel => [...panel.querySelectorAll('*')].map(node => node.tagName)")
        assert set(tags) <= OUR_TAGS
        assert attacked(page) == 0, text
        assert STANDS.strip() in panel.inner_text()


def test_the_policy_forbids_inline_script(server):
    answer = server.request("GET", "/bodypart/ui/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "data:" not in policy
    # Orthanc 1.13 adds it once more.
    assert set(answer.headers["X-Content-Type-Options"].split(", ")) == {"nosniff"}
    for text in ("<script>", "onclick=", "style="):
        assert text not in answer.text


def test_a_hostile_comment_stays_text_in_export_and_spreadsheet(server, instances):
    instance = next(iter(instances.values()))
    server.request(
        "PUT", f"/bodypart/instances/{instance}", json={"examined": "knee", "comment": "=1+1"}
    )
    table = server.request("GET", "/bodypart/audit?format=csv").text
    assert "'=1+1" in table
    assert ",=1+1" not in table
