"""The films of the review page, as tests use them."""


def open_page(page, server, query="", until=".detail .answer"):
    page.goto(f"{server.url}/bodypart/ui/{query}#films")
    page.locator("body[data-ready]").wait_for()
    page.locator(until).first.wait_for()


def may_sign(page):
    """Wait until the film was on the screen long enough to have been looked at."""
    page.locator(".detail[data-may-sign]").wait_for()


def holding(page, instance, method):
    """Hold back what asks about a picture by a method; return where the requests gather."""
    held = []

    def hold(route):
        held.append(route) if route.request.method == method else route.continue_()

    page.route(f"**/bodypart/instances/{instance}", hold)
    return held


def review_of(server, instance):
    return server.annotation(instance)["review"]


def current(page):
    return page.locator('.line[aria-current="true"]').get_attribute("data-instance")


def hold_back(held, route):
    # Playwright marks what it calls, which no method of a list allows.
    held.append(route)


def without_pictures(page, status):
    """Neither the service's picture nor Orthanc's own preview can be had."""
    for what in ("**/picture", "**/preview"):
        page.route(what, lambda route: route.fulfill(status=status, json={"details": "x"}))


def side_in_doubt(page, address, instance):
    """Have the answers of an address say that the side of one instance is in doubt."""

    def doubt(route):
        found = route.fetch()
        answer = found.json()
        for item in answer["items"]:
            item["side_in_doubt"] = item["instance"] == instance
        route.fulfill(response=found, json=answer)

    page.route(address, doubt)
