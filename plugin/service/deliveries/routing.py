"""From an annotation to rows of the outbox: which rules take it, what of that is new.

A later answer, a person's above all, is routed again: to where it belongs now. What was delivered
stays delivered; what still waits for the older answer is withdrawn. Nothing goes twice to one
destination for one answer, whichever rules ask for it.
"""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from bodypart.loopback import is_loopback
from service.deliveries.delivery import REMOVED, Priority, State
from service.deliveries.matching import Case, taking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bodypart.record import AnnotationRecord
    from service.deliveries.delivery import Delivery
    from service.deliveries.destinations import Destination
    from service.deliveries.outbox import Outbox
    from service.deliveries.rules import Rule
    from service.orthanc_api.archive import Archive
    from service.orthanc_api.resources import Parents

_Wanted = dict[str, "tuple[Rule, Destination]"]
_REMEMBERED = 300.0
"""Seconds for which the address of a host is remembered."""
WITHDRAWN = "the answer changed before it was sent"
RETURN = "not sent back to where it came from"


class Origin(NamedTuple):
    """Where an instance came from, as Orthanc noted it; empty where it did not."""

    aet: str = ""
    ip: str = ""


class Routing:
    """Decides where an annotation goes, and writes it into the outbox.

    Parameters
    ----------
    rules : iterable of Rule
        The checked rules.
    outbox : Outbox
        Takes the rows.
    archive : Archive
        Knows where an instance came from.
    settle : float
        Seconds after which a series counts as complete.
    """

    def __init__(
        self, rules: Iterable[Rule], outbox: Outbox, archive: Archive, *, settle: float
    ) -> None:
        self.rules = tuple(rules)
        self._outbox = outbox
        self._archive = archive
        self._settle = settle

    def pairs(self) -> dict[tuple[str, str], Rule]:
        """Return the rules by their name and each of their destinations."""
        return {(rule.name, str(to)): rule for rule in self.rules for to in rule.destinations}

    def take(
        self,
        annotation: AnnotationRecord,
        parents: Parents,
        *,
        only: Rule | None = None,
        if_known: bool = False,
    ) -> int:
        """Write what an annotation asks for; return how many deliveries are new.

        Parameters
        ----------
        annotation : dict
            As it was written.
        parents : Parents
            What the instance belongs to.
        only : Rule or None
            The rule that is applied to the old stock; what others ask for is left alone.
        if_known : bool
            Whether to leave alone what was never routed, as the old stock.

        Raises
        ------
        RecordError
            If the outbox could not be written: then the annotation is not finished.
        """
        if not self.rules:
            return 0
        case = Case(annotation, parents.modality)
        instance = annotation["instance"]
        wanted: _Wanted = {}
        for rule in taking(self.rules, case):
            if only is None or rule is only:
                for to in rule.destinations:
                    wanted.setdefault(str(to), (rule, to))
        with self._outbox.database.read() as connection:
            existing = self._outbox.of(connection, instance)
        if if_known and not existing:
            return 0
        stale, new = _compared(existing, wanted, case.answer, whole=only is None)
        if not new and not stale:
            return 0
        origin = self._origin(existing, annotation) if new else Origin()
        # Before the transaction: a name server that does not answer takes half a minute.
        rows = {
            name: self._row(rule, to, case.answer, parents, origin, old=only is not None)
            for name, (rule, to) in wanted.items()
        }
        with self._outbox.database.write() as connection:
            existing = self._outbox.of(connection, instance)
            stale, new = _compared(existing, wanted, case.answer, whole=only is None)
            for row in stale:
                self._outbox.withdraw(connection, row.number, WITHDRAWN)
            for name, (rule, _) in new.items():
                same = (row for row in existing if (row.rule, row.destination) == (rule.name, name))
                self._outbox.put(connection, next(same, None), {**rows[name], "instance": instance})
        self._outbox.wake()
        return len(new)

    def removed(self, instance: str) -> None:
        """Withdraw what waits for an annotation that was removed."""
        if not self.rules:
            return
        with self._outbox.database.write() as connection:
            for row in self._outbox.of(connection, instance):
                if row.state in (State.WAITING, State.SENDING, State.FAILED):
                    self._outbox.withdraw(connection, row.number, REMOVED)

    def _row(
        self,
        rule: Rule,
        to: Destination,
        answer: str,
        parents: Parents,
        origin: Origin,
        *,
        old: bool,
    ) -> dict[str, Any]:
        returns = to.is_node and came_from(self._addressed(to), origin)
        at_once = rule.urgent or old
        priority = Priority.URGENT if rule.urgent else Priority.ARRIVAL
        return {
            "rule": rule.name,
            "destination": str(to),
            "series": parents.series,
            "study": parents.study,
            "answer": answer,
            "state": State.CANCELLED if returns else State.WAITING,
            "error": RETURN if returns else None,
            "priority": Priority.OLD_STOCK if old else priority,
            "due": time.time() + (0.0 if at_once else self._settle),
            "sender_aet": origin.aet,
            "sender_ip": origin.ip,
        }

    def _addressed(self, to: Destination) -> Destination:
        """Return a node with its address, also where Orthanc keeps it in its database."""
        kind = {"modality": "modalities", "peer": "peers"}.get(to.kind)
        if kind is None or to.aet or to.host:
            return to
        aet, host = self._archive.node(kind, to.name)
        return replace(to, aet=aet, host=host)

    def _origin(self, existing: list[Delivery], annotation: AnnotationRecord) -> Origin:
        """Return where an instance came from, before we may have stored it over itself."""
        known = next((Origin(row.sender_aet, row.sender_ip) for row in existing), None)
        # Of a file that we rewrote Orthanc notes that this machine sent it: that is no node.
        return known or Origin(*self._archive.sender(annotation["instance"]))


def came_from(to: Destination, origin: Origin) -> bool:
    """Tell whether an instance came from a node.

    Where both have an AET, that decides: a server may house several programs. Else the address
    does, but not that of this machine itself, where several programs may live as well.
    """
    if origin.aet and to.aet:
        return origin.aet.strip() == to.aet.strip()
    if not origin.ip or not to.host or is_loopback(origin.ip):
        return False
    return origin.ip in _addresses(to.host)


def _compared(
    existing: list[Delivery], wanted: _Wanted, answer: str, *, whole: bool
) -> tuple[list[Delivery], _Wanted]:
    """Return what waits and is not wanted any more, and what is wanted and was not given yet.

    Where only one rule was looked at (not ``whole``), what others asked for is left alone.
    """

    def is_stale(row: Delivery) -> bool:
        if row.state in (State.DELIVERED, State.CANCELLED) or not row.answer:
            return False
        if row.destination not in wanted:
            return True
        on_its_way = row.state == State.SENDING and row.answer == answer
        return wanted[row.destination][0].name != row.rule and not on_its_way

    stale = [row for row in existing if whole and is_stale(row)]
    given = {row.destination for row in existing if row.gave(answer) and row not in stale}
    return stale, {name: pair for name, pair in wanted.items() if name not in given}


def _addresses(host: str) -> set[str]:
    return _resolved(host, int(time.monotonic() // _REMEMBERED))


@lru_cache(maxsize=256)
def _resolved(host: str, _period: int) -> set[str]:
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None)} | {host}
    except (OSError, UnicodeError):
        return {host}
