"""What a person's messages lead to: the records that are kept, the names of those that are gone, and what to say.

A person is a value: nothing in it is changed, each decision makes a new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from types import MappingProxyType

import msgspec

from services.retention.core.fingerprint import fingerprint, record_id
from services.retention.core.messages import Due, Message, Report
from services.retention.core.profile import Profile
from services.retention.core.record import GONE, Effect, Gone, Kept, Step, due_at, expire, take


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules are given besides time. `fingerprint_key` is in no table and no topic."""

    profile: Profile
    fingerprint_key: bytes


class Person(msgspec.Struct, frozen=True):
    """All records of one person by their id, and the fingerprints of the ids of those that are gone."""

    records: Mapping[str, Kept] = MappingProxyType({})
    gone: frozenset[bytes] = frozenset()


class Decided(msgspec.Struct, frozen=True):
    """`effects` has each with the record's id, in the order of the messages."""

    person: Person
    effects: tuple[tuple[str, Effect], ...]


def decide(person: Person, messages: Sequence[Message], now: datetime, policy: Policy) -> Decided:
    """Take all of one person's messages in, in the order of the log."""
    records, gone = dict(person.records), set(person.gone)
    effects: list[tuple[str, Effect]] = []
    for message in messages:
        for id, step in _steps(message, records, gone, now, policy):
            if isinstance(step.state, Gone):
                records.pop(id, None)
                gone.add(fingerprint(policy.fingerprint_key, id))
            elif step.state is not None:
                records[id] = step.state
            effects.extend((id, effect) for effect in step.effects)
    return Decided(Person(records, frozenset(gone)), tuple(effects))


def _steps(
    message: Message, records: Mapping[str, Kept], gone: Set[bytes], now: datetime, policy: Policy
) -> list[tuple[str, Step]]:
    match message:
        case Report():
            id = record_id(message.key, message.partner, message.body.report_id)
            state = GONE if fingerprint(policy.fingerprint_key, id) in gone else records.get(id)
            return [(id, take(state, message, now, policy.profile))]
        case Due():
            found = [(due, id) for id, record in records.items() if (due := due_at(record)) and due <= message.instant]
            # The earliest first.
            return [(id, expire(records[id], message.instant)) for _, id in sorted(found)]
