"""Sending a file of events and waiting for what becomes of each (decision 0019).

Ingest is done with an event when its committed offset has passed it. It then has either refused the event, or set it
aside, or forwarded it, and each of the three names the event's position. The service behind ingest is done with a
forwarded event when its stored offset has passed it and its outbox holds nothing of that step any more: a refusal is
on its topic by then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import asyncpg
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition

from goodstanding.errors import UserError
from goodstanding.partner.mapping_files import headers_of, mapping_of
from goodstanding.partner.rehearsal import Forwarded, Rehearsal
from goodstanding.partner.verdicts import Line, Result, Verdict
from goodstanding.platform.deployment import Deployment
from goodstanding.reading.between import between
from goodstanding.reading.offsets import Offsets, asking
from goodstanding.reading.progress import Progress
from shared.contracts.faults import Fault
from shared.contracts.messages import Refusal
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.refusals import origins, read_refusal
from shared.contracts.topics import NORMALIZED, RECORDS_REPORTED, dead_letter_topic, raw_topic, rejected_topic
from shared.runner.sender import started

_POLL_S = 0.05
_READS = {NORMALIZED: "scorer", RECORDS_REPORTED: "retention"}
"""Which service reads what ingest forwards."""
_DATABASE_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
_UNANSWERED = "Ingest has passed this event and has neither refused nor forwarded it. Report it to the operator."
_NOT_FORESEEN = (
    "Ingest has judged these events by the files that it read when it started, so what becomes of them cannot be "
    'foreseen from those that are there now: one that no service refuses is "taken by ingest".'
)

Watch: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """The verdicts, in the order of the lines. `not_waited_for` says why some are only taken by ingest, if any are."""

    verdicts: list[Verdict]
    not_waited_for: str = ""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A line, and the position that its record got."""

    line: Line
    at: TopicPartition
    offset: int

    @property
    def origin(self) -> str:
        return _position(self.at, self.offset)


@dataclass(slots=True)
class _Evidence:
    """What was read about the events: answers by the position that they name, and where each was forwarded to."""

    answers: dict[str, tuple[Result, Refusal]] = field(default_factory=dict)
    forwarded: dict[str, tuple[TopicPartition, int]] = field(default_factory=dict)
    """By raw position; of an event that ingest has forwarded twice, the later position."""

    def take(self, record: ConsumerRecord) -> None:
        at = TopicPartition(record.topic, record.partition)
        if record.topic in _READS:
            origin = dict(record.headers).get("ce_origin", b"").decode()
            self.forwarded[origin] = (at, record.offset)
        elif not isinstance(answer := read_refusal(record.headers), Fault):
            aside = record.topic.endswith(dead_letter_topic(""))
            result = Result.SET_ASIDE if aside else Result.REFUSED
            self.answers.update(dict.fromkeys(origins(answer), (result, answer)))


async def send(
    bootstrap: str,
    partner: str,
    lines: Sequence[Line],
    timeout_s: float,
    *,
    operator: Deployment | None,
    now: datetime,
    watch: Watch = lambda _: None,
) -> Sent:
    """Send the events, and wait until everyone who may refuse one has judged it.

    Only the `operator`'s deployment can tell how far the scorer and retention are, since they keep that in Postgres;
    without it, and where Postgres does not answer, what ingest takes is "taken by ingest". `watch` is told of each step
    of the waiting. Raises UserError when ingest takes longer than `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    operator, foreseen, why = await _foresee(partner, lines, operator, now)
    answering = [rejected_topic(partner), *(dead_letter_topic(name) for name in ("ingest", *_READS.values()))]
    forwarding = list(_READS) if operator else []
    async with asking(bootstrap) as offsets:
        await offsets.ends([raw_topic(partner)])  # which says what to do when the topic is not made
        before = await offsets.ends([*answering, *forwarding])
        placed = await _send(bootstrap, partner, lines, foreseen)
        watch(f"{len(placed)} events are in Kafka")
        await _until_ingest(offsets, placed, deadline, timeout_s)
        evidence, open_ = _Evidence(), set[str]()
        await _read(bootstrap, before, await offsets.ends(forwarding), evidence)
        if operator:
            ours = {
                each.origin: evidence.forwarded[each.origin] for each in placed if each.origin in evidence.forwarded
            }
            watch(f"ingest has taken {len(ours)} of them")
            open_, late = await _until_behind(operator, ours, deadline, partner)
            why = " ".join(filter(None, (why, late)))
        await _read(bootstrap, before, await offsets.ends(answering), evidence)
    return Sent([_verdict(each, evidence, foreseen, operator is not None, open_) for each in placed], why)


_Foreseen: TypeAlias = dict[int, tuple[int, Result | None]]
"""By line: the partition to send it to, and what is expected to become of it, if that can be known."""


async def _foresee(
    partner: str, lines: Sequence[Line], operator: Deployment | None, now: datetime
) -> tuple[Deployment | None, _Foreseen, str]:
    """One person's events go to one partition, in the order of the file: which of two that contradict each other comes
    first does not depend on chance then. Without the deployment nobody knows who is meant."""
    anywhere: _Foreseen = {line.number: (index % PARTITIONS, None) for index, line in enumerate(lines)}
    if operator is None:
        return (
            None,
            anywhere,
            "The scorer and retention were not waited for: only the operator can see how far they are.",
        )
    if operator.not_read_by("ingest", partner):
        return operator, anywhere, _NOT_FORESEEN
    rehearsal = Rehearsal(partner, operator.settings, now)
    judged = rehearsal.read(lines)
    why = ""
    try:
        await rehearsal.recall(operator, judged)
    except _DATABASE_AWAY:
        operator, why = None, "The scorer and retention were not waited for: Postgres does not answer."
    verdicts = rehearsal.answer(judged)
    return (
        operator,
        {
            each.line: (
                partition_of(each.user_id) if isinstance(each, Forwarded) else anywhere[each.line][0],
                verdict.result,
            )
            for each, verdict in zip(judged, verdicts, strict=True)
        },
        why,
    )


async def _send(bootstrap: str, partner: str, lines: Sequence[Line], foreseen: _Foreseen) -> list[_Placed]:
    headers = headers_of(mapping_of(partner))
    by_partition: dict[TopicPartition, list[Line]] = {}
    for line in lines:
        by_partition.setdefault(TopicPartition(raw_topic(partner), foreseen[line.number][0]), []).append(line)
    async with started(bootstrap) as producer:
        parts = await asyncio.gather(*(_send_to(producer, at, part, headers) for at, part in by_partition.items()))
    return sorted((each for part in parts for each in part), key=lambda each: each.line.number)


async def _send_to(
    producer: AIOKafkaProducer, at: TopicPartition, lines: Sequence[Line], headers: Sequence[tuple[str, bytes]]
) -> list[_Placed]:
    sending = [
        await producer.send(at.topic, line.value, key=line.key, partition=at.partition, headers=list(headers))
        for line in lines
    ]
    return [_Placed(line, at, (await sent).offset) for line, sent in zip(lines, sending, strict=True)]


async def _until_ingest(offsets: Offsets, placed: Sequence[_Placed], deadline: float, timeout_s: float) -> None:
    wanted = _ends((each.at, each.offset) for each in placed)
    while True:
        committed = await offsets.committed("ingest")
        if all(committed.get(at, 0) >= end for at, end in wanted.items()):
            return
        if time.monotonic() > deadline:
            raise UserError(
                f"All {len(placed)} events are in Kafka, and ingest has not judged them all within {timeout_s:.0f} s.",
                "It will as soon as it runs (goodstanding local status); do not send them again.",
            )
        await asyncio.sleep(_POLL_S)  # nobody tells how far a group is: it has to be asked


async def _until_behind(
    operator: Deployment, forwarded: Mapping[str, tuple[TopicPartition, int]], deadline: float, partner: str
) -> tuple[set[str], str]:
    """Wait for the services behind ingest. The positions that one has not come to in time, and why."""
    wanted = _ends(forwarded.values())
    late: dict[TopicPartition, str] = {}
    for topic, service in _READS.items():
        ends = {at: end for at, end in wanted.items() if at.topic == topic}
        try:
            async with Progress.at(operator.dsn(service)) as progress:
                late |= dict.fromkeys(
                    await progress.until_past(ends, deadline), f"{service} has not come to them in time"
                )
        except _DATABASE_AWAY:
            late |= dict.fromkeys(ends, "Postgres does not answer any more")
    if not late:
        return set(), ""
    return (
        {origin for origin, (at, _) in forwarded.items() if at in late},
        f"Not all were waited for: {' and '.join(sorted(set(late.values())))}. "
        f"A refusal may still come: goodstanding tail rejected {partner}",
    )


async def _read(
    bootstrap: str, before: Mapping[TopicPartition, int], after: Mapping[TopicPartition, int], evidence: _Evidence
) -> None:
    async for record in between(bootstrap, {at: before[at] for at in after}, after):
        evidence.take(record)


def _verdict(placed: _Placed, evidence: _Evidence, foreseen: _Foreseen, behind: bool, open_: set[str]) -> Verdict:
    line, origin = placed.line.number, placed.origin
    forwarded = evidence.forwarded.get(origin)
    # A service behind ingest sets the forwarded record aside, and so names that one's position.
    names = [origin, *([_position(*forwarded)] if forwarded else [])]
    for name in names:
        if name in evidence.answers:
            result, answer = evidence.answers[name]
            return Verdict.of(line, result, answer)
    if not behind or origin in open_:
        return Verdict(line, Result.TAKEN_BY_INGEST)
    if forwarded is None:
        return Verdict(line, Result.UNANSWERED, "unanswered", "", _UNANSWERED)
    match foreseen[line][1]:
        case None:
            return Verdict(line, Result.TAKEN_BY_INGEST)
        case Result.REPEATED:
            return Verdict(line, Result.REPEATED)
        case _:
            return Verdict(line, Result.ACCEPTED)


def _ends(positions: Iterable[tuple[TopicPartition, int]]) -> dict[TopicPartition, int]:
    """The offset behind the last of the positions in each partition."""
    ends: dict[TopicPartition, int] = {}
    for at, offset in positions:
        ends[at] = max(ends.get(at, 0), offset + 1)
    return ends


def _position(at: TopicPartition, offset: int) -> str:
    return f"{at.topic}/{at.partition}/{offset}"
