"""The digest that ties a person's word to a picture."""

from hashlib import sha256

from pydicom.encaps import encapsulate

from bodypart.pixel_digest import differ, digest_of, is_digest_of, is_old


def test_it_is_of_the_picture_not_of_its_offset_table():
    frames = [b"one picture.", b"another one."]
    with_table, without = (encapsulate(frames, has_bot=flag) for flag in (True, False))
    assert with_table != without
    assert digest_of(with_table) == digest_of(without)
    assert digest_of(with_table) != digest_of(encapsulate(frames[:1]))
    assert digest_of(b"\1\2") != digest_of(b"\1\3")


def test_it_is_the_one_that_files_in_the_field_carry():
    assert digest_of(b"\1\2") == "b3:b7d770040f780e9deff6bc038abea66e"


def test_a_digest_of_version_0_2_0_is_still_known():
    frames = encapsulate([b"one picture."], has_bot=True)
    old = sha256(b"one picture.").hexdigest()[:32]
    assert is_digest_of(old, frames)
    assert [is_old(digest) for digest in (old, digest_of(frames), None)] == [True, False, False]
    assert not is_digest_of(old, encapsulate([b"another one."]))
    assert is_digest_of(digest_of(frames), frames)
    assert not is_digest_of(digest_of(b"\1\2"), frames)


def test_only_digests_of_one_kind_tell_pictures_apart():
    today, other, old = digest_of(b"\1\2"), digest_of(b"\1\3"), "a" * 32
    assert differ(today, other)
    assert differ(old, "b" * 32)
    assert not differ(today, today)
    for one in (None, "", old):
        assert not differ(one, today)
        assert not differ(today, one)
