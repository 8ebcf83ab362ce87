"""What of the network learns."""

# ruff: noqa: E402 (the imports below need what is skipped without)

import pytest

for module in ("torch", "cv2"):
    pytest.importorskip(module, reason=f"the training needs the train extra ({module})")

import torch

from training.dataset import Targets
from training.learner import Learner, Plan
from training.network import Network
from training.teacher import Teachers


def test_labels_that_are_added_alone_change_no_other_answer():
    network = Network(labels=3, visible=4)
    network.learn_alone([False, False, True, False])
    before = {name: value.clone() for name, value in network.state_dict().items()}
    goal = Targets(
        torch.eye(4)[[2, 2, 0, 3]],
        torch.zeros(4, 4),
        torch.zeros(4),
        torch.zeros(4, dtype=torch.int64),
    )
    plan = Plan(size=64, rate=1e-2)
    learner = Learner(network, Teachers([]), plan, torch.device("cpu"))
    for _ in range(3):
        learner.step(torch.rand(4, 1, 64, 64), goal, 0.3)
    after = network.state_dict()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"examined.weight", "examined.bias"}
    kept = [0, 1, 3]
    assert not torch.equal(after["examined.weight"][2], before["examined.weight"][2])
    # Decay alone, which the export takes back (``--average-with``, ``--share 0``).
    assert torch.allclose(
        after["examined.weight"][kept], before["examined.weight"][kept], rtol=0.02
    )
    assert torch.equal(after["examined.bias"][kept], before["examined.bias"][kept])
