"""One user's way through the pages in Firefox; all other browser tests are of Chromium."""

import pytest

from browser.firefox import ENTER, FIREFOX, firefox
from waiting import eventually

SEEN = "document.querySelector('#sheet-bar p').textContent.includes(arguments[0] + ' seen')"
SAID = "document.querySelector('.toast').textContent.includes(arguments[0])"
MAY_SIGN = "document.querySelector('.detail[data-may-sign]')"
DRAWN = """(() => {
  const film = document.querySelector('canvas');
  const { data } = film.getContext('2d').getImageData(0, 0, film.width, film.height);
  return data.some((one) => one > 100 && one < 200);
})()"""


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    """Give a Firefox, without errors in its console until the end."""
    if not FIREFOX.exists():
        pytest.skip(f"there is no {FIREFOX}")
    with firefox(tmp_path_factory.mktemp("firefox")) as window:
        yield window
        assert window.errors() == []


def review(server, instance):
    return server.get(f"/bodypart/instances/{instance}")["review"]


def test_a_sheet_is_confirmed_and_undone(window, server, fresh):
    window.open(f"{server.url}/bodypart/ui/")
    window.until(SEEN, 6)
    window.click(f'.tile[data-instance="{fresh.agreeing[0]}"]')
    window.press("c")
    window.until(SAID, "2 signed.")
    assert [review(server, one) is None for one in fresh.agreeing] == [True, False, False]
    window.press("z")
    window.until(SAID, "2 answers taken back.")
    window.click(f'.tile[data-instance="{fresh.conflicting[0]}"]', times=2)
    window.until("document.querySelector('dialog.loupe img').naturalWidth")


def test_a_film_is_confirmed_corrected_and_undone(window, server, fresh):
    (instance, *_) = fresh.agreeing
    window.open(f"{server.url}/bodypart/ui/?instances={instance}")
    window.until(MAY_SIGN)
    assert window.run(f"return {DRAWN}")
    window.press("m")
    window.until("document.querySelector('.stage img.layer:not([hidden])')?.naturalWidth")
    window.press(ENTER)
    window.until(SAID, "Hand, left: signed")
    assert review(server, instance)["examined"] == "hand"
    window.press("z")
    window.until(SAID, "1 answer taken back.")
    window.until(MAY_SIGN)
    window.press("e")
    window.press("wrist" + ENTER)
    window.until(SAID, "Wrist joint, left: signed")
    assert review(server, instance)["examined"] == "wrist"


def test_explorers_panel_corrects(window, server, fresh):
    (instance, *_) = fresh.conflicting
    window.open(f"{server.url}/app/explorer.html#instance?uuid={instance}")
    panel = "document.querySelector('#instance .bodypart-panel')"
    window.until(f"{panel}?.querySelector('.answer')")
    window.click("#instance .bodypart-panel button:nth-of-type(3)")
    window.until("document.querySelector('dialog[open]')")
    window.press("patella" + ENTER)
    window.until(f"{panel}.querySelector('.answer')?.textContent.startsWith('Patella')")
    assert review(server, instance)["examined"] == "patella"


def test_what_people_confirmed_is_saved(window, server, fresh):
    window.open(f"{server.url}/bodypart/ui/#statistics")
    window.until("document.querySelector('.downloads button')")
    window.click(".downloads button")
    saved = window.downloads / "bodypart-manifest.csv"
    eventually(lambda: saved.exists() and saved.read_text().startswith('"file"'))
