"""Routing between real nodes: a second Orthanc, storescp, a web server, a folder."""

import json
import subprocess
import time

import pytest

from nodes import BareOrthanc, WebhookReceiver, storescp
from orthanc_server import free_port, require
from phantoms import file_bytes, radiograph

RETRY_SOON = {"RouteRetryDelay": 0.2, "RouteRetryCeiling": 1.0}
HAND = {"Examined": "hand", "Evidence": "any"}


def hand(**options):
    return file_bytes(radiograph("hand", BodyPartExamined="HAND", **options))


def deliveries(server, query=""):
    return server.get(f"/bodypart/deliveries{query}")["deliveries"]


def states(server):
    return {row["destination"].partition(":")[0]: row["state"] for row in deliveries(server)}


def attempts(server):
    return max((row["attempts"] for row in deliveries(server)), default=0)


@pytest.fixture
def receiver(tmp_path):
    """A second Orthanc, not started yet."""
    node = BareOrthanc(tmp_path / "receiver", "RECEIVER")
    yield node
    node.kill()


@pytest.fixture
def hook():
    found = WebhookReceiver()
    yield found
    found.close()


def configured(receiver, rules, tags="none", **section):
    return {
        "StableAge": 1,
        "DicomModalities": {"RECEIVER": receiver.modality},
        "OrthancPeers": {"RECEIVER": [receiver.url]},
        "DicomWeb": {"Servers": {"RECEIVER": [f"{receiver.url}/dicom-web/"]}},
        "BodyPart": {"Tags": tags, "Routes": rules, **RETRY_SOON, **section},
    }


@pytest.mark.parametrize("target", ["bookworm", "trixie"])
def test_a_picture_reaches_every_kind_of_destination_by_its_answer(
    make_server, receiver, hook, target
):
    require(target)
    receiver.start()
    server = make_server({}, target=target)
    folder = server.inside / "received"
    received = server.storage / "received"
    received.mkdir()
    to = [
        "modality:RECEIVER",
        "peer:RECEIVER",
        "dicomweb:RECEIVER",
        f"webhook:{hook.url}",
        f"folder:{folder}",
    ]
    rules = [
        {"Name": "hands", "If": HAND, "To": to},
        {"Name": "rest", "Otherwise": True, "To": [f"webhook:{hook.url}"]},
    ]
    server.configuration = configured(receiver, rules, tags="in-place")
    server.start()
    instance = server.upload(hand(PatientName="DOE^JANE"))
    server.wait_until(
        lambda: set(states(server).values()) == {"delivered"} and len(states(server)) == 5, 60
    )
    assert receiver.instances() == [instance]
    assert [path.name for path in received.iterdir()] == [f"{instance}.dcm"]
    ((headers, body),) = hook.received
    assert json.loads(body)["instance"] == instance
    assert b"DOE" not in body
    assert len(headers["Idempotency-Key"]) == 64
    tested = server.request("POST", "/bodypart/routes/test", json={"Instance": instance}).json()
    assert tested["taken_by"] == ["hands"]
    tested = server.request("POST", "/bodypart/routes/test", data=hand()).json()
    assert tested["taken_by"] == ["hands"]
    assert tested["case"]["modality"] == "CR"
    assert [failure["condition"] for failure in tested["rules"][1]["failed"]] == ["Otherwise"]
    unknown = {"Instance": "-".join(["00000000"] * 5)}
    assert server.request("POST", "/bodypart/routes/test", json=unknown).status_code == 404
    for wrong in ({"instance": instance}, {"Instance": "x"}, {}):
        answer = server.request("POST", "/bodypart/routes/test", json=wrong)
        assert (answer.status_code, answer.json()["error"]) == (400, "Bad request")
    # The rewriting comes first: what left carries the tags.
    assert server.get(f"/bodypart/instances/{instance}")["tags"]["state"] != "pending"
    assert {row["outcome"] for row in server.get("/bodypart/departures")} == {"delivered"}
    # Classified again, it is the same answer: nothing leaves twice.
    server.request("POST", f"/bodypart/instances/{instance}")
    time.sleep(2)
    assert len(hook.received) == 1


def test_a_destination_that_is_down_gets_it_later_and_holds_up_nobody(make_server, receiver, hook):
    rules = [{"Name": "all", "If": {}, "To": ["peer:RECEIVER", f"webhook:{hook.url}"]}]
    server = make_server(configured(receiver, rules)).start()
    instance = server.upload(hand())
    server.wait_until(lambda: states(server).get("webhook") == "delivered", 30)
    # Not its attempts: the webhook, which is delivered, has one as well.
    server.wait_until(lambda: any(row["error"] for row in deliveries(server, "?rule=all")))
    (down,) = [row for row in deliveries(server) if row["destination"] == "peer:RECEIVER"]
    assert (down["state"], bool(down["error"])) in (("waiting", True), ("sending", True))
    receiver.start()
    server.wait_until(lambda: states(server)["peer"] == "delivered", 30)
    assert receiver.instances() == [instance]


def test_an_end_of_retries_is_shown_and_can_be_begun_anew(make_server, receiver):
    rules = [{"Name": "all", "If": {}, "To": ["modality:RECEIVER"], "Urgent": True}]
    server = make_server(configured(receiver, rules, RouteRetries=1)).start()
    server.upload(hand())
    server.wait_until(lambda: states(server).get("modality") == "failed", 30)
    assert deliveries(server, "?state=waiting,sending") == []
    assert server.request("GET", "/bodypart/deliveries?state=lost").status_code == 400
    (row,) = deliveries(server, "?state=failed,waiting")
    assert row["attempts"] == 2
    receiver.start()
    path = f"/bodypart/deliveries/{row['id']}"
    assert server.request("POST", path, json={"Action": "retry"}).status_code == 200
    server.wait_until(lambda: states(server)["modality"] == "delivered", 30)
    assert server.request("POST", path, json={"Action": "cancel"}).status_code == 409
    assert server.request("POST", path, json={"Action": "recall"}).status_code == 400


def test_a_refusal_is_no_delivery(make_server, receiver, tmp_path):
    """storescp takes the association, and not the picture."""
    port = free_port()
    configuration = configured(
        receiver, [{"Name": "all", "If": {}, "To": ["modality:REFUSING"], "Urgent": True}]
    )
    configuration["DicomModalities"]["REFUSING"] = ["REFUSING", "127.0.0.1", port]
    with storescp(tmp_path / "refused", port, "--refuse"):
        server = make_server(configuration).start()
        server.upload(hand())
        server.wait_until(lambda: attempts(server) >= 2, 30)
        assert deliveries(server)[0]["state"] in ("waiting", "sending")
        assert not server.get("/bodypart/departures")
    with storescp(tmp_path / "received", port) as count:
        server.wait_until(lambda: states(server)["modality"] == "delivered", 30)
        assert count() == 1


def test_a_receiver_killed_in_the_middle_of_a_transfer_gets_it_again(
    make_server, receiver, tmp_path
):
    """storescp has the association and half of the picture, and is killed."""
    port = free_port()
    configuration = configured(
        receiver, [{"Name": "all", "If": {}, "To": ["modality:KILLED"], "Urgent": True}]
    )
    configuration["DicomModalities"]["KILLED"] = ["KILLED", "127.0.0.1", port]
    server = make_server(configuration).start()
    with storescp(tmp_path / "killed", port, "--sleep-during", "30"):
        server.upload(hand())
        server.wait_until(lambda: states(server).get("modality") == "sending")
        server.wait_until(lambda: any(_jobs(server)))
        time.sleep(0.5)
    server.wait_until(lambda: attempts(server) >= 1, 30)
    assert server.get("/bodypart/departures") == []
    with storescp(tmp_path / "received", port) as count:
        server.wait_until(lambda: states(server)["modality"] == "delivered", 30)
        assert count() == 1


def _jobs(server):
    return [job for job in server.get("/jobs?expand") if job["State"] == "Running"]


def test_a_receiver_that_drops_what_it_calls_a_success_is_believed(make_server, tmp_path):
    """As docs/limits.md says: neither C-STORE nor Orthanc's peers tell what a filter dropped."""
    script = tmp_path / "drop.lua"
    script.write_text("function ReceivedInstanceFilter(dicom, origin) return false end")
    node = BareOrthanc(tmp_path / "dropping", "RECEIVER", {"LuaScripts": [str(script)]})
    try:
        node.start()
        to = ["modality:RECEIVER", "peer:RECEIVER"]
        rules = [{"Name": "all", "If": {}, "To": to, "Urgent": True}]
        server = make_server(configured(node, rules)).start()
        server.upload(hand())
        both = {"modality": "delivered", "peer": "delivered"}
        server.wait_until(lambda: states(server) == both, 30)
        assert node.instances() == []
    finally:
        node.kill()


def test_a_server_that_refuses_dicomweb_has_nothing(make_server, receiver, hook):
    """It answers 409, then 503, then 200 without saying what it took."""
    hook.answers = [(409, {}), (503, {}), (200, {})]
    configuration = configured(
        receiver, [{"Name": "all", "If": {}, "To": ["dicomweb:REFUSING"], "Urgent": True}]
    )
    configuration["DicomWeb"]["Servers"]["REFUSING"] = [hook.url]
    server = make_server(configuration).start()
    server.upload(hand())
    server.wait_until(lambda: attempts(server) >= 3, 30)
    assert states(server)["dicomweb"] in ("waiting", "sending")
    assert server.get("/bodypart/departures") == []


def test_nothing_goes_back_to_where_it_came_from(make_server, receiver, hook, tmp_path):
    receiver.start()
    rules = [
        {
            "Name": "all",
            "If": {},
            "To": ["modality:RECEIVER", f"webhook:{hook.url}"],
            "Urgent": True,
        }
    ]
    server = make_server(configured(receiver, rules)).start()
    file = tmp_path / "hand.dcm"
    file.write_bytes(hand())
    command = ["storescu", "-aet", "RECEIVER", "127.0.0.1", str(server.dicom_port), str(file)]
    subprocess.run(command, check=True, timeout=60)
    server.wait_until(lambda: states(server).get("webhook") == "delivered", 30)
    (row,) = [row for row in deliveries(server) if row["destination"] == "modality:RECEIVER"]
    assert (row["state"], row["attempts"]) == ("cancelled", 0)
    assert "came from" in row["error"]
    assert receiver.instances() == []


def test_two_nodes_that_send_to_each_other_come_to_rest(make_server):
    nodes = [make_server({}) for _ in range(2)]
    for node, other in zip(nodes, reversed(nodes), strict=True):
        node.configuration = {
            "OrthancPeers": {"OTHER": [other.url]},
            "BodyPart": {
                "Tags": "in-place",
                "Routes": [{"Name": "all", "If": {}, "To": ["peer:OTHER"], "Urgent": True}],
                **RETRY_SOON,
            },
        }
    first, second = (node.start() for node in nodes)
    first.upload(hand())
    for node in nodes:
        node.wait_until(lambda node=node: states(node).get("peer") == "delivered", 60)
    time.sleep(3)
    for node in nodes:
        assert len(deliveries(node)) == len(node.get("/bodypart/departures")) == 1
    assert second.status()["queue"]["done"] == 1


def test_a_correction_is_routed_to_where_it_belongs_and_recalls_nothing(
    make_server, receiver, hook
):
    rules = [
        {"Name": "knees", "If": {"Examined": "knee"}, "To": [f"webhook:{hook.url}?knees"]},
        {"Name": "rest", "Otherwise": True, "To": [f"webhook:{hook.url}?rest"]},
    ]
    server = make_server(configured(receiver, rules)).start()
    instance = server.upload(hand())
    server.wait_until(lambda: [row["state"] for row in deliveries(server)] == ["delivered"], 30)
    for _ in range(2):
        server.request("PUT", f"/bodypart/instances/{instance}", json={"examined": "knee"})
    server.wait_until(lambda: [row["state"] for row in deliveries(server)] == ["delivered"] * 2, 30)
    time.sleep(1)
    assert [row["rule"] for row in deliveries(server)] == ["knees", "rest"]
    assert [json.loads(body)["rule"] for _, body in hook.received] == ["rest", "knees"]


def test_a_killed_orthanc_loses_no_delivery(make_server, receiver):
    rules = [{"Name": "all", "If": {}, "To": ["modality:RECEIVER", "peer:RECEIVER"]}]
    server = make_server(configured(receiver, rules)).start()
    receiver.start()
    sent = [server.upload(hand(SeriesNumber=str(number))) for number in range(4)]
    for _ in range(2):
        server.settle()
        server.kill()
        server.start()
    server.wait_until(
        lambda: [row["state"] for row in deliveries(server)] == ["delivered"] * len(sent) * 2, 60
    )
    assert sorted(receiver.instances()) == sorted(sent)
    assert len(server.get("/bodypart/departures")) <= len(sent) * 2 + 4


def test_the_old_stock_stays_where_it_is(make_server, receiver, hook):
    """Back-filled pictures are routed only on request."""
    without = configured(receiver, [])
    without["BodyPart"] |= {"OnUpload": False, "SweepInterval": 1}
    server = make_server(without).start()
    server.upload(hand())
    time.sleep(3)  # A sweep notes it for the back-fill.
    server.stop()
    server.configuration = configured(
        receiver,
        [{"Name": "all", "If": {}, "To": [f"webhook:{hook.url}"], "Urgent": True}],
        tags="in-place",
    )
    server.start()
    server.request("POST", "/bodypart/backfill", json={})
    server.wait_until(lambda: server.status()["queue"]["done"] == 1, 30)
    time.sleep(3)
    assert deliveries(server) == []
    apply = "/bodypart/routes/apply"
    assert server.request("POST", apply, json={"Rule": "some", "DryRun": True}).status_code == 404
    assert server.request("POST", apply, json={"Rule": "all", "DryRun": False}).status_code == 409
    for dry_run in (True, False):
        server.request("POST", apply, json={"Rule": "all", "DryRun": dry_run})
        server.wait_until(lambda: server.get(apply)["state"] == "done", 30)
        assert (server.get(apply)["dry_run"], server.get(apply)["deliveries"]) == (dry_run, 1)
        assert len(deliveries(server)) == int(not dry_run)
    server.wait_until(lambda: states(server)["webhook"] == "delivered", 30)


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({"Name": "x", "If": {"Examined": "chets"}, "To": ["folder:/tmp"]}, "did you mean chest"),
        ({"Name": "x", "If": {}, "To": ["modality:NOBODY"]}, "NOBODY"),
        ({"Name": "x", "If": {"Bodypart": "knee"}, "To": ["folder:/tmp"]}, "Bodypart"),
    ],
)
def test_a_rule_that_cannot_be_understood_stops_the_start(make_server, rule, named):
    server = make_server({"BodyPart": {"Routes": [rule]}}).start(wait=False)
    assert server.process.wait(30) != 0
    (line,) = {line.partition("BodyPart.Routes")[2] for line in log(server) if "Routes" in line}
    assert named in line


def log(server):
    return server.log.read_text().splitlines()
