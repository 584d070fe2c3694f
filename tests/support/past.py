"""A past that is loaded: events of some months, the same months lived through day by day, and what a platform holds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any

import asyncpg

from goodstanding.partner.mapping_files import sound_mapping_of
from goodstanding.partner.samples import Setting, samples
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import STATEFUL, FixedSettings
from goodstanding.reading.offsets import asking
from goodstanding.reading.topic import between
from goodstanding.simulation.course import publication_day
from goodstanding.simulation.driver import Driver, driving
from shared.contracts import zones
from shared.contracts.cloudevents import STRUCTURED
from shared.contracts.erasure import is_nobody
from shared.contracts.identity import sample_account
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport
from shared.contracts.months import day_of_month, month_of, month_start
from shared.contracts.partition import partition_of
from shared.contracts.times import rfc3339
from shared.contracts.topics import SCORES_CHANGED, TIERS_CHANGED, raw_topic
from shared.kafka.sender import send
from shared.runner.service import Outgoing

PARTNER = "city"
_LATE = ("transit.fare", "water.bill", "property_fee.bill")
_DONE = ("donation.made", "recycling.handed_in")
_LAST_DAYS = [day for day in range(1, 29) if day + 1 != publication_day()]
_OURS = {"contradiction", "deployment", "operator_word", "outbox", "shard"}
"""Tables of the runner: epochs, offsets and positions are those of one life."""


def past(months: Sequence[int], *, events: int, people: int, zone: str, seed: int = 0) -> Iterator[bytes]:
    """Lines of the native format in no order: behavior, identities, contacts, records that lapse on the way and one
    that had lapsed before, settlements of them and one that nobody had reported; a line is there twice, one
    contradicts another, and one cannot be read."""
    random, local = Random(seed), zones.zone(zone)
    first, end = (month_start(month, local) for month in (months[0], months[-1] + 1))
    span_s = int((end - first).total_seconds())
    lines = []
    for number in range(events):
        time = first + timedelta(seconds=random.randrange(span_s))
        late = random.random() < 0.8
        kind, amount = random.choice(_LATE if late else _DONE), random.randrange(100, 90_000)
        data: dict[str, Any] = {"kind": kind, "amount": amount}
        if late:
            data["days_late"] = random.choice((0, 0, 0, 0, 0, 1, 20))
        lines.append(_event(f"b-{number:07d}x", time, random.randrange(people), data))
    for person in range(people):
        time = first + timedelta(seconds=random.randrange(span_s))
        lines.append(_event(f"i-{person:05d}x", time, person, {"kind": "identity.verified", "value": "verified"}))
        other = {"kind": "contact.standing", "contact": sample_account((person + 1) % people), "value": "present"}
        lines.append(_event(f"c-{person:05d}x", time, person, other))
        if person % 5 == 0:
            lines += _records(person, months, random, zone)
    repeated = random.sample(lines, 5)
    again = {**json.loads(lines[0]), "data": {"kind": "donation.made", "amount": 1}}
    lines += [*repeated, json.dumps(again).encode(), b'{"not": "an event"}']
    random.shuffle(lines)
    return iter(lines)


def _records(person: int, months: Sequence[int], random: Random, zone: str) -> Iterator[bytes]:
    """What is settled at once counts for two years from its day, so that of two years ago lapses on the way. At one
    instant no more than one record of a person changes: of two, one publication may tell, or one of each. For the same
    reason none lapses at the instant of a monthly publication: whether that or a version before it tells of the lapse
    depends on which of two services is the first, and both come to the same score."""
    local = zones.zone(zone)
    reported = month_start(months[0], local, 2 + random.randrange(20))
    began = day_of_month(months[0] + 1 - 24, random.choice(_LAST_DAYS))
    if person % 2:
        yield _report(person, f"lapses-{person}", reported, "reported", began)
    else:
        paid = month_start(months[1], local, 5)
        yield _report(person, f"open-{person}", reported, "reported", began, kind="utility_bill.overdue")
        yield _report(person, f"open-{person}", paid, "settled", began, paid.date(), kind="utility_bill.overdue")
    yield _report(person, f"lapsed-{person}", reported, "reported", day_of_month(months[0] - 26, 3))
    yield _report(person, f"nobody-{person}", reported, "settled", began, began, kind="utility_bill.overdue")


def _report(
    person: int,
    report: str,
    time: datetime,
    status: str,
    began: date,
    ended: date | None = None,
    kind: str = "hotel.no_show",
) -> bytes:
    data: dict[str, Any] = {"kind": kind, "report_id": report, "status": status, "began_on": began.isoformat()}
    data |= {"ended_on": ended.isoformat()} if ended else {"amount": 9_000}
    return _event(f"{report}-{status}", time, person, data, TYPES[RecordReport])


def _event(id: str, time: datetime, person: int, data: dict[str, Any], type: str = TYPES[BehaviorEvent]) -> bytes:
    head = {"specversion": "1.0", "id": id, "source": "https://city.example", "type": type}
    return json.dumps({**head, "time": rfc3339(time), "subject": sample_account(person), "data": data}).encode()


async def live(deployment: Deployment, lines: Sequence[bytes], through: datetime) -> None:
    """Live through the months of these lines, day by day, and then on through this instant. Each month's events are
    sent at its end, in the order of the lines, those of one person to one partition."""
    zone = zones.zone(deployment.settings.zone)
    by_month: dict[int, list[bytes]] = defaultdict(list)
    for line in lines:
        event = json.loads(line)
        if "time" in event:
            by_month[month_of(datetime.fromisoformat(event["time"]), zone)].append(line)
    async with driving(deployment) as driver:
        for month in range(min(by_month), month_of(through, zone) + 1):
            for day in _days(month, deployment, through):
                await _at(driver, day)
            if (end := month_start(month + 1, zone) - timedelta(milliseconds=1)) <= through:
                await driver.set(end)
                await send(driver.producer, [_outgoing(line) for line in by_month[month]])
                await driver.drain(end)
        await _at(driver, through)


def _days(month: int, deployment: Deployment, through: datetime) -> Iterator[datetime]:
    zone = zones.zone(deployment.settings.zone)
    day = day_of_month(month)
    while day < day_of_month(month + 1):
        if (at := datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)) <= through:
            yield at
        day += timedelta(days=1)


async def _at(driver: Driver, instant: datetime) -> None:
    await driver.set(instant)
    await driver.drain(instant, sent=False)


def _outgoing(line: bytes) -> Outgoing:
    shard = partition_of(json.loads(line)["subject"])
    return Outgoing(raw_topic(PARTNER), None, line, (("content-type", STRUCTURED.encode()),), shard)


async def held(deployment: Deployment) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all services' tables, and the last message about each person that subscribers have. A mark about
    nobody says only when the clock moved last."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for service in STATEFUL:
        db = await asyncpg.connect(deployment.dsn(service))
        try:
            for (table,) in await db.fetch("select tablename from pg_tables where schemaname = current_schema()"):
                if table not in _OURS and "migration" not in table:
                    rows = await db.fetch(f'select * from "{table}"')
                    found[f"{service}.{table}"] = sorted((tuple(row) for row in rows), key=repr)
        finally:
            await db.close()
    for topic in (SCORES_CHANGED, TIERS_CHANGED):
        found[topic] = await _last(deployment, topic)
    return found


async def _last(deployment: Deployment, topic: str) -> list[tuple[Any, ...]]:
    kafka, last = deployment.kafka, dict[bytes, tuple[Any, ...]]()
    async with asking(kafka) as offsets:
        kept = await offsets.kept([topic])
    starts = {at: span.start for at, span in kept.items()}
    ends = {at: span.stop for at, span in kept.items()}
    async for record in between(kafka, starts, ends):
        if not is_nobody(record.key.decode()):
            last[record.key] = (record.key, record.value, tuple(sorted(record.headers)))
    return sorted(last.values())


def bank_events(began: datetime, count: int, settings: FixedSettings) -> list[bytes]:
    """Samples of the bank, moved to a month that is closed."""
    setting = Setting(settings.currency, zones.zone(settings.zone), began + timedelta(days=28), people=5)
    mapping = sound_mapping_of("bank", settings)
    made = (each.value for each in samples("bank", mapping, setting) if b'.cleared"' in each.value)
    return list(islice(made, count))
