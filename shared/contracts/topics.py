"""Every topic of the platform, as data: `topic_admin` creates and checks them, documentation is made from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias, get_args

from shared.contracts.partition import PARTITIONS
from shared.layout import PREFIX

RAW_PREFIX = f"{PREFIX}behavior.raw."
REJECTED_PREFIX = f"{PREFIX}behavior.rejected."
DISPUTES_PREFIX = f"{PREFIX}disputes."
CROSSWALK_PREFIX = f"{PREFIX}crosswalk."
NORMALIZED = f"{PREFIX}behavior.normalized"
RECORDS_REPORTED = f"{PREFIX}records.reported"
RECORDS_CHANGED = f"{PREFIX}records.changed"
SCORES_CHANGED = f"{PREFIX}scores.changed"
TIERS_CHANGED = f"{PREFIX}tiers.changed"
SCORES_EXPLAINED = f"{PREFIX}scores.explained"
RECORDS_HELD = f"{PREFIX}records.held"
SUBJECT_REQUESTS = f"{PREFIX}subject.requests"
SUBJECT_ANSWERS = f"{PREFIX}subject.answers"
CLOCK_TOPIC = f"{PREFIX}simulation.clock"
TIME_TOPIC = f"{PREFIX}services.time"

ServiceName: TypeAlias = Literal["ingest", "retention", "scorer", "benefits"]
SERVICES: tuple[ServiceName, ...] = get_args(ServiceName)
"""In the order of the flow: each reads only what those before it write."""
PORTAL = "portal"
"""The process for people and those who act on scores. A deployment may do without it, so it is no service."""
PROCESSES: tuple[str, ...] = (*SERVICES, PORTAL)
"""Whatever runs on the runner, in a deployment with all of it."""
REDRIVE = "operator (redrive only)"
"""Who appends a record that a service has set aside, byte for byte and to the topic that it lies in, and a note of that
beside the dead letter (`goodstanding dead-letters redrive`). Nothing of the operator's own."""

_MIB = 1024 * 1024
# A broker counts the batch with its own header, so a topic's limit is a little more than the message it should take.
MESSAGE_BYTES_MAX = _MIB + 64 * 1024
"""Far above what ingest accepts (cloudevents.EVENT_BYTES_MAX): too large an event gets a refusal, not a timeout."""
REJECTED_BYTES_MAX = MESSAGE_BYTES_MAX + 64 * 1024
"""A refusal carries the untouched bytes of the raw event, and headers of its own."""
REJECTED_VALUE_BYTES_MAX = MESSAGE_BYTES_MAX
"""An event that is larger than this when it is unpacked is refused without its bytes. The headers have the rest."""

# An outage of up to a week loses nothing; a refusal or dead letter waits a month for somebody to look at it.
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_MONTH = timedelta(days=30)

THE_PLATFORMS_TO_DECIDE = frozenset({"segment.ms", "max.compaction.lag.ms"})
"""Settings of a topic that a managed Kafka may refuse. They bound how long what is past its time stays on a disk; no
message is lost or read wrongly without them. All others must hold."""

_PARTNER = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `retention` is None where `cleanup` is compact: the last message of each key stays for good.

    The first of the `writers` owns the topic: it answers for what the messages mean.
    """

    name: str
    key: str
    partitions: int
    cleanup: Literal["delete", "compact"]
    retention: timedelta | None
    message_bytes_max: int
    writers: tuple[str, ...]
    readers: tuple[str, ...]

    @property
    def owner(self) -> str:
        return self.writers[0]

    def settings(self, replication_factor: int) -> dict[str, str]:
        """The broker's settings of the topic, by their Kafka names; what is not named keeps the broker's default."""
        named = {
            "cleanup.policy": self.cleanup,
            "max.message.bytes": str(self.message_bytes_max),
            # Record timestamps serve retention and lag; business time is in the envelope, and no sender sets ours.
            "message.timestamp.type": "LogAppendTime",
            # With three copies a message is acknowledged by two, so that one broker may die without losing any.
            "min.insync.replicas": "2" if replication_factor >= 3 else "1",
            # Retention and compaction pass over the segment in use. A day bounds how long that delays them.
            "segment.ms": _milliseconds(_DAY),
        }
        if self.retention is None:
            # What is superseded is gone after a day and not at some later time. The tombstone of an erasure stays for
            # as long as other topics keep anything, so that no reader who catches up misses it.
            return named | {"max.compaction.lag.ms": _milliseconds(_DAY), "delete.retention.ms": _milliseconds(_WEEK)}
        return named | {"retention.ms": _milliseconds(self.retention)}


def _milliseconds(span: timedelta) -> str:
    return str(span // timedelta(milliseconds=1))


def topics(partners: Sequence[str]) -> tuple[Topic, ...]:
    """All topics of a deployment with these partners. Raises ValueError for a name that no topic could carry."""
    return (
        *(topic for partner in partners for topic in _of_partner(partner)),
        *_SHARED,
        *(_dead_letter(service) for service in PROCESSES),
    )


def raw_topic(partner: str) -> str:
    return RAW_PREFIX + partner


def rejected_topic(partner: str) -> str:
    return REJECTED_PREFIX + partner


def disputes_topic(partner: str) -> str:
    return DISPUTES_PREFIX + partner


def crosswalk_topic(partner: str) -> str:
    return CROSSWALK_PREFIX + partner


def dead_letter_topic(service: str) -> str:
    return f"{PREFIX}{service}.dead-letter"


def group_of(service: str) -> str:
    """The consumer group of the service's processes."""
    return f"{PREFIX}{service}"


def transactional_id(service: str, shard: int) -> str:
    """The id of whichever process holds the shard: the broker fences the process that held it before."""
    return f"{PREFIX}{service}-{shard}"


def message_bytes_max(topic: str) -> int | None:
    """The limit of a message on the topic as a broker counts it; None for a topic that is not of the platform."""
    if topic.startswith(REJECTED_PREFIX):
        return REJECTED_BYTES_MAX
    known = topic in _LIMITED or topic.startswith((RAW_PREFIX, DISPUTES_PREFIX, CROSSWALK_PREFIX))
    return MESSAGE_BYTES_MAX if known else None


def partner_of(raw_topic_name: str) -> str:
    """The partner is the topic, never a field of the message (rules E2)."""
    return raw_topic_name.removeprefix(RAW_PREFIX)


def _of_partner(partner: str) -> tuple[Topic, ...]:
    if not _PARTNER.fullmatch(partner):
        raise ValueError(f"Partner {partner!r}: a name has lower-case letters, digits and hyphens, at most 40 of them.")
    them = (f"partner {partner}",)
    raw, rejected, disputes = raw_topic(partner), rejected_topic(partner), DISPUTES_PREFIX + partner
    writing, refusing = (*them, PORTAL, REDRIVE), ("ingest", "scorer", "retention")
    return (
        Topic(raw, "the partner's choice", PARTITIONS, "delete", _WEEK, MESSAGE_BYTES_MAX, writing, ("ingest",)),
        Topic(rejected, "none", 1, "delete", _MONTH, REJECTED_BYTES_MAX, refusing, (*them, PORTAL)),
        Topic(disputes, "the partner's report id", 1, "delete", _MONTH, MESSAGE_BYTES_MAX, ("retention",), them),
        # Keyed hashes only. An entry never changes: whose a number is must be the same when an event is read again.
        Topic(
            crosswalk_topic(partner),
            "a keyed hash of the customer number",
            1,
            "compact",
            None,
            MESSAGE_BYTES_MAX,
            # ingest forgets the numbers of who is erased, and writes nothing else.
            ("operator", "ingest"),
            ("ingest",),
        ),
    )


def _by_person(name: str, writers: Sequence[str], readers: Sequence[str]) -> Topic:
    return Topic(name, "user_id", PARTITIONS, "delete", _WEEK, MESSAGE_BYTES_MAX, tuple(writers), tuple(readers))


def _last_by_person(name: str, writers: Sequence[str], readers: Sequence[str]) -> Topic:
    return Topic(name, "user_id", PARTITIONS, "compact", None, MESSAGE_BYTES_MAX, tuple(writers), tuple(readers))


def _dead_letter(service: str) -> Topic:
    name, writers = dead_letter_topic(service), (service, REDRIVE)
    return Topic(name, "none", 1, "delete", _MONTH, MESSAGE_BYTES_MAX, writers, ("operator", PORTAL))


_SHARED = (
    _by_person(NORMALIZED, ["ingest", REDRIVE], ["scorer"]),
    _by_person(RECORDS_REPORTED, ["ingest", REDRIVE], ["retention"]),
    # Kind, amount and days of a record are nobody's but the person's: subscribers follow scores and tiers.
    _by_person(RECORDS_CHANGED, ["retention", REDRIVE], ["scorer"]),
    _by_person(SUBJECT_REQUESTS, ["portal", "operator"], ["scorer", "retention"]),
    # ingest and retention read the confirmations of an erasure, and nothing else.
    _by_person(
        SUBJECT_ANSWERS, ["scorer", "retention", "benefits", "ingest", "portal"], ["portal", "retention", "ingest"]
    ),
    _last_by_person(SCORES_CHANGED, ["scorer"], ["benefits", "subscribers"]),
    _last_by_person(TIERS_CHANGED, ["benefits"], ["subscribers", "portal"]),
    # Why a score is what it is, and what is held against whom, is for the person alone, who reads it there.
    _last_by_person(SCORES_EXPLAINED, ["scorer"], ["portal"]),
    _last_by_person(RECORDS_HELD, ["retention"], ["portal"]),
)

_LIMITED = {topic.name for topic in _SHARED} | {dead_letter_topic(service) for service in PROCESSES}

WITNESS = Topic(TIME_TOPIC, "none", 1, "delete", _DAY, MESSAGE_BYTES_MAX, PROCESSES, ())
"""Empty records, whose acknowledgements tell a service the time of the broker; nobody reads them."""

SIMULATION = Topic(CLOCK_TOPIC, "none", 1, "delete", _WEEK, MESSAGE_BYTES_MAX, ("driver",), PROCESSES)
"""Exists only in simulation: the stepped clock that all processes share."""
