"""A file of ours is told from all others: a correction by its beginning, an original by all."""

import hashlib

import pytest

from service.dicom_tags.file_mark import FileMark

FILE = bytes(100_000)


def test_of_a_correction_the_beginning_is_hashed_alone():
    mark = FileMark.of(FILE, signed=True)
    assert mark.length == len(FILE)
    assert 0 < mark.beginning < len(FILE)
    assert mark.md5 == hashlib.md5(FILE[: mark.beginning]).hexdigest()


@pytest.mark.parametrize(("file", "signed"), [(FILE, False), (FILE[:99], True), (b"", True)])
def test_other_files_are_hashed_as_a_whole(file, signed):
    assert FileMark.of(file, signed=signed) == FileMark(
        len(file), len(file), hashlib.md5(file).hexdigest()
    )


@pytest.mark.parametrize("signed", [True, False])
def test_it_fits_that_file_alone_also_after_a_restart(signed):
    mark = FileMark.read(str(FileMark.of(FILE, signed=signed)))
    assert mark.fits(FILE)
    assert not mark.fits(FILE + b" ")
    assert not mark.fits(b" " + FILE[1:])


@pytest.mark.parametrize("cut", [0, 99, 70_000])
@pytest.mark.parametrize("signed", [True, False])
def test_a_file_in_pieces_has_the_mark_of_the_whole(signed, cut):
    file = bytes(range(250)) * 400
    pieces = file[:cut], memoryview(file)[cut:]
    assert FileMark.of(*pieces, signed=signed) == FileMark.of(file, signed=signed)


def test_what_version_0_2_kept_is_no_mark():
    assert FileMark.read("") is None
    assert FileMark.read(hashlib.md5(FILE).hexdigest()) is None
