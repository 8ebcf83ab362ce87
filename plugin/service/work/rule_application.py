"""A rule applied on request to what was stored before the rule: counted first, then sent.

Nothing of the old stock is sent by itself. The count looks at all annotated instances, sends
nothing, and keeps those that the rule takes. Only then can the rule be applied, and only to these;
one that changed since the count is left out. A run that a restart interrupts is resumed, and one
whose node is gone by another node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import sqlalchemy as sa
from typing_extensions import TypedDict

from service.databases.tables import instances
from service.deliveries.matching import Case, taking
from service.deliveries.rules import RuleRecord
from service.errors import ArchiveError, ConflictError, NotFoundError, RecordError, ServiceError
from service.lasting import kind_and_place
from service.orthanc_api.resources import Parents
from service.records.index import ANNOTATED
from service.work.run import Run

if TYPE_CHECKING:
    import threading

    from bodypart.record import AnnotationRecord
    from service.deliveries.dispatch import Dispatch
    from service.deliveries.rules import Rule
    from service.orthanc_api.archive import Archive
    from service.records.annotations import Annotations
    from service.records.facts import Facts

_PAGE = 200
_BREATH = 0.02
_LOOK_EVERY = 5.0
"""Seconds after which a run that another node began is found."""
_PAUSE_AFTER_TROUBLE = 5.0
_NEXT_PAGE = "routes-apply.page"
"""Lock of the page that is done now."""
_PLACE = ("id", "series", "study", "patient", "modality", "study_date", "station")
_COLUMNS: dict[str, Callable[[Any], sa.ColumnElement[bool]]] = {
    "Examined": instances.c.examined.in_,
    "Group": instances.c.router_group.in_,
    "Modality": instances.c.modality.in_,
    "NeedsReview": instances.c.needs_review.is_,
}
"""Conditions by which the index preselects; the annotation itself decides."""
_PARENTS = sa.select(*(instances.c[name] for name in _PLACE))


class NoRun(TypedDict):
    """No rule was counted or applied yet."""

    state: Literal["idle"]


class RuleRun(TypedDict):
    """How far a rule is counted or applied.

    ``counted`` is how many deliveries the count told before, ``after`` the last instance done.
    """

    state: Literal["running", "done", "cancelled"]
    started_at: str
    rule: str
    conditions: RuleRecord
    dry_run: bool
    looked_at: int
    taken: int
    deliveries: int
    counted: int | None
    after: str


Progress = NoRun | RuleRun


class _Page(NamedTuple):
    """The result of a step.

    Attributes
    ----------
    looked_at, taken, deliveries : int
        How many instances were looked at, how many the rule takes, how many deliveries are new.
    last : str
        Instance after which the next page begins.
    to_send : sequence of (str, str)
        In a count: the instances to be sent, each with its answer.
    """

    looked_at: int
    taken: int
    deliveries: int
    last: str
    to_send: Sequence[tuple[str, str]] = ()


class RuleApplication:
    """One rule at a time, counted or applied.

    Parameters
    ----------
    archive, annotations, facts
        The service's other parts.
    dispatch : Dispatch
        Has the rules, what was counted, and what is known of deliveries.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        archive: Archive,
        annotations: Annotations,
        dispatch: Dispatch,
        facts: Facts,
        log: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._annotations = annotations
        self._routing = dispatch.routing
        self._overview = dispatch.overview
        self._counted = dispatch.counted
        self._run = Run(facts, "routes-apply")
        self._log = log

    def start(self, name: str, *, dry_run: bool, count: str | None = None) -> Progress:
        """Count what a rule takes of the old stock, or apply the rule; return the progress.

        Parameters
        ----------
        name : str
            Name of the rule.
        dry_run : bool
            Whether to count only.
        count : str or None
            When applying: start of the count that the person saw. None does not check it.

        Raises
        ------
        NotFoundError
            If there is no such rule.
        ConflictError
            If a run is under way, the rule was not counted first, or was counted again since.
        """
        rule = self._rule(name)
        if rule is None:
            raise NotFoundError(name)
        with self._run.held():
            state = self.progress()
            if state["state"] == "running":
                raise ConflictError(f"rule {state['rule']!r} is being looked at: wait, or cancel")
            counted = None
            if dry_run:
                self._counted.clear()
            elif state["state"] != "done" or not state["dry_run"] or not _is_of(state, rule):
                raise ConflictError(f"rule {name!r} must be counted first: DryRun true")
            elif count not in (None, state["started_at"]):
                raise ConflictError(f"rule {name!r} was counted again since: look at the new count")
            else:
                counted = state["deliveries"]
            self._run.begin(
                rule=name,
                conditions=rule.to_json(),
                dry_run=dry_run,
                looked_at=0,
                taken=0,
                deliveries=0,
                counted=counted,
                after="",
            )
        self._run.woken.set()
        return self.progress()

    def cancel(self) -> Progress:
        """Stop; what is already in the outbox stays there."""
        self._run.cancel()
        return self.progress()

    def progress(self) -> Progress:
        """Return the state, and the numbers of instances looked at and taken, and of deliveries."""
        return cast("Progress", self._run.state())  # As `start` began it.

    def follow(self, stopping: threading.Event) -> None:
        """Work whenever a run was started, here or elsewhere, until the service stops."""
        self._run.woken.set()
        while not stopping.is_set():
            begun_here = self._run.woken.wait(_LOOK_EVERY)
            self._run.woken.clear()
            try:
                # What another node began may be of a rule that is not known here yet.
                if begun_here or self._knows_the_rule():
                    while not stopping.wait(_BREATH) and self.step():
                        pass
            except ServiceError as error:
                why = kind_and_place(error)
                self._log(f"applying a rule to the old stock failed and starts again: {why}")
                stopping.wait(_PAUSE_AFTER_TROUBLE)
                self._run.woken.set()

    def stop(self) -> None:
        """Wake ``follow``, so that it sees that the service stops."""
        self._run.woken.set()

    def step(self) -> bool:
        """Do one page; return whether there is another."""
        if self.progress()["state"] != "running":
            return False
        # Nodes take turns: two that did the same page would each count a part of it.
        with self._annotations.database.hold(_NEXT_PAGE):
            return self._do_next_page()

    def _do_next_page(self) -> bool:
        state = self.progress()
        if state["state"] != "running":
            return False
        rule = self._rule_of(state)
        if rule is None:
            self._advance(state, {"state": "cancelled"})
            return False
        page = (self._look if state["dry_run"] else self._send)(rule, state["after"])
        more = page.looked_at == _PAGE
        self._advance(
            state,
            {
                "looked_at": state["looked_at"] + page.looked_at,
                "taken": state["taken"] + page.taken,
                "deliveries": state["deliveries"] + page.deliveries,
                "after": page.last,
                **({} if more else {"state": "done"}),
            },
            page.to_send,
        )
        return more

    def _look(self, rule: Rule, after: str) -> _Page:
        """Count a page of annotated instances."""
        rows = self._annotations.database.rows(_question(rule, after))
        notes: list[AnnotationRecord | None] = [None] * len(rows)
        with suppress(ArchiveError):  # If it fails, each is asked for by itself.
            notes = self._archive.annotations([row.id for row in rows])
        cases = {
            row.id: Case(note, row.modality)
            for row, found in zip(rows, notes, strict=True)
            if (note := found or self._looked_at_alone(row.id))
        }
        taken = {instance: case for instance, case in cases.items() if self._takes(rule, case)}
        existing = self._overview.known(list(taken))
        deliveries = 0
        to_send = []
        for instance, case in taken.items():
            there = existing.get(instance, [])
            given = {row.destination for row in there if row.gave(case.answer)}
            if new := {str(to) for to in rule.destinations} - given:
                deliveries += len(new)
                to_send.append((instance, case.answer))
        return _Page(len(rows), len(taken), deliveries, rows[-1].id if rows else after, to_send)

    def _looked_at_alone(self, instance: str) -> AnnotationRecord | None:
        """Return an annotation that was missing, perhaps as its file was just being rewritten."""
        with self._annotations.lock(instance):
            return self._annotation(instance)

    def _annotation(self, instance: str) -> AnnotationRecord | None:
        """Return an annotation, None as well if Orthanc fails at this one, perhaps for ever."""
        try:
            return self._archive.annotation(instance)
        except ArchiveError as error:
            self._archive.last_change()  # If Orthanc is away, this fails, too.
            self._log(f"a rule leaves out instance {instance}: {kind_and_place(error)}")
            return None

    def _send(self, rule: Rule, after: str) -> _Page:
        """Put a page of the counted instances into the outbox."""
        page = self._counted.page(after, _PAGE)
        rows = self._annotations.database.rows(_PARENTS.where(instances.c.id.in_(page)))
        taken = deliveries = 0
        for row in rows:
            with self._annotations.lock(row.id):
                # It may have been corrected since it was counted, or its file replaced.
                note = self._annotation(row.id)
                if note is None:
                    continue
                case = Case(note, row.modality)
                if not self._takes(rule, case) or case.answer != page[row.id]:
                    continue
                taken += 1
                parents = Parents(*(getattr(row, name) for name in _PLACE[1:]))
                deliveries += self._routing.take(note, parents, only=rule)
        return _Page(len(page), taken, deliveries, next(reversed(page), after))

    def _takes(self, rule: Rule, case: Case) -> bool:
        return rule in taking(self._routing.rules, case)

    def _knows_the_rule(self) -> bool:
        """Tell whether a run is under way that this node can go on with."""
        with suppress(RecordError):  # Where the database is away, others say so.
            state = self.progress()
            return state["state"] == "running" and self._rule_of(state) is not None
        return False

    def _rule_of(self, run: RuleRun) -> Rule | None:
        """Return the rule of a run, None if it is gone or has changed."""
        rule = self._rule(run["rule"])
        return rule if rule and _is_of(run, rule) else None

    def _rule(self, name: str) -> Rule | None:
        return next((rule for rule in self._routing.rules if rule.name == name), None)

    def _advance(
        self,
        state: RuleRun,
        changes: dict[str, object],
        to_send: Iterable[tuple[str, str]] = (),
    ) -> None:
        with self._run.held():
            # A person may have cancelled this run meanwhile and begun another.
            if self.progress() == state:
                self._counted.keep(to_send)
                self._run.change(**changes)


def _is_of(run: RuleRun, rule: Rule) -> bool:
    """Tell whether a run was of this rule as it is now."""
    return run["conditions"] == rule.to_json()


def _question(rule: Rule, after: str) -> sa.Select[Any]:
    """Return the query for the next instances that a rule may take."""
    conditions = rule.conditions or ()
    from_header = any(condition.key == "Evidence" for condition in conditions)
    where = [
        _COLUMNS[condition.key](condition.accepted)
        for condition in conditions
        if condition.key in _COLUMNS and not (condition.key == "Examined" and from_header)
    ]
    return (
        _PARENTS.where(ANNOTATED, instances.c.id > after, *where)
        .order_by(instances.c.id)
        .limit(_PAGE)
    )
