"""The story's course: six years, stepped through every instant at which something happens, and checked at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Addresses
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.simulation.real_data.play import publication_day
from goodstanding.simulation.recount import Event, RecordNews, Recount, ScoreNews, TierNews
from goodstanding.simulation.stage import POLICIES, Sending, Stage, platform, staged
from goodstanding.simulation.story.cast import FIRST_MONTH, HERO, ZONE, Cast
from goodstanding.simulation.story.formats import written
from goodstanding.simulation.view import View
from shared.contracts.identity import sample_account
from shared.contracts.months import month_number, month_start
from shared.contracts.topics import RECORDS_CHANGED, SCORES_CHANGED, TIERS_CHANGED

_REPEATED_EVERY = 500
"""One event in so many is sent twice, as after a time-out."""
_WRONG_EVERY = 1_000
"""After one event in so many comes a copy that names a customer's private number, under an id of its own."""
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Heard:
    """All that a subscriber heard of one person, in order. Records are told apart by when they began."""

    account: str
    scores: list[ScoreNews]
    tiers: list[TierNews]
    records: list[list[RecordNews]]


@dataclass(frozen=True, slots=True)
class Result:
    """What came out. `differences` between it and the recount are sentences; there should be none."""

    events: int
    accepted: int
    refused: int
    repeated: int
    scores: int
    tiers: int
    records: int
    lapsed: int
    freed: int
    """People who were restricted, and are not any more."""
    people: int
    instants: int
    """At so many the clock stood still."""
    hero: Heard
    differences: list[str]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Moment:
    """An instant at which partners report, or the publication of a month comes."""

    instant: datetime
    events: tuple[Event, ...] = ()
    publication: int | None = None


def run(cast: Cast, view: View, *, keep: bool, given: Addresses | None) -> Result:
    """Play the story on `given` servers, or on some of its own, which end with the call unless `keep` is set.

    Raises UserError or ServersError, with everything stopped that was started.
    """
    began = time.monotonic()
    settings = FixedSettings.new(zone=ZONE.key, currency="CNY", identity_scheme="account", clock="stepped")
    first = _instant(FIRST_MONTH, publication_day())
    with view, platform(view.step, settings, first, keep=keep, given=given) as (deployment, processes):
        return asyncio.run(_play(cast, deployment, processes, view, first, began))


def moments(cast: Cast) -> Iterator[_Moment]:
    """Partners report at the end of each month, but the hero's records when they happen; scores come on the 6th."""
    hero = sample_account(HERO)
    for month, events in groupby(cast.told(), key=lambda event: month_number(event.time)):
        at_the_end: list[Event] = []
        for event in events:
            if event.report and event.person == hero:
                yield _Moment(event.time, (event,))
            else:
                at_the_end.append(event)
        yield _Moment(_instant(month + 1, 1) - _SECOND, tuple(at_the_end))
        yield _Moment(_instant(month + 1, publication_day()), publication=month + 1)


def sendings(events: Iterable[Event]) -> Iterator[Sending]:
    """The partners' records of these events, and a few repeated and wrong ones among them."""
    for event in events:
        place = int(event.id.rpartition("-")[2]) * 31 + int(event.person[2:-2])
        yield Sending(event.partner, written(event), event)
        if place % _REPEATED_EVERY == 0:
            yield Sending(event.partner, written(event), event)
        if place % _WRONG_EVERY == 1:
            wrong = replace(event, person="customer 4711", id=f"{event.id}-wrong")
            yield Sending(event.partner, written(wrong), "subject-unknown-scheme")


async def _play(
    cast: Cast, deployment: Deployment, processes: list[ServiceProcess], view: View, first: datetime, began: float
) -> Result:
    settings = deployment.settings
    recount = Recount(POLICIES, settings.retention_profile, bytes.fromhex(settings.key), ZONE)
    instants = 1
    async with staged(deployment, processes, recount, view, first) as stage:
        # The first year ends with the publication of its last month.
        for year, parts in groupby(moments(cast), key=lambda moment: (moment.instant - timedelta(days=6)).year):
            async with stage.span(str(year)):
                for moment in parts:
                    instants += await _lapses_before(moment.instant, stage)
                    await _one(moment, stage)
                    instants += 1
        return _result(stage, await stage.accepted(), instants, began)


async def _one(moment: _Moment, stage: Stage) -> None:
    await stage.move_to(moment.instant)
    day = f"{moment.instant:%-d %B %Y}"
    if moment.publication is not None:
        stage.recount.published(moment.publication, moment.instant)
        await stage.drain(f"{day}: scores are published")
        return
    await stage.send(sendings(moment.events), f"{day}: partners report")
    await stage.drain(f"{day}: the services work on what was reported")


async def _lapses_before(instant: datetime, stage: Stage) -> int:
    """Stop at each deadline on the way, and a second before it, when nothing may have lapsed; how often that was."""
    count = 0
    while (lapse := stage.recount.next_lapse()) and lapse < instant:
        if lapse - _SECOND > stage.instant:
            await stage.move_to(lapse - _SECOND)
            await stage.drain(f"the second before {lapse.astimezone(ZONE):%-d %B %Y}")
            count += 1
        await stage.move_to(lapse)
        await stage.drain(f"{lapse.astimezone(ZONE):%-d %B %Y}: a record lapses")
        count += 1
    return count


def _result(stage: Stage, accepted: int, instants: int, began: float) -> Result:
    found, recount = stage.subscriber, stage.recount
    account = sample_account(HERO)
    user_id = recount.user_id(account)
    records = sorted(found.records.get(user_id, {}).values(), key=lambda news: str(news[0].began_on))
    return Result(
        events=stage.events,
        accepted=accepted,
        refused=stage.partners.refused.total(),
        repeated=recount.repeated,
        scores=found.heard[SCORES_CHANGED],
        tiers=found.heard[TIERS_CHANGED],
        records=found.heard[RECORDS_CHANGED],
        lapsed=sum(1 for lives in found.records.values() for news in lives.values() if news[-1].status == "expired"),
        freed=sum(1 for news in found.tiers.values() if _is_freed(news)),
        people=len(found.scores),
        instants=instants,
        hero=Heard(account, found.scores.get(user_id, []), found.tiers.get(user_id, []), records),
        differences=list(stage.differences(accepted)),
        seconds=time.monotonic() - began,
    )


def _is_freed(news: list[TierNews]) -> bool:
    return any(each.restrictions for each in news) and not news[-1].restrictions


def _instant(month: int, day: int) -> datetime:
    return month_start(month, ZONE, day).astimezone(ZONE)
