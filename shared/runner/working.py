"""A shard at work: it takes from its agenda what is next, does it, and notes there what came of it.

Where a step fails because of what it was to handle, a smaller portion is tried, down to the one record that fails
alone; see `portion` and `blame`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Generic, Literal

import structlog

from shared.kafka.unreadable import Fetched
from shared.runner import agenda, pace, portion
from shared.runner.agenda import Agenda, Next
from shared.runner.answers import DeadLetter, DuePage, M, S, W, origin
from shared.runner.blame import RecordsFaultError, in_words
from shared.runner.host import Host
from shared.runner.owned import Owned
from shared.runner.portion import Portion, Whole
from shared.runner.service import PolicyMismatchError
from shared.runner.shard import Doing, Shard

log = structlog.get_logger("runner")

_PAUSE_S = 0.05
"""A shard that runs dry waits this long for more before it spends a transaction on recording what has been sent."""
_DUE_AGAIN = timedelta(seconds=30)
"""Timers that cannot be found are asked for again after this; records go on meanwhile."""


class Did(Enum):
    """What came of handling a batch of records or a page of timers, where the servers did what they should."""

    DONE = "it took effect"
    SET_ASIDE = "it was one, failed alone and once more, and has a dead letter in its place"
    SMALLER = "nothing of it took effect, and a smaller portion is to be tried"


@dataclass(slots=True)
class Portions:
    """How much to try at once; outlives a claim, after which the same comes again."""

    size: int
    """Of a step whose records did not fail; see `pace`."""
    records: Portion = field(default_factory=Whole)
    timers: Portion = field(default_factory=Whole)


class Working(Generic[M, S, W]):
    """The shard's `agenda` says what is known of its timers."""

    def __init__(self, shard: Shard, owned: Owned[M, S, W], host: Host, portions: Portions) -> None:
        self.owned = owned
        self.agenda: Agenda = agenda.claimed(host.clock.now())
        self._shard, self._host, self._portions = shard, host, portions
        self._told: tuple[str, int] | None = None
        """The run of which the log was told last, and how many tenths of it were over."""
        self._put_back: deque[Fetched] = deque()
        """Records of a portion that failed; they come before those in the buffer."""

    def clock_moved(self) -> None:
        self.agenda = agenda.clock_moved(self.agenda)

    async def run(self) -> None:
        """Until the shard is stopped."""
        clock, buffer = self._host.clock, self._shard.buffer
        self._host.metrics.timers_unasked(self._shard.index, clock.now())
        while not self._shard.stopping:
            # What fails between two steps is the trouble of neither: the next success of either kind ends it.
            self._shard.doing = Doing.BEGINNING
            self._shard.raise_doubt()
            await clock.refresh()
            match agenda.next_work(self.agenda, clock.now(), self._records_wait):
                case Next.RECORDS:
                    await self._records()
                case Next.TIMERS:
                    await self._timers()
                case Next.PAUSE:
                    await buffer.wait(_PAUSE_S)
                    if not self._records_wait and not self._shard.stopping:
                        await self._timers()
                case Next.SLEEP:
                    await buffer.wait(clock.delay_s(self.agenda.due))

    @property
    def _records_wait(self) -> bool:
        return bool(self._put_back) or len(self._shard.buffer) > 0

    # -- records -----------------------------------------------------------------------------------------------------

    async def _records(self) -> None:
        self._shard.doing = Doing.RECORDS
        began, records = time.perf_counter(), self._take()
        self.agenda = agenda.records_handled(self.agenda)
        if await self._handled(records) is Did.SMALLER:
            return
        if not self._put_back:
            self._shard.buffer.handled()
        took_s = time.perf_counter() - began
        portions, most = self._portions, self._host.settings.batch_records_max
        portions.records = portion.handled(portions.records, len(records))
        portions.size = pace.after(portions.size, most, len(records), took_s)
        self._host.metrics.handled(records)
        self._host.metrics.step_seconds.labels("events").observe(took_s)
        self._shard.succeeded()

    def _take(self) -> Sequence[Fetched]:
        most = portion.size(self._portions.records, self._portions.size)
        if self._put_back:
            return [self._put_back.popleft() for _ in range(min(most, len(self._put_back)))]
        return self._shard.buffer.take(most)

    def _failed(self, count: int) -> None:
        portions = self._portions
        portions.records = portion.failed(portions.records, count)
        portions.size = pace.first(self._host.settings.batch_records_max)

    async def _handled(self, records: Sequence[Fetched]) -> Did:
        """More than one that fail are put back, to be tried in smaller portions."""
        try:
            await self.owned.handle(records)
        except RecordsFaultError as fault:
            log.error(
                "a step fails by its records", first=origin(records[0]), records=len(records), exc_info=fault.error
            )
            if len(records) == 1:
                return await self._alone(
                    "record",
                    lambda: self.owned.handle(records),
                    lambda letter: self.owned.set_aside(records[0], letter),
                )
            self._failed(len(records))
            self._put_back.extendleft(reversed(records))
            return Did.SMALLER
        except Exception:
            self._failed(len(records))
            raise
        return Did.DONE

    async def _alone(
        self,
        what: Literal["record", "timer"],
        handle: Callable[[], Awaitable[None]],
        set_aside: Callable[[DeadLetter], Awaitable[None]],
    ) -> Did:
        """What has failed alone is tried once more when the database is proven to work, and then set aside."""
        await self.owned.prove()
        try:
            await handle()
        except RecordsFaultError as again:
            why = in_words(again.error)
            sentence = f"Handling this {what} failed twice, alone, while the database took other writes: {why}."
            await set_aside(DeadLetter("unsavable", sentence))
            return Did.SET_ASIDE
        return Did.DONE

    # -- timers ------------------------------------------------------------------------------------------------------

    async def _timers(self) -> None:
        """One page of what is due."""
        self._shard.doing = Doing.TIMERS
        began, now = time.perf_counter(), self._host.clock.now()
        # Before the database is asked: what moves the clock meanwhile must be noticed.
        self.agenda = agenda.asking(self.agenda)
        page = await self._page(now)
        if page is None:
            return
        if page.run is not None and not await self.owned.may_begin(page.run, self._records_wait):
            self.agenda = agenda.page_waits(self.agenda)
        elif not page.messages:
            await self.owned.note_nothing_due(page, now)
            self.agenda = agenda.nothing_due(self.agenda, page.next_at)
            self._host.metrics.next_timer(self._shard.index, page.next_at)
        elif await self._applied(page) is Did.SMALLER:
            self.agenda = agenda.ask_again(self.agenda)
            return
        else:
            self._tell(page)
            self.agenda = agenda.ask_again(self.agenda)
            self._portions.timers = portion.handled(self._portions.timers, len(page.messages))
            self._host.metrics.timers.inc(len(page.messages))
            self._host.metrics.step_seconds.labels("timers").observe(time.perf_counter() - began)
        self._shard.succeeded()

    def _tell(self, page: DuePage[M, S]) -> None:
        """How far a run over many pages has come, for whoever waits for it: as a metric, and every tenth in the log."""
        if page.run is None:
            return
        self._host.metrics.run_goes_on(self._shard.index, page.done)
        tenths = int(page.done * 10)
        if (page.run, tenths) != self._told:
            self._told = page.run, tenths
            log.info("a run goes on", run=page.run, shard=self._shard.index, percent=tenths * 10)

    async def _page(self, now: datetime) -> DuePage[M, S] | None:
        """None where it cannot be had; then the shard says why, and goes on with records."""
        most = portion.size(self._portions.timers, self._host.stateful.due_page_max)
        try:
            return await self.owned.due(now, most)
        except PolicyMismatchError as error:
            self._shard.troubled(str(error))
            self.agenda = agenda.nothing_due(self.agenda, None)
        except RecordsFaultError as fault:
            log.error("what is due cannot be found", shard=self._shard.index, exc_info=fault.error)
            if most > 1:
                self._portions.timers = portion.failed(self._portions.timers, most)
                self.agenda = agenda.ask_again(self.agenda)
            else:
                self._shard.troubled(f"what is due cannot be found: {in_words(fault.error)}")
                self.agenda = agenda.nothing_due(self.agenda, now + _DUE_AGAIN)
        return None

    async def _applied(self, page: DuePage[M, S]) -> Did:
        try:
            await self.owned.apply(page)
        except RecordsFaultError as fault:
            log.error("a page of timers fails", run=page.run, messages=len(page.messages), exc_info=fault.error)
            if len(page.messages) == 1:
                return await self._alone(
                    "timer", lambda: self.owned.apply(page), lambda letter: self.owned.set_page_aside(page, letter)
                )
            self._portions.timers = portion.failed(self._portions.timers, len(page.messages))
            return Did.SMALLER
        return Did.DONE
