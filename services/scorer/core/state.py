"""One person's state: a commutative fold of the accepted events, independent of any policy (rules E3 to E5, S4, S7).

For each kind its vectors by month, see `vectors`; facts, the latest by (time, id); figures, the latest per consent,
kind and month, never summed; records, the highest version by record id; withdrawn consents; the first month; and the
ids of the months whose events may still come, or come again.

Which events were accepted decides every byte of it; in which order, in how many batches and how often they came does
not. Whether an event is accepted may depend on what came before it (rules E3, E17), so it follows from the order of the
log, and from nothing else.

A `State` is a working copy: decoded, folded into, encoded again, held by nobody else. Parts that most events do not
touch stay packed until one does. Months are numbers, see `shared.contracts.months`; times are microseconds since 1970,
UTC. `folding` has what adds to one, `forgetting` what leaves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import TypeAlias, TypeVar

import msgspec

from services.scorer.core.messages import microseconds
from services.scorer.core.records import NegativeRecord, has_lapsed
from services.scorer.core.vectors import Vector, Vectors, by_kind, pack, unpack

Figure: TypeAlias = int | tuple[int, bytes, int]
"""(time, id, amount) while the month is open, so that the latest can be told; then the amount alone."""
StatedFact: TypeAlias = tuple[int, bytes, str]
"""(time, id, value)"""

FORMAT = 4
"""Formats 2 and 3 kept vectors by month; those of format 2 had no limits."""
_NEWEST = bytes((FORMAT,))
HASH_BYTES = 8
_LATE_MONTHS_OF_FORMAT_1 = 3
"""`accepts_late_months` as shipped with format 1, whose states do not say which months they had closed."""

K = TypeVar("K", int, bytes)
V = TypeVar("V")


class UnknownFormatError(Exception):
    """The state was written by a later release, or is not a state."""


class State(msgspec.Struct, array_like=True):
    """See the module. Encoded, all tables are in ascending order of their keys: equal states have equal bytes."""

    month: int = 0
    """The clock's month up to which this is pruned; 0 before the first."""
    open_from: int = 0
    """The first month that was never closed to this person's events. It only rises (rules E5)."""
    first: int = 0
    """The first month with an obligation or activity; 0 if there was none. It outlives that month's vectors."""
    kinds: dict[int, bytes] = {}
    """By kind code, packed: its vectors."""
    ids: dict[int, bytes] = {}
    """By month: the ids of its events, see `ids`."""
    facts: dict[int, StatedFact] = {}
    """By kind code."""
    figures: dict[bytes, bytes] = {}
    """By consent hash and kind code (9 bytes), packed by month: {month: figure}."""
    blocked: bytes = b""
    """8-byte hashes of the withdrawn consents, sorted."""
    records: dict[bytes, NegativeRecord] = {}
    """By 8-byte hash of the record id."""
    old_ids: dict[int, bytes] = {}
    """By month: the ids that format 1 had kept. They are looked up, never added to, and close with their months."""


class _Format1(msgspec.Struct, array_like=True):
    """The state until release 0.1: ids without partners, consents that were not scoped to theirs."""

    month: int = 0
    first: int = 0
    months: dict[int, bytes] = {}
    ids: dict[int, bytes] = {}
    facts: dict[int, StatedFact] = {}
    figures: dict[bytes, bytes] = {}
    blocked: bytes = b""
    records: dict[bytes, NegativeRecord] = {}

    def upgraded(self) -> State:
        """The same person under the rules of today; what a score is made of is taken over as it is."""
        # The months before those were closed. In a deployment that accepted later events the kept ids show it.
        open_from = min((self.month - _LATE_MONTHS_OF_FORMAT_1, *self.ids)) if self.month else 0
        return State(
            month=self.month,
            open_from=open_from,
            first=self.first,
            kinds=by_kind(self.months),
            facts=self.facts,
            figures=self.figures,
            blocked=self.blocked,
            records=self.records,
            old_ids=self.ids,
        )


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)
_format_1_decoder = msgspec.msgpack.Decoder(_Format1)
unpack_figures = msgspec.msgpack.Decoder(dict[int, Figure]).decode
pack_figures = _encoder.encode


def encode(state: State) -> bytes:
    """One compact column: the format byte, then the state. Equal states give equal bytes."""
    # Here and not with each new key, since these two tables may become long.
    if len(state.figures) > 1:
        state.figures = _in_order(state.figures)
    if len(state.records) > 1:
        state.records = _in_order(state.records)
    return bytes((FORMAT,)) + _encoder.encode(state)


def is_of_later_release(column: bytes) -> bool:
    """Whether a release has written it that knows more formats than this one."""
    return column[:1] > _NEWEST


def decode(column: bytes) -> State:
    """A working copy, upgraded if an earlier release wrote it. Raises UnknownFormatError."""
    body = memoryview(column)[1:]
    match column[0]:
        case 4:
            return _decoder.decode(body)
        case 2 | 3:
            state = _decoder.decode(body)
            # Until format 4 the vectors lay here by month.
            state.kinds = by_kind(state.kinds)
            return state
        case 1:
            return _format_1_decoder.decode(body).upgraded()
        case other:
            raise UnknownFormatError(f"state format {other} is unknown; this release knows up to {FORMAT}")


def _in_order(table: dict[K, V]) -> dict[K, V]:
    """The table in ascending order of its keys."""
    keys = sorted(table)
    return table if keys == list(table) else {key: table[key] for key in keys}


def without_lapsed(state: State, instant: datetime) -> State:
    """The state without the records whose deadline has passed: retention may say so a moment later, or days later when
    it was down, and no score may depend on that (rules S18)."""
    instant_us = microseconds(instant)
    counting = {key: record for key, record in state.records.items() if not has_lapsed(record, instant_us)}
    return state if len(counting) == len(state.records) else msgspec.structs.replace(state, records=counting)


def vectors(state: State, after: int, through: int) -> list[tuple[int, dict[int, Vector]]]:
    """The months after one and up to another, in order, each with its vectors by kind code."""
    found: dict[int, dict[int, Vector]] = {}
    for code, packed in state.kinds.items():
        of_kind = unpack(packed)
        for month in of_kind.months():
            if after < month <= through:
                found.setdefault(month, {})[code] = of_kind.at(month)
    return sorted(found.items())


def vectors_of(state: State, code: int) -> Vectors:
    """A working copy of all that there is of a kind."""
    packed = state.kinds.get(code)
    return Vectors() if packed is None else unpack(packed)


def put_vectors(state: State, code: int, of_kind: Vectors) -> None:
    """Set what there is of a kind."""
    if of_kind.mask:
        put_in_order(state.kinds, code, pack(of_kind))
    else:
        state.kinds.pop(code, None)


def amounts(state: State, codes: frozenset[int], after: int, through: int) -> dict[int, int]:
    """The figures of these kinds by month: the highest where several consents or kinds have one in a month."""
    highest: dict[int, int] = {}
    for key, packed in state.figures.items():
        if key[HASH_BYTES] in codes:
            for month, figure in unpack_figures(packed).items():
                if after < month <= through:
                    amount = amount_of(figure)
                    highest[month] = max(amount, highest.get(month, amount))
    return highest


def amount_of(figure: Figure) -> int:
    return figure if isinstance(figure, int) else figure[2]


def months_of(figures: Mapping[bytes, bytes], key: bytes) -> dict[int, Figure]:
    packed = figures.get(key)
    return {} if packed is None else unpack_figures(packed)


def put_in_order(table: dict[K, V], key: K, value: V) -> None:
    """Set and keep the ascending order of keys, in a table that is always short."""
    if key in table or not table or key > next(reversed(table)):
        table[key] = value
        return
    values = dict(table)
    values[key] = value
    table.clear()
    for k in sorted(values):
        table[k] = values[k]


def short_hash(text: str) -> bytes:
    """8 bytes that stand for an id within one person's row."""
    return blake2b(text.encode(), digest_size=HASH_BYTES).digest()
