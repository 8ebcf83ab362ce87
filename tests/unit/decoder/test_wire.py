import io
import json
import struct

import pytest

from decoder.wire import Frame, WireError, read_frame, write_frame


def written(*frames):
    stream = io.BytesIO()
    for frame in frames:
        write_frame(stream, frame)
    return stream.getvalue()


def raw(header, payload=b""):
    return struct.pack(">QIQ", 1, len(header), len(payload)) + header + payload


def test_a_frame_comes_back_as_it_went():
    frames = [Frame({"task": "ü", "n": 1}, b"\0\xff" * 1000, 2**64 - 1), Frame({})]
    stream = io.BytesIO(written(*frames))
    assert [read_frame(stream), read_frame(stream)] == frames


def test_a_raw_pipe_gives_and_takes_a_little_at_a_time():
    class Slow(io.BytesIO):
        def read(self, count=-1):
            return super().read(min(count, 7))

        def write(self, data):
            return super().write(bytes(data[:7]))

    stream, frame = Slow(), Frame({"a": "b"}, bytes(range(256)), 5)
    write_frame(stream, frame)
    assert read_frame(Slow(stream.getvalue())) == frame


@pytest.mark.parametrize("cut", [0, 5, 13, 21, 29])
def test_a_pipe_that_closes_early_is_an_error(cut):
    whole = written(Frame({"a": 1}, b"12345"))
    with pytest.raises(WireError):
        read_frame(io.BytesIO(whole[:cut]))


def test_an_absurd_length_is_refused_before_anything_is_read():
    with pytest.raises(WireError, match="absurd"):
        read_frame(io.BytesIO(b"\xff" * 20))


def test_the_reader_sets_the_limits():
    frame = written(Frame({"a": 1}, b"12345"))
    assert read_frame(io.BytesIO(frame), longest_header=8, longest_payload=5).payload == b"12345"
    for limits in ({"longest_header": 7}, {"longest_payload": 4}):
        with pytest.raises(WireError, match="absurd"):
            read_frame(io.BytesIO(frame), **limits)


@pytest.mark.parametrize("levels", [65, 700, 1_000_000])
def test_a_deep_header_is_refused_before_it_is_parsed(levels):
    with pytest.raises(WireError, match="deeply"):
        read_frame(io.BytesIO(raw(b'{"a":' + b"[" * levels + b"]" * levels + b"}")))


@pytest.mark.parametrize("header", [b"[]", b"null", b"7", b"{nope", b'{"a":"\xff"}', b"", b"\0"])
def test_what_is_no_object_is_refused(header):
    with pytest.raises(WireError):
        read_frame(io.BytesIO(raw(header)))


def test_a_claimed_length_takes_no_memory_before_the_bytes_come():
    head = struct.pack(">QIQ", 1, 2, 2**36)
    with pytest.raises(WireError, match="closed"):
        read_frame(io.BytesIO(head + json.dumps({}).encode() + b"abc"))
