import json

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
        request("PUT", origin="http://pacs", **{"content-type": "application/json"}),
        request("DELETE", origin="http://pacs", **{"content-type": "application/json"}),
        request("DELETE", **{"user-agent": "Mozilla/5.0 (Windows NT) WindowsPowerShell/5.1"}),
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
        request("DELETE", **{"accept-language": "de"}),
        request("DELETE", origin="http://evil"),
        request("PUT", origin="http://evil", **{"content-type": "text/plain"}),
        request("PUT", referer="http://evil/"),
    ],
)
def test_another_sites_page_may_not(asked):
    with pytest.raises(HttpError) as refused:
        refuse_cross_site(asked)
    assert refused.value.status == 403


def test_the_user_comes_from_basic_authentication():
    assert request(authorization="Basic YW5uOnNlY3JldA==").user == "ann"
    assert request(authorization="Basic !!!").user == "anonymous"
    assert request(authorization="Basic \xfc").user == "anonymous"
    assert request().user == "anonymous"


def test_a_body_is_an_object_and_not_nested_deeply():
    assert Request("POST", "/x", body=b'{"a": [{"b": "[[[[{{"}]}').json() == {
        "a": [{"b": "[[[[{{"}]
    }
    assert Request("POST", "/x").json() == {}
    flat = json.dumps({"a": [[]] * 500}).encode()
    assert len(Request("POST", "/x", body=flat).json()["a"]) == 500
    for body in (b"[1]", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 70 + b"1" + b"}" * 70):
        with pytest.raises(HttpError) as refused:
            Request("POST", "/x", body=body).json()
        assert refused.value.status == 400
