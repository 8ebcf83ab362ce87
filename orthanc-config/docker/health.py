"""Tell whether the Orthanc in this container answers: its HTTP server, its database and the plugin.

``/system`` would answer from memory while the database stands still, so real questions are asked.
Ends with 0 when all answer, else with 1 and one line. Standard library only.

Arguments: the address of Orthanc; else it is read from the configuration that the public image's
entrypoint wrote, with the first of its registered users.
"""

import base64
import json
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

CONFIGURATION = Path("/tmp/orthanc.json")
SECONDS = 8
QUESTIONS: tuple[tuple[str, object], ...] = (
    ("/changes?last", None),
    ("/tools/find", {"Level": "Study", "Query": {}, "Limit": 1}),
    ("/bodypart/status", None),
)


def main() -> None:
    """Ask, and end the process with what came out."""
    configuration = json.loads(CONFIGURATION.read_text("utf-8")) if CONFIGURATION.exists() else {}
    address = sys.argv[1] if len(sys.argv) > 1 else address_of(configuration)
    for path, body in QUESTIONS:
        try:
            ask(address + path, body, configuration)
        except OSError as error:
            sys.exit(f"{path}: {error}")


def address_of(configuration: dict[str, Any]) -> str:
    """Return where Orthanc serves, seen from its own machine."""
    scheme = "https" if configuration.get("SslEnabled") else "http"
    return f"{scheme}://127.0.0.1:{configuration.get('HttpPort', 8042)}"


def ask(url: str, body: object, configuration: dict[str, Any]) -> None:
    """Wait for an answer, with the first of Orthanc's users and the service's certificate.

    Raises
    ------
    OSError
        If none came, or one that tells of an error.
    """
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode())
    for name, password in list((configuration.get("RegisteredUsers") or {}).items())[:1]:
        token = base64.b64encode(f"{name}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    # Its certificate bears the name that others call it by.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate := (configuration.get("BodyPart") or {}).get("ClientCertificate"):
        context.load_cert_chain(certificate)
    # No proxy of the environment, which engines give to each container, gets the password.
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        direct.open(request, timeout=SECONDS).read()
    except urllib.error.HTTPError as error:
        # Who may ask is not this script's business: it lives, and says no.
        if error.code not in (401, 403):
            raise


if __name__ == "__main__":
    main()
