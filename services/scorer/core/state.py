"""One person's state: a commutative fold of events, independent of any policy (rules S4 and S7).

For each kind and month a small vector [count, sum, late count, worst days late], trailing zeros left out; facts, the
latest by (time, id); figures, the latest per consent, kind and month, never summed; records, the highest version by
record id; withdrawn consents; the first month; and the ids of the months that still accept events. Which events were
accepted decides every byte of it; in which order, in how many batches and how often they came does not.

A `State` is a working copy: decoded, folded into, encoded again, held by nobody else. Parts that most events do not
touch stay packed until one does. Months are numbers, see `calendar`; times are microseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from services.scorer.core.messages import Edge, Event, microseconds
from shared.contracts.kinds import KIND_OF, KINDS, Kind, Shape
from shared.contracts.messages import RecordChange

MONTHS_KEPT = 25
"""The running month and 24 complete ones: no window of a rule is longer than 24 months."""

Vector: TypeAlias = list[int]
COUNT, SUM, LATE, WORST = range(4)
Figure: TypeAlias = int | tuple[int, bytes, int]
"""(time, id, amount) while the month is open, so that the latest can be told; then the amount alone."""
Fact: TypeAlias = tuple[int, bytes, str]
"""(time, id, value)"""

FORMAT = 1
_HASH_BYTES, _IDENTITY_BYTES = 8, 12
_SUM_MAX = 2**63 - 1
_LONG_AGO = -(2**63)
_NOTHING: Vector = [0, 0, 0, 0]
_STATUS_GONE = ("expired", "deleted")


class UnknownFormatError(Exception):
    """The state was written by a later release, or is not a state."""


class Record(msgspec.Struct, frozen=True, array_like=True):
    """A negative record as retention last published it. Of one that is gone only version and month are left, so that
    an older version read again cannot bring it back."""

    version: int
    month: int
    """The month of the change, for pruning."""
    kind: str = ""
    record_class: Literal["legal", "financial", "life"] | None = None
    counts: bool = False
    settled: bool = False
    amount: int | None = None
    began_on: date | None = None
    ended_on: date | None = None
    lapses_at_us: int | None = None
    """None while the clock stands still, and for what was written before this was kept."""

    @property
    def gone(self) -> bool:
        return not self.kind


class State(msgspec.Struct, array_like=True):
    """See the module. All tables are in ascending order of their keys, so that equal states have equal bytes."""

    month: int = 0
    """The clock's month up to which this is pruned; 0 before the first."""
    first: int = 0
    """The first month with an obligation or activity; 0 if there was none. It outlives that month's vectors."""
    months: dict[int, bytes] = {}
    """Packed by month: {kind code: vector}."""
    ids: dict[int, bytes] = {}
    """By open month: 8 bytes of the id's hash and 4 of the data's digest for each event, sorted."""
    facts: dict[int, Fact] = {}
    """By kind code."""
    figures: dict[bytes, bytes] = {}
    """By consent hash and kind code (9 bytes), packed by month: {month: figure}."""
    blocked: bytes = b""
    """8-byte hashes of the withdrawn consents, sorted."""
    records: dict[bytes, Record] = {}
    """By 8-byte hash of the record id."""


# What became of an event. Conflict, TooLate and Blocked are refusals; of an event refused only the id may be kept.


class Accepted(msgspec.Struct, frozen=True):
    """The event counts from now on. An event of a contact changes an edge instead of the state."""

    edge: Edge | None = None


class Duplicate(msgspec.Struct, frozen=True):
    """The very event was seen before."""


class Conflict(msgspec.Struct, frozen=True):
    """Another event with the same id came first."""


class TooLate(msgspec.Struct, frozen=True):
    """The event's month does not accept events any more: whether it was seen before could not be told."""


class Blocked(msgspec.Struct, frozen=True):
    """The consent that the event cites was withdrawn."""


Folded: TypeAlias = Accepted | Duplicate | Conflict | TooLate | Blocked
_ACCEPTED, _DUPLICATE, _CONFLICT, _TOO_LATE, _BLOCKED = Accepted(), Duplicate(), Conflict(), TooLate(), Blocked()

_encoder = msgspec.msgpack.Encoder()
_state_decoder = msgspec.msgpack.Decoder(State)
_vectors_decoder = msgspec.msgpack.Decoder(dict[int, Vector])
_figures_decoder = msgspec.msgpack.Decoder(dict[int, Figure])


def encode(state: State) -> bytes:
    """One compact column: the format byte, then the state. Equal states give equal bytes."""
    return bytes((FORMAT,)) + _encoder.encode(state)


def decode(column: bytes) -> State:
    """A working copy. Raises UnknownFormatError."""
    if column[0] != FORMAT:
        raise UnknownFormatError(f"state format {column[0]} is unknown; this release knows up to {FORMAT}")
    return _state_decoder.decode(memoryview(column)[1:])


def fold(state: State, event: Event, open_from: int) -> Folded:
    """Take one event in. `open_from` is the first month that still accepts events."""
    if event.month < open_from:
        return _TOO_LATE
    known = _known(state, event.identity[:_HASH_BYTES])
    if known is not None:
        return _DUPLICATE if known == event.identity else _CONFLICT
    # The id of a blocked event is kept as well: the bytes must not tell whether the withdrawal came first.
    ids = state.ids.get(event.month, b"")
    at = _position(ids, event.identity)
    _put(state.ids, event.month, ids[:at] + event.identity + ids[at:])
    return _TAKE[event.body.kind](state, event, KIND_OF[event.body.kind])


def fold_record(state: State, change: RecordChange, month: int) -> bool:
    """Take a record's change in; False if this version or a later one is known. `month` is the month of the change."""
    key = short_hash(change.record_id)
    known = state.records.get(key)
    if known is not None and known.version >= change.version:
        return False
    _put(state.records, key, _record_of(change, month))
    return True


def withdraw_consent(state: State, consent_id: str) -> None:
    """Drop what was given under the consent, and block what may still come; doing it again changes nothing."""
    consent = short_hash(consent_id)
    state.blocked = b"".join(sorted({consent, *_chunks(state.blocked, _HASH_BYTES)}))
    state.figures = _unblocked(state.figures, state.blocked)


def prune(state: State, month: int, open_from: int) -> None:
    """Drop what has left all windows, and close the months before `open_from`.

    `month` is the clock's, never the newest event's: one event with a wrong date would wipe out the rest.
    """
    kept_from = month - MONTHS_KEPT + 1
    state.month = month
    state.months = {m: vectors for m, vectors in state.months.items() if m >= kept_from}
    state.ids = {m: ids for m, ids in state.ids.items() if m >= open_from}
    state.figures = _repacked((key, _pruned(packed, kept_from, open_from)) for key, packed in state.figures.items())
    state.records = {key: r for key, r in state.records.items() if not r.gone or r.month >= kept_from}


def without_lapsed(state: State, now: datetime) -> State:
    """The state without the records whose deadline has passed: retention may say so a moment later, or days later when
    it was down, and no score may depend on that."""
    now_us = microseconds(now)
    counting = {
        key: record
        for key, record in state.records.items()
        if record.lapses_at_us is None or record.lapses_at_us > now_us
    }
    return state if len(counting) == len(state.records) else msgspec.structs.replace(state, records=counting)


def merge(one: State, other: State) -> State:
    """The state of all events of two states that share none, both pruned to the same month."""
    assert one.month == other.month, "prune both to the same month first"
    merged = State(month=one.month, first=min(one.first, other.first) or max(one.first, other.first))
    merged.months = dict(one.months)
    for month, packed in other.months.items():
        for code, vector in _vectors_decoder.decode(packed).items():
            _count(merged, month, code, vector)
    for month in sorted(one.ids.keys() | other.ids.keys()):
        ids = one.ids.get(month, b"") + other.ids.get(month, b"")
        merged.ids[month] = b"".join(sorted(_chunks(ids, _IDENTITY_BYTES)))
    merged.facts = _latest(one.facts, other.facts, key=lambda fact: fact)
    merged.blocked = b"".join(sorted({*_chunks(one.blocked, _HASH_BYTES), *_chunks(other.blocked, _HASH_BYTES)}))
    figures = _repacked(
        (key, _latest(_months_of(one.figures, key), _months_of(other.figures, key), key=_by_time))
        for key in sorted(one.figures.keys() | other.figures.keys())
    )
    merged.figures = _unblocked(figures, merged.blocked)
    merged.records = _latest(one.records, other.records, key=lambda record: (record.version, _encoder.encode(record)))
    return merged


def vectors(state: State, after: int, through: int) -> list[tuple[int, dict[int, Vector]]]:
    """The months after one and up to another, each with its vectors by kind code, trailing zeros left out of each."""
    unpack = _vectors_decoder.decode
    return [(month, unpack(packed)) for month, packed in state.months.items() if after < month <= through]


def amounts(state: State, codes: frozenset[int], after: int, through: int) -> dict[int, int]:
    """The figures of these kinds by month: the highest where several consents or kinds have one in a month."""
    highest: dict[int, int] = {}
    for key, packed in state.figures.items():
        if key[_HASH_BYTES] in codes:
            for month, figure in _figures_decoder.decode(packed).items():
                if after < month <= through:
                    amount = _amount(figure)
                    highest[month] = max(amount, highest.get(month, amount))
    return highest


def short_hash(text: str) -> bytes:
    """8 bytes that stand for an id within one person's row."""
    return blake2b(text.encode(), digest_size=_HASH_BYTES).digest()


def _take_counted(state: State, event: Event, kind: Kind) -> Folded:
    body = event.body
    days_late = body.days_late or 0
    added = [body.count, body.amount or 0, body.count if days_late else 0, days_late]
    if body.reverses:
        added = [-body.count, -(body.amount or 0)]
    _count(state, event.month, kind.code, added)
    return _ACCEPTED


def _count(state: State, month: int, code: int, added: Vector) -> None:
    if not 0 < state.first <= month:
        state.first = month
    packed = state.months.get(month)
    by_kind = {} if packed is None else _vectors_decoder.decode(packed)
    vector = _sum_of(by_kind.get(code, []), added)
    if vector:
        _put(by_kind, code, vector)
    else:
        by_kind.pop(code, None)
    if by_kind:
        _put(state.months, month, _encoder.encode(by_kind))
    else:
        state.months.pop(month, None)


def _sum_of(one: Vector, other: Vector) -> Vector:
    count, total, late, worst = one + _NOTHING[len(one) :]
    added_count, added, added_late, other_worst = other + _NOTHING[len(other) :]
    total += added
    if not -_SUM_MAX <= total <= _SUM_MAX:
        # Sums wrap like a bigint instead of failing, which keeps the laws: 9,000 of the largest amounts would have to
        # come in one month, and a state that cannot be written would stop everybody's shard.
        total = (total + _SUM_MAX + 1) % (2 * _SUM_MAX + 2) - _SUM_MAX - 1
    vector = [count + added_count, total, late + added_late, worst if worst > other_worst else other_worst]
    while vector and not vector[-1]:
        vector.pop()
    return vector


def _take_fact(state: State, event: Event, kind: Kind) -> Folded:
    assert event.body.value is not None
    fact = (event.time_us, event.identity[:_HASH_BYTES], event.body.value)
    _put(state.facts, kind.code, max(fact, state.facts.get(kind.code, fact)))
    return _ACCEPTED


def _take_contact(state: State, event: Event, kind: Kind) -> Folded:
    return Accepted(Edge.of(event))


def _take_figure(state: State, event: Event, kind: Kind) -> Folded:
    consent = event.body.consent
    assert consent is not None
    assert event.body.amount is not None
    key = short_hash(consent.id)
    if _contains(state.blocked, key):
        return _BLOCKED
    key += bytes((kind.code,))
    months = _months_of(state.figures, key)
    figure: Figure = (event.time_us, event.identity[:_HASH_BYTES], event.body.amount)
    _put(months, event.month, max(figure, months.get(event.month, figure), key=_by_time))
    _put(state.figures, key, _encoder.encode(months))
    return _ACCEPTED


def _by_time(figure: Figure) -> tuple[int, bytes, int]:
    return (_LONG_AGO, b"", figure) if isinstance(figure, int) else figure


def _amount(figure: Figure) -> int:
    return figure if isinstance(figure, int) else figure[2]


def _months_of(figures: Mapping[bytes, bytes], key: bytes) -> dict[int, Figure]:
    packed = figures.get(key)
    return {} if packed is None else _figures_decoder.decode(packed)


def _pruned(packed: bytes, kept_from: int, open_from: int) -> dict[int, Figure]:
    months = _figures_decoder.decode(packed)
    return {m: figure if m >= open_from else _amount(figure) for m, figure in months.items() if m >= kept_from}


def _repacked(figures: Iterable[tuple[bytes, dict[int, Figure]]]) -> dict[bytes, bytes]:
    return {key: _encoder.encode(months) for key, months in figures if months}


def _unblocked(figures: dict[bytes, bytes], blocked: bytes) -> dict[bytes, bytes]:
    return {key: packed for key, packed in figures.items() if not _contains(blocked, key[:_HASH_BYTES])}


def _record_of(change: RecordChange, month: int) -> Record:
    if change.status in _STATUS_GONE:
        return Record(change.version, month)
    assert change.kind is not None, "`check_change` has seen to it"
    return Record(
        version=change.version,
        month=month,
        kind=change.kind,
        record_class=change.record_class,
        counts=change.counts,
        settled=change.ended_on is not None,
        amount=change.amount,
        began_on=change.began_on,
        ended_on=change.ended_on,
        lapses_at_us=microseconds(change.lapses_at) if change.lapses_at else None,
    )


K = TypeVar("K", int, bytes)
V = TypeVar("V")


def _put(table: dict[K, V], key: K, value: V) -> None:
    """Set and keep the ascending order of keys."""
    if key in table or not table or key > next(reversed(table)):
        table[key] = value
        return
    values = dict(table)
    values[key] = value
    table.clear()
    for k in sorted(values):
        table[k] = values[k]


def _latest(one: Mapping[K, V], other: Mapping[K, V], key: Callable[[V], Any]) -> dict[K, V]:
    """Both tables in one, in ascending order; where both have a key, the greater value."""
    united = {}
    for k in sorted(one.keys() | other.keys()):
        united[k] = max((table[k] for table in (one, other) if k in table), key=key)
    return united


def _known(state: State, id_hash: bytes) -> bytes | None:
    """The identity of the event with this id in any open month."""
    for ids in state.ids.values():
        # The scan in C answers nearly always; a match that does not begin an entry is none.
        if id_hash in ids:
            at = _position(ids, id_hash)
            if ids[at : at + _HASH_BYTES] == id_hash:
                return ids[at : at + _IDENTITY_BYTES]
    return None


def _position(ids: bytes, identity: bytes) -> int:
    """Where in the sorted ids the first entry is that is not below this one."""
    low, high = 0, len(ids) // _IDENTITY_BYTES
    while low < high:
        middle = (low + high) // 2
        if ids[middle * _IDENTITY_BYTES : (middle + 1) * _IDENTITY_BYTES] < identity:
            low = middle + 1
        else:
            high = middle
    return low * _IDENTITY_BYTES


def _chunks(blob: bytes, width: int) -> list[bytes]:
    return [blob[at : at + width] for at in range(0, len(blob), width)]


def _contains(blob: bytes, id_hash: bytes) -> bool:
    return bool(blob) and id_hash in _chunks(blob, _HASH_BYTES)


_BY_SHAPE: dict[Shape, Callable[[State, Event, Kind], Folded]] = {
    Shape.OBLIGATION: _take_counted,
    Shape.ACTIVITY: _take_counted,
    Shape.FIGURE: _take_figure,
    Shape.FACT: _take_fact,
    Shape.CONTACT: _take_contact,
}
_TAKE = {kind.name: _BY_SHAPE[kind.shape] for kind in KINDS if kind.shape is not Shape.RECORD}
"""How to take an event of each kind; records come as changes from retention."""
