"""The name that a word is signed with: of a user whom Orthanc let in, or of nobody."""

import base64

import pytest

from service.users import passwords, user_of


def basic(text):
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("", "anonymous"),
        (basic("änn:se:cret"), "änn"),
        (basic("ann").replace("Basic", "basic"), "ann"),
        (basic(":secret"), "anonymous"),
        (basic("ann:secret").replace("Basic", "Bearer"), "anonymous"),
        *((f"Basic {token}", "anonymous") for token in ("", "=", "%%%", "/w==")),
    ],
)
def test_who_sends_no_name_is_anonymous(sent, name):
    assert user_of(sent, None) == name


def test_what_is_signed_can_be_read():
    """The annotation with a NUL in it was taken for no annotation: the word on it was away."""
    assert user_of(basic("an\0n:secret"), None) == "anonymous"


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("ann:se:cret", "ann"),
        ("chief:se:cret", "anonymous"),
        ("ann:guessed", "anonymous"),
        ("ann", "anonymous"),
        ("", "anonymous"),
    ],
)
def test_a_name_that_orthanc_did_not_check_is_not_believed(sent, name):
    """Each part of a form comes with the headers that its sender wrote into it."""
    assert user_of(basic(sent), {"ann": "se:cret", "bob": "b"}) == name


USERS = {"ann": "secret"}


@pytest.mark.parametrize(
    ("configuration", "known"),
    [
        ({"AuthenticationEnabled": True, "RegisteredUsers": USERS}, USERS),
        ({"RemoteAccessAllowed": True, "RegisteredUsers": USERS}, USERS),
        ({"RegisteredUsers": USERS}, None),
        (
            {"AuthenticationEnabled": False, "RemoteAccessAllowed": True, "RegisteredUsers": USERS},
            None,
        ),
        ({"AuthenticationEnabled": True, "RegisteredUsers": {}}, None),
        ({"AuthenticationEnabled": True}, None),
    ],
)
def test_who_is_known_where_orthanc_itself_checks(configuration, known):
    assert passwords(configuration) == known
