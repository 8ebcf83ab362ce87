"""A hospital teaches the plugin its own films, on a real Orthanc, and takes it back."""

import pytest
from pydicom.uid import generate_uid

from phantoms import file_bytes, radiograph

WORDS = 10
SAID = "wrist"
"""What this hospital calls the films that the model takes for something else."""


def film(number, part="hand"):
    headers = {"PatientID": generate_uid(), "SeriesDescription": "", "StudyDescription": ""}
    return file_bytes(radiograph(part, 420 + 8 * (number % 7), 380, seed=number, **headers))


def read(server, number, part="hand"):
    return server.annotation(server.upload(film(number, part)))


def label(annotation):
    return (annotation["examined"] or {}).get("label")


def say(server, instances, examined):
    for instance in instances:
        answer = server.request(
            "PUT", f"/bodypart/instances/{instance}", json={"examined": examined}
        )
        assert answer.status_code == 200, answer.text


def wait_for_words(server, count):
    def learned():
        told = server.get("/bodypart/memory")
        return told["words"] == count and told["waiting"] == 0

    server.wait_until(learned, 60)


@pytest.fixture(scope="module")
def hospital(orthanc):
    """Ten films with a word, one without; and what the model says of them by itself."""
    before = [read(orthanc, number) for number in range(WORDS + 1)]
    assert SAID not in map(label, before)
    corrected = [annotation["instance"] for annotation in before[:WORDS]]
    say(orthanc, corrected, SAID)
    wait_for_words(orthanc, WORDS)
    return {"corrected": corrected, "waiting": before[WORDS]}


def test_the_next_arrivals_are_read_rightly_and_the_annotation_says_why(orthanc, hospital):
    for number in range(20, 23):
        annotation = read(orthanc, number)
        assert label(annotation) == SAID
        assert annotation["examined"]["source"] == "image"
        assert annotation["review"] is None
        memory = annotation["memory"]
        assert memory["changed"] == f"{label(hospital['waiting'])} -> {SAID}"
        assert set(memory["alike"]) <= set(hospital["corrected"])
        assert memory["revision"] == orthanc.get("/bodypart/memory")["revision"]


def test_a_file_that_is_stored_nowhere_is_read_with_the_memory(orthanc, hospital):
    answer = orthanc.request("POST", "/bodypart/classify", data=film(30))
    assert label(answer.json()) == SAID


def test_what_is_unlike_the_words_is_read_as_before(orthanc, hospital):
    assert read(orthanc, 1, "foot")["memory"] is None


def test_what_was_learned_is_told_by_part(orthanc, hospital):
    told = orthanc.get("/bodypart/memory")
    assert told["learn"] == "on"
    assert told["model"] == orthanc.status()["model"]["sha256"]
    (part,) = told["parts"]
    assert (part["label"], part["words"], part["before"], part["after"]) == (SAID, WORDS, 0.0, 1.0)


def test_more_like_this_are_the_films_of_the_same_kind(orthanc, hospital):
    other = read(orthanc, 2, "foot")["instance"]
    orthanc.settle()
    first = hospital["corrected"][0]
    items = orthanc.get(f"/bodypart/instances/{first}/alike?limit=200")["items"]
    found = [item["instance"] for item in items]
    assert hospital["waiting"]["instance"] in found
    assert not set(found) & set(hospital["corrected"])
    assert found.index(other) > found.index(hospital["waiting"]["instance"])
    likeness = [item["likeness"] for item in items]
    assert likeness == sorted(likeness, reverse=True)


def test_what_teaches_most_is_one_of_each_kind(orthanc, hospital):
    read(orthanc, 3, "pelvis")
    read(orthanc, 4, "pelvis")
    page = orthanc.get("/bodypart/worklist?show=all&order=teaches-most&limit=2")
    assert len(page["items"]) == 2
    found = [item["instance"] for item in page["items"]]
    while page["next"]:
        after = page["next"]
        page = orthanc.get(f"/bodypart/worklist?show=all&order=teaches-most&limit=2&after={after}")
        found += [item["instance"] for item in page["items"]]
    assert len(found) == len(set(found)) == page["total"] > 2
    assert not set(found) & set(hospital["corrected"])


def test_a_back_fill_reads_again_what_the_words_change_and_nothing_else(orthanc, hospital):
    waiting = hospital["waiting"]["instance"]
    other = read(orthanc, 5, "foot")["instance"]
    orthanc.settle()
    before = orthanc.annotation(other)
    assert label(orthanc.annotation(waiting)) != SAID
    answer = orthanc.request("POST", "/bodypart/backfill", json={"LearnedSince": "2020-01-01"})
    assert answer.json()["again"] == 1
    orthanc.wait_until(lambda: label(orthanc.annotation(waiting)) == SAID, 30)
    assert orthanc.annotation(other) == before
    again = orthanc.request("POST", "/bodypart/backfill", json={"LearnedSince": "2020-01-01"})
    assert again.json()["again"] == 0


def test_what_was_removed_or_can_no_longer_be_seen_is_not_read_again(make_server):
    server = make_server().start()
    gone = read(server, 30)["instance"]
    server.request("DELETE", f"/bodypart/instances/{gone}")
    dataset = radiograph("hand", PatientID=generate_uid(), seed=31)
    replaced = server.annotation(server.upload(file_bytes(dataset)))
    assert replaced["image"]
    dataset.PixelData = bytes(100)
    server.upload(file_bytes(dataset))
    server.wait_until(lambda: server.annotation(replaced["instance"])["image"] is None)
    assert server.get("/bodypart/memory/changes") == []
    asked = {"LearnedSince": "2020-01-01"}
    assert server.request("POST", "/bodypart/backfill", json=asked).json()["again"] == 0
    assert server.request("GET", f"/bodypart/instances/{gone}").status_code == 404


@pytest.mark.parametrize("since", ["yesterday", 5, "2026-11-28 10:00"])
def test_an_impossible_time_is_a_bad_request(orthanc, hospital, since):
    answer = orthanc.request("POST", "/bodypart/backfill", json={"LearnedSince": since})
    assert answer.status_code == 400
    assert "LearnedSince" in answer.json()["details"]


def test_words_taken_back_leave_the_model_as_it_was(orthanc, hospital):
    for instance in hospital["corrected"]:
        answer = orthanc.request("DELETE", f"/bodypart/instances/{instance}/review")
        assert answer.status_code == 200, answer.text
    wait_for_words(orthanc, 0)
    annotation = read(orthanc, WORDS)
    assert label(annotation) == label(hospital["waiting"])
    assert annotation["examined"] == hospital["waiting"]["examined"]
    assert annotation["memory"] is None
    orthanc.request("POST", "/bodypart/backfill", json={"LearnedSince": "2020-01-01"})
    waiting = hospital["waiting"]["instance"]
    orthanc.wait_until(lambda: label(orthanc.annotation(waiting)) != SAID, 30)


def test_rejected_films_are_accepted_after_some_words_and_forgotten_with_all(make_server):
    server = make_server().start()
    before = [read(server, number, "knee") for number in range(8)]
    if not all(annotation["image"]["rejected"] for annotation in before):
        pytest.skip("this model accepts drawn knees")
    say(server, [annotation["instance"] for annotation in before], "knee")
    wait_for_words(server, 8)
    annotation = read(server, 20, "knee")
    assert not annotation["image"]["rejected"]
    assert label(annotation) == "knee"
    server.stop()
    server.start()
    wait_for_words(server, 8)
    assert label(read(server, 21, "knee")) == "knee"
    forgotten = server.request("DELETE", "/bodypart/memory").json()
    assert (forgotten["words"], forgotten["parts"]) == (0, [])
    assert read(server, 22, "knee")["image"]["rejected"]
    assert len(server.get("/bodypart/audit")) == 8


def test_suggest_asks_and_off_says_nothing(make_server):
    server = make_server({"BodyPart": {"Learn": "suggest"}}).start()
    before = [read(server, number) for number in range(WORDS)]
    say(server, [annotation["instance"] for annotation in before], SAID)
    wait_for_words(server, WORDS)
    annotation = read(server, 20)
    assert label(annotation) == label(before[0])
    assert annotation["needs_review"]
    assert annotation["memory"]["applied"] is False
    server.configuration["BodyPart"]["Learn"] = "off"
    server.stop()
    server.start()
    assert read(server, 21)["memory"] is None
