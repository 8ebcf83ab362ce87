"""Times of the day at which a rule may send: ``"always"`` or ``"22:00-06:00"``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

ALWAYS = "always"
_FORM = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class WindowError(ValueError):
    """A text is no time window of the day."""


@dataclass(frozen=True, slots=True)
class Window:
    """From one time of the day to another, by the clock of this machine; it may span midnight."""

    opens: time
    closes: time

    @classmethod
    def parse(cls, text: object) -> Window | None:
        """Read a window; None stands for ``"always"``.

        Raises
        ------
        WindowError
            If the text is neither ``"always"`` nor two different times.
        """
        if text == ALWAYS:
            return None
        found = _FORM.fullmatch(text) if isinstance(text, str) else None
        if found:
            hours = [int(part) for part in found.groups()]
            window = cls(time(hours[0], hours[1]), time(hours[2], hours[3]))
            if window.opens != window.closes:
                return window
        raise WindowError('must be "always" or two times such as "22:00-06:00"')

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"

    def is_open(self, now: datetime) -> bool:
        """Tell whether the window is open; the closing minute is outside."""
        at = now.time()
        if self.opens < self.closes:
            return self.opens <= at < self.closes
        return at >= self.opens or at < self.closes

    def next_open(self, now: datetime) -> datetime:
        """Return the first moment from ``now`` on at which the window is open."""
        if self.is_open(now):
            return now
        # What is kept of `now` tells the hour that a clock set back repeats from the one before it.
        opening = now.replace(
            hour=self.opens.hour, minute=self.opens.minute, second=0, microsecond=0
        )
        return opening if opening > now else opening + timedelta(days=1)
