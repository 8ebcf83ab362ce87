"""How a command of the training says what it refuses."""

import pytest

from training.errors import TrainingError, refusals_told


def test_a_command_says_in_one_line_what_it_refuses():
    @refusals_told()
    def command():
        raise TrainingError("nothing to start from")

    with pytest.raises(SystemExit, match=r"^error: nothing to start from$"):
        command()


def test_a_fault_of_the_program_stays_one():
    with pytest.raises(ZeroDivisionError), refusals_told():
        _ = 1 / 0
