"""Each route that answers in JSON is asked, of pictures that have something to tell."""

from urllib.parse import quote

import pytest

from answer_shapes import JSON, document
from phantoms import file_bytes, radiograph

NOWHERE = "webhook:http://127.0.0.1:1/"
RULES = [
    {
        "Name": "knees",
        "If": {"Examined": "knee", "Evidence": "any"},
        "To": ["folder:FOLDER"],
        "Urgent": True,
    },
    {
        "Name": "never",
        "If": {
            **{"Examined": ["hip"], "Evidence": "both", "Visible": ["foot", "knee"]},
            **{"Group": "spine", "View": "lateral", "Modality": ["MR", "CT"], "Laterality": "B"},
            **{"Child": True, "MinProbability": 1, "NeedsReview": True},
        },
        "To": [NOWHERE],
    },
    {"Name": "rest", "Otherwise": True, "To": [NOWHERE], "When": "always", "Urgent": True},
]
WORDS = 12
"""Enough to be learned from."""


def film(number, part="hand", **headers):
    headers = {
        "PatientID": f"P{number}",
        "SeriesDescription": "",
        "StudyDescription": "",
        **headers,
    }
    return file_bytes(radiograph(part, 420 + 8 * (number % 7), 380, seed=number, **headers))


@pytest.fixture
def server(make_server):
    made = make_server()
    (made.storage / "knees").mkdir()
    rules = [dict(rule) for rule in RULES]
    rules[0]["To"] = [f"folder:{made.inside / 'knees'}"]
    made.configuration = {"BodyPart": {"Tags": "in-place", "Routes": rules}}
    made.asked = set()

    def note(answer, *_, **__):
        path = answer.request.url.removeprefix(made.url).partition("?")[0]
        if answer.status_code == 200 and answer.headers["content-type"].startswith(JSON):
            made.asked.add(document().operation(answer.request.method, path))

    made.session.hooks["response"].append(note)
    return made.start()


def say(server, method, path, **json):
    answer = server.request(method, f"/bodypart/{path}", json=json)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


def test_every_answer_is_what_the_document_says(server):
    """`conftest.py` looks at each; here they are asked for, and none is left out."""
    pictures = [server.upload(film(number)) for number in range(WORDS + 3)]
    knee = server.upload(film(90, "knee", BodyPartExamined="KNEE", Laterality="L"))
    report = server.upload(film(91, "skull", BodyPartExamined="HAND", Rows=9999))
    server.settle()
    instance = pictures[0]
    about_routing(server, knee)
    about_annotations(server, instance, knee, report)
    about_learning(server, pictures[:WORDS], pictures[-1])
    about_lists(server)
    about_the_old_stock(server, instance)
    remove = [f"instances/{report}", f"studies/{server.above(pictures[-1])['studies']}"]
    for path in remove:
        assert say(server, "DELETE", path)["forgotten"] == 1
    in_json = {name for name in document().operations if document().schema(name, 200) is not None}
    assert in_json - server.asked == set()


def about_annotations(server, instance, knee, report):
    for one in (instance, knee, report):
        server.annotation(one)
    say(server, "PUT", f"instances/{knee}", examined="foot", laterality="R", comment="turned")
    server.settle()
    stale = {"If-Match": '"0123456789abcdef"'}
    path = f"/bodypart/instances/{knee}"
    answer = server.request("PUT", path, json={"examined": "hand"}, headers=stale)
    assert answer.status_code == 412
    for level, resource in server.above(knee).items():
        assert server.get(f"/bodypart/{level}/{resource}")["children"]
    say(server, "DELETE", f"instances/{knee}/review")
    told = say(server, "POST", "reviews", instances=[knee, report, instance], examined="thumb")
    assert told["reviewed"] == 3
    several = say(server, "POST", "reviews/undo", instances=[knee, report, "-".join(["0" * 8] * 5)])
    assert several["undone"] == 2 and several["failed"]
    say(server, "POST", f"instances/{instance}")
    assert say(server, "POST", f"series/{server.above(knee)['series']}")["children"]
    assert say(server, "POST", f"instances/{instance}", Asynchronous=True)["status"] == "pending"
    server.settle()
    for level in ("Instance", "Series", "Study", "Patient"):
        assert say(server, "POST", "find", Level=level, Limit=50)
    for file in (film(95), film(96, Rows=9999)):
        answer = server.request("POST", "/bodypart/classify", data=file)
        assert answer.json()["instance"] is None
    fhir = server.request("GET", f"/bodypart/studies/{server.above(knee)['studies']}/fhir")
    assert fhir.json()["resourceType"] == "ImagingStudy"


def about_routing(server, knee):
    assert len(server.get("/bodypart/routes")["routes"]) == len(RULES)

    def listed(**query):
        asked = "&".join(f"{name}={quote(value)}" for name, value in query.items())
        return server.get(f"/bodypart/deliveries?{asked}")["deliveries"]

    server.wait_until(lambda: listed(instance=knee, state="delivered"))
    server.wait_until(lambda: any(row["error"] for row in listed(rule="rest", state="waiting")))
    waiting = listed(rule="rest", state="waiting")[0]["id"]
    server.get(f"/bodypart/deliveries/{waiting}")
    say(server, "POST", f"deliveries/{waiting}", Action="cancel")
    say(server, "POST", f"deliveries/{waiting}", Action="retry")
    say(server, "POST", "deliveries", Action="retry", Destination=NOWHERE)
    assert server.get("/bodypart/departures")
    assert say(server, "POST", "routes/test", Instance=knee)["rule"] == "knees"
    tried = server.request("POST", "/bodypart/routes/test", data=film(97))
    assert tried.json()["rules"][0]["failed"]
    for dry_run in (True, False):
        server.get("/bodypart/routes/apply")
        say(server, "POST", "routes/apply", Rule="knees", DryRun=dry_run)
        server.wait_until(lambda: server.get("/bodypart/routes/apply")["state"] == "done")
    say(server, "DELETE", "routes/apply")


def about_learning(server, words, other):
    say(server, "POST", "reviews", instances=words, examined="wrist")

    def learned():
        told = server.get("/bodypart/memory")
        return told["words"] == len(words) and not told["waiting"] and told["parts"]

    server.wait_until(learned, 60)
    assert server.get("/bodypart/memory/words?label=wrist&limit=5")["next"]
    assert server.annotation(server.upload(film(98)))["memory"]
    server.settle()
    assert server.get("/bodypart/memory/changes")
    assert server.get(f"/bodypart/instances/{words[0]}/alike")["items"]
    assert server.get("/bodypart/worklist?show=all&order=teaches-most")["items"]
    again = say(server, "POST", "backfill", LearnedSince="2020-01-01")
    assert "again" in again
    server.settle()
    assert server.annotation(other)["memory"]
    say(server, "DELETE", f"memory/words/{words[0]}")
    assert say(server, "DELETE", "memory")["words"] == 0


def about_lists(server):
    for path in ("status", "labels", "openapi.json", "statistics", "modalities"):
        assert server.get(f"/bodypart/{path}")
    for show in ("review", "open", "reviewed", "corrected", "failed", "all"):
        server.get(f"/bodypart/worklist?show={show}&limit=1")
        server.get(f"/bodypart/sheet?show={show}")
    for page in ("worklist", "sheet"):
        assert server.get(f"/bodypart/{page}?show=all&q=wrist&limit=2")["meaning"]["labels"]
        assert server.get(f"/bodypart/{page}?show=all")["items"]
    for table in ("audit", "manifest"):
        assert server.get(f"/bodypart/{table}")


def about_the_old_stock(server, instance):
    server.get("/bodypart/backfill")
    say(server, "POST", "backfill")
    say(server, "POST", "backfill", Failed=True)
    say(server, "DELETE", "backfill")
    say(server, "POST", "backfill/lease", Count=1)
    server.get("/bodypart/backfill/helper")
    brought = {"instance": instance, "annotation": {}, "file": "none"}
    assert say(server, "POST", "backfill/results", results=[brought])["dropped"]
