"""``python -m service``: gets Orthanc's events on its standard input, one JSON object a line.

The first line has what `service.main.Service` takes; each further one ``event`` and ``id``. The end
of the input ends the service: Orthanc is gone. With ``--check`` only the first line is checked, and
one line on stderr says what is wrong.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from service.life import Life

_RESTART = 75
"""Exit status that asks to be started again (EX_TEMPFAIL)."""


def main() -> int:
    """Check a configuration, or serve until Orthanc is gone; return the exit status."""
    os.umask(0o077)
    # See `OrthancProcess.obey`. The decoders inherit this, and are ended when they have answered.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    # Read by numpy's BLAS: learning takes one core at most, beside Orthanc and the decoders.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.argv[1:] == ["--check"]:
        return _check(json.loads(sys.stdin.buffer.read()))
    try:
        return _serve(sys.stdin.buffer)
    except Exception:
        traceback.print_exc()
        # Threads that run already would keep alive what nobody hears of, or ends.
        os._exit(_RESTART)


def _check(given: dict[str, Any]) -> int:
    try:
        from bodypart.settings import SettingsError
        from service.own_files import Files
        from service.prerequisites import checked_settings
    except ImportError as error:
        print(
            f"{sys.executable} lacks {error.name}: run orthanc-config/install.sh", file=sys.stderr
        )
        return 1
    try:
        configuration = given["configuration"]
        settings = checked_settings(configuration)
        if not settings.database:
            Files.of(settings, configuration, Path(given["folder"])).require_own()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _serve(incoming: BinaryIO) -> int:
    import uvicorn

    from service.errors import DamagedError
    from service.life import Life
    from service.listening import follow, listening
    from service.log import Speaker
    from service.main import Service
    from service.orthanc_process import OrthancProcess
    from service.own_files import Files
    from service.prerequisites import checked_settings
    from service.routes.app import build, complete

    speaker = Speaker.on_stdout()
    given = json.loads(incoming.readline())
    try:
        service = Service(given, speaker.say, lambda: os._exit(_RESTART))
        life = Life(service)
        life.start()
    except DamagedError as error:
        configuration = given["configuration"]
        settings = checked_settings(configuration)
        Files.of(settings, configuration, Path(given["folder"])).set_aside(error.place)
        raise
    app = build(service)
    complete(app)
    with listening(service.files.index.parent) as (listener, address):
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
            )
        )
        hearing = threading.Thread(target=hear, args=(incoming, life, server), daemon=True)
        hearing.start()
        orthanc = OrthancProcess(os.getppid())
        for wait in (orthanc.follow, orthanc.obey, partial(follow, address)):
            ends = partial(_end, life, server)
            threading.Thread(target=wait, args=(ends,), daemon=True).start()
        speaker.say({"socket": str(address)})
        server.run(sockets=[listener])
        life.stop()
        orthanc.wait_to_be_told(hearing)
    if hearing.is_alive():
        # It reads the standard input, without which the interpreter cannot end.
        os._exit(_RESTART)
    return 0


def hear(incoming: BinaryIO, life: Life, server: Any) -> None:
    """Take in events of Orthanc's side, until it stops, or is gone."""
    try:
        for line in incoming:
            message = json.loads(line)
            if message["event"] == "stop":
                _end(life, server)
                return
            life.take(message["event"], message["id"])
    except Exception as error:
        # The service must not go on without hearing events; Orthanc's side logs this last line.
        print(
            f"it cannot read the messages of Orthanc's side: {type(error).__name__}",
            file=sys.stderr,
        )
    # Orthanc was killed: this service must not go on beside the next Orthanc's.
    os._exit(_RESTART)


def _end(life: Life, server: Any) -> None:
    server.should_exit = True
    life.quieten()


if __name__ == "__main__":
    sys.exit(main())
