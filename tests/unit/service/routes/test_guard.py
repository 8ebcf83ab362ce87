"""What another site's page may have a user's browser ask for is refused."""

import pytest
from starlette.datastructures import Headers

from service.routes.guard import is_cross_site


def refused(**headers):
    return is_cross_site(Headers({name.replace("_", "-"): v for name, v in headers.items()}))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "same-origin", "origin": "http://pacs"},
        {"origin": "http://pacs", "content_type": "application/json; charset=utf-8"},
        {"user_agent": "Mozilla/5.0 (Windows NT) WindowsPowerShell/5.1"},
        {"user_agent": "curl/8", "content_type": "application/x-www-form-urlencoded"},
    ],
)
def test_scripts_and_our_own_pages_may(headers):
    assert not refused(**headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site", "content_type": "application/json"},
        {"sec_fetch_site": "same-site"},
        {"origin": "http://evil"},
        {"origin": "null", "content_type": "text/plain; x=application/json"},
        {"origin": "http://evil", "content_type": "multipart/form-data; boundary=x"},
        {"accept_language": "de"},
        {"referer": "http://evil/"},
        # A link that was typed, opened from a mail, or followed on one of our own pages.
        {"sec_fetch_site": "none", "sec_fetch_mode": "navigate", "accept_language": "de"},
        {"sec_fetch_site": "same-origin", "sec_fetch_mode": "navigate"},
        {"sec_fetch_site": "same-origin", "sec_fetch_dest": "image"},
        {"sec_fetch_site": "none", "accept_language": "de"},
    ],
)
def test_another_site_s_page_may_not(headers):
    assert refused(**headers)
