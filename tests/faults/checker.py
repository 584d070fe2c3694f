"""What must hold on the topics after any faults: each function returns its violations as sentences, at best none.

They read what partners and subscribers could read, and what the oracle expects; of the services they know nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from shared.contracts.partition import partition_of
from shared.contracts.topics import raw_topic
from tests.faults.events import Headers, Message
from tests.oracle import Expected, Result

_TOLD_MAX = 5
"""Of one kind of violation so many are told; thousands say no more."""

_REFUSED_LATER = frozenset({"too-late", "conflict"})
"""Refusals that need a person's state, and so come from the scorer."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as a subscriber read it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def content(self) -> tuple[bytes | None, bytes | None, Headers]:
        return self.key, self.value, self.headers

    def attribute(self, name: str) -> str:
        return next((value.decode() for header, value in self.headers if header == f"ce_{name}"), "")


def places_of(messages: Sequence[Message], raw: Iterable[Seen]) -> tuple[list[str], list[str]]:
    """Where each message lies, and the violations: the raw topics hold exactly what was sent, in order."""
    arrived: dict[tuple[str, int], list[Seen]] = defaultdict(list)
    for record in raw:
        arrived[record.topic, record.partition].append(record)
    position: dict[tuple[str, int], int] = defaultdict(int)
    places, violations = [], []
    for number, message in enumerate(messages):
        where = raw_topic(message.partner), partition_of(message.key.decode())
        at = position[where]
        position[where] += 1
        found = arrived[where][at] if at < len(arrived[where]) else None
        if found is None or found.content != (message.key, message.value, message.headers):
            violations.append(f"message {number} is not at its place in {where[0]}/{where[1]}: the sending failed")
            break
        places.append(found.place)
    return places, violations


def check_scores(scores: Sequence[Seen], results: Mapping[str, Result]) -> list[str]:
    """`scores.changed` as read from its beginning, in the order of the log, aborted transactions left out."""
    return [
        *_byte_equal(scores, by="id"),
        *_told(_misplaced(scores)),
        *_told(_versions(scores)),
        *_told(_last_is_latest(scores)),
        *_told(_results(scores, results)),
    ]


def check_refusals(rejected: Sequence[Seen], places: Sequence[str], expected: Expected) -> list[str]:
    """Every refused message has its refusal, with the right code, and no other message has one."""
    found: dict[str, set[str]] = defaultdict(set)
    for record in rejected:
        found[record.attribute("origin")].add(record.attribute("code"))
    wanted = {places[number]: {code} for number, code in expected.codes.items()}
    missing = (
        f"{p}: refused with {wanted[p]}, found {found.get(p, set())}" for p in wanted if found.get(p) != wanted[p]
    )
    excess = (f"{p}: there is a refusal ({found[p]}), but nothing was wrong" for p in found if p not in wanted)
    return [*_byte_equal(rejected, by="id"), *_told(missing), *_told(excess)]


def check_normalized(normalized: Sequence[Seen], places: Sequence[str], expected: Expected) -> list[str]:
    """What ingest did not refuse is all there, and always in the same words."""
    found = {record.attribute("origin") for record in normalized}
    wanted = {place for number, place in enumerate(places) if expected.codes.get(number) in (None, *_REFUSED_LATER)}
    missing = (f"{place} was accepted and did not come out of ingest" for place in wanted - found)
    excess = (f"{place} was refused and came out of ingest all the same" for place in found - wanted)
    return [*_byte_equal(normalized, by="origin"), *_told(_misplaced(normalized)), *_told(missing), *_told(excess)]


def check_dead_letters(letters: Sequence[Seen]) -> list[str]:
    return _told(f"dead letter for {r.attribute('origin')}: {r.attribute('code')}" for r in letters)


def _byte_equal(records: Sequence[Seen], by: str) -> list[str]:
    first: dict[tuple[str, str], Seen] = {}
    unequal = []
    for record in records:
        original = first.setdefault((record.topic, record.attribute(by)), record)
        if original.content != record.content:
            unequal.append(f"{original.place} and {record.place} have one {by} and not the same bytes")
    return _told(unequal)


def _misplaced(records: Sequence[Seen]) -> Iterable[str]:
    for record in records:
        if record.key is None or partition_of(record.key.decode()) != record.partition:
            yield f"{record.place} is not where its key belongs"


def _versions(scores: Sequence[Seen]) -> Iterable[str]:
    """After dropping repeats each person's versions are 1, 2, 3 without gap and in order."""
    latest: dict[bytes, int] = defaultdict(int)
    seen: set[str] = set()
    for record in scores:
        identity, key = record.attribute("id"), record.key or b""
        if identity in seen:
            continue
        seen.add(identity)
        version = _body(record)["version"]
        if identity != f"scorer/{key.decode()}/{version}":
            yield f"{record.place}: the id {identity} does not name its person and version"
        if version != latest[key] + 1:
            yield f"{record.place}: version {version} follows version {latest[key]}"
        latest[key] = version


def _last_is_latest(scores: Sequence[Seen]) -> Iterable[str]:
    """What compaction would leave of a person is the person's highest version."""
    last = {record.key: record for record in scores}
    highest: dict[bytes | None, int] = defaultdict(int)
    for record in scores:
        highest[record.key] = max(highest[record.key], _body(record)["version"])
    for key, record in last.items():
        if _body(record)["version"] != highest[key]:
            yield f"{record.place}: version {_body(record)['version']} lies behind version {highest[key]}"


def _results(scores: Sequence[Seen], results: Mapping[str, Result]) -> Iterable[str]:
    last = {record.key.decode(): _body(record) for record in scores if record.key is not None}
    for user in results.keys() | last.keys():
        found = Result(last[user]["score"], last[user]["thin"]) if user in last else None
        if found != results.get(user):
            yield f"{user[:8]}: expected {results.get(user)}, published {found}"


def _body(record: Seen) -> dict[str, Any]:
    return dict(json.loads(record.value or b"{}"))


def _told(violations: Iterable[str]) -> list[str]:
    """The first few, and whether there were more."""
    told = list(islice(violations, _TOLD_MAX + 1))
    return [*told[:_TOLD_MAX], "and more of this kind"] if len(told) > _TOLD_MAX else told
