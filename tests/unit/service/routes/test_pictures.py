"""Pictures that people ask for: one that decoders die on does not end them again and again."""

from types import SimpleNamespace

import pytest

from service.decoders.pool import DecoderDiedError, RefusedError
from service.routes import pictures


def test_a_picture_that_decoders_die_on_is_left_alone_for_a_while(house, monkeypatch):
    """Each refresh of a page that shows it ended one, and others waited for the next."""
    monkeypatch.setattr(pictures, "_deaths", pictures.Latest())
    asked, dies = [], True

    def ask(task, *_, **__):
        asked.append(task)
        if dies:
            raise DecoderDiedError("the decoder died at its memory limit")
        return {"values": (0, 1), "window": None}, b"drawn"

    service = SimpleNamespace(
        archive=house.orthanc,
        decoders=SimpleNamespace(ask=ask, hello=None),
        thumbnails=house.thumbnails,
    )

    def each():
        return (
            lambda: pictures.thumbnail("i", service, pictures.Size()),
            lambda: pictures.picture("i", service),
            lambda: pictures.heatmap("i", service, pictures.Explained(label="hand")),
        )

    first, *_ = each()
    with pytest.raises(DecoderDiedError):
        first()
    for draw in each():
        with pytest.raises(RefusedError, match="the decoder died on this picture"):
            draw()
    assert asked == ["thumbnail"]
    dies = False
    with monkeypatch.context() as a_while_later:
        a_while_later.setattr(pictures, "_LEFT_ALONE", 0.0)
        assert all(draw().body == b"drawn" for draw in each())
    house.orthanc.arrive("i", b"another file")
    assert first().body == b"drawn"


def test_no_thumbnail_is_kept_of_what_is_deleted_while_it_is_drawn(house):
    def ask(*_, **__):
        house.orthanc.delete_instance("i")
        house.annotations.gone("i")
        return {}, b"drawn"

    service = SimpleNamespace(
        archive=house.orthanc,
        decoders=SimpleNamespace(ask=ask),
        thumbnails=house.thumbnails,
    )
    version, size = house.orthanc.stored_file("i").version, pictures.Size()
    pictures.thumbnail("i", service, size)
    assert house.thumbnails.get("i", size.size, version) is None
