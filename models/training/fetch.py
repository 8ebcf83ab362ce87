"""Fetch what people confirmed in an Orthanc, as a manifest with its pictures.

    python -m training.fetch http://127.0.0.1:8042 FOLDER [--credentials FILE]

Pictures are decoded by the service itself; a second run fetches only new ones.
"""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
from PIL import Image

from backfill.errors import UsageError
from backfill.options import PASSWORD, USER, Order, address, authorization, credentials

if TYPE_CHECKING:
    from collections.abc import Sequence

_CLIPPED = (0.1, 99.9)
"""Percentiles of the grey values that become 0 and 255."""
_DIRECT = build_opener(ProxyHandler({}))
"""No proxy of the environment gets pictures and password."""


def get(url: str, known: tuple[str, str] | None) -> tuple[bytes, str | None]:
    """Return the body of an answer, and where the next page begins, if there is one.

    Parameters
    ----------
    url : str
        What to ask for.
    known : tuple of str or None
        User and password, if Orthanc wants them.

    Raises
    ------
    OSError
        If Orthanc does not answer, or refuses (``urllib.error.HTTPError``).
    """
    request = Request(url)
    if known:
        request.add_header("Authorization", authorization(known))
    with _DIRECT.open(request, timeout=120) as answer:
        return bytes(answer.read()), answer.headers.get("BodyPart-Next")


def eight_bits(graymap: bytes) -> Image.Image:
    """Return a 16-bit graymap as the 8-bit picture that training reads."""
    values = np.asarray(Image.open(io.BytesIO(graymap)), dtype=np.float32)
    low, high = np.percentile(values, _CLIPPED)
    scaled = np.clip((values - low) / max(float(high - low), 1e-6), 0, 1)
    return Image.fromarray((255 * scaled).round().astype(np.uint8))


def manifest(orthanc: str, known: tuple[str, str] | None = None) -> bytes:
    """Return the whole manifest as CSV, all its pages joined; errors as in ``get``."""
    text, after = get(f"{orthanc}/bodypart/manifest?format=csv", known)
    while after:
        page, after = get(f"{orthanc}/bodypart/manifest?format=csv&after={quote(after)}", known)
        text += page.partition(b"\n")[2]
    return text


def fetch(orthanc: str, folder: Path, known: tuple[str, str] | None = None) -> int:
    """Write ``manifest.csv`` and the pictures it names; return how many pictures are new.

    Errors as in ``get``; what was fetched before stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = manifest(orthanc, known)
    fetched = 0
    for row in csv.DictReader(io.StringIO(text.decode())):
        path = folder / row["file"]
        if not path.exists():
            graymap, _ = get(f"{orthanc}/bodypart/instances/{path.stem}/picture", known)
            # A picture that was only partly written must not count as fetched the next time.
            unfinished = path.with_suffix(".part")
            eight_bits(graymap).save(unfinished, format="PNG")
            unfinished.replace(path)
            fetched += 1
    # Last, so that a manifest never names a picture that is not there.
    (folder / "manifest.csv").write_bytes(text)
    return fetched


def main(arguments: Sequence[str] | None = None) -> None:
    """Fetch, as the command line says."""
    parser = argparse.ArgumentParser(
        description="Fetch confirmed pictures from an Orthanc.",
        epilog=f"User and password stand in a file, or in {USER} and {PASSWORD}.",
    )
    parser.add_argument("orthanc", help="address of Orthanc")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--credentials", default="", metavar="FILE", help="user:password in one line"
    )
    given = parser.parse_args(arguments)
    try:
        orthanc = address(given.orthanc)
        known = credentials(Order(orthanc, credentials=given.credentials))
        count = fetch(orthanc, given.folder, known)
    except (UsageError, OSError) as error:
        parser.exit(1, f"{error}\n")
    print(f"{count} new pictures in {given.folder}")


if __name__ == "__main__":
    main()
