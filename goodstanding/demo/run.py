"""The demo's course: servers up, month after month, totals checked, everything stopped again."""

from __future__ import annotations

import asyncio
import time
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from aiokafka import AIOKafkaProducer
from rich.console import Console

from goodstanding.adapters import PartnerEvent, Source
from goodstanding.demo.bands import Band, bands_of
from goodstanding.demo.mistakes import with_mistakes
from goodstanding.demo.recount import Recount
from goodstanding.demo.view import Done, Now, View, view_for
from goodstanding.demo.watchers import Following, Partner, Subscriber, following
from goodstanding.deployment import Deployment, Settings
from goodstanding.errors import UserError
from goodstanding.local import Addresses
from goodstanding.processes import ServiceProcess
from goodstanding.simulation import Driver, Lag, driving
from goodstanding.stack import Say, Stack, passing
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.topics import NORMALIZED, RECORDS_REPORTED, SCORES_CHANGED, raw_topic, rejected_topic
from shared.runner.sender import send, started
from shared.runner.service import Outgoing
from shared.settings import ROOT

DATA = ROOT / "data" / "uci-credit-card-train.csv"
ADAPTER = "uci-credit-card"
SCORECARD = ROOT / "policies" / "scorecard.toml"
_SENT_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Result:
    """What came out. `differences` between it and the recount are sentences; there should be none."""

    events: int
    accepted: int
    refused: dict[str, int]
    repeated: int
    scores: int
    people: int
    bands: list[Band]
    differences: list[str]
    example: str
    """The account of somebody whose score is worth a look."""
    seconds: float


def run(source: Source, console: Console, *, keep: bool, given: Addresses | None) -> Result:
    """Play the source's months on `given` servers, or on some of its own, which end with the call unless `keep` is set.

    Raises UserError or StackError, with everything stopped that was started.
    """
    began = time.monotonic()
    with view_for(console) as view, _platform(view.step, source, keep=keep, given=given) as (deployment, processes):
        result = asyncio.run(_Play(source, deployment, processes, view, began).play())
        if not keep:
            view.step("Stopping everything")
    return result


@contextmanager
def _platform(
    say: Say, source: Source, *, keep: bool, given: Addresses | None
) -> Iterator[tuple[Deployment, list[ServiceProcess]]]:
    settings = Settings.new(zone=source.zone.key, currency=source.currency, clock="stepped")
    first = _instant(source, source.months[0], publication_day())
    if not keep:
        with passing(say, given, settings, first) as platform:
            yield platform
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
        stack.down(delete=True)
        raise


def _instant(source: Source, month: int, day: int) -> datetime:
    return datetime(month // 12, month % 12 + 1, day, tzinfo=source.zone)


class _Play:
    """One run over all months, with what it has seen so far."""

    def __init__(
        self, source: Source, deployment: Deployment, processes: list[ServiceProcess], view: View, began: float
    ) -> None:
        self._source, self._deployment, self._processes = source, deployment, processes
        self._view, self._began = view, began
        self._recount = Recount(SCORECARD, bytes.fromhex(deployment.settings.key), source.zone)
        self._subscriber, self._partner = Subscriber(), Partner()
        self._events = 0
        self._instant = _instant(source, source.months[0], publication_day())

    async def play(self) -> Result:
        kafka, partner = self._deployment.addresses.kafka, self._source.partner
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            scores = await enter(following(kafka, SCORES_CHANGED, PARTITIONS, self._subscriber.take))
            refusals = await enter(following(kafka, rejected_topic(partner), 1, self._partner.take))
            producer = await enter(started(kafka))
            driver = await enter(driving(self._deployment, self._processes))
            # The publication of the month before the first one is due as well; it must not wait until people are there.
            await self._drain(driver, "waiting for the services")
            for month in self._source.months:
                await self._play_month(month, driver, producer, (scores, refusals))
            came_out = await driver.records_in(NORMALIZED, RECORDS_REPORTED)
        return self._result(came_out)

    async def _play_month(
        self, month: int, driver: Driver, producer: AIOKafkaProducer, watchers: tuple[Following, ...]
    ) -> None:
        """What the bank reports of the month comes at its end, and scores are published on a day of the next one."""
        began, events, refused, scores = time.monotonic(), self._events, self._refused, self._subscriber.messages
        first = _instant(self._source, month, 1)
        await self._move_to(_instant(self._source, month + 1, 1) - timedelta(seconds=1), driver)
        await self._send(producer, self._source.events(month), f"the bank reports {first:%B}")
        await self._drain(driver, f"ingest and scorer work on {first:%B}")
        await self._move_to(_instant(self._source, month + 1, publication_day()), driver)
        self._recount.published(month + 1)
        await self._drain(driver, "publication of the scores")
        for watcher in watchers:
            await watcher.caught_up()
        self._view.done(
            Done(
                f"{first:%Y-%m}",
                self._events - events,
                self._refused - refused,
                self._subscriber.messages - scores,
                time.monotonic() - began,
            )
        )

    async def _move_to(self, instant: datetime, driver: Driver) -> None:
        self._instant = instant
        await driver.set(instant)

    async def _send(self, producer: AIOKafkaProducer, events: Iterable[PartnerEvent], doing: str) -> None:
        topic, rest = raw_topic(self._source.partner), iter(with_mistakes(events))
        while batch := list(islice(rest, _SENT_AT_ONCE)):
            await send(producer, [_record(topic, event) for event in batch])
            for event in batch:
                self._recount.sent(event.value, self._instant)
            self._events += len(batch)
            self._show(doing, "-")

    async def _drain(self, driver: Driver, doing: str) -> None:
        def watch(lag: Lag) -> None:
            self._show(doing, f"{lag.service} {lag.records:,}")

        await driver.drain(self._instant, watch)

    def _show(self, doing: str, lag: str) -> None:
        day = self._instant.date()
        self._view.show(Now(day, doing, self._events, self._refused, self._subscriber.messages, lag))

    @property
    def _refused(self) -> int:
        return self._partner.refused.total()

    def _result(self, came_out: int) -> Result:
        user_ids = {self._recount.user_id(person.identifier): person for person in self._source.people}
        scored = {user_ids[user_id]: change.score for user_id, change in self._subscriber.last.items()}
        return Result(
            events=self._events,
            accepted=came_out,
            refused=dict(self._partner.refused),
            repeated=self._recount.repeated,
            scores=self._subscriber.messages,
            people=len(scored),
            bands=bands_of((score, person.defaulted) for person, score in scored.items()),
            differences=list(self._differences(came_out)),
            example=min(scored, key=lambda person: scored[person]).identifier if scored else "",
            seconds=time.monotonic() - self._began,
        )

    def _differences(self, came_out: int) -> Iterator[str]:
        """Where the topics say something else than the recount of what was sent."""
        wanted, found = self._recount, self._subscriber
        if wanted.accepted != came_out:
            yield f"accepted events: {wanted.accepted} by the recount, {came_out} came out of ingest"
        if wanted.refused != self._partner.refused:
            yield f"refusals: {dict(wanted.refused)} by the recount, {dict(self._partner.refused)} were reported"
        for user_id in found.out_of_order:
            yield f"person {user_id[:12]}: versions did not come as 1, 2, 3"
        scores = {wanted.user_id(account): each for account, each in wanted.scores.items()}
        for user_id in sorted(scores.keys() | found.scores.keys()):
            expected, published = scores.get(user_id, []), found.scores.get(user_id, [])
            if expected != published:
                yield f"person {user_id[:12]}: scores {expected} by the recount, {published} were published"


def publication_day() -> int:
    """Of the shipped scorecard."""
    day: int = tomllib.loads(SCORECARD.read_text())["publication_day"]
    return day


def _record(topic: str, event: PartnerEvent) -> Outgoing:
    # One person's events keep their order, since the bank's key is the account.
    return Outgoing(topic, event.key, event.value, event.headers, partition_of(event.key.decode()))
