"""Annotations, rules and an outbox for the tests of routing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from service.databases.schema import open_durable
from service.deliveries.delivery import Delivery
from service.deliveries.outbox import Outbox
from service.deliveries.rules import Rule, parse_rules
from service.orthanc_api.resources import Parents

CONFIGURATION = {
    "DicomModalities": {
        name: [name, host, 104] for name, host in (("A", "10.0.0.1"), ("B", "10.0.0.2"))
    }
}
DELIVERY = Delivery(
    7, "rule", "modality:A", "instance", "series", "study", "knee L", "sending", None, 10, 0.0, 0,
    None, "", "", "2026-11-28T10:00:00Z", "2026-11-28T10:00:00Z",
)  # fmt: skip
PARENTS = Parents("series", "study", "patient", "DX", "20261128")


def annotation(label: str | None = "knee", **changes: Any) -> dict[str, Any]:
    """Return a finished annotation, by default of a left knee, with some fields changed."""
    examined = label and {
        "label": label,
        "code": {"value": "72696002", "scheme": "SCT", "meaning": "Knee"},
        "probability": 0.97,
        "source": "image",
    }
    return {
        "instance": "instance",
        "status": "done",
        "examined": examined,
        "visible": [{"label": part, "probability": 0.9} for part in ("knee", "patella")],
        "laterality": {"value": "L", "source": "header"},
        "group": "others",
        "child": False,
        "image": {
            "top": [{"label": "knee", "probability": 0.97}],
            "rejected": False,
            "view": "frontal",
        },
        "header": {"label": "hand", "labels": ["hand"], "view": "lateral", "evidence": []},
        "needs_review": False,
        "tags": {"state": "none", "changed": [], "refused": None},
        "revision": "r1",
        **changes,
    }


def rules(*given: dict[str, Any]) -> tuple[Rule, ...]:
    """Return rules, parsed."""
    return parse_rules(given, CONFIGURATION)


def outbox(folder: Path, node: str = "node") -> Outbox:
    """Return an outbox in a folder."""
    return Outbox(open_durable(folder / "durable.sqlite"), node)
