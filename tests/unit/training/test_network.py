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


@pytest.mark.parametrize("child", [False, True])
def test_outputs_that_learn_alone_change_no_other_answer(child):
    network = Network(labels=3, visible=4)
    network.learn_alone([False, False, True, False], child=child)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    goal = Targets(
        torch.eye(4)[[2, 2, 0, 3]],
        torch.zeros(4, 4),
        torch.zeros(4),
        torch.zeros(4, dtype=torch.int64),
    )
    plan = Plan(size=64, rate=1e-2, alone=("knee",))
    learner = Learner(network, Teachers([]), plan, torch.device("cpu"))
    for _ in range(3):
        learner.step(torch.rand(4, 1, 64, 64), goal, 0.3)
    kept = [0, 1, 3]
    for after in (network, learner.average.module):
        now = after.state_dict()
        moved = {name for name in now if not torch.equal(now[name], before[name])}
        heads = {"examined.weight", "examined.bias"}
        assert moved == (heads | {"child.weight", "child.bias"} if child else heads)
        for name in heads:
            assert torch.equal(now[name][kept], before[name][kept])
            assert not torch.equal(now[name][2], before[name][2])
