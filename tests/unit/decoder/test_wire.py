import io

import pytest

from decoder.wire import WireError, read_frame, write_frame


def test_a_frame_comes_back_as_it_went():
    stream = io.BytesIO()
    write_frame(stream, {"task": "ü", "n": 1}, b"\0\xff" * 1000)
    write_frame(stream, {})
    stream.seek(0)
    assert read_frame(stream) == ({"task": "ü", "n": 1}, b"\0\xff" * 1000)
    assert read_frame(stream) == ({}, b"")


@pytest.mark.parametrize("cut", [0, 5, 13, 20])
def test_a_pipe_that_closes_early_is_an_error(cut):
    stream = io.BytesIO()
    write_frame(stream, {"a": 1}, b"12345")
    with pytest.raises(WireError):
        read_frame(io.BytesIO(stream.getvalue()[:cut]))


def test_an_absurd_length_is_refused_before_anything_is_read():
    with pytest.raises(WireError, match="absurd"):
        read_frame(io.BytesIO(b"\xff" * 12))
