"""Whether the machine's clock may be trusted: a comparison with witnesses, and with the last time that is known.

A clock that is wrong once would be wrong for good: months that have closed never open again, and records that have
expired are gone. So nothing is decided by a time that disagrees with Postgres or the broker, or lies more than a month
from the last one; for that only the operator can vouch, because servers on one machine share its clock (decision 0014).

Pure, and the values that it compares are measured by `shared.runner.timekeeper`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

JUMP_MAX = timedelta(days=31)
"""The longest month: nothing that depends on months or years is decided across more without the operator's word."""


class ClockDoubtError(Exception):
    """The time is not known. str(error) is the whole sentence for readiness, with what to do."""


@dataclass(frozen=True, slots=True)
class Witness:
    """How far a server's clock is ahead of the machine's, in seconds, give or take half the time that asking took."""

    name: str
    ahead_s: float
    unsure_s: float


def disagreement(witnesses: Iterable[Witness], tolerance_s: float) -> str | None:
    """Why the machine's clock is not to be trusted, by what the servers say; None when all are close."""
    far = [each for each in witnesses if abs(each.ahead_s) - each.unsure_s > tolerance_s]
    if not far:
        return None
    said = " and ".join(f"{each.name}'s clock is {_span(each.ahead_s)} it" for each in far)
    return (
        f"This machine's clock cannot be trusted: {said}. Nothing is decided until they agree to within"
        f" {tolerance_s:.0f} seconds: set the clocks (by NTP); the service goes on by itself."
    )


def jumped(last_seen: datetime | None, now: datetime) -> bool:
    """Whether the clock is more than a month from the last time that is known, in either direction."""
    return last_seen is not None and abs(now - last_seen) > JUMP_MAX


def jump_sentence(last_seen: datetime, now: datetime) -> str:
    return (
        f"This machine's clock shows {now:%Y-%m-%d}, and the last time known is {last_seen:%Y-%m-%d}: more than a"
        " month. If the clock is right (the platform was off for so long), months will close and what is due will"
        " expire; if it is wrong, set it."
    )


def jump_in_short(last_seen: datetime, now: datetime) -> str:
    return f"this machine's clock shows {now:%Y-%m-%d}, and the last time known is {last_seen:%Y-%m-%d}"


def _span(ahead_s: float) -> str:
    far = timedelta(seconds=round(abs(ahead_s)))
    return f"{far} {'ahead of' if ahead_s > 0 else 'behind'}"


class TrustedTime:
    """The machine's time, for as long as it moves as time does. Whoever asks while it is in doubt gets an error.

    Between two comparisons with the witnesses the machine's steady clock vouches for the other one: it cannot be set.
    """

    def __init__(
        self,
        tolerance_s: float,
        *,
        wall: Callable[[], datetime],
        steady_s: Callable[[], float],
    ) -> None:
        self._tolerance_s, self.wall, self._steady_s = tolerance_s, wall, steady_s
        self._agreed: tuple[datetime, float] | None = None
        self._latest = datetime.min.replace(tzinfo=UTC)
        """What does not lie behind it needs no look at the clock."""
        self._broker: tuple[datetime, float] | None = None
        """What the broker's clock has shown, and what the steady clock showed when its answer was here."""
        self.trouble: str | None = "the clock is not compared yet"

    def agreed(self) -> None:
        """The witnesses agree with what the clock shows now."""
        self._agreed, self.trouble = (self.wall(), self._steady_s()), None
        self._latest = self._agreed[0] + timedelta(seconds=self._tolerance_s)

    def doubted(self, sentence: str) -> None:
        self.trouble = sentence

    def heard(self, broker: Witness) -> None:
        """The broker has just told its time."""
        at_least = self.wall() + timedelta(seconds=broker.ahead_s - broker.unsure_s)
        self._broker = at_least, self._steady_s()

    def broker_shows(self) -> datetime:
        """No later than what the broker's clock shows now: whoever waits for a time of the broker's must not stop
        earlier because the machine's clock is ahead of it. The machine's time where the broker has not told its own."""
        if self._broker is None:
            return self.wall()
        at_least, steady_s = self._broker
        return at_least + timedelta(seconds=self._steady_s() - steady_s)

    def at_most_now(self, stamped: datetime) -> datetime:
        """What a server has stamped; the present, where that lies ahead of it by more than clocks may differ. What is
        here has come already, so it was stamped while the server's clock was wrong. In doubt it stays as it is."""
        if stamped <= self._latest:
            return stamped
        try:
            now = self.now()
        except ClockDoubtError:
            return stamped
        return stamped if stamped <= now + timedelta(seconds=self._tolerance_s) else now

    def now(self) -> datetime:
        """Raises ClockDoubtError."""
        if self.trouble is None and (moved_s := self._moved_s()) is not None and abs(moved_s) > self._tolerance_s:
            way, far = "forward" if moved_s > 0 else "back", timedelta(seconds=round(abs(moved_s)))
            self.trouble = (
                f"This machine's clock was moved {way} by {far} while the service ran; it is compared with Postgres'"
                " and the broker's before anything is decided."
            )
        if self.trouble is not None:
            raise ClockDoubtError(self.trouble)
        return self.wall()

    def _moved_s(self) -> float | None:
        if self._agreed is None:
            return None
        at, steady_s = self._agreed
        return (self.wall() - at).total_seconds() - (self._steady_s() - steady_s)


def machine_time() -> datetime:
    return datetime.now(UTC)
