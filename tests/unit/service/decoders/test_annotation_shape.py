"""Whatever of an annotation passes does no harm later; what a healthy decoder says does pass."""

import copy
import json

import pytest
from pydantic import TypeAdapter

from bodypart.annotation import Review
from bodypart.dicom_out.policy import tags_to_write
from bodypart.pipeline import Pipeline
from bodypart.record import AnnotationRecord
from bodypart.reviews import apply_review
from bodypart.rollup import Summary, roll_up
from bodypart.settings import Settings
from decoder.wire import Frame
from element_mutations import element_mutations
from phantoms import file_bytes, foreign, radiograph
from service.decoders.annotation_shape import _Annotation, wrong_in
from service.decoders.answers import SurpriseError, check
from service.orthanc_api.annotation_text import annotation_in
from service.orthanc_api.resources import Parents
from service.records.annotations import OURS, concerns_tags, sealed
from service.records.rows import mentions_of, row_of
from unit.test_pipeline import Model

ODD = (
    *(None, True, False, 0, -1, 2, 0.5, 1e308, "", "x", "knee", "skull", "bodypart-x", "\0", "R"),
    *("x" * 6_000, "../../tools/shutdown", [], ["knee", "knee"], ["x"], [None], [[]], [{}], {}),
    *({"label": "x"}, {"x": 1}, [{"label": "knee", "probability": 1.0}] * 2),
)
"""What may stand anywhere in JSON."""

PARENTS = Parents("series", "study", "patient", "CR", "20260101", "")
PERSON = Review(by="ann", at="2026-01-01T00:00:00Z", examined="hand")


@pytest.fixture(scope="module")
def annotation_of():
    pipeline = Pipeline(Model(), Settings(learn="off"))
    return lambda data: json.loads(json.dumps(pipeline.annotate(data, "i")[0].to_json()))


@pytest.fixture(scope="module")
def good(annotation_of):
    """Make an annotation in which every field has something in it."""
    described = {"StudyDescription": "Knie rechts", "Laterality": "R", "PatientAge": "050Y"}
    made = annotation_of(file_bytes(radiograph("knee", **described)))
    made["image"]["marker"] = {"side": "R", "letter": "R", "probability": 0.9, "both": False}
    made["image"]["child"] = 0.1
    made["memory"] = {"revision": "0a", "alike": ["b"], "changed": "hand -> knee", "applied": True}
    return made


def places(value, at=()):
    yield at
    if isinstance(value, (dict, list)):
        for name in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[name], (*at, name))


def changed(annotation, at, odd):
    """Return a copy with something odd in one place; the key ``taken`` takes it away."""
    made = copy.deepcopy(annotation)
    holder = made
    for name in at[:-1]:
        holder = holder[name]
    if odd == "taken":
        del holder[at[-1]]
    else:
        holder[at[-1]] = odd
    return made


def used(annotation):
    """Do with it what is done with every annotation."""
    sealed(annotation)
    row = row_of(annotation, PARENTS)
    assert all(isinstance(value, str | int | float | bool | None) for value in row.values())
    mentions = list(mentions_of(annotation))
    assert len(set(mentions)) == len(mentions)
    json.dumps(roll_up("series", "s", [Summary.of(annotation)]))
    for kept in (annotation, apply_review(annotation, PERSON)):
        text = json.dumps(kept)
        assert annotation_in(text, "i") == json.loads(text)
    if concerns_tags(annotation):
        tags_to_write(annotation, 0.5, [], write_conflicts=True)


def test_what_passes_breaks_nothing_that_reads_it_later(good):
    used(good)
    passed = tried = 0
    for at in list(places(good))[1:]:
        for odd in (*ODD, "taken"):
            hostile = changed(good, at, odd)
            tried += 1
            try:
                frame = Frame({"annotation": hostile, "seconds": {}}, b"", 7)
                check("annotate", {"instance": "i"}, b"", frame, 7)
            except SurpriseError:
                continue
            passed += 1
            used(hostile)
    assert tried > 2_000
    assert passed < tried / 4


def kinds(schema, of, at=()):
    """Yield each place of a JSON schema with what may stand there."""
    schema = of[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    for choice in schema.get("anyOf", ()):
        yield from kinds(choice, of, at)
    if "type" in schema:
        yield at, schema["type"]
    if "items" in schema:
        yield from kinds(schema["items"], of, (*at, 0))
    for name, field in schema.get("properties", {}).items():
        yield from kinds(field, of, (*at, name))


def shape_of(schema):
    found = {}
    for at, kind in kinds(schema, schema["$defs"]):
        found.setdefault(at, set()).add(kind)
    return found


def test_a_decoder_sends_the_record_but_for_what_the_service_and_people_add():
    """A new field is known to both, or nowhere: the shape of one does not follow from the other."""
    record = shape_of(TypeAdapter(AnnotationRecord).json_schema())
    told = shape_of(_Annotation.model_json_schema())
    added = {(name,) for name in ("review", "machine", *OURS)}
    assert {at for at in record if at[:1] not in added} == {
        at for at in told if at[:1] not in added
    }
    for at, kind in told.items():
        assert kind <= record[at] or at == ("instance",), at


@pytest.mark.parametrize(
    "more", ["tags", "parts", "revision", "file", "machine", "children", "<script>", "level"]
)
def test_no_field_comes_along_that_is_not_a_decoders(good, more):
    assert wrong_in({**good, more: "x"}) == "annotation"
    assert wrong_in({**good, "image": {**good["image"], more: "x"}}) == "annotation.image"


def test_what_is_promised_of_an_annotation_is_enough(good):
    """Helpers that are none of ours know of no more."""
    bare = {
        **{
            k: good[k]
            for k in ("instance", "status", "reason", "examined", "visible", "laterality")
        },
        **{k: good[k] for k in ("group", "agreement", "needs_review", "review", "annotated_at")},
        "image": {k: good["image"][k] for k in ("top", "rejected", "reason")},
        "header": {
            "label": "knee",
            "evidence": [{"attribute": "StudyDescription", "value": "Knie"}],
        },
        "model": good["model"],
    }
    assert wrong_in(bare) is None
    used(bare)


def test_the_field_is_named_and_its_value_is_not(good):
    at = ("header", "evidence", 0, "value")
    assert wrong_in(changed(good, at, ["DOE^JANE"])) == "annotation.header.evidence.0.value"
    assert (
        wrong_in(changed(good, ("header", "sides"), {"DOE^JANE": "L"})) == "annotation.header.sides"
    )
    for sides in ({"knee": "X"}, {"knee": ["L"]}, {"knee": {}}):
        assert wrong_in(changed(good, ("header", "sides"), sides)) == "annotation.header.sides"


def test_a_label_has_its_own_code_and_no_other(good):
    assert wrong_in(changed(good, ("examined", "code", "value"), "1")) == "annotation.examined"


def test_what_a_healthy_decoder_says_of_odd_files_passes(annotation_of):
    options = {"StudyDescription": "Knie re. 2 Eb.", "BodyPartExamined": "KNEE"}
    files = [
        file_bytes(radiograph("knee", 64, 80, **options)),
        file_bytes(foreign("CT", **options)),
    ]
    files.append(file_bytes(radiograph("knee", 64, 80, modality="OT", SeriesDescription="x" * 999)))
    for name, data in element_mutations(files, 600):
        assert wrong_in(annotation_of(data)) is None, name
