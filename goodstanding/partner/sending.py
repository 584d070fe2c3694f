"""Sending a file of events and waiting for what becomes of each (decision 0019).

Ingest is done with an event when its committed offset has passed it. It then has either refused the event, or set it
aside, or forwarded it, and each of the three names the event's position. The service behind ingest is done with a
forwarded event when its stored offset has passed it and its outbox holds nothing of that step any more: a refusal is
on its topic by then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import asyncpg
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError

from goodstanding.errors import UserError
from goodstanding.partner.crosswalks import read_crosswalk
from goodstanding.partner.evidence import READ_BY, Evidence, Placed, verdicts_on
from goodstanding.partner.mapping_files import headers_of, mapping_of
from goodstanding.partner.rehearsal import Forwarded, Rehearsal
from goodstanding.partner.verdicts import Line, Result, Verdict
from goodstanding.platform import files_in_force
from goodstanding.platform.deployment import Deployment
from goodstanding.reading.offsets import Offsets, asking
from goodstanding.reading.progress import Progress
from goodstanding.reading.topic import between
from services.ingest.core.mapping import has_several
from shared.contracts.cloudevents import EVENT_BYTES_MAX, LIST_BYTES_MAX, too_large
from shared.contracts.exchange import Outgoing
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.topics import dead_letter_topic, group_of, raw_topic, rejected_topic
from shared.kafka.between import StandstillError
from shared.kafka.connection import Kafka
from shared.kafka.sendable import is_too_large
from shared.kafka.sender import started
from shared.runner.blame import in_words, known

_POLL_S = 0.05
_NOT_ALLOWED = (GroupAuthorizationFailedError, TopicAuthorizationFailedError)
_DATABASE_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
_NOT_FORESEEN = (
    "Ingest has judged these events by the files that it read when it started, so what becomes of them cannot be "
    'foreseen from those that are there now: one that no service refuses is "taken by ingest".'
)

Watch: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """The verdicts, in the order of the lines. `not_waited_for` says why some are only taken by ingest, if any are, and
    `standstill` why others are missing, or why a refusal may still come."""

    verdicts: list[Verdict]
    not_waited_for: str = ""
    standstill: StandstillError | None = None
    waiting: Sequence[int] = ()
    """The lines of those that settle or correct a record which nobody has reported yet."""


def hidden(partner: str, standstill: StandstillError) -> tuple[str, str]:
    """The sentence about events whose verdict cannot be read, and what to do about them."""
    return (
        f"{standstill.sentence} So the services may have refused or set aside more of these events than is known here.",
        f"Do not send them again. {standstill.advice} Then see what was refused: goodstanding tail rejected {partner}",
    )


async def send(
    kafka: Kafka,
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
    lines, refused = sendable(partner, lines)
    operator, foreseen, why = await _foresee(partner, lines, operator, now)
    answering = [rejected_topic(partner), *(dead_letter_topic(name) for name in ("ingest", *READ_BY.values()))]
    forwarding = list(READ_BY) if operator else []
    async with asking(kafka) as offsets:
        # Which says what to do when the topic is not made; whoever made it may have given it any number of partitions.
        partitions = len(await offsets.ends([raw_topic(partner)]))
        before = await offsets.ends([*answering, *forwarding])
        placed = await _send(kafka, partner, lines, foreseen, partitions)
        count = sum(len(each.line.numbers) or 1 for each in placed)
        watch(f"{count} events are in Kafka")
        evidence, open_ = Evidence(), set[str]()
        with _sent_in_any_case(count, partner):
            await _until_ingest(offsets, placed, count, deadline, timeout_s)
            standstill = await _read(kafka, before, await offsets.ends(forwarding), evidence)
            if operator:
                sent = {each.origin for each in placed}
                ours = {name: at for name, at in evidence.forwarded.items() if name.partition("#")[0] in sent}
                watch(f"ingest has taken {len(ours)} of them")
                open_, late = await _until_behind(operator, ours, deadline, partner)
                why = " ".join(filter(None, (why, late)))
            standstill = await _read(kafka, before, await offsets.ends(answering), evidence) or standstill
    behind = operator is not None
    told = [one for each in placed for one in verdicts_on(each, evidence, foreseen.results, behind, open_)]
    # A line that is no CSV goes in a message of its own, behind the others, wherever it stands in the file.
    return Sent(sorted([*told, *refused], key=lambda verdict: verdict.line), why, standstill, foreseen.waiting)


def sendable(partner: str, lines: Sequence[Line]) -> tuple[Sequence[Line], Sequence[Verdict]]:
    """The messages that Kafka takes, and the verdicts on the others, which are ingest's on what is too large: one of
    them would end the sending of all, and nobody would hear what became of those that were sent."""
    mapping = mapping_of(partner)
    headers, bytes_max = headers_of(mapping), LIST_BYTES_MAX if has_several(mapping) else EVENT_BYTES_MAX
    taken: list[Line] = []
    refused: list[Verdict] = []
    for line in lines:
        fault = too_large(line.key, line.value, headers, bytes_max)
        if fault is not None and is_too_large(Outgoing(raw_topic(partner), line.key, line.value, headers, 0)):
            refused.append(Verdict(line.number, Result.REFUSED, fault.code, fault.field, fault.sentence))
        else:
            taken.append(line)
    return taken, refused


@dataclass(frozen=True, slots=True)
class _Foreseen:
    """The partition that each message is sent to, by its number; and what is expected of events, by theirs."""

    partitions: Mapping[int, int]
    results: Mapping[int, Result]
    waiting: Sequence[int] = ()


async def _foresee(
    partner: str, lines: Sequence[Line], operator: Deployment | None, now: datetime
) -> tuple[Deployment | None, _Foreseen, str]:
    """Where to send each message and what will become of its events; and why nothing is foreseen, if nothing is.

    One person's events go to one partition in the order of the file, so that chance does not decide which of two
    contradicting events comes first. Without the deployment's key nobody knows whom an event is about.
    """
    partitions = {line.number: index % PARTITIONS for index, line in enumerate(lines)}
    anywhere = _Foreseen(partitions, {})
    if operator is None:
        return (
            None,
            anywhere,
            "The scorer and retention were not waited for: only the operator can see how far they are.",
        )
    if files_in_force.not_read_by(operator, "ingest", partner):
        return operator, anywhere, _NOT_FORESEEN
    crosswalk = await read_crosswalk(operator, partner) if mapping_of(partner).crosswalk else None
    rehearsal = Rehearsal(partner, operator.settings, now, crosswalk)
    judged = rehearsal.read(lines)
    why = ""
    try:
        await rehearsal.recall(operator, judged)
    except _DATABASE_AWAY as error:
        operator, why = None, f"The scorer and retention were not waited for: {_in_words(error)}."
    verdicts = rehearsal.answer(judged)
    alone = {line.number for line in lines if not line.numbers}
    people = {each.line: each.user_id for each in judged if isinstance(each, Forwarded) and each.line in alone}
    partitions |= {number: partition_of(user_id) for number, user_id in people.items()}
    results = {verdict.line: verdict.result for verdict in verdicts}
    return operator, _Foreseen(partitions, results, rehearsal.waiting()), why


def _in_words(error: BaseException) -> str:
    """What Postgres has said, or that it says nothing, as while it stops and begins (57P) or after a connection is lost
    (08)."""
    if isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:3] not in ("57P", "080"):
        return in_words(error)
    return known(error) or "Postgres does not answer"


async def _send(
    kafka: Kafka, partner: str, lines: Sequence[Line], foreseen: _Foreseen, partitions: int
) -> list[Placed]:
    headers = headers_of(mapping_of(partner))
    by_partition: dict[TopicPartition, list[Line]] = {}
    for line in lines:
        partition = foreseen.partitions[line.number] % partitions
        by_partition.setdefault(TopicPartition(raw_topic(partner), partition), []).append(line)
    async with started(kafka) as producer:
        with _sent_in_part():
            parts = await asyncio.gather(*(_send_to(producer, at, part, headers) for at, part in by_partition.items()))
    return sorted((each for part in parts for each in part), key=lambda each: each.line.number)


@contextmanager
def _sent_in_part() -> Iterator[None]:
    """Raises UserError when Kafka goes away: nobody knows by then which events it has taken."""
    try:
        yield
    except TopicAuthorizationFailedError:
        raise  # which comes before anything is sent
    except (KafkaError, OSError) as error:
        raise UserError(
            f"Not all events could be sent: {known(error) or 'Kafka does not answer any more'}. Some of them may be in "
            "Kafka, and are judged there.",
            "Have everything run (goodstanding local status), then send the file again: none counts twice.",
        ) from None


@contextmanager
def _sent_in_any_case(events: int, partner: str) -> Iterator[None]:
    """Raises UserError when Kafka goes away, or does not let this user read, while the events are judged."""
    try:
        yield
    except _NOT_ALLOWED:
        raise UserError(
            f"All {events} events are in Kafka, which does not let this user read what became of them.",
            "Do not send them again. Have the operator grant what is missing: goodstanding acl check",
        ) from None
    except (KafkaError, OSError):
        raise UserError(
            f"All {events} events are in Kafka, which does not answer any more, so what became of them is not known.",
            "They are judged as soon as everything runs (goodstanding local status); do not send them again. "
            f"Then see what was refused: goodstanding tail rejected {partner}",
        ) from None


async def _send_to(
    producer: AIOKafkaProducer, at: TopicPartition, lines: Sequence[Line], headers: Sequence[tuple[str, bytes]]
) -> list[Placed]:
    sending = [
        await producer.send(at.topic, line.value, key=line.key, partition=at.partition, headers=list(headers))
        for line in lines
    ]
    return [Placed(line, at, (await sent).offset) for line, sent in zip(lines, sending, strict=True)]


async def _until_ingest(
    offsets: Offsets, placed: Sequence[Placed], events: int, deadline: float, timeout_s: float
) -> None:
    wanted = _ends((each.at, each.offset) for each in placed)
    while True:
        committed = await offsets.committed(group_of("ingest"))
        if all(committed.get(at, 0) >= end for at, end in wanted.items()):
            return
        if time.monotonic() > deadline:
            raise UserError(
                f"All {events} events are in Kafka, and ingest has not judged them all within {timeout_s:.0f} s.",
                "It will as soon as it runs (goodstanding local status); do not send them again.",
            )
        await asyncio.sleep(_POLL_S)  # nobody tells how far a group is: it has to be asked


async def _until_behind(
    operator: Deployment, forwarded: Mapping[str, tuple[TopicPartition, int]], deadline: float, partner: str
) -> tuple[set[str], str]:
    """Wait for the services behind ingest. Returns the positions that a service has not reached in time, and why."""
    wanted = _ends(forwarded.values())
    late: dict[TopicPartition, str] = {}
    for topic, service in READ_BY.items():
        ends = {at: end for at, end in wanted.items() if at.topic == topic}
        try:
            async with Progress.at(operator.dsn(service)) as progress:
                late |= dict.fromkeys(
                    await progress.until_past(ends, deadline), f"{service} has not come to them in time"
                )
        except _DATABASE_AWAY as error:
            late |= dict.fromkeys(ends, _in_words(error))
    if not late:
        return set(), ""
    return (
        {origin for origin, (at, _) in forwarded.items() if at in late},
        f"Not all were waited for: {' and '.join(sorted(set(late.values())))}. "
        f"A refusal may still come: goodstanding tail rejected {partner}",
    )


async def _read(
    kafka: Kafka, before: Mapping[TopicPartition, int], after: Mapping[TopicPartition, int], evidence: Evidence
) -> StandstillError | None:
    """Takes what can be read; why that is not all, if it is not."""
    try:
        async for record in between(kafka, {at: before[at] for at in after}, after):
            evidence.take(record)
    except StandstillError as error:
        evidence.hidden.update(at.topic for at in after)
        return error
    return None


def _ends(positions: Iterable[tuple[TopicPartition, int]]) -> dict[TopicPartition, int]:
    """The offset behind the last of the positions in each partition."""
    ends: dict[TopicPartition, int] = {}
    for at, offset in positions:
        ends[at] = max(ends.get(at, 0), offset + 1)
    return ends
