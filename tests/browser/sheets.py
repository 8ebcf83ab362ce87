"""The sheet, as tests use it."""


def open_sheet(page, server, query=""):
    page.goto(f"{server.url}/bodypart/ui/{query}")
    page.locator("body[data-ready]").wait_for()


def tiles(page):
    return page.locator(".tile").evaluate_all("all => all.map(tile => tile.dataset.instance)")


def tile(page, instance):
    return page.locator(f'.tile[data-instance="{instance}"]')


def seen(page, number):
    page.get_by_text(f"{number} seen").wait_for()
