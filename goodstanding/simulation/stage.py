"""What both demos play on: the platform with a stepped clock, partners who send, a subscriber, and a recount."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from operator import sub

from goodstanding.errors import UserError
from goodstanding.partner.event import PartnerEvent
from goodstanding.platform.deployment import Deployment, partners
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Addresses
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.platform.stack import Say, Stack, passing
from goodstanding.reading.offsets import asking
from goodstanding.simulation.driver import Driver, Lag, driving
from goodstanding.simulation.events_and_news import Event
from goodstanding.simulation.recount import Recount
from goodstanding.simulation.view import Done, Now, View
from goodstanding.simulation.watchers import Watchers, differences, watching
from shared.contracts.partition import partition_of
from shared.contracts.topics import (
    CLOCK_TOPIC,
    NORMALIZED,
    RECORDS_CHANGED,
    RECORDS_REPORTED,
    SCORES_CHANGED,
    TIERS_CHANGED,
    raw_topic,
)
from shared.kafka.sender import send
from shared.runner.service import Outgoing
from shared.settings import ROOT

POLICIES = ROOT / "policies"
"""The shipped ones: services that were told to read others do not agree with the recount."""
_SENT_AT_ONCE = 2_000
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Sending:
    """A partner's record, and what it means: an event that must be taken, or the code of the refusal it must get."""

    partner: str
    record: PartnerEvent
    means: Event | str


@contextmanager
def platform(
    say: Say, settings: FixedSettings, first: datetime, *, keep: bool, given: Addresses | None
) -> Iterator[tuple[Deployment, list[ServiceProcess]]]:
    """The platform for the duration of the block, its clock at the first instant. With `keep` it stays up unless the
    block fails. Raises UserError where it would mix with data that are there."""
    if given is not None:
        asyncio.run(_require_empty(given))
    if not keep:
        with passing(say, given, settings, first) as found:
            try:
                yield found
            finally:
                say("Stopping everything")
        return
    stack = Stack.default()
    if not stack.is_new:
        raise UserError(
            f"There is a local stack in {stack.home}, and the demo would mix with its data.",
            "Remove it (goodstanding local down --delete), or name another directory in GOODSTANDING_HOME.",
        )
    try:
        yield stack.up(say, settings, first), stack.processes
    except BaseException:
        say("Stopping everything")
        stack.down(delete=True)
        raise


async def _require_empty(given: Addresses) -> None:
    async with asking(given.login) as offsets:
        ours = await offsets.existing([CLOCK_TOPIC, NORMALIZED, RECORDS_REPORTED, SCORES_CHANGED])
        if any((await offsets.ends(ours)).values()):
            raise UserError(
                f"The Kafka at {given.kafka} holds events or scores already, and the demo would mix with them.",
                "Name empty servers in GOODSTANDING_KAFKA and GOODSTANDING_POSTGRES, or unset both.",
            )


class Stage:
    """Make one with `staged`. `recount` learns of everything that happens on it."""

    def __init__(
        self,
        deployment: Deployment,
        recount: Recount,
        view: View,
        driver: Driver,
        watchers: Watchers,
        first: datetime,
    ) -> None:
        self.deployment, self.recount, self.instant = deployment, recount, first
        self.subscriber, self.partners = watchers.subscriber, watchers.partners
        self.events = 0
        self.must_be_refused: Counter[tuple[str, str]] = Counter()
        self._view, self._driver, self._watchers = view, driver, watchers
        self._sent = False
        self.subscriber.now = first

    async def move_to(self, instant: datetime) -> None:
        """Set the clock. Everything of the instant before must be drained."""
        self.instant = self.subscriber.now = instant
        await self._driver.set(instant)
        self.recount.clock(instant)

    async def pass_until(self, instant: datetime) -> int:
        """Stop wherever a record lapses or begins to count before the instant, and a second before that, when it may
        not have yet; how often that was."""
        count = 0
        while (due := self.recount.next_due()) and due.at < instant:
            day = f"{due.at.astimezone(self.recount.zone):%-d %B %Y}"
            if due.at - _SECOND > self.instant:
                await self.move_to(due.at - _SECOND)
                await self.drain(f"the second before {day}")
                count += 1
            await self.move_to(due.at)
            await self.drain(f"{day}: a record {due.what}")
            count += 1
        return count

    async def send(self, sendings: Iterable[Sending], doing: str) -> None:
        rest = iter(sendings)
        while batch := list(islice(rest, _SENT_AT_ONCE)):
            await send(self._driver.producer, [_outgoing(each) for each in batch])
            for each in batch:
                if isinstance(each.means, Event):
                    self.recount.sent(each.means, self.instant)
                else:
                    self.must_be_refused[each.partner, each.means] += 1
            self.events += len(batch)
            self._sent = True
            self._show(doing, "-")

    async def drain(self, doing: str) -> None:
        """Return when the services are done with this instant, and the watchers have heard of it."""

        def watch(lag: Lag) -> None:
            self._show(doing, f"{lag.service} {lag.records:,}")

        await self._driver.drain(self.instant, watch, sent=self._sent)
        self._sent = False
        # The subscriber's clock stands at this instant for as long as it hears of it.
        await self._watchers.public.caught_up(self._driver.offsets)

    @asynccontextmanager
    async def span(self, name: str) -> AsyncIterator[None]:
        """A part of the course whose counts are shown when it is over."""
        began, before = time.monotonic(), self._counts()
        yield
        await self._watchers.refusals.caught_up(self._driver.offsets)
        events, refused, scores, tiers, records = map(sub, self._counts(), before)
        self._view.done(Done(name, events, refused, scores, tiers, records, time.monotonic() - began))

    def _counts(self) -> tuple[int, int, int, int, int]:
        heard = self.subscriber.heard
        refused = self.partners.refused.total()
        return self.events, refused, heard[SCORES_CHANGED], heard[TIERS_CHANGED], heard[RECORDS_CHANGED]

    async def accepted(self) -> int:
        """How many events came out of ingest."""
        return await self._driver.records_in(NORMALIZED, RECORDS_REPORTED)

    def differences(self, accepted: int) -> Iterator[str]:
        """Where the topics say something else than the recount of what was sent."""
        if self.recount.accepted != accepted:
            yield f"accepted events: {self.recount.accepted} by the recount, {accepted} came out of ingest"
        if self.must_be_refused != self.partners.refused:
            yield f"refusals: {_counts(self.must_be_refused)} expected, {_counts(self.partners.refused)} were reported"
        yield from differences(self.recount, self.subscriber)

    def _show(self, doing: str, lag: str) -> None:
        heard = self.subscriber.heard
        self._view.show(Now(self.instant.date(), doing, self.events, self.partners.refused.total(), heard, lag))


@asynccontextmanager
async def staged(
    deployment: Deployment, processes: list[ServiceProcess], recount: Recount, view: View, first: datetime
) -> AsyncIterator[Stage]:
    async with (
        driving(deployment, processes) as driver,
        watching(deployment.kafka, partners()) as watchers,
    ):
        stage = Stage(deployment, recount, view, driver, watchers, first)
        # The publication of the month before the first one is due as well; it must not wait until people are there.
        await stage.drain("waiting for the services")
        yield stage


def _outgoing(sending: Sending) -> Outgoing:
    record = sending.record
    # One person's events keep their order, since the key is the account.
    return Outgoing(
        raw_topic(sending.partner), record.key, record.value, record.headers, partition_of(record.key.decode())
    )


def _counts(refused: Counter[tuple[str, str]]) -> str:
    return ", ".join(f"{partner} {code} {count}" for (partner, code), count in sorted(refused.items())) or "none"
