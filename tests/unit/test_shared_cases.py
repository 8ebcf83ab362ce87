"""Small inputs that failed once, each standing for a kind of fault; with the model that ships."""

import pytest

from bodypart.model import BodyPartModel
from bodypart.pipeline import Pipeline
from bodypart.settings import Settings

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def pipeline(request):
    path = request.config.rootpath / "models/bodypart.onnx"
    return Pipeline(BodyPartModel.load(path, "cpu"), Settings())


def annotated(pipeline, shared, name):
    path = shared / "cases" / name
    if not path.is_file():
        pytest.skip(f"{name} is not on this machine")
    return pipeline.annotate(path.read_bytes())[0]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("F05_XA_LOG_modality_lut_pelvis_2048.dcm", "pelvis"),
        ("F05_XA_LOG_no_lut_pelvis.dcm", "pelvis"),
        ("F10_DX_class_modality_XC_foot.dcm", "foot"),
        ("F11_group2_in_body.dcm", "chest"),
        ("F12_RF_claims_8_frames_has_3.dcm", "chest"),
        ("F12_j2k_ts_jpeg_stream.dcm", "chest"),
        ("F12_native_ts_with_jpeg_fragments.dcm", "chest"),
        ("F12_progressive_jpeg_55.dcm", "chest"),
    ],
)
def test_the_picture_is_seen(pipeline, shared, name, label):
    annotation = annotated(pipeline, shared, name)
    assert annotation.status == "done"
    assert annotation.examined.label == label
    assert annotation.examined.source == "image"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("F06_CR_black_BPE_CHEST.dcm", "blank"),
        ("F06_DX_flat_field_BPE_CHEST.dcm", "blank"),
        ("F06_DX_truncated_BPE_only.dcm", "truncated"),
    ],
)
def test_where_nothing_was_seen_a_person_looks_and_nothing_is_routed(
    pipeline, shared, name, reason
):
    annotation = annotated(pipeline, shared, name)
    assert annotation.image["rejected"]
    assert reason in annotation.image["reason"]
    assert annotation.needs_review
    assert annotation.group is None
