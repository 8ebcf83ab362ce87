"""One thread for each destination: takes what is due, checks that it may leave, has it sent.

A destination that is slow or down holds up nobody else, and has one delivery in flight. After a
failure the delivery waits, longer each time, up to a ceiling, and in the end counts as failed.
After three failures in a row the destination itself is in trouble: then all that is due waits.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.clock import Clock
from service.deliveries.delivery import GONE
from service.deliveries.senders import JobGoneError, SendError, StoppedError
from service.errors import ArchiveError, DamagedError, NotFoundError, RecordError
from service.lasting import kind_and_place

if TYPE_CHECKING:
    from service.deliveries.delivery import Delivery
    from service.deliveries.outbox import Outbox
    from service.deliveries.readiness import Readiness
    from service.deliveries.senders import Sender

_TROUBLE = 3
"""Failures in a row after which it is the destination's fault."""
_WHILE_BUSY = 2.0
_PAUSE_AFTER_FAILURE = 1.0
_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long to wait between tries, and how often to try.

    Attributes
    ----------
    first, ceiling : float
        Seconds after the first failure; the longest pause. Each is twice the one before.
    retries : int
        Tries after the first.
    """

    first: float
    ceiling: float
    retries: int

    def after(self, failures: int) -> float:
        """Return the pause after so many failures, slightly random so that not all wake at once."""
        doubled = self.first * 2.0 ** min(failures - 1, 40)
        pause: float = min(self.ceiling, doubled) * random.uniform(1 - _JITTER, 1)
        return pause


class Courier:
    """Delivers to one destination.

    Parameters
    ----------
    destination : str
        As the rules have it.
    sender : Sender
        What carries.
    outbox : Outbox
        What is to be carried.
    readiness : Readiness
        Says what may leave.
    pauses : Pauses
        Between tries.
    damaged : callable
        Told of a damaged database.
    log : callable
        Takes a line.
    """

    def __init__(
        self,
        destination: str,
        sender: Sender,
        outbox: Outbox,
        readiness: Readiness,
        pauses: Pauses,
        *,
        damaged: Callable[[DamagedError], None],
        log: Callable[[str], None],
    ) -> None:
        self.destination = destination
        self.delivered = 0
        self._sender = sender
        self._outbox = outbox
        self._readiness = readiness
        self._pauses = pauses
        self._damaged = damaged
        self._log = log
        self._failures = 0
        self._held_until = 0.0

    def run(self, stopping: threading.Event) -> None:
        """Deliver until the service stops."""
        to_recover = True  # Deliveries that were being sent when the service ended come first.
        clock = Clock()
        while not stopping.is_set():
            # After the clock was set back, too.
            to_recover = clock.set_back() > 0 or to_recover
            try:
                if to_recover:
                    self._outbox.recover(self.destination)
                    to_recover = False
                seen = self._outbox.version()
                held = self._held_until - time.monotonic()
                delivery = self._outbox.claim(self.destination) if held <= 0 else None
                if delivery:
                    self.carry(delivery)
                    continue
                pause = self._outbox.until_due(self.destination)
                self._outbox.wait(seen, max(pause, min(held, 5.0)))
            except StoppedError:
                return
            except DamagedError as error:
                self._damaged(error)
                return
            except Exception as error:
                why = kind_and_place(error)
                self._log(f"deliveries to {self.destination} failed and start again: {why}")
                to_recover = True
                stopping.wait(_PAUSE_AFTER_FAILURE)

    def nudge(self) -> None:
        """Try again at once: an operator says that the destination works."""
        self._held_until = 0.0
        self._failures = 0
        self._outbox.wake()

    def carry(self, delivery: Delivery) -> None:
        """Send one delivery if it may leave, and note what came of it.

        Raises
        ------
        StoppedError
            If the service stops meanwhile.
        """
        try:
            annotation = None if delivery.job else self._readiness.check(delivery)
            if annotation is None and not delivery.job:
                return
            self._sender.send(delivery, annotation)
        except NotFoundError:
            self._outbox.give_up(delivery, GONE)
        except JobGoneError:
            self._outbox.may_have_left(delivery)
            self._failed(delivery, SendError("its job is gone; it may have arrived"))
        except SendError as error:
            self._failed(delivery, error)
        except ArchiveError as error:
            self._untold(delivery, error)
        except (RecordError, StoppedError):
            raise
        except Exception as error:
            # Our fault, not the destination's. Else it would be the next one again, and hold up
            # all behind it.
            self._try_again(delivery, f"it could not be sent: {type(error).__name__}")
        else:
            self._failures = 0
            self.delivered += 1
            self._outbox.delivered(delivery)

    def _untold(self, delivery: Delivery, error: ArchiveError) -> None:
        """Wait while Orthanc is down; if it fails for this instance alone, count that as a try."""
        if self._readiness.orthanc_answers():
            self._try_again(delivery, f"Orthanc does not answer about the instance: {error}")
        else:
            self._outbox.postpone(delivery, time.time() + _WHILE_BUSY)

    def _try_again(self, delivery: Delivery, text: str, shortest: float = 0.0) -> None:
        attempts = delivery.attempts + 1
        if attempts > self._pauses.retries:
            self._log(f"delivery {delivery.number} to {self.destination} failed: {text}")
            self._outbox.give_up(delivery, text)
        else:
            self._outbox.retry(delivery, max(shortest, self._pauses.after(attempts)), text)

    def _failed(self, delivery: Delivery, error: SendError) -> None:
        self._failures += 1
        text = str(error)
        self._try_again(delivery, text, error.pause)
        pause = error.pause
        if self._failures >= _TROUBLE:
            pause = max(pause, self._pauses.after(self._failures - _TROUBLE + 1))
            self._outbox.hold(self.destination, pause, self._pauses.retries, text)
        if pause:
            self._held_until = time.monotonic() + pause
        if self._failures == _TROUBLE:
            self._log(f"{self.destination} takes no deliveries: {text}")
