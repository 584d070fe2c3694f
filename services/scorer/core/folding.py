"""What changes a person's state: an event, a change of a record, a withdrawal, the turn of the month."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from services.scorer.core import ids
from services.scorer.core.ids import HASH, position
from services.scorer.core.messages import Edge, Event, microseconds
from services.scorer.core.state import (
    HASH_BYTES,
    Fact,
    Figure,
    K,
    Record,
    State,
    V,
    Vector,
    amount_of,
    months_of,
    pack,
    short_hash,
    unpack_figures,
    unpack_vectors,
)
from shared.contracts.kinds import KIND_OF, KINDS, Kind, Shape
from shared.contracts.messages import RecordChange

MONTHS_KEPT = 25
"""The running month and 24 complete ones: no window of a rule is longer than 24 months."""
ROOM: Sequence[int] = (1000, 50, 100)
"""How many events of each `ids.Group` one person has room for, from one partner in one month (rules E17)."""

STATUS_GONE = ("expired", "deleted")
"""Of a record with one of these nothing may be left."""

_SHORT = min(ROOM) * ids.ENTRY
"""Below this many bytes of ids a month has room for anything, so that few people's events need a closer look."""
_GONE_MONTHS_KEPT = 2
"""The month in which a record's end arrived, and the next: Kafka keeps the changes of records for a week only."""
_SUM_MAX = 2**63 - 1
_LONG_AGO = -(2**63)
_ZEROS: Sequence[Vector] = ([0, 0, 0, 0], [0, 0, 0], [0, 0], [0], [])
"""What a vector of so many numbers lacks."""


# What became of an event. All but Accepted and Duplicate are refusals; of an event refused only the id may be kept.


class Accepted(msgspec.Struct, frozen=True):
    """The event counts from now on. An event of a contact changes an edge instead of the state."""

    edge: Edge | None = None


class Duplicate(msgspec.Struct, frozen=True):
    """The very event was seen before."""


class Conflict(msgspec.Struct, frozen=True):
    """Another event with the same id came first."""


class TooLate(msgspec.Struct, frozen=True):
    """The event's month did not accept events any more when the event arrived."""


class TooMany(msgspec.Struct, frozen=True):
    """The person has no room for more events of this kind from this partner in that month. Nothing of it is kept."""


class Blocked(msgspec.Struct, frozen=True):
    """The consent that the event cites was withdrawn."""


Folded: TypeAlias = Accepted | Duplicate | Conflict | TooLate | TooMany | Blocked
_ACCEPTED, _DUPLICATE, _CONFLICT = Accepted(), Duplicate(), Conflict()
_TOO_LATE, _TOO_MANY, _BLOCKED = TooLate(), TooMany(), Blocked()


def fold(state: State, event: Event, late_months: int, room: Sequence[int] = ROOM) -> Folded:
    """Take one event in. A month accepts what arrives until `late_months` further ones have begun, unless it was closed
    to this person before."""
    month, open_then = event.month, event.arrived - late_months
    if month < open_then or month < state.open_from:
        return _TOO_LATE
    entry = event.identity
    is_same = _known(state, entry, open_then)
    if is_same is not None:
        return _DUPLICATE if is_same else _CONFLICT
    taken = state.ids.get(month, b"")
    if len(taken) >= _SHORT and not ids.has_room(taken, entry, room):
        return _TOO_MANY
    # The id of a blocked event is kept as well: the bytes must not tell whether the withdrawal came first.
    at = position(taken, entry)
    taken = taken[:at] + entry + taken[at:]
    if month in state.ids:
        state.ids[month] = taken
    else:
        _put(state.ids, month, taken)
    kind = event.body.kind
    return _TAKE[kind](state, event, KIND_OF[kind])


def fold_record(state: State, change: RecordChange, month: int) -> bool:
    """Take a record's change in; False if this version or a later one is known. `month` is that of its arrival."""
    key = short_hash(change.record_id)
    known = state.records.get(key)
    if known is not None and known.version >= change.version:
        return False
    state.records[key] = _record_of(change, month)
    return True


def withdraw_consent(state: State, partner: str, consent_id: str) -> None:
    """Drop what was given to the partner under the consent, and block what may still come (rules I7); doing it again
    changes nothing."""
    consent = _consent_hash(partner, consent_id)
    state.blocked = b"".join(sorted({consent, *_hashes(state.blocked)}))
    # What format 1 had kept names no partner: rather another one's figures of the same id go than that these stay.
    gone = {*_hashes(state.blocked), short_hash(consent_id)}
    state.figures = {key: packed for key, packed in state.figures.items() if key[:HASH_BYTES] not in gone}


def prune(state: State, month: int, open_from: int) -> None:
    """Drop what has left all windows, and close the months before `open_from`, for good.

    `month` is the clock's, never the newest event's: one event with a wrong date would wipe out the rest.
    """
    kept_from = month - MONTHS_KEPT + 1
    state.month = month
    state.open_from = open_from = max(state.open_from, open_from)
    state.months = {m: vectors for m, vectors in state.months.items() if m >= kept_from}
    state.ids = {m: blob for m, blob in state.ids.items() if m >= open_from}
    state.old_ids = {m: blob for m, blob in state.old_ids.items() if m >= open_from}
    state.figures = _repacked((key, _pruned(packed, kept_from, open_from)) for key, packed in state.figures.items())
    gone_from = month - _GONE_MONTHS_KEPT + 1
    state.records = {key: r for key, r in state.records.items() if not r.gone or r.month >= gone_from}


def merge(one: State, other: State) -> State:
    """The state of all events of two states that share none, both pruned alike."""
    assert (one.month, one.open_from) == (other.month, other.open_from), "prune both to the same month first"
    merged = State(month=one.month, open_from=one.open_from)
    merged.first = min(one.first, other.first) or max(one.first, other.first)
    merged.months = dict(one.months)
    for month, packed in other.months.items():
        for code, vector in unpack_vectors(packed).items():
            _count(merged, month, code, vector)
    merged.ids = _united(one.ids, other.ids)
    merged.old_ids = _united(one.old_ids, other.old_ids)
    merged.facts = _latest(one.facts, other.facts, key=lambda fact: fact)
    merged.blocked = b"".join(sorted({*_hashes(one.blocked), *_hashes(other.blocked)}))
    figures = _repacked(
        (key, _latest(months_of(one.figures, key), months_of(other.figures, key), key=_by_time))
        for key in sorted(one.figures.keys() | other.figures.keys())
    )
    merged.figures = {key: packed for key, packed in figures.items() if not _is_blocked(merged, key[:HASH_BYTES])}
    merged.records = _latest(one.records, other.records, key=lambda record: (record.version, pack(record)))
    return merged


def _known(state: State, entry: bytes, open_then: int) -> bool | None:
    """Whether the event that has this partner and id has the same data; None if there is none.

    It is looked for in the months that were open when this one arrived. Those that have closed since are kept for what
    is still on its way; were they looked at, the answer would depend on how late it is asked for.
    """
    id_hash = entry[HASH]
    for month, blob in state.ids.items():
        # The scan in C answers nearly always.
        if id_hash in blob and month >= open_then and (found := ids.known(blob, entry)) is not None:
            return found == entry
    if state.old_ids:
        for month, blob in state.old_ids.items():
            if month >= open_then and (is_same := ids.old_is_same(blob, entry)) is not None:
                return is_same
    return None


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
    by_kind = {} if packed is None else unpack_vectors(packed)
    vector = _sum_of(by_kind.get(code, []), added)
    if not vector:
        by_kind.pop(code, None)
    elif code in by_kind:
        by_kind[code] = vector
    else:
        _put(by_kind, code, vector)
    if by_kind:
        _put(state.months, month, pack(by_kind))
    else:
        state.months.pop(month, None)


def _sum_of(one: Vector, other: Vector) -> Vector:
    count, total, late, worst = one + _ZEROS[len(one)]
    added_count, added, added_late, other_worst = other + _ZEROS[len(other)]
    count += added_count
    total += added
    late += added_late
    if not -_SUM_MAX <= total <= _SUM_MAX:
        # Sums wrap like a bigint instead of failing, which keeps the laws: 9,000 of the largest amounts would have to
        # come in one month, and a state that cannot be written would stop everybody's shard.
        total = (total + _SUM_MAX + 1) % (2 * _SUM_MAX + 2) - _SUM_MAX - 1
    worst = other_worst if other_worst > worst else worst
    # Trailing zeros are left out.
    if worst:
        return [count, total, late, worst]
    if late:
        return [count, total, late]
    if total:
        return [count, total]
    return [count] if count else []


def _take_fact(state: State, event: Event, kind: Kind) -> Folded:
    assert event.body.value is not None
    fact: Fact = (event.time_us, event.identity[HASH], event.body.value)
    _put(state.facts, kind.code, max(fact, state.facts.get(kind.code, fact)))
    return _ACCEPTED


def _take_contact(state: State, event: Event, kind: Kind) -> Folded:
    return Accepted(Edge.of(event))


def _take_figure(state: State, event: Event, kind: Kind) -> Folded:
    consent = event.body.consent
    assert consent is not None
    assert event.body.amount is not None
    scoped, old = _consent_hash(event.partner, consent.id), short_hash(consent.id)
    if _is_blocked(state, scoped) or _is_blocked(state, old):
        return _BLOCKED
    code = bytes((kind.code,))
    months = months_of(state.figures, key := old + code)
    if event.month not in months:
        # A month for which format 1 had kept a figure of this id stays with it, so that a correction replaces it.
        months = months_of(state.figures, key := scoped + code)
    figure: Figure = (event.time_us, event.identity[HASH], event.body.amount)
    _put(months, event.month, max(figure, months.get(event.month, figure), key=_by_time))
    state.figures[key] = pack(months)
    return _ACCEPTED


def _consent_hash(partner: str, consent_id: str) -> bytes:
    """Of a consent given to one partner: another one may use the same id for another consent."""
    return short_hash(f"{partner}\0{consent_id}")


def _is_blocked(state: State, consent: bytes) -> bool:
    return bool(state.blocked) and consent in _hashes(state.blocked)


def _hashes(blob: bytes) -> list[bytes]:
    return [blob[at : at + HASH_BYTES] for at in range(0, len(blob), HASH_BYTES)]


def _by_time(figure: Figure) -> tuple[int, bytes, int]:
    return (_LONG_AGO, b"", figure) if isinstance(figure, int) else figure


def _pruned(packed: bytes, kept_from: int, open_from: int) -> dict[int, Figure]:
    months = unpack_figures(packed)
    return {m: figure if m >= open_from else amount_of(figure) for m, figure in months.items() if m >= kept_from}


def _repacked(figures: Iterable[tuple[bytes, dict[int, Figure]]]) -> dict[bytes, bytes]:
    return {key: pack(months) for key, months in figures if months}


def _record_of(change: RecordChange, month: int) -> Record:
    if change.status in STATUS_GONE:
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


def _put(table: dict[K, V], key: K, value: V) -> None:
    """Set and keep the ascending order of keys, in a table that is always short."""
    if key in table or not table or key > next(reversed(table)):
        table[key] = value
        return
    values = dict(table)
    values[key] = value
    table.clear()
    for k in sorted(values):
        table[k] = values[k]


def _united(one: Mapping[int, bytes], other: Mapping[int, bytes]) -> dict[int, bytes]:
    return {m: ids.united(one.get(m, b""), other.get(m, b"")) for m in sorted(one.keys() | other.keys())}


def _latest(one: Mapping[K, V], other: Mapping[K, V], key: Callable[[V], Any]) -> dict[K, V]:
    """Both tables in one, in ascending order; where both have a key, the greater value."""
    united = {}
    for k in sorted(one.keys() | other.keys()):
        united[k] = max((table[k] for table in (one, other) if k in table), key=key)
    return united


_BY_SHAPE: dict[Shape, Callable[[State, Event, Kind], Folded]] = {
    Shape.OBLIGATION: _take_counted,
    Shape.ACTIVITY: _take_counted,
    Shape.FIGURE: _take_figure,
    Shape.FACT: _take_fact,
    Shape.CONTACT: _take_contact,
}
_TAKE = {kind.name: _BY_SHAPE[kind.shape] for kind in KINDS if kind.shape is not Shape.RECORD}
"""How to take an event of each kind; records come as changes from retention."""
