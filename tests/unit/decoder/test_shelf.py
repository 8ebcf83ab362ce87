"""A picture lies where its decoder can only read it; what does not fit there takes the pipe."""

import errno
import fcntl
import mmap
import os
import sys
from pathlib import Path

import pytest

import doors
from bodypart.settings import Settings
from decoder import shelf as shelf_module
from decoder.shelf import LARGEST, Shelf, opened
from phantoms import file_bytes, radiograph
from service.decoders.process import DecoderProcess, UnreadError

READER = """#!{python}
import os, sys
sys.path.insert(0, {plugin!r})
from decoder import shelf
from decoder.wire import ON_THE_SHELF, Frame, read_frame, write_frame
given = shelf.inherited()
pictures = shelf.opened(given) if {knows} else b""
question = read_frame(sys.stdin.buffer)
hello = {{"model": {{"name": "m", "version": "1", "sha256": ""}}, "labels": [], "provider": "cpu",
         "shelf": {knows}}}
write_frame(sys.stdout.buffer, Frame(hello, number=question.number))
while True:
    question = read_frame(sys.stdin.buffer)
    length = question.header.get(ON_THE_SHELF)
    laid = b"" if length is None else bytes(pictures[:length])
    details = f"shelf {{len(laid)}} {{laid[:1]}}, pipe {{len(question.payload)}}"
    answer = {{"error": "TaskError", "details": details}}
    write_frame(sys.stdout.buffer, Frame(answer, number=question.number))
"""


@pytest.fixture
def shelf():
    made = Shelf()
    yield made
    made.close()


def start(folder, source=READER, **values):
    program = folder / "reader"
    known = {"python": sys.executable, "plugin": str(doors.ROOT / "plugin")}
    program.write_text(source.format(**known, **values), "utf-8")
    program.chmod(0o755)
    process = DecoderProcess(Settings(python=str(program), model="none"))
    process.greet()
    return process


def seen(process, payload, task="annotate"):
    return process.ask(task, {"side": 1}, payload, 60)[0]["details"]


def opened_here():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_what_is_laid_there_is_read_and_the_next_picture_takes_its_place(shelf):
    pictures = opened(os.dup(shelf.descriptor))
    assert shelf.put(b"first picture")
    assert bytes(pictures[:13]) == b"first picture"
    assert shelf.put(b"second")
    assert bytes(pictures[:6]) == b"second"


def test_who_inherits_it_can_never_write_to_it(shelf):
    shelf.put(b"picture")
    theirs = os.dup(shelf.descriptor)
    for attempt in (
        lambda: os.pwrite(theirs, b"x", 0),
        lambda: mmap.mmap(theirs, LARGEST),
        lambda: os.ftruncate(theirs, 0),
        lambda: os.ftruncate(theirs, 2 * LARGEST),
        lambda: fcntl.fcntl(theirs, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE),
    ):
        with pytest.raises(PermissionError):
            attempt()
    pictures = opened(theirs)
    assert pictures.readonly
    with pytest.raises(TypeError):
        pictures[0] = 0
    assert bytes(pictures[:7]) == b"picture"


class Unread:
    """A picture on a disk that may take long."""

    data = b"u" * 4000
    at_hand = True

    def __len__(self):
        return len(self.data)

    def read_into(self, place):
        place[:] = self.data if self.at_hand else b"h" * len(self)
        return self.at_hand


def test_what_the_disk_has_at_hand_is_read_straight_there(tmp_path):
    process = start(tmp_path, knows=True)
    picture = Unread()
    try:
        assert seen(process, picture) == "shelf 4000 b'u', pipe 0"
        picture.at_hand = False
        with pytest.raises(UnreadError):
            seen(process, picture)
        assert process.fit()
        assert seen(process, b"a" * 5000) == "shelf 5000 b'a', pipe 0"
        picture.at_hand = True
        process.hello["shelf"] = False
        with pytest.raises(UnreadError):  # The pipe takes what was read.
            seen(process, picture)
    finally:
        process.close()


def test_there_is_room_for_a_mammogram_of_20_pixels_a_millimetre():
    assert LARGEST > 240 * 20 * 300 * 20 * 2


def test_there_is_room_for_so_much_only(shelf):
    assert shelf.put(bytes(LARGEST))
    assert not shelf.put(bytes(LARGEST + 1))


def test_without_memory_for_a_picture_it_is_not_laid_on_the_shelf(shelf, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "")

    assert shelf.put(bytes(100))
    monkeypatch.setattr(os, "posix_fallocate", full)
    assert not shelf.put(bytes(200))
    assert shelf.put(bytes(50))


def test_a_kernel_without_sealed_memory_has_no_shelf(monkeypatch):
    monkeypatch.setattr(shelf_module, "_SEALS", 1 << 20)
    before = opened_here()
    assert Shelf.made() is None
    assert opened_here() == before


def test_a_decoder_that_knows_the_shelf_gets_its_pictures_there(tmp_path):
    process = start(tmp_path, knows=True)
    try:
        assert seen(process, b"a" * 5000) == "shelf 5000 b'a', pipe 0"
        assert seen(process, b"b" * 3000) == "shelf 3000 b'b', pipe 0"
        assert seen(process, b"c" * 3000, "thumbnail") == "shelf 0 b'', pipe 3000"
        assert seen(process, b"d" * (LARGEST + 1)) == f"shelf 0 b'', pipe {LARGEST + 1}"
    finally:
        process.close()


def test_a_decoder_that_does_not_know_the_shelf_gets_them_by_the_pipe(tmp_path):
    process = start(tmp_path, knows=False)
    try:
        assert seen(process, b"a" * 5000) == "shelf 0 b'', pipe 5000"
    finally:
        process.close()


def test_a_decoder_of_a_service_without_a_shelf_gets_them_by_the_pipe(tmp_path, monkeypatch):
    monkeypatch.setattr(Shelf, "made", lambda: None)
    process = start(tmp_path, READER.replace("shelf.opened(given)", "given"), knows=True)
    try:
        assert seen(process, b"a" * 5000) == "shelf 0 b'', pipe 5000"
    finally:
        process.close()


def test_a_decoder_answers_alike_from_either_place():
    model = str(doors.ROOT / "models/bodypart.onnx")
    process = DecoderProcess(Settings(python=sys.executable, model=model, provider="cpu"))
    process.greet()
    try:
        assert process.hello["shelf"] is True
        data = file_bytes(radiograph("hand", BodyPartExamined="HAND"))
        answers = []
        for known in (True, False):
            process.hello["shelf"] = known
            answer, _ = process.ask("annotate", {"instance": "i"}, data, 60)
            del answer["annotation"]["annotated_at"], answer["seconds"]
            answers.append(answer)
        assert answers[0] == answers[1]
        assert answers[0]["annotation"]["status"] == "done"
    finally:
        process.close()
