"""What the rules are given besides time: the scorecards with their dates, and the deployment's settings that bear on
them. A process holds all scorecards, and each publication is by the one that is in force on its day (rules P11)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, tzinfo
from functools import lru_cache

import msgspec

from services.scorer.core.calendar import latest_run, run_instant
from services.scorer.core.folding import Window
from services.scorer.core.scorecard import Scorecard
from shared.contracts.months import day_of_month
from shared.contracts.policy_parts import PolicyFault


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    scorecards: tuple[Scorecard, ...]
    """At least one, the earliest first, each of another day."""
    zone: tzinfo
    accepts_late_months: int
    window: Window | None = None
    """The months for which a new partner is backfilled now (rules E24)."""
    silent: bool = False
    """Everything is evaluated and nothing is published, while a past is loaded of which only the last scores are
    published."""
    explains: bool = False
    """The portal is told why each score is what it is."""
    fingerprint_key: bytes = b""
    """The key under which erased people are remembered for a while; empty in tools, which erase nobody."""

    def at(self, now: datetime) -> Scorecard:
        """The scorecard in force at an instant; the first one where none is yet."""
        if len(self.scorecards) == 1:
            return self.scorecards[0]
        return self._on(_day_of(now, self.zone)) or self.scorecards[0]

    def of_run(self, run: int) -> Scorecard | None:
        """The scorecard by which a monthly run publishes; None where none is in force on its day."""
        cards = (card for card in self.scorecards if card.effective_on <= day_of_month(run, card.publication_day))
        return max(cards, key=lambda card: card.effective_on, default=None)

    def latest_run(self, now: datetime) -> int:
        """The latest run that was due at `now`."""
        return latest_run(now, self._day_of_run(latest_run(now, 1, self.zone)), self.zone)

    def instant_of(self, run: int) -> datetime:
        """The instant at which a run is due."""
        return run_instant(run, self._day_of_run(run), self.zone)

    def of_last_run(self, now: datetime) -> tuple[Scorecard, int]:
        """The scorecard by which the latest run that was due published, and the month of that run."""
        run = self.latest_run(now)
        return self.of_run(run) or self.scorecards[0], run

    def by_id(self, id: str) -> Scorecard | None:
        return next((card for card in self.scorecards if card.id == id), None)

    def _on(self, day: date) -> Scorecard | None:
        return next((card for card in reversed(self.scorecards) if card.effective_on <= day), None)

    def _day_of_run(self, run: int) -> int:
        return (self.of_run(run) or self.scorecards[0]).publication_day


@lru_cache(maxsize=16)
def _day_of(now: datetime, zone: tzinfo) -> date:
    """Remembered, since a step decides for many people at one instant."""
    return now.astimezone(zone).date()


def in_order(cards: Sequence[Scorecard]) -> tuple[Scorecard, ...]:
    return tuple(sorted(cards, key=lambda card: card.effective_on))


def faults_among(cards: Sequence[Scorecard]) -> Iterator[tuple[int, PolicyFault]]:
    """What is wrong with scorecards beside one another: the index of each that is, and its fault."""
    for index, card in enumerate(cards):
        earlier = [other for other in cards[:index] if other.effective_on == card.effective_on]
        if earlier:
            sentence = f"Use another day: {earlier[0].name} is in force from the same one."
            yield index, PolicyFault(("effective_on",), sentence)
