"""The memory on an instance's way: what it changes, what it tells, what it leaves alone."""

import json

import pytest

from bodypart.memory import Memory, unpack_seen
from bodypart.memory.recall import MOST_ALIKE
from bodypart.pipeline import Pipeline
from bodypart.settings import Settings
from decoder.tasks import TASKS, TaskError
from phantoms import file_bytes, radiograph
from unit.memory.hospital import LABELS, MODEL, reading, words

WRISTS = Memory(MODEL, LABELS, words(10, "wrist", "hand", "knee", "chest"))


class Model:
    """Says the same of every picture."""

    name, version, sha256, labels = "told", "1", MODEL, LABELS

    def __init__(self, said):
        self.said = said

    def read(self, values):
        return self.said


def pipeline(learn="on", memory=WRISTS, said=None):
    """Make one whose model takes a wrist of the hospital for a hand, or says something else."""
    made = Pipeline(Model(said or reading("wrist", 1)), Settings.parse({"Learn": learn}))
    record, payload = memory.update()
    answer, _ = TASKS["learn"](made, {"memory": json.loads(json.dumps(record))}, payload)
    assert answer == {"applied": True, "revision": memory.revision}
    return made


def annotate(made, task="annotate", **headers):
    answer, _ = TASKS[task](made, {"instance": "here"}, file_bytes(radiograph("hand", **headers)))
    return answer


def test_words_change_the_answer_and_the_annotation_says_so():
    annotation = annotate(pipeline())["annotation"]
    assert annotation["examined"]["label"] == "wrist"
    assert annotation["examined"]["source"] == "image"
    assert annotation["memory"]["revision"] == WRISTS.revision
    assert annotation["memory"]["changed"] == "hand -> wrist"
    assert annotation["memory"]["alike"][0].startswith("instance-wrist")
    assert len(annotation["memory"]["alike"]) == MOST_ALIKE < len(WRISTS.words)


def test_a_file_that_is_stored_nowhere_is_read_with_the_memory_too():
    assert annotate(pipeline(), "classify")["annotation"]["examined"]["label"] == "wrist"


def test_the_header_is_weighed_after_the_memory():
    annotation = annotate(pipeline(), BodyPartExamined="WRIST")["annotation"]
    assert annotation["agreement"] == "agree"
    assert annotation["examined"]["source"] == "image+header"


def test_suggest_changes_no_answer_and_asks_for_a_review():
    annotation = annotate(pipeline("suggest"))["annotation"]
    assert annotation["examined"]["label"] == "hand"
    assert annotation["memory"]["changed"] == "hand -> wrist"
    assert not annotation["memory"]["applied"]
    assert annotation["needs_review"]
    assert "hand -> wrist" in annotation["review_reason"]


def test_a_suggestion_leaves_a_review_its_reason():
    annotation = annotate(pipeline("suggest"), BodyPartExamined="CHEST")["annotation"]
    assert annotation["memory"]["changed"] == "hand -> wrist"
    assert "but the header says chest" in annotation["review_reason"]


@pytest.mark.parametrize(
    ("learn", "status", "label"), [("suggest", "skipped", None), ("on", "done", "knee")]
)
def test_a_suggestion_is_reviewed_also_where_the_picture_may_be_no_radiograph(learn, status, label):
    """A capture that the model rejects is skipped: nobody was shown it."""
    memory = Memory(MODEL, LABELS, [*words(10, "hand"), *words(10, "knee", rejected=True)])
    made = pipeline(learn, memory, reading("knee", 1, rejected=True))
    annotation = annotate(made, modality="OT")["annotation"]
    assert annotation["status"] == status
    assert (annotation["examined"] or {"label": None})["label"] == label
    assert annotation["memory"]["changed"] == "none -> knee"
    assert annotation["needs_review"] == (learn == "suggest")


def test_off_says_nothing_at_all():
    annotation = annotate(pipeline("off"))["annotation"]
    assert annotation["examined"]["label"] == "hand"
    assert annotation["memory"] is None
    assert not annotation["needs_review"]


def test_without_words_the_answer_is_the_models():
    annotation = annotate(pipeline(memory=Memory(MODEL, LABELS)))["annotation"]
    assert annotation["examined"]["label"] == "hand"
    assert annotation["memory"] is None


@pytest.mark.parametrize("learn", ["on", "suggest", "off"])
def test_what_the_model_itself_saw_goes_beside_the_annotation(learn):
    """A word must be made of what the model says, never of what the memory made of it."""
    answer = annotate(pipeline(learn))
    seen, own = unpack_seen(answer["seen"]), reading("wrist", 1).seen
    assert seen.posterior == pytest.approx(own.posterior, abs=1e-3)
    assert seen.embedding == pytest.approx(own.embedding, abs=1e-3)
    assert "seen" not in answer["annotation"]


def test_what_nobody_looked_at_has_nothing_beside_it():
    answer, _ = TASKS["annotate"](pipeline(), {"instance": "here"}, b"no DICOM")
    assert "seen" not in answer


def test_an_update_learned_with_another_model_is_refused():
    stranger = Memory("1" * 64, LABELS)
    with pytest.raises(TaskError, match="another model"):
        TASKS["learn"](pipeline(), {"memory": stranger.update()[0]}, b"")
