"""Records of attacks on the product: what was tried, how often, and whether it held.

Each attacking command writes its figures into ``docs/tried``, one file per kind of attack; ``make
docs`` makes the table of docs/security.md from them. These figures are never typed by hand.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "tried"


@dataclass(frozen=True)
class Attack:
    """One kind of attack: how often it was tried, and how often the product did not hold.

    ``what`` and ``how_often`` are texts for the table; ``command`` repeats the attack.
    """

    what: str
    command: str
    how_often: str
    broke: int
    remarks: str = ""
    day: str = ""

    def row(self) -> str:
        """Return the line of the table."""
        held = "all" if not self.broke else f"**all but {self.broke:,}**"
        if self.remarks:
            held += f"; {self.remarks}"
        return f"| {self.what} | {self.how_often} | {held} | `{self.command}`, {self.day} |"


def record(name: str, attack: Attack) -> None:
    """Save the figures of an attack over the earlier ones, with today's date; print them."""
    FOLDER.mkdir(exist_ok=True)
    dated = replace(attack, day=datetime.now(UTC).strftime("%Y-%m-%d"))
    text = json.dumps(asdict(dated), indent=2, ensure_ascii=False) + "\n"
    (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")
    print(dated.row())


def table() -> str:
    """Return the table of docs/security.md."""
    attacks = [Attack(**json.loads(path.read_text("utf-8"))) for path in sorted(FOLDER.glob("*"))]
    return "\n".join(
        ["| tried | how often | held | command |", "|---|---|---|---|", *(a.row() for a in attacks)]
    )
