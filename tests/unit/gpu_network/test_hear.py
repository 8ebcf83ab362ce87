"""A pipe on which something comes that is no question ends the process, as its end does."""

import io
import threading
from contextlib import suppress

import numpy as np
import pytest

from decoder.wire import Frame, write_frame
from gpu_network.__main__ import hear
from gpu_network.batches import Waiting

SHAPE = (1, 4, 4)
ONE = np.zeros((1, *SHAPE), np.float32).tobytes()


def batches_after(*frames):
    """Return the numbers of what is answered after some frames, batch by batch."""
    pipe, waiting, heard = io.BytesIO(), Waiting(), []
    for frame in frames:
        write_frame(pipe, frame)
    pipe.seek(0)
    with suppress(Exception):
        hear(pipe, SHAPE, waiting)

    def serve():
        while batch := waiting.batch():
            heard.append([question.number for question in batch])

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    serving.join(5)
    assert not serving.is_alive(), "it waits for ever for the next question"
    return heard


def test_what_was_asked_before_the_end_is_answered():
    assert batches_after(Frame({"network": 1}, ONE, 7)) == [[7]]


@pytest.mark.parametrize(
    "bad",
    [
        Frame({}, ONE),
        Frame({"network": 2}, ONE),
        Frame({"network": "one"}, ONE),
        Frame({"network": 1}, np.full((1, *SHAPE), 2, np.float32).tobytes()),
    ],
    ids=["no count", "too few", "no number", "beyond white"],
)
def test_what_is_no_question_is_the_end_as_well(bad):
    assert batches_after(Frame({"network": 1}, ONE, 7), bad) == [[7]]
