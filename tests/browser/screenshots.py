"""Take the pictures of README and docs, of drawn films: `make screenshots`."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from browser.chromium import launched
from browser.drawn_day import upload_day, upload_fall
from documentation import README, filled
from orthanc_server import ROOT, Server, free_port

DOCS = ROOT / "docs"


def kept(path: Path) -> None:
    """Reduce a screenshot to 256 colours: a quarter of the size."""
    picture = Image.open(path).convert("RGB")
    picture.quantize(256, method=Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


def main() -> None:
    """Write the pictures, and the lines that show them."""
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, launched() as browser:
        server = Server(Path(name) / "orthanc", configuration={"BodyPart": {"Tags": "none"}})
        try:
            server.start()
            day = upload_day(server)
            pages = f"{server.url}/bodypart/ui/"
            page = browser.new_page(viewport={"width": 1360, "height": 850}, color_scheme="dark")
            page.goto(f"{pages}?show=all#films")
            page.locator(f'.line[data-instance="{day.hand_called_knee}"]').click()
            page.get_by_role("button", name="Heat map").click()
            page.locator(f'.stage[data-shown="{day.hand_called_knee}"]').wait_for()
            page.wait_for_load_state("networkidle")
            page.mouse.move(700, 5)
            page.screenshot(path=DOCS / "film.png")
            page = browser.new_page(viewport={"width": 1280, "height": 690}, color_scheme="light")
            page.goto(f"{pages}?show=all")
            page.get_by_text(f"{len(day.films)} seen").wait_for()
            page.locator(f'.tile[data-instance="{day.hand_called_hand}"]').click()
            page.mouse.move(700, 5)
            page.screenshot(path=DOCS / "sheet.png")
            page.goto(f"{pages}?studies={upload_fall(server)}")
            page.locator(".study .tile img").first.wait_for()
            page.wait_for_load_state("networkidle")
            # As high as the study: no row of it is cut.
            cut = page.locator("#study").evaluate("node => node.scrollHeight - node.clientHeight")
            page.set_viewport_size({"width": 1280, "height": 690 + max(cut, 0)})
            page.screenshot(path=DOCS / "study.png")
            page = browser.new_page(viewport={"width": 1280, "height": 560}, color_scheme="light")
            page.goto(f"{server.url}/app/explorer.html#instance?uuid={day.hand_called_hand}")
            page.locator(".bodypart-panel figure img").wait_for()
            page.wait_for_load_state("networkidle")
            page.screenshot(path=DOCS / "explorer.png")
        finally:
            server.close()
        deliveries(browser, Path(name) / "routed")
    for path in (
        DOCS / f"{name}.png" for name in ("sheet", "study", "film", "explorer", "deliveries")
    ):
        kept(path)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} kB")
    _show(
        README,
        "docs/",
        {
            "The sheet: many pictures, one marked as wrong": "sheet",
            "A film: work list, picture with heat map, answer": "film",
        },
    )
    _show(
        DOCS / "pages.md",
        "",
        {"A study: its films side by side": "study", "The panel in Orthanc Explorer": "explorer"},
    )
    _show(DOCS / "routing.md", "", {"What rules sent on, and what became of it": "deliveries"})


def deliveries(browser: Browser, folder: Path) -> None:
    """Take the picture of what rules sent on: what arrived, what waits, what failed."""
    received = folder / "received"
    received.mkdir(parents=True)
    hand = {"Examined": "hand", "Evidence": "any"}
    rules = [
        {"Name": "hands", "If": hand, "Urgent": True, "To": ["modality:BONEAGE"]},
        {"Name": "research", "If": {}, "Urgent": True, "To": [f"folder:{received}"]},
        {"Name": "night", "If": {"NeedsReview": False}, "When": night(), "To": ["peer:ARCHIVE"]},
    ]
    section = {"Tags": "none", "Routes": rules, "RouteRetries": 2, "RouteRetryDelay": 0.1}
    nodes = {
        "DicomModalities": {"BONEAGE": ["BONEAGE", "127.0.0.1", free_port()]},
        "OrthancPeers": {"ARCHIVE": [f"http://127.0.0.1:{free_port()}/"]},
    }
    server = Server(folder / "orthanc", configuration={**nodes, "BodyPart": section})
    try:
        server.start()
        hands = upload_day(server).hands
        page = browser.new_page(viewport={"width": 1360, "height": 850}, color_scheme="light")
        page.goto(f"{server.url}/bodypart/ui/#deliveries")
        page.get_by_role("button", name=f"{hands} failed").wait_for()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=DOCS / "deliveries.png")
    finally:
        server.close()


def night() -> str:
    """Return a window of the day that is closed just now."""
    hour = datetime.now().hour
    return f"{(hour + 2) % 24:02}:00-{(hour + 4) % 24:02}:00"


def _show(page: Path, folder: str, pictures: dict[str, str]) -> None:
    lines = "\n".join(f"![{text}]({folder}{name}.png)" for text, name in pictures.items())
    lines += "\n\nFilms drawn by `tests/drawn_films.py`."
    text = page.read_text(encoding="utf-8")
    page.write_text(filled(text, "screenshots", lines), encoding="utf-8")


if __name__ == "__main__":
    main()
