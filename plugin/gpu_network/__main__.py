"""``python -m gpu_network``: pictures from stdin, answers on stdout, until the pipe closes.

The first frame has ``model``, ``provider`` and ``threads``; its answer says where the network
really runs and, if that is not the GPU, why.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from decoder.lockdown import Lockdown, close_inherited
from decoder.quiet import keep_quiet, private_stdout
from decoder.wire import Frame, WireError, read_frame, write_frame

if TYPE_CHECKING:
    from bodypart.network.local import LocalNetwork
    from decoder.wire import Readable, Writable
    from gpu_network.batches import Waiting


def main() -> None:
    """Load the model, lock down, serve."""
    close_inherited()
    incoming, outgoing = sys.stdin.buffer, private_stdout()
    keep_quiet()
    question = read_frame(incoming)
    path, provider = Path(question.header["model"]), question.header["provider"]
    lockdown = Lockdown(path, cuda=provider != "cpu", lasting=True)
    lockdown.close_files()
    # Imported this late so that files are closed off before libraries of native code are loaded.
    import numpy as np

    from bodypart.model.parameters import read_parameters
    from bodypart.network.local import LocalNetwork
    from gpu_network.batches import SIZES, Waiting

    parameters = read_parameters(path)
    network = LocalNetwork.load(path, provider, question.header["threads"])
    shape = (1, parameters.size, parameters.size)
    # The driver loads code and plans at the first batch of each size, which is impossible once
    # system calls are closed.
    for squares in SIZES if network.provider == "cuda" else SIZES[:1]:
        network.run(np.zeros((squares, *shape), dtype=np.float32))
    waiting = Waiting()
    # Started now because system calls are closed for all threads, and none can be started later.
    threading.Thread(target=hear, args=(incoming, shape, waiting), daemon=True).start()
    lockdown.close_system_calls(0, cuda=network.provider == "cuda")
    hello = {
        "provider": network.provider,
        "warning": network.warning,
        "lockdown": lockdown.to_json(),
    }
    write_frame(outgoing, Frame(hello, number=question.number))
    serve(network, waiting, outgoing)


def serve(network: LocalNetwork, waiting: Waiting, outgoing: Writable) -> None:
    """Answer batch after batch, until the pipe closes."""
    from bodypart.network.tensors import packed
    from gpu_network.batches import answers

    while batch := waiting.batch():
        for question, answer in zip(batch, answers(network, batch), strict=True):
            header, payload = packed(answer)
            frame = Frame({**header, "together": len(batch)}, payload, question.number)
            write_frame(outgoing, frame)


def hear(incoming: Readable, shape: tuple[int, ...], waiting: Waiting) -> None:
    """Queue questions until the pipe closes, or something other than a question arrives."""
    from bodypart.network.tensors import pictures_from
    from gpu_network.batches import Question

    try:
        while True:
            frame = read_frame(incoming)
            pictures = pictures_from(frame.payload, (frame.header["network"], *shape))
            waiting.put(Question(frame.number, pictures))
    except WireError:
        return
    finally:
        # Also after an invalid question: the asker then sees this process end, and starts another.
        waiting.close()


if __name__ == "__main__":
    main()
