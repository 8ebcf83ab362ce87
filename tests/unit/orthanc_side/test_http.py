import pytest

from orthanc_side.http import HttpError, Request, refuse_cross_site


def request(method="POST", **headers):
    return Request(method, "/bodypart/x", headers=headers)


@pytest.mark.parametrize(
    "asked",
    [
        request(),
        request("GET", origin="http://evil", **{"sec-fetch-site": "cross-site"}),
        request(**{"sec-fetch-site": "same-origin"}, origin="http://pacs"),
        request(origin="http://pacs", **{"content-type": "application/json; charset=utf-8"}),
        request("PUT", origin="http://pacs"),
    ],
)
def test_scripts_reading_and_our_own_pages_may(asked):
    refuse_cross_site(asked)


@pytest.mark.parametrize(
    "asked",
    [
        request(**{"sec-fetch-site": "cross-site", "content-type": "application/json"}),
        request("DELETE", **{"sec-fetch-site": "same-site"}),
        request(origin="http://evil"),
        request(origin="null", **{"content-type": "text/plain; x=application/json"}),
        request(origin="http://evil", **{"content-type": "multipart/form-data; boundary=x"}),
    ],
)
def test_another_sites_page_may_not(asked):
    with pytest.raises(HttpError) as refused:
        refuse_cross_site(asked)
    assert refused.value.status == 403


def test_the_user_comes_from_basic_authentication():
    assert request(authorization="Basic YW5uOnNlY3JldA==").user == "ann"
    assert request(authorization="Basic !!!").user == "anonymous"
    assert request().user == "anonymous"
