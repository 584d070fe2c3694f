"""The story: six years, stepped through every instant at which something happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import NamedTuple

from goodstanding.explanations import read_explained
from goodstanding.person import current
from goodstanding.person.asking import Asking, asking_for
from goodstanding.person.explained import Explained
from goodstanding.person.receipts import Verified, verify
from goodstanding.person.setting import Setting
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Addresses
from goodstanding.reading.topic import last_value
from goodstanding.simulation import course
from goodstanding.simulation.course import instant, publication_day, totals
from goodstanding.simulation.events_and_news import Event, RecordNews, ScoreNews, TierNews
from goodstanding.simulation.stage import Sending, Stage
from goodstanding.simulation.story.cast import FIRST_MONTH, HERO, ZONE, Cast, Objection, objections
from goodstanding.simulation.story.formats import written
from goodstanding.simulation.view import View
from shared.contracts.identity import sample_account
from shared.contracts.messages import DisputeQuestion, follow
from shared.contracts.months import month_number
from shared.contracts.subject import ErasureReceipt, SubjectAnswer, SubjectRequest
from shared.contracts.topics import disputes_topic

_REPEATED_EVERY = 500
"""One event in so many is sent twice, as after a time-out."""
_WRONG_EVERY = 1_000
"""After one event in so many comes a copy that names a customer's private number, under an id of its own."""
_SECOND = timedelta(seconds=1)
_RECEIPT_WITHIN_S = 60.0
_STATEMENT = "The card was stolen, and I paid as soon as I knew."


@dataclass(frozen=True, slots=True)
class Heard:
    """All that a subscriber heard of one person, in order. Records are told apart by when they began."""

    account: str
    scores: list[ScoreNews]
    tiers: list[TierNews]
    records: list[list[RecordNews]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(course.Result):
    """What came out of the story."""

    refused: int
    lapsed: int
    freed: int
    """People who were restricted, and are not any more."""
    instants: int
    """The number of instants at which the clock stood still."""
    hero: Heard
    told: Explanation | None
    """What the hero is told at the end; None if there is no score yet."""
    disputes: tuple[Disputed, ...] = ()
    forgotten: Forgotten | None = None
    """Who asks to be erased when all is over; None where nobody but the hero plays."""


class Disputed(NamedTuple):
    """A record that was disputed, how that ended, and the statement that goes with it since."""

    account: str
    kind: str
    outcome: str
    statement: str | None


class Forgotten(NamedTuple):
    """A person who was erased, when that was done, and whether the receipt is true: ours, and nothing is held."""

    account: str
    erased_at: datetime
    is_true: bool


class Explanation(NamedTuple):
    """A person's explanation, and by what it was made."""

    explained: Explained
    setting: Setting


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant at which partners report, or the publication of a month comes."""

    instant: datetime
    events: tuple[Event, ...] = ()
    publication: int | None = None
    objection: Objection | None = None


def run(cast: Cast, view: View, *, keep: bool, given: Addresses | None) -> Result:
    """Play the story. Arguments and errors as those of `course.run`."""
    settings = FixedSettings.new(zone=ZONE.key, currency="CNY", identity_scheme="account", clock="stepped")
    first = instant(FIRST_MONTH, publication_day(), ZONE)
    return course.run(partial(_play, cast), settings, first, view, keep=keep, given=given)


def moments(cast: Cast) -> Iterator[Moment]:
    """Partners report at the end of each month, but the hero's records when they happen; scores come on the 6th. Two
    people dispute a record."""
    hero, told = sample_account(HERO), cast.told()
    disputed = objections(told, cast.months)
    for month, events in groupby(told, key=lambda event: month_number(event.time)):
        for objection in disputed:
            if month_number(objection.asked_at) == month:
                yield Moment(objection.asked_at, objection=objection)
        at_the_end: list[Event] = []
        for event in events:
            if event.report and event.person == hero:
                yield Moment(event.time, (event,))
            else:
                at_the_end.append(event)
        yield Moment(instant(month + 1, 1, ZONE) - _SECOND, tuple(at_the_end))
        yield Moment(instant(month + 1, publication_day(), ZONE), publication=month + 1)


def sendings(events: Iterable[Event]) -> Iterator[Sending]:
    """The partners' records of these events, and a few repeated and wrong ones among them."""
    for event in events:
        number = int(event.id.rpartition("-")[2]) * 31 + int(event.person[2:-2])
        yield Sending(event.partner, written(event), event)
        if number % _REPEATED_EVERY == 0:
            yield Sending(event.partner, written(event), event)
        if number % _WRONG_EVERY == 1:
            wrong = replace(event, person="customer 4711", id=f"{event.id}-wrong")
            yield Sending(event.partner, written(wrong), "subject-unknown-scheme")


async def _play(cast: Cast, stage: Stage) -> Result:
    instants, disputes = 1, list[Disputed]()
    # The first year ends with the publication of its last month.
    for year, parts in groupby(moments(cast), key=lambda moment: (moment.instant - timedelta(days=6)).year):
        async with stage.span(str(year)):
            for moment in parts:
                instants += await stage.pass_until(moment.instant)
                if moment.objection is not None:
                    disputes.append(await _dispute(moment.objection, stage))
                    instants += 2
                    continue
                await _one(moment, stage)
                instants += 1
    found = stage.subscriber
    result = Result(
        **await totals(stage),
        refused=stage.partners.refused.total(),
        lapsed=sum(1 for lives in found.records.values() for news in lives.values() if news[-1].status == "expired"),
        freed=sum(1 for news in found.tiers.values() if _is_freed(news)),
        instants=instants,
        hero=_heard_of(sample_account(HERO), stage),
        told=await _told_to(sample_account(HERO), stage),
        disputes=tuple(disputes),
    )
    if cast.people <= HERO:
        return result
    forgotten = await _forget(sample_account(cast.people), stage)
    # Nothing else may have moved by it.
    return replace(result, forgotten=forgotten, differences=list(stage.differences(result.accepted)))


async def _dispute(objection: Objection, stage: Stage) -> Disputed:
    """The person disputes the record, its provider reads the question and answers, and who loses adds a statement."""
    last = objection.last
    deployment, user_id = stage.deployment, stage.recount.user_id(last.person)
    await stage.move_to(objection.asked_at)
    (held,) = [each for each in await current.records(deployment, user_id) if each["report_id"] == last.report]
    asked = SubjectRequest(request="dispute", record_id=held["record_id"], reason="not-mine")
    async with asking_for(deployment.kafka, user_id) as asking:
        await _answer_to(asking, asked, stage)
        stage.recount.disputed(last.person, last.partner, last.report, stage.instant)
        await stage.drain(f"{stage.instant:%-d %B %Y}: a record is disputed")
        question = follow(DisputeQuestion, await last_value(deployment.kafka, disputes_topic(last.partner)) or b"")
        assert isinstance(question, DisputeQuestion), "the provider was asked"
        await stage.move_to(objection.answered_at)
        await stage.send(sendings([replace(objection.answer, dispute=question.dispute)]), "a dispute is answered")
        await stage.drain(f"{stage.instant:%-d %B %Y}: a dispute is answered")
        if objection.outcome == "deleted":
            return Disputed(last.person, last.kind, "deleted", None)
        said = SubjectRequest(request="statement", record_id=held["record_id"], text=_STATEMENT)
        await _answer_to(asking, said, stage)
        await stage.drain(f"{stage.instant:%-d %B %Y}: a statement goes with the record")
    (held,) = [each for each in await current.records(deployment, user_id) if each["report_id"] == last.report]
    return Disputed(last.person, last.kind, held["status"], held["statement"])


async def _answer_to(asking: Asking, request: SubjectRequest, stage: Stage) -> SubjectAnswer:
    asked = await asking.ask(request, stage.instant)
    return await anext(
        told async for told in asking.answers(asked, _RECEIPT_WITHIN_S) if isinstance(told, SubjectAnswer)
    )


async def _forget(account: str, stage: Stage) -> Forgotten:
    """The person asks to be erased, and the receipt is checked."""
    user_id = stage.recount.user_id(account)
    async with asking_for(stage.deployment.kafka, user_id) as asking:
        asked = await asking.ask(SubjectRequest(request="erase"), stage.instant)
        receipt = await anext(
            told async for told in asking.answers(asked, _RECEIPT_WITHIN_S) if isinstance(told, ErasureReceipt)
        )
    await stage.drain("a person is erased")
    stage.recount.erased(account)
    verified = await verify(stage.deployment, user_id, receipt)
    return Forgotten(account, receipt.erased_at, verified == Verified(True, ()))


async def _one(moment: Moment, stage: Stage) -> None:
    await stage.move_to(moment.instant)
    day = f"{moment.instant:%-d %B %Y}"
    if moment.publication is not None:
        stage.recount.published(moment.publication, moment.instant)
        await stage.drain(f"{day}: scores are published")
        return
    await stage.send(sendings(moment.events), f"{day}: partners report")
    await stage.drain(f"{day}: the services work on what was reported")


def _heard_of(account: str, stage: Stage) -> Heard:
    found, user_id = stage.subscriber, stage.recount.user_id(account)
    records = sorted(found.records.get(user_id, {}).values(), key=lambda news: str(news[0].began_on))
    return Heard(account, found.scores.get(user_id, []), found.tiers.get(user_id, []), records)


async def _told_to(account: str, stage: Stage) -> Explanation | None:
    user_id = stage.recount.user_id(account)
    if user_id not in stage.subscriber.scores:
        return None
    _, explained, setting = await read_explained(stage.deployment, user_id, "en")
    return Explanation(explained, setting)


def _is_freed(news: list[TierNews]) -> bool:
    return any(each.restrictions for each in news) and not news[-1].restrictions
