"""A rule applied to what was stored before it: counted first, then sent, on request.

Nothing of the old stock leaves by itself. The count looks at all that is annotated, and sends
nothing; only after it the rule is applied. A run that a restart interrupts goes on after it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bodypart.annotation import utc_now
from service.deliveries.matching import Case, taking
from service.deliveries.overview import ConflictError
from service.errors import NotFoundError, ServiceError
from service.orthanc_api.resources import Parents
from service.records.index import ANNOTATED
from service.records.tables import instances

if TYPE_CHECKING:
    from service.deliveries.overview import Overview
    from service.deliveries.routing import Routing
    from service.deliveries.rules import Rule
    from service.orthanc_api.archive import Archive
    from service.records.annotations import Annotations
    from service.records.facts import Facts

_STATE = "routes-apply"
_IDLE: dict[str, Any] = {"state": "idle"}
_PAGE = 200
_BREATH = 0.02
_PAUSE_AFTER_TROUBLE = 5.0
_PLACE = ("id", "series", "study", "patient", "modality", "study_date", "station")
_COLUMNS: dict[str, Callable[[Any], sa.ColumnElement[bool]]] = {
    "Examined": instances.c.examined.in_,
    "Group": instances.c.router_group.in_,
    "Modality": instances.c.modality.in_,
    "NeedsReview": instances.c.needs_review.is_,
}
"""Conditions that the index can look at; the annotation itself decides."""


class OldStock:
    """One rule at a time, counted or applied.

    Parameters
    ----------
    archive, annotations, routing, overview, facts
        The service's other parts.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        archive: Archive,
        annotations: Annotations,
        routing: Routing,
        overview: Overview,
        facts: Facts,
        log: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._annotations = annotations
        self._routing = routing
        self._overview = overview
        self._facts = facts
        self._log = log
        self._lock = threading.Lock()
        self._woken = threading.Event()

    def start(self, name: str, *, dry_run: bool) -> dict[str, Any]:
        """Count what a rule takes of the old stock, or apply it; return how far that is.

        Raises
        ------
        NotFoundError
            If there is no such rule.
        ConflictError
            If a run is under way, or the rule was not counted first.
        """
        rule = self._rule(name)
        if rule is None:
            raise NotFoundError(name)
        with self._lock:
            state = self.progress()
            if state["state"] == "running":
                raise ConflictError(f"rule {state['rule']!r} is being looked at: wait, or cancel")
            counted = state.get("rule") == name and state["state"] == "done" and state["dry_run"]
            if not dry_run and not (counted and state["conditions"] == rule.to_json()):
                raise ConflictError(f"rule {name!r} must be counted first: DryRun true")
            self._keep(
                {
                    "state": "running",
                    "rule": name,
                    "conditions": rule.to_json(),
                    "dry_run": dry_run,
                    "started_at": utc_now(),
                    "looked_at": 0,
                    "taken": 0,
                    "deliveries": 0,
                    "after": "",
                }
            )
        self._woken.set()
        return self.progress()

    def cancel(self) -> dict[str, Any]:
        """Look at nothing further; what stands in the outbox stays there."""
        with self._lock:
            state = self.progress()
            if state["state"] == "running":
                self._keep({**state, "state": "cancelled"})
        return self.progress()

    def progress(self) -> dict[str, Any]:
        """Return the state, and how many instances were looked at, taken, and are deliveries."""
        found: dict[str, Any] = json.loads(self._facts.get(_STATE) or "null") or _IDLE
        return found

    def follow(self, stopping: threading.Event) -> None:
        """Work whenever a run was started, until the service stops."""
        self._woken.set()
        while not stopping.is_set():
            self._woken.wait()
            self._woken.clear()
            try:
                while not stopping.wait(_BREATH) and self.step():
                    pass
            except ServiceError as error:
                self._log(f"applying a rule stumbled: {type(error).__name__}")
                stopping.wait(_PAUSE_AFTER_TROUBLE)
                self._woken.set()

    def stop(self) -> None:
        """Let ``follow`` see that it is to end."""
        self._woken.set()

    def step(self) -> bool:
        """Look at a page; tell whether there is another one."""
        state = self.progress()
        if state["state"] != "running":
            return False
        rule = self._rule(state["rule"])
        if rule is None or rule.to_json() != state["conditions"]:
            self._advance(state, {"state": "cancelled"})
            return False
        rows = self._annotations.database.rows(_question(rule, state["after"]))
        notes = self._archive.annotations([row.id for row in rows], "instances")
        taken = deliveries = 0
        for row, note in zip(rows, notes, strict=True):
            if note is None or rule not in taking(self._routing.rules, Case(note, row.modality)):
                continue
            taken += 1
            parents = Parents(*(getattr(row, name) for name in _PLACE[1:]))
            if state["dry_run"]:
                deliveries += self._count(rule, note, parents)
            else:
                deliveries += self._apply(rule, row.id, parents)
        more = len(rows) == _PAGE
        self._advance(
            state,
            {
                "looked_at": state["looked_at"] + len(rows),
                "taken": state["taken"] + taken,
                "deliveries": state["deliveries"] + deliveries,
                "after": rows[-1].id if rows else state["after"],
                **({} if more else {"state": "done"}),
            },
        )
        return more

    def _apply(self, rule: Rule, instance: str, parents: Parents) -> int:
        with self._annotations.lock(instance):
            # It may have been corrected since the page was read.
            note = self._archive.annotation(instance)
            return self._routing.take(note, parents, only=rule) if note else 0

    def _count(self, rule: Rule, note: dict[str, Any], parents: Parents) -> int:
        answer = Case(note, parents.modality).answer
        existing = self._overview.known([note["instance"]]).get(note["instance"], [])
        given = {row.destination for row in existing if row.answer == answer}
        return len({str(to) for to in rule.destinations} - given)

    def _rule(self, name: str) -> Rule | None:
        return next((rule for rule in self._routing.rules if rule.name == name), None)

    def _advance(self, state: dict[str, Any], changes: dict[str, Any]) -> None:
        with self._lock:
            # A person may have cancelled it meanwhile.
            if self.progress()["state"] == "running":
                self._keep({**state, **changes})

    def _keep(self, state: dict[str, Any]) -> None:
        self._facts.set(_STATE, json.dumps(state))


def _question(rule: Rule, after: str) -> sa.Select[Any]:
    """Return the question for the next instances that a rule may take."""
    conditions = rule.conditions or ()
    from_header = any(condition.key == "Evidence" for condition in conditions)
    where = [
        _COLUMNS[condition.key](condition.accepted)
        for condition in conditions
        if condition.key in _COLUMNS and not (condition.key == "Examined" and from_header)
    ]
    return (
        sa.select(*(instances.c[name] for name in _PLACE))
        .where(ANNOTATED, instances.c.id > after, *where)
        .order_by(instances.c.id)
        .limit(_PAGE)
    )
