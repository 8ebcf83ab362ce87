"""Firefox without its windows, Debian's own, driven by its Marionette.

Playwright drives a Firefox of its own only, and the driver of the WebDriver standard is in no
registry that CI may ask. Marionette has the same commands, as JSON over a socket; while it listens,
Firefox calls nobody at home.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FIREFOX = Path("/usr/bin/firefox-esr")
ENTER = "\ue007"
_MAY_READ_THE_CONSOLE = "--remote-allow-system-access"
_LIMIT = 15.0


class Firefox:
    """One window.

    Parameters
    ----------
    connection : socket.socket
        To Marionette.
    downloads : Path
        The folder into which it saves files.
    """

    def __init__(self, connection: socket.socket, downloads: Path) -> None:
        self.downloads = downloads
        self._socket = connection
        self._answers = connection.makefile("rb")
        self._receive()
        self._do("WebDriver:NewSession", strictFileInteractability=False)

    def open(self, address: str) -> None:
        """Go to an address, and wait until its page is loaded."""
        self._do("WebDriver:Navigate", url=address)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function in the page, and give what it returns."""
        return self._do("WebDriver:ExecuteScript", script=script, args=list(arguments))["value"]

    def until(self, expression: str, *arguments: Any) -> Any:
        """Wait until an expression of the page holds, and give its value."""
        end = time.monotonic() + _LIMIT
        while not (value := self.run(f"return {expression}", *arguments)):
            assert time.monotonic() < end, f"not within {_LIMIT} s: {expression}"
            time.sleep(0.05)
        return value

    def press(self, keys: str) -> None:
        """Press keys, one after the other, wherever the keyboard is."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._act("key", strokes)

    def click(self, selector: str, times: int = 1) -> None:
        """Click into the middle of the first element that a selector names."""
        found = self._do("WebDriver:FindElement", using="css selector", value=selector)["value"]
        self.run("arguments[0].scrollIntoView({ block: 'nearest' })", found)
        there = {"type": "pointerMove", "origin": found, "x": 0, "y": 0}
        pressed = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        self._act("pointer", [there, *(times * pressed)])

    def errors(self) -> list[str]:
        """Give what the console has of errors of pages, since it started."""
        self._do("Marionette:SetContext", value="chrome")
        try:
            return self.run(
                """return Services.console.getMessageArray()
                  .filter(one => one instanceof Ci.nsIScriptError && !(one.flags & one.warningFlag))
                  .filter(one => one.sourceName.startsWith('http'))
                  .map(one => one.errorMessage + ' ' + one.sourceName)"""
            )
        finally:
            self._do("Marionette:SetContext", value="content")

    def _act(self, kind: str, actions: list[dict[str, Any]]) -> None:
        self._do(
            "WebDriver:PerformActions", actions=[{"type": kind, "id": kind, "actions": actions}]
        )

    def _do(self, command: str, **given: Any) -> Any:
        text = json.dumps([0, 1, command, given]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self._receive()
        assert not error, f"{command}: {error}"
        return result

    def _receive(self) -> Any:
        length = b""
        while (digit := self._answers.read(1)) != b":":
            assert digit, "Firefox is gone"
            length += digit
        return json.loads(self._answers.read(int(length)))


@contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """Give a Firefox with a profile of its own in a folder; it is ended afterwards."""
    profile, downloads = folder / "profile", folder / "downloads"
    profile.mkdir()
    downloads.mkdir()
    preferences = {
        "marionette.port": 0,
        "browser.download.dir": str(downloads),
        "browser.download.folderList": 2,
    }
    lines = [
        f"user_pref({json.dumps(key)}, {json.dumps(value)});\n"
        for key, value in preferences.items()
    ]
    (profile / "user.js").write_text("".join(lines))
    process = subprocess.Popen(
        [FIREFOX, "--headless", "--marionette", _MAY_READ_THE_CONSOLE, "--profile", profile],
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port = profile / "MarionetteActivePort"
        end = time.monotonic() + 60
        while not port.exists() or not port.read_text():
            assert process.poll() is None and time.monotonic() < end, "Firefox does not start"
            time.sleep(0.05)
        with socket.create_connection(
            ("127.0.0.1", int(port.read_text())), timeout=60
        ) as connection:
            yield Firefox(connection, downloads)
    finally:
        process.terminate()
        process.wait(30)
