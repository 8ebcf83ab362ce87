"""A decoder rewrites the header of a file; it never gets the pixel data, which cannot change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bodypart.dicom_out.part10 import header_end

if TYPE_CHECKING:
    from bodypart.record import RewrittenRecord
    from service.decoders.pool import DecoderPool
    from service.orthanc_api.resources import Piece


def rewritten(
    decoders: DecoderPool, task: str, request: dict[str, Any], data: Piece, *, urgent: bool
) -> tuple[RewrittenRecord, tuple[Piece, ...]]:
    """Have a decoder rewrite a file.

    Parameters
    ----------
    decoders : DecoderPool
        The pool of decoders.
    task : {"correct", "restore"}
        Whether to write tags, or to restore the original ones.
    request : dict
        What the task needs beside the file.
    data : bytes-like
        A DICOM file.
    urgent : bool
        Whether a person waits.

    Returns
    -------
    tuple of dict and pieces
        What changed, or why it was refused; and the new file, empty if nothing changes: the header
        that the decoder made, and the rest of ``data`` without a copy.

    Raises
    ------
    EngineDownError, DecoderDiedError, RefusedError
        If no decoder could do it.
    """
    end = header_end(data)
    answer, header = decoders.ask(task, request, bytes(data[:end]), urgent=urgent)
    outcome: RewrittenRecord = {
        "changed": answer["changed"],
        "refused": answer["refused"],
        "standing": answer["standing"],
    }
    return outcome, (header, memoryview(data)[end:]) if header else ()
