"""The services' own rules, run on a partner's events without any server: what would each be answered?

Ingest judges the event, and what it forwards is judged by the service that reads it: the scorer, or retention. They are
the services themselves, with their decoders and their rules, so that a rehearsal and the platform use the same words
(decision 0019). State is kept in memory, and nothing of it is ever written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import asyncpg
from pydantic import SecretStr

from goodstanding.partner.mapping_files import compiled, headers_of, mapping_of
from goodstanding.partner.verdicts import Line, Result, Verdict
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from services.ingest.service import Policy
from services.ingest.service import service as ingest
from services.retention import loading as retention_files
from services.retention.core.decide import Person
from services.retention.core.record import Unreported
from services.retention.service import service as retention
from services.retention.settings import RetentionSettings
from services.scorer import loading as scorer_files
from services.scorer.service import service as scorer
from services.scorer.settings import ScorerSettings
from shared.contracts.faults import Fault
from shared.contracts.partition import partition_of
from shared.contracts.refusals import read_refusal
from shared.contracts.topics import NORMALIZED, RECORDS_REPORTED, raw_topic, rejected_topic
from shared.kafka.crosswalk import Crosswalk
from shared.kafka.records import BROKERS_TIME, ReadRecord
from shared.runner.blame import RecordsFaultError, blamed
from shared.runner.service import Announcement, DeadLetter, Decision, Later, Outgoing, Record, Service, Stateful
from shared.settings import policies_here

_FAILED = "The rules failed with {}."
_RAW_PARTITION = 0
"""Of a record that was never sent; its offset is the number of its line."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """An event that ingest takes, as it goes to the service that reads it."""

    line: int
    user_id: str
    record: Record


Judged: TypeAlias = Forwarded | Verdict
"""What ingest says of an event: it is forwarded, or it has its verdict already."""


class Rehearsal:
    """Judges the events of one partner as a deployment with these settings would at the instant `now`.

    It remembers what it has judged, so that the second of two equal events is a repetition. `recall` has it begin with
    what the deployment's services know of the people. Without the `crosswalk` each customer number is taken for a
    person of its own. Raises UserError or ConfigError for a partner or a policy that cannot be used.
    """

    def __init__(
        self, partner: str, settings: FixedSettings, now: datetime, crosswalk: Crosswalk | None = None
    ) -> None:
        self._partner, self._now = partner, now
        self._headers = headers_of(mapping_of(partner))
        self._ingest = ingest(Policy({partner: compiled(partner, settings, crosswalk)}))
        self._behind = _behind(settings)
        self._messages: dict[int, Line] = {}
        """By their number, which is the offset of a record that was never sent."""
        self._states: dict[tuple[str, str], Any] = {}
        self._waiting: dict[int, str] = {}
        """The position of each settlement and correction that waited for the report of its record, by its line."""

    def read(self, lines: Iterable[Line]) -> list[Judged]:
        """What ingest says of each event of these messages."""
        return [each for line in lines for each in self._read(line)]

    async def recall(self, deployment: Deployment, judged: Sequence[Judged]) -> None:
        """Begin with what the services' tables hold of these people. Reads, and writes nothing."""
        for topic, service in self._behind.items():
            people = {each.user_id for each in judged if isinstance(each, Forwarded) and each.record.topic == topic}
            by_shard: dict[int, list[str]] = {}
            for user_id in sorted(people):
                by_shard.setdefault(partition_of(user_id), []).append(user_id)
            db = await asyncpg.connect(deployment.dsn(service.name))
            try:
                async with db.transaction(isolation="repeatable_read", readonly=True):
                    for shard, keys in by_shard.items():
                        for user_id, state in (await service.mode.load(db, shard, keys)).items():
                            self._states[topic, user_id] = state
            finally:
                await db.close()

    def answer(self, judged: Sequence[Judged]) -> list[Verdict]:
        """The verdict on each, in the same order; those that come first are known when the later ones are judged."""
        found: dict[int, Verdict] = {}
        for each in judged:
            if isinstance(each, Verdict):
                found[each.line] = each
            else:
                # A report can refuse a settlement that came before it, so what is said last of a line holds.
                found |= self._take(each)
        return [found[each.line] for each in judged]

    def waiting(self) -> tuple[int, ...]:
        """The lines of the settlements and corrections that are taken, and whose record nobody has reported yet."""
        still = {origin for state in self._states.values() for origin in _waiting_in(state)}
        return tuple(sorted(line for line, origin in self._waiting.items() if origin in still))

    def forget(self) -> None:
        """Remember nothing of what was judged until now."""
        self._messages.clear()
        self._waiting.clear()
        self._states.clear()

    def _read(self, line: Line) -> Iterator[Judged]:
        self._messages[line.number] = line
        record = _record(raw_topic(self._partner), line.number, line.key, line.value, self._headers, self._now)
        try:
            with blamed():
                answer = self._ingest.mode.answer(record, self._now)
                assert not isinstance(answer, Later), "what is told later is not waited for"
        except RecordsFaultError as fault:
            yield _undecidable(line.number, fault.error)
            return
        if isinstance(answer, DeadLetter):
            yield Verdict(line.number, Result.SET_ASIDE, answer.code, "", answer.sentence)
            return
        messages = iter(answer.outgoing)
        for index, outcome in enumerate(answer.outcomes):
            number = line.number_of(index)
            if outcome.result == "skipped":
                yield Verdict(number, Result.SKIPPED)
                continue
            outgoing = next(messages)
            if outgoing.topic not in self._behind:
                yield next(iter(self._refusals([outgoing]).values()))
                continue
            assert outgoing.key is not None, "what ingest forwards has the person as its key"
            about = outgoing.key, outgoing.value, outgoing.headers
            yield Forwarded(number, outgoing.key.decode(), _record(outgoing.topic, number, *about, self._now))

    def _take(self, event: Forwarded) -> dict[int, Verdict]:
        topic = event.record.topic
        service = self._behind[topic]
        try:
            with blamed():
                message = service.mode.decode(event.record, self._now)
                if isinstance(message, DeadLetter):
                    return {event.line: Verdict(event.line, Result.SET_ASIDE, message.code, "", message.sentence)}
                state = self._states.get((topic, event.user_id))
                decision: Decision[Any, Any] = service.mode.decide(state, [message], self._now)
        except RecordsFaultError as fault:
            return {event.line: _undecidable(event.line, fault.error)}
        self._states[topic, event.user_id] = decision.state
        if any(outcome.result == "waiting" for outcome in decision.outcomes):
            for origin in _waiting_in(decision.state) - _waiting_in(state):
                self._waiting[event.line] = origin
        known = any(outcome.result == "duplicate" for outcome in decision.outcomes)
        verdict = Verdict(event.line, Result.REPEATED if known else Result.ACCEPTED)
        return {event.line: verdict} | self._refusals(decision.outgoing)

    def _refusals(self, messages: Iterable[Outgoing | Announcement]) -> dict[int, Verdict]:
        """The refusals among the messages, by the number of the event whose position and index they name."""
        found = {}
        for message in messages:
            if message.topic == rejected_topic(self._partner):
                refusal = read_refusal(message.headers)
                assert not isinstance(refusal, Fault), refusal.sentence
                line = self._messages[int(refusal.origin.rpartition("/")[2])]
                number = line.number_of(None if refusal.index is None else int(refusal.index))
                found[number] = Verdict.of(number, Result.REFUSED, refusal)
        return found


def validate(partner: str, lines: Sequence[Line], settings: FixedSettings, now: datetime) -> list[Verdict]:
    """What would become of the events if they arrived now, at services that have never heard of the people in them.
    Raises UserError or ConfigError."""
    rehearsal = Rehearsal(partner, settings, now)
    return rehearsal.answer(rehearsal.read(lines))


def _behind(settings: FixedSettings) -> Mapping[str, Service[Stateful[Any, Any, Any]]]:
    """The services behind ingest by the topic on which they meet its events."""
    policies = policies_here()
    of_scorer = ScorerSettings(
        kafka="",
        zone=settings.zone,
        currency=settings.currency,
        fingerprint_key=SecretStr(settings.fingerprint_key),
        policies=policies,
    )
    of_retention = RetentionSettings(
        kafka="",
        retention_profile=settings.retention_profile,
        fingerprint_key=SecretStr(settings.fingerprint_key),
        policies=policies,
    )
    return {
        NORMALIZED: scorer(scorer_files.load(of_scorer)),
        RECORDS_REPORTED: retention(retention_files.load(of_retention)),
    }


def _waiting_in(state: object) -> set[str]:
    """The positions of what waits for a report, in the state of a person; none in that of another service."""
    person = getattr(state, "person", None)
    records = person.records.values() if isinstance(person, Person) else ()
    return {each.origin for record in records if isinstance(record, Unreported) for each in record.waiting}


def _undecidable(line: int, error: Exception) -> Verdict:
    """As the runner does it: the record is set aside, and nothing of what it says is told."""
    return Verdict(line, Result.SET_ASIDE, "undecidable", "", _FAILED.format(type(error).__name__))


def _record(
    topic: str,
    offset: int,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes]],
    now: datetime,
) -> Record:
    return ReadRecord(
        topic=topic,
        partition=_RAW_PARTITION,
        offset=offset,
        timestamp=int(now.timestamp() * 1000),
        timestamp_type=BROKERS_TIME,
        key=key,
        value=value,
        headers=tuple(headers),
    )
