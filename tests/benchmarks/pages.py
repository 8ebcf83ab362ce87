"""How long a person waits for the Explorer's panel and for the review page.

    python tests/benchmarks/pages.py

A real Orthanc, Debian's Chromium, both on this machine. The work list holds 10,000 instances: 40
uploaded phantoms in front, the others written into the index directly.
"""

from __future__ import annotations

import math
import sqlite3
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Browser, Page
from pydicom.uid import generate_uid

from browser.chromium import launched
from orthanc_server import Server
from phantoms import file_bytes, radiograph

ITEMS = 10_000
REAL = 40
VISITS = 20
KEYS = 38
CHECKED, WRONG = 200, 5

# Waits for the next frame of the page, but not for ever.
_FRAME = """const limit = performance.now() + 20000;
  const frame = () => new Promise((resolve, reject) => requestAnimationFrame(
    () => (performance.now() < limit ? resolve() : reject(new Error('nothing after 20 s')))));"""
# Milliseconds from the event to the end of Explorer's own work, which blocks the page, and to the
# panel on the screen. A handler on the page itself runs before Explorer's, one added late after.
_PANEL = """async (id) => {
  FRAME
  let started = 0;
  let blocked = 0;
  const after = () => { blocked = performance.now() - started; };
  $('#instance').one('pagebeforeshow', () => { started = performance.now(); });
  $('#instance').live('pagebeforeshow', after);
  location.hash = `#instance?uuid=${id}`;
  const shown = () => document.querySelector(`#instance .bodypart-panel a[href*="${id}"]`);
  while (!blocked || !shown()) await frame();
  const taken = performance.now() - started;
  $('#instance').die('pagebeforeshow', after);
  location.hash = '#lookup';
  const left = () => document.querySelector('#lookup.ui-page-active');
  while (!left()) await frame();
  await new Promise((resolve) => setTimeout(resolve, 300));
  return [blocked, taken];
}""".replace("FRAME", _FRAME)
# Milliseconds from the key to the next picture and its answer on the screen.
_NEXT = """async () => {
  FRAME
  const stage = document.querySelector('.stage');
  const before = stage.dataset.shown;
  const started = performance.now();
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }));
  while (stage.dataset.shown === before) await frame();
  return performance.now() - started;
}""".replace("FRAME", _FRAME)
# Milliseconds until every tile of the first screen of a sheet has its picture.
_SHEET = """async () => {
  FRAME
  const drawn = (tile) => tile.querySelector('img')?.naturalWidth > 0;
  const first = () => [...document.querySelectorAll('.tile')].filter(
    (tile) => tile.getBoundingClientRect().top < innerHeight - 60);
  while (!first().length || !first().every(drawn)) await frame();
  return performance.now();
}""".replace("FRAME", _FRAME)
_SHOWN = """async () => {
  FRAME
  const ready = () => document.body.dataset.ready && document.querySelector('.stage').dataset.shown;
  let interactive = 0;
  while (!ready()) {
    if (!interactive && document.body.dataset.ready) interactive = performance.now();
    await frame();
  }
  return [interactive || performance.now(), performance.now()];
}""".replace("FRAME", _FRAME)


def uploaded(server: Server) -> list[str]:
    """Upload radiographs of ordinary size whose headers contradict them: first in the list."""
    ids = [
        server.upload(
            file_bytes(
                radiograph(
                    "hand", 2500, 2000, seed=number,
                    BodyPartExamined=("KNEE", "CHEST")[number % 2],
                    PatientID=generate_uid(), StudyDate="20260301",
                )
            )
        )
        for number in range(REAL)
    ]  # fmt: skip
    for instance in ids:
        server.annotation(instance, 120)
    server.settle()
    return ids


def fill(index: Path, first: str) -> None:
    """Copy one row of the index until it holds all items."""
    with sqlite3.connect(index, timeout=30) as db:
        names = [row[1] for row in db.execute("PRAGMA table_info(instances)")]
        row = dict(
            zip(
                names,
                db.execute("SELECT * FROM instances WHERE id = ?", (first,)).fetchone(),
                strict=True,
            )
        )
        for number in range(ITEMS - REAL):
            ident = "-".join([f"{number:08x}"] * 5)
            copy = {
                **row, "id": ident, "series": ident, "study": ident, "patient": ident,
                "agreement": "image-only", "needs_review": 1, "probability": 0.3 + number / 30_000,
                "rank": f"01{0.3 + number / 30_000:.4f}79739698{ident}",
            }  # fmt: skip
            marks = ",".join("?" * len(names))
            db.execute(f"INSERT INTO instances VALUES ({marks})", [copy[name] for name in names])


# Resolves once all that stands on the screen was there for long enough to count as seen, and goes
# on by a screen; tells whether there is more.
_LOOK = """async () => {
  FRAME
  const sheet = document.querySelector('#sheet');
  const edge = sheet.getBoundingClientRect();
  const there = ({ top, bottom }) => top < edge.bottom && bottom > edge.top;
  const most = ({ top, bottom, height }) =>
    Math.min(bottom, edge.bottom) - Math.max(top, edge.top) > 0.7 * height;
  const shown = () => [...document.querySelectorAll('.tile')].map(
    (tile) => [tile.tile, tile.getBoundingClientRect()]);
  while (!shown().every(([tile, box]) => !there(box) || !most(box) || tile.seen)) await frame();
  if (sheet.scrollTop + sheet.clientHeight >= sheet.scrollHeight - 2) return false;
  const filters = document.querySelector('#sheet-filters').offsetHeight;
  sheet.scrollBy(0, sheet.clientHeight - filters - 80);
  await frame();
  return true;
}""".replace("FRAME", _FRAME)


def checked(browser: Browser, folder: Path) -> list[float]:
    """Check a sheet by eye, correct some, confirm the rest, undo that; return seconds of each."""
    server = Server(folder, configuration={"BodyPart": {"Tags": "in-place"}}).start()
    try:
        for number in range(CHECKED):
            film = radiograph(
                "hand", 1000, 800, seed=number, BodyPartExamined="HAND", PatientID=generate_uid()
            )
            server.upload(file_bytes(film))
        server.settle(180)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        times = [time.perf_counter()]
        page.goto(f"{server.url}/bodypart/ui/?agreement=agree")
        page.locator(".tile").nth(CHECKED - 1).wait_for(state="attached")
        while page.evaluate(_LOOK):
            pass
        page.get_by_text(f"{CHECKED} seen").wait_for()
        times.append(time.perf_counter())
        for number in range(WRONG):
            page.locator(".tile").nth(CHECKED - 1 - 3 * number).click()
        page.keyboard.press("e")
        page.keyboard.type("wrist")
        page.keyboard.press("Enter")
        page.get_by_text(f"{WRONG} signed.").wait_for()
        times.append(time.perf_counter())
        page.keyboard.press("c")
        page.get_by_text(f"{CHECKED - WRONG} signed.").wait_for()
        times.append(time.perf_counter())
        page.keyboard.press("Control+z")
        page.get_by_text(f"{CHECKED - WRONG} answers taken back.").wait_for()
        times.append(time.perf_counter())
    finally:
        server.close()
    return [later - earlier for earlier, later in pairwise(times)]


def opened(page: Page, server: Server) -> tuple[float, float]:
    """Open the review page; return milliseconds to a usable list and to the first picture."""
    page.goto(f"{server.url}/bodypart/ui/?show=review#films")
    page.reload()
    interactive, shown = page.evaluate(_SHOWN)
    return interactive, shown


def row(what: str, milliseconds: list[float], target: str) -> str:
    """Return a line of the table."""
    ranked = sorted(milliseconds)
    late = ranked[math.ceil(0.95 * len(ranked)) - 1]
    return f"| {what} | {statistics.median(ranked):.0f} | {late:.0f} | {target} |"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name, launched() as browser:
        settings = {"BodyPart": {"Tags": "none", "SweepInterval": 86_400}}
        server = Server(Path(name) / "orthanc", configuration=settings).start()
        try:
            ids = uploaded(server)
            page = browser.new_page()
            page.goto(f"{server.url}/app/explorer.html")
            page.wait_for_timeout(1000)
            panel = [page.evaluate(_PANEL, instance) for instance in ids[: VISITS + 1]][1:]
            fill(server.storage / "db/bodypart-index.sqlite", ids[0])
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            sheets = []
            for _ in range(VISITS):
                page.goto("about:blank")
                page.goto(f"{server.url}/bodypart/ui/")
                sheets.append(page.evaluate(_SHEET))
            times = [opened(page, server) for _ in range(VISITS // 2)]
            total = page.locator("#list-head").inner_text()
            page.wait_for_timeout(500)
            following = []
            for _ in range(KEYS):
                following.append(page.evaluate(_NEXT))
                page.wait_for_timeout(400)
        finally:
            server.close()
        looked, corrected, confirmed, undone = checked(browser, Path(name) / "checked")
    assert f"{ITEMS:,}" in total, total
    print("| milliseconds | median | 95 % | target |")
    print("|---|---|---|---|")
    print(row("Explorer's own page, without the panel", [own for own, _ in panel], "–"))
    print(row("what the panel adds until it is drawn", [all_ - own for own, all_ in panel], "150"))
    print(row("first screen of a sheet of 10,000, pictures drawn", sheets, "800"))
    print(row("review page to a usable list of 10,000", [t[0] for t in times], "1000"))
    print(row("review page to the first picture", [t[1] for t in times], "–"))
    print(row("key to the next picture and its answer", following, "50"))
    print()
    print(f"| {CHECKED} pictures on the sheet, nobody thinking | seconds | target |")
    print("|---|---|---|")
    print(
        f"| all on the screen, each for as long as it takes to count as seen | {looked:.1f} | – |"
    )
    print(f"| {WRONG} marked and corrected | {corrected:.1f} | – |")
    print(f"| {CHECKED - WRONG} confirmed, their files written | {confirmed:.1f} | – |")
    print(f"| all of that | {looked + corrected + confirmed:.1f} | 15 |")
    print(f"| the confirmation undone | {undone:.1f} | – |")


if __name__ == "__main__":
    main()
