"""Webhooks: a line of ids and codes to an address of the configuration, signed.

No redirects are followed and no proxies taken from the environment: what leaves goes where the
rule says, or nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from bodypart import __version__
from bodypart.annotation import utc_now
from bodypart.settings import SettingsError
from service.deliveries.senders import SendError

if TYPE_CHECKING:
    from bodypart.record import AnnotationRecord
    from service.deliveries.delivery import Delivery

_TIMEOUT = (5.0, 30.0)
_LONGEST_PAUSE = 86_400.0
SIGNATURE = "BodyPart-Signature"
IDEMPOTENCY_KEY = "Idempotency-Key"


def read_secret(file: str) -> bytes | None:
    """Return the secret in a file, white space at its end left out; None if there is no file.

    Raises
    ------
    SettingsError
        If the file cannot be read or is empty.
    """
    if not file:
        return None
    try:
        secret = Path(file).read_bytes().rstrip()
    except OSError as error:
        raise SettingsError(f"BodyPart.WebhookSecretFile: {file}: {error.strerror}") from None
    except ValueError as error:  # A NUL in it, for one.
        raise SettingsError(f"BodyPart.WebhookSecretFile: {error}") from None
    if not secret:
        raise SettingsError(f"BodyPart.WebhookSecretFile: {file} is empty")
    return secret


class WebhookSender:
    """POSTs to one address.

    Parameters
    ----------
    url : str
        The address.
    secret : bytes or None
        Signs the body.
    """

    def __init__(self, url: str, secret: bytes | None) -> None:
        self._url = url
        self._secret = secret
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # A hospital's own authority is in the system's store, not in that of a Python package.
        stores = ssl.get_default_verify_paths()
        self._session.verify = stores.cafile or stores.capath or True

    def send(self, delivery: Delivery, annotation: AnnotationRecord | None) -> None:
        """POST the delivery; any 2xx is an arrival."""
        if annotation is None:
            raise SendError("a webhook has no job that could carry it")
        body = json.dumps(message(delivery, annotation)).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"orthanc-bodypart/{__version__}",
            IDEMPOTENCY_KEY: idempotency_key(delivery),
        }
        if self._secret:
            headers[SIGNATURE] = signature(self._secret, body)
        try:
            response = self._session.post(
                self._url,
                data=body,
                headers=headers,
                timeout=_TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as error:
            raise SendError(f"no answer: {type(error).__name__}") from None
        with response:
            status, pause = response.status_code, pause_of(response.headers.get("Retry-After"))
        if 300 <= status < 400:
            raise SendError(f"it answers {status}; redirects are not followed", pause)
        if not 200 <= status < 300:
            raise SendError(f"it answers {status}", pause)


def message(delivery: Delivery, annotation: AnnotationRecord) -> dict[str, object]:
    """Return what a webhook gets: ids and codes, nothing that names a person."""
    examined = annotation["examined"]
    return {
        "event": "bodypart.routed",
        "rule": delivery.rule,
        "instance": delivery.instance,
        "series": delivery.series,
        "study": delivery.study,
        "status": annotation["status"],
        "examined": examined
        and {
            "label": examined["label"],
            "code": {"value": examined["code"]["value"], "scheme": examined["code"]["scheme"]},
            "probability": examined["probability"],
            "source": examined["source"],
        },
        "laterality": annotation["laterality"]["value"],
        "group": annotation["group"],
        "needs_review": annotation["needs_review"],
        "revision": annotation.get("revision"),
        "attempt": delivery.attempts + 1,
        "sent_at": utc_now(),
    }


def idempotency_key(delivery: Delivery) -> str:
    """Return the Idempotency-Key: the same for all tries to deliver one answer.

    An answer that returns after another one was sent has another key: it must not be taken for what
    arrived before.
    """
    answer = (delivery.instance, delivery.answer, delivery.created_at)
    parts = (delivery.rule, delivery.destination, *answer)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def signature(secret: bytes, body: bytes) -> str:
    """Return ``sha256=`` and the HMAC-SHA256 (RFC 2104) of a body in hexadecimal."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def pause_of(retry_after: str | None) -> float:
    """Return the seconds that ``Retry-After`` asks for (RFC 9110, 10.2.3), a day at most."""
    if not retry_after:
        return 0.0
    if retry_after.strip().isdecimal():
        return min(_LONGEST_PAUSE, float(retry_after))
    try:
        until = parsedate_to_datetime(retry_after)
        seconds = (until - type(until).now(until.tzinfo)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(_LONGEST_PAUSE, max(0.0, seconds))
