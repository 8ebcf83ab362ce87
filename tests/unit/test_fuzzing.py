"""The targets of the fuzzer hold for what it starts from; what it found stands here as tests."""

import random

import pytest

from fuzzing.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_its_seeds_and_for_pieces_of_them(name):
    target, seeds = TARGETS[name]
    pick = random.Random(0)
    for seed in seeds():
        target(seed)
        for _ in range(20):
            changed = bytearray(seed)
            changed[pick.randrange(len(seed))] = pick.randrange(256)
            target(bytes(changed))
            target(seed[: pick.randrange(len(seed))])
