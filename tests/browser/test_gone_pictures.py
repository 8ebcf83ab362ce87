"""A picture that is deleted amid work is told as gone, and nobody is asked to sign it any more."""

from browser.chromium import meanwhile
from browser.films import may_sign
from browser.pages_alone import instance, item

GONE = "Orthanc has no such instance"
REVIEWS = "POST reviews"


def nothing_of_the_first(alone):
    rest = [item(2), item(3)]
    alone.answers["GET sheet"] = {"total": 2, "next": None, "items": rest, "meaning": None}
    alone.answers[rf"(GET|PUT) instances/{instance(1)}"] = lambda route: route.fulfill(
        status=404, json={"error": "Not found", "details": GONE}
    )
    alone.answers[r"POST reviews\S*"] = lambda route: {
        "failed": {instance(1): GONE},
        "revisions": {
            one: "2" for one in route.request.post_data_json["instances"] if one != instance(1)
        },
    }


def test_a_sheet_confirms_it_once_at_most(alone, page):
    alone.open("?show=all")
    page.get_by_text("3 seen").wait_for()
    page.locator(".tile").nth(2).click()
    nothing_of_the_first(alone)
    page.keyboard.press("c")
    page.get_by_text("1 signed. 1 was not: The picture is no longer in this archive.").wait_for()
    gone = page.locator(".tile").first
    gone.get_by_text("No longer here").wait_for()
    page.get_by_text("3 seen").wait_for()
    page.keyboard.press("x")
    page.keyboard.press("c")
    meanwhile(page, lambda: len(alone.asked_for(REVIEWS)) == 2)
    assert instance(1) not in alone.asked_for(REVIEWS)[1][3]["instances"]


def test_a_film_leaves_nothing_to_sign(alone, page):
    alone.open("?show=all#films")
    may_sign(page)
    nothing_of_the_first(alone)
    page.keyboard.press("e")
    page.get_by_role("dialog").get_by_role("combobox").fill("patella")
    page.get_by_role("button", name="Save").click()
    page.locator("#detail").get_by_text("The picture is no longer in this archive.").wait_for()
    assert not page.locator("#detail").get_by_role("button").count()
    assert page.locator("#message span").inner_text() == "The picture is no longer in this archive."
    page.keyboard.press("j")
    page.locator(f'.stage[data-shown="{instance(2)}"]').wait_for()


def test_a_study_of_which_nothing_is_left_says_what_may_be_done(alone, page):
    alone.answers["GET sheet"] = {"total": 0, "next": None, "items": [], "meaning": None}
    alone.open(f"?studies={instance(9000)}")
    page.get_by_text("a back-fill looks at older pictures, and what was deleted is gone").wait_for()
