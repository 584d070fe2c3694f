"""What adds to a person's state: an event, or a change of a record. `forgetting` has what leaves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from services.scorer.core import ids
from services.scorer.core.ids import HASH, position
from services.scorer.core.messages import Edge, Event
from services.scorer.core.records import NegativeRecord, is_unheard, record_of
from services.scorer.core.state import (
    HASH_BYTES,
    Figure,
    State,
    StatedFact,
    months_of,
    pack_figures,
    put_in_order,
    put_vectors,
    short_hash,
)
from services.scorer.core.vectors import Vectors, pack, unpack
from shared.contracts.kinds import KIND_OF, Kind, Shape
from shared.contracts.messages import RecordChange

ROOM: Sequence[int] = (1000, 50, 100)
"""How many events of each `ids.Group` one person has room for, from one partner in one month (rules E17)."""

_SHORT = min(ROOM) * ids.ENTRY
"""Below this many bytes of ids a month has room for anything, so that few people's events need a closer look."""
_LONG_AGO = -(2**63)


class Window(msgspec.Struct, frozen=True):
    """Closed months, the first and the last, that take the events of one partner, who is new (rules E24)."""

    partner: str
    first: int
    last: int

    def has(self, month: int) -> bool:
        return self.first <= month <= self.last

    def takes(self, event: Event) -> bool:
        # The latest statement about a contact counts, even among several partners, and for a closed month nobody knows
        # what the others had said.
        is_contact = KIND_OF[event.body.kind].shape is Shape.CONTACT
        return event.partner == self.partner and self.has(event.month) and not is_contact


# What became of an event. All but Accepted and Duplicate are refusals; of an event refused only the id may be kept.


class Accepted(msgspec.Struct, frozen=True):
    """The event counts from now on. An event of a contact changes an edge instead of the state. `cites`: it is a
    figure, so that the ledger of consents may have to change."""

    edge: Edge | None = None
    cites: bool = False


class Duplicate(msgspec.Struct, frozen=True):
    """The very event was seen before."""


class Conflict(msgspec.Struct, frozen=True):
    """Another event with the same id came first."""


class TooLate(msgspec.Struct, frozen=True):
    """The event's month no longer accepted events when the event arrived."""


class TooMany(msgspec.Struct, frozen=True):
    """The person has no room for more events of this kind from this partner in that month. Nothing of it is kept."""


class Blocked(msgspec.Struct, frozen=True):
    """The consent that the event cites was withdrawn."""


Folded: TypeAlias = Accepted | Duplicate | Conflict | TooLate | TooMany | Blocked
_ACCEPTED, _DUPLICATE, _CONFLICT = Accepted(), Duplicate(), Conflict()
_CITES = Accepted(cites=True)
_TOO_LATE, _TOO_MANY, _BLOCKED = TooLate(), TooMany(), Blocked()


def fold(
    state: State, event: Event, late_months: int, room: Sequence[int] = ROOM, window: Window | None = None
) -> Folded:
    """Take one event in. A month accepts what arrives until `late_months` further ones are over, unless it was closed
    to this person before (rules E5) and is in no `window` of the event's partner (rules E24); the first event under an
    id counts (rules E3)."""
    month, open_then = event.month, event.arrival_month - late_months
    if month < open_then or month < state.open_from:
        if window is None or not window.takes(event):
            return _TOO_LATE
        open_then = window.first
    entry = event.identity
    if (seen := _seen_before(state, entry, open_then)) is not None:
        return seen
    taken = state.ids.get(month, b"")
    if len(taken) >= _SHORT and not ids.has_room(taken, entry, room):
        return _TOO_MANY
    # The id of a blocked event is kept as well: the bytes must not tell whether the withdrawal came first.
    at = position(taken, entry)
    taken = taken[:at] + entry + taken[at:]
    if month in state.ids:
        state.ids[month] = taken
    else:
        put_in_order(state.ids, month, taken)
    kind = KIND_OF[event.body.kind]
    return _BY_SHAPE[kind.shape](state, event, kind)


def fold_record(state: State, change: RecordChange, month: int) -> bool:
    """Take a record's change in; False if this version or a later one is known. `month` is that of its arrival."""
    key = short_hash(change.record_id)
    known = state.records.get(key)
    if known is not None and known.version >= change.version:
        state.records[key] = known.beside(unheard=is_unheard(change), counted=change.counts)
        return False
    state.records[key] = record_of(change, month, known)
    return True


def known_record(state: State, record_id: str) -> NegativeRecord | None:
    """The latest that is known of a record."""
    return state.records.get(short_hash(record_id))


def _seen_before(state: State, entry: bytes, open_then: int) -> Duplicate | Conflict | None:
    """What the event is beside an earlier one with this partner and id, by their data; None if there is none.

    The event is searched for in the months that were open when this one arrived. Months that had closed by then are
    kept for events that arrived earlier and are still on their way; if they were searched too, the answer would depend
    on how late it is asked.
    """
    id_hash = entry[HASH]
    for month, blob in state.ids.items():
        # The scan in C answers nearly always.
        if id_hash in blob and month >= open_then and (found := ids.known(blob, entry)) is not None:
            return _DUPLICATE if found == entry else _CONFLICT
    if state.old_ids:
        for month, blob in state.old_ids.items():
            if month >= open_then and (is_same := ids.old_is_same(blob, entry)) is not None:
                return _DUPLICATE if is_same else _CONFLICT
    return None


def _take_counted(state: State, event: Event, kind: Kind) -> Folded:
    body, month, code = event.body, event.month, kind.code
    if not 0 < state.first <= month:
        state.first = month
    packed = state.kinds.get(code)
    of_kind = Vectors() if packed is None else unpack(packed)
    sign = -1 if body.reverses else 1
    count, amount = sign * body.count, sign * (body.amount or 0)
    if body.days_late and not body.reverses:
        of_kind.add(month, count, amount, count, body.days_late)
    elif kind.has_limit and body.limit is not None:
        of_kind.add(month, count, amount, limit=sign * body.limit, limited=count)
    else:
        of_kind.add(month, count, amount)
    if packed is not None and of_kind.mask:
        state.kinds[code] = pack(of_kind)
    else:
        put_vectors(state, code, of_kind)
    return _ACCEPTED


def _take_fact(state: State, event: Event, kind: Kind) -> Folded:
    assert event.body.value is not None
    fact: StatedFact = (event.time_us, event.identity[HASH], event.body.value)
    put_in_order(state.facts, kind.code, max(fact, state.facts.get(kind.code, fact)))
    return _ACCEPTED


def _take_contact(state: State, event: Event, kind: Kind) -> Folded:
    return Accepted(Edge.of(event))


def _take_figure(state: State, event: Event, kind: Kind) -> Folded:
    """The latest figure of a consent, kind and month counts (rules I6)."""
    consent = event.body.consent
    assert consent is not None
    assert event.body.amount is not None
    scoped, old = consent_hash(event.partner, consent.id), short_hash(consent.id)
    if _is_blocked(state, scoped) or _is_blocked(state, old):
        return _BLOCKED
    code = bytes((kind.code,))
    months = months_of(state.figures, key := old + code)
    if event.month not in months:
        # A month for which format 1 had kept a figure of this id stays with it, so that a correction replaces it.
        months = months_of(state.figures, key := scoped + code)
    figure: Figure = (event.time_us, event.identity[HASH], event.body.amount)
    put_in_order(months, event.month, max(figure, months.get(event.month, figure), key=_by_time))
    state.figures[key] = pack_figures(months)
    return _CITES


def consent_hash(partner: str, consent_id: str) -> bytes:
    """Of a consent given to one partner: another one may use the same id for another consent (rules I9)."""
    return short_hash(f"{partner}\0{consent_id}")


def _is_blocked(state: State, consent: bytes) -> bool:
    return bool(state.blocked) and consent in hashes(state.blocked)


def hashes(blob: bytes) -> list[bytes]:
    return [blob[at : at + HASH_BYTES] for at in range(0, len(blob), HASH_BYTES)]


def _by_time(figure: Figure) -> tuple[int, bytes, int]:
    return (_LONG_AGO, b"", figure) if isinstance(figure, int) else figure


_BY_SHAPE: dict[Shape, Callable[[State, Event, Kind], Folded]] = {
    Shape.OBLIGATION: _take_counted,
    Shape.ACTIVITY: _take_counted,
    Shape.FIGURE: _take_figure,
    Shape.FACT: _take_fact,
    Shape.CONTACT: _take_contact,
}
"""How an event is taken; records come as changes from retention."""
