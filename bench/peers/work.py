"""The work: validate an event, drop it if it is a duplicate, fold it into its person's state, and say what changed.

An event is a JSON object of about 400 bytes. It is valid if all of this holds; otherwise it leads to nothing:

    id          a text of 16 hexadecimal digits
    person      a text of 1 to 32 characters; the record's key is the same
    kind        one of KINDS
    amount      a whole number from 0 to 1,000,000,000
    days_late   a whole number from 0 to 3,650
    at          a whole number above 0 (milliseconds since 1970)
    partner     a text of 1 to 40 characters
    note        a text

A valid event whose id is among the last SEEN_MAX of its person is a duplicate, and leads to nothing. Every other one
changes the person's state, and its change is sent as `{"person","event","events","amount","late","worst"}`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

import msgspec

from shared.contracts.partition import partition_of

Kind: TypeAlias = Literal["card.payment", "credit.payment", "electricity.bill", "hotel.stay"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SEEN_MAX = 32
"""Ids that are kept of a person. The reference keeps all of them, so a window that is too small would be seen."""
EVENT_BYTES = 400
DUPLICATES = 0.01
INVALID = 0.005
_REPEATED_WITHIN = 5_000
"""A duplicate comes within so many events of the first, in which a person has far fewer than SEEN_MAX."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is: people, each of whom has an event before anything is measured, and events after those."""

    people: int
    warm: int
    measured: int
    seed: int = 1

    @property
    def events(self) -> int:
        return self.people + self.warm + self.measured

    @property
    def before(self) -> int:
        """Events that are over before the measurement begins."""
        return self.people + self.warm


class Raw(msgspec.Struct, frozen=True):
    """One record of the input."""

    partition: int
    key: bytes
    value: bytes


class Change(msgspec.Struct, frozen=True, array_like=False):
    """One message of the output."""

    person: str
    event: str
    events: int
    amount: int
    late: int
    worst: int


@dataclass(slots=True)
class _Person:
    seen: set[str] = field(default_factory=set)
    events: int = 0
    amount: int = 0
    late: int = 0
    worst: int = 0


@dataclass(slots=True)
class Reference:
    """What must come out: by person all changes, in their order."""

    changes: dict[str, list[Change]] = field(default_factory=dict)
    total: int = 0
    _people: dict[str, _Person] = field(default_factory=dict)

    def add(self, person: str, id: str, amount: int, days_late: int) -> None:
        """Take a valid event in."""
        state = self._people.setdefault(person, _Person())
        if id in state.seen:
            return
        state.seen.add(id)
        state.events += 1
        state.amount += amount
        state.late += days_late > 0
        state.worst = max(state.worst, days_late)
        change = Change(person, id, state.events, state.amount, state.late, state.worst)
        self.changes.setdefault(person, []).append(change)
        self.total += 1

    def fault(self, found: dict[str, list[Change]], whole: bool) -> str | None:
        """What is wrong with the changes that came out; `whole`: nothing may be missing at the end."""
        for person, changes in found.items():
            expected = self.changes.get(person, [])
            if changes != expected[: len(changes)]:
                at = next((n for n, pair in enumerate(zip(changes, expected, strict=False)) if pair[0] != pair[1]), -1)
                return f"{person}: change {at} of {len(changes)} is {changes[at]}, not {expected[at : at + 1]}"
        if whole and (missing := self.total - sum(map(len, found.values()))):
            return f"{missing} of {self.total} changes are missing"
        return None


def events(size: Size, reference: Reference) -> Iterator[Raw]:
    """The input of a run, the same for the same size; `reference` learns what must come of it."""
    chance = random.Random(size.seed)
    everybody = list(range(size.people))
    chance.shuffle(everybody)
    recent: list[tuple[str, str, int, int, bytes]] = []
    for number in range(size.events):
        drawn = chance.random()
        if number < size.people:
            drawn = 1.0
        if drawn < DUPLICATES:
            person, id, amount, days_late, value = recent[int(chance.random() * len(recent))]
        else:
            who = everybody[number] if number < size.people else int(chance.random() * size.people)
            person, id = f"p{who:07}", f"{chance.getrandbits(64):016x}"
            amount = int(chance.random() * 100_000)
            days_late = int(chance.random() * 60) if chance.random() < 0.1 else 0
            kind = KINDS[number & 3]
            if drawn < DUPLICATES + INVALID:
                yield _raw(person, _invalid(number, person, id, kind, amount))
                continue
            value = _body(f'"{id}"', person, kind, str(amount), str(days_late), number)
            if len(recent) < _REPEATED_WITHIN:
                recent.append((person, id, amount, days_late, value))
            else:
                recent[number % _REPEATED_WITHIN] = (person, id, amount, days_late, value)
        reference.add(person, id, amount, days_late)
        yield _raw(person, value)


def _raw(person: str, value: bytes) -> Raw:
    return Raw(partition_of(person), person.encode(), value)


def _body(id: str, person: str, kind: str, amount: str, days_late: str, number: int) -> bytes:
    text = (
        f'{{"id":{id},"person":"{person}","kind":"{kind}","amount":{amount},"days_late":{days_late},'
        f'"at":{1_760_000_000_000 + number},"partner":"partner-{number % 7}","note":"'
    )
    return f'{text}{"x" * (EVENT_BYTES - len(text) - 2)}"}}'.encode()


def _invalid(number: int, person: str, id: str, kind: str, amount: int) -> bytes:
    """One of five ways of being invalid."""
    match number % 5:
        case 0:
            return _body(f'"{id}"', person, kind, "-1", "0", number)
        case 1:
            return _body(f'"{id}"', person, "lottery.win", str(amount), "0", number)
        case 2:
            return _body(f'"{id}"', person, kind, str(amount), '"3"', number)
        case 3:
            return _body("null", person, kind, str(amount), "0", number)
        case _:
            return _body(f'"{id}"', person, kind, str(amount), "0", number)[:-40]
