"""What a decoder that was taken over cannot do, for docs/security.md: `make doors`."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from documentation import filled
from doors import DOORS, ROOT, decoder_with_doors, surroundings, tried_in_a_plain_process
from tried import Attack, record


def tried_in_a_decoder(names: list[str]) -> dict[str, dict[str, Any]]:
    """Try doors in one locked decoder."""
    with surroundings() as around, tempfile.TemporaryDirectory() as folder:
        process = decoder_with_doors(Path(folder))
        try:
            return {
                name: process.ask("door", {"door": name, "surroundings": asdict(around)}, b"", 20)[
                    0
                ]
                for name in names
            }
        finally:
            process.close()


def table() -> str:
    """Return the table of docs/security.md, of what was tried and held; record the figures."""
    tried = tried_in_a_decoder([*DOORS, "sweep"])
    swept = tried.pop("sweep")
    plain = {name: tried_in_a_plain_process(name) for name in DOORS}
    lines = ["| tried | plain process | decoder |", "|---|---|---|"]
    for group in dict.fromkeys(group for group, _ in DOORS.values()):
        lines.append(f"| **{group}** | | |")
        for name in (name for name, (of, _) in DOORS.items() if of == group):
            before = "opens" if plain[name]["opened"] else f"closed here: {plain[name]['why']}"
            after = "**OPENS**" if tried[name]["opened"] else f"held: {tried[name]['why']}"
            lines.append(f"| {name} | {before} | {after} |")
    opened = sum(one["opened"] for one in tried.values()) + len(swept["existing"])
    attack = Attack(
        "a decoder in a stranger's hands: each door and each system call that is not listed",
        "make doors",
        f"{len(DOORS)} doors, {swept['tried']} system calls",
        opened,
    )
    record("doors", attack)
    after = f"**{len(swept['existing'])} EXIST**" if swept["existing"] else "held: ENOSYS"
    lines.append(f"| each of {swept['tried']} system calls that are not listed | | {after} |")
    return "\n".join(lines)


if __name__ == "__main__":
    page = ROOT / "docs/security.md"
    page.write_text(filled(page.read_text("utf-8"), "doors", table()), "utf-8")
