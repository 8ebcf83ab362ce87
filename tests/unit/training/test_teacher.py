"""A training with teachers: those that are right are listened to, the labels stay."""

# ruff: noqa: E402 (the imports below need what is skipped without)

import json

import pytest

from shipped import MODEL

torch = pytest.importorskip("torch", reason="training needs the train extra (torch)")
pytest.importorskip("onnx", reason="training needs the train extra (onnx)")

from training.loss import set_cross_entropy
from training.network import Answer
from training.teacher import Teachers


class Says(torch.nn.Module):
    """A network that says the same of every picture."""

    def __init__(self, *logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, squares):
        logits = self.logits.expand(len(squares), -1)
        return Answer(logits, logits, logits, logits, squares)


def test_teachers_of_the_one_right_answer_have_a_mean_and_others_no_voice():
    teachers = Teachers([Says(4.0, 2.0, 0.0), Says(0.0, 2.0, 4.0), Says(2.0, 1.0, 0.0)])
    right = torch.tensor([[1.0, 0, 0], [0, 0, 1], [1, 0, 1], [0, 1, 0], [0, 0, 0]])
    one, two, three = (network.logits.softmax(0) for network in teachers.networks)
    given = teachers.shares(torch.zeros(5, 1, 8, 8), right)
    nothing = torch.zeros(3)
    expected = [(one + three) / 2, two, nothing, nothing, nothing]
    assert torch.allclose(given, torch.stack(expected))


def test_the_label_counts_whole_where_no_teacher_speaks_and_in_part_where_one_does():
    logits, right = torch.randn(3, 4), torch.eye(4)[[0, 1, 3]]
    taught = torch.tensor([[0.7, 0.1, 0.1, 0.1], [0, 0, 0, 0], [0.25] * 4])
    shares = logits.log_softmax(1)
    label = -(right * shares).sum(1)
    told = -(taught * shares).sum(1)
    expected = (0.4 * label + 0.6 * told)[[0, 2]].sum() + label[1]
    assert torch.isclose(set_cross_entropy(logits, right, 0.0, taught, 0.6), expected / 3)
    alone = set_cross_entropy(logits, right, 0.0)
    assert torch.isclose(set_cross_entropy(logits, right, 0.0, torch.zeros(3, 4), 0.6), alone)


def test_the_shipped_model_can_teach_what_emits_its_labels_too_and_may_know_its_pictures():
    labels = json.loads(MODEL.with_suffix(".json").read_text())["labels"]
    here = torch.device("cpu")
    teachers = Teachers.read([MODEL], labels, 36, licences="all", device=here)
    assert not any(weight.requires_grad for weight in teachers.networks[0].parameters())
    with pytest.raises(ValueError, match="labels that this training does not"):
        Teachers.read([MODEL], labels[1:], 36, licences="all", device=here)
    with pytest.raises(ValueError, match="not clearly licensed"):
        Teachers.read([MODEL], labels, 36, licences="clear", device=here)


def test_a_teacher_never_says_what_it_does_not_know():
    labels = json.loads(MODEL.with_suffix(".json").read_text())["labels"]
    more = ["unheard of", *labels]
    (taught,) = Teachers.read(
        [MODEL], more, 36, licences="all", device=torch.device("cpu")
    ).networks
    (before,) = Teachers.read(
        [MODEL], labels, 36, licences="all", device=torch.device("cpu")
    ).networks
    picture = torch.rand(1, 1, 64, 64)
    said, own = taught(picture).logits.softmax(1), before(picture).logits.softmax(1)
    assert said[0, 0] == 0
    assert torch.allclose(said[:, 1:], own, atol=1e-6)
