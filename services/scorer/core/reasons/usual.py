"""A person who goes on as usual: what hints are computed from, since nobody stops living for the sake of one advice."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from services.scorer.core.features.months import Circle
from services.scorer.core.state import (
    HASH_BYTES,
    State,
    decode,
    encode,
    pack_figures,
    put_vectors,
    unpack_figures,
    vectors,
    vectors_of,
)
from services.scorer.core.vectors import COUNT, LATE, LIMIT, SUM, Vector, head, limit_of

_LATELY_MONTHS = 3
"""So many complete months, and the running one."""


class Present(msgspec.Struct, frozen=True):
    """A person as known now, and the month through which the next publication looks, the running one as a rule."""

    state: State
    circle: Circle | None
    through: int


def had_lately(present: Present) -> set[int]:
    """The codes of the kinds of which there was anything in the last three months."""
    since = present.through - _LATELY_MONTHS
    had = {code for code, packed in present.state.kinds.items() if head(packed).last >= since}
    for key, packed in present.state.figures.items():
        if any(month >= since for month in unpack_figures(packed)):
            had.add(key[HASH_BYTES])
    return had


def as_usual(
    present: Present, through: int, *, ended: frozenset[int] = frozenset(), late: frozenset[int] = frozenset()
) -> State:
    """The person up to a month who goes on as in the last complete month, or in the one before where that has none of a
    kind, or in the running one where neither has, and has everything on time. Kinds that are `ended` have no more
    events, and `late` ones are late as ever."""
    state, running = decode(encode(present.state)), range(present.through, through + 1)
    usual = {
        code: vector if code in late else _on_time(vector)
        for code, vector in _usual(present).items()
        if code not in ended
    }
    for code, vector in usual.items():
        of_kind = vectors_of(state, code)
        for month in running:
            if not of_kind.at(month):
                of_kind.add(month, *vector)
        put_vectors(state, code, of_kind)
    for key, packed in state.figures.items():
        months = unpack_figures(packed)
        last = next((months[month] for month in _usual_months(present) if month in months), None)
        if last is not None and key[HASH_BYTES] not in ended:
            state.figures[key] = pack_figures(dict(sorted((dict.fromkeys(running, last) | months).items())))
    return state


def with_less_billed(usual: State, present: Present, below: int, shares: Mapping[int, int]) -> State:
    """As usual, but statements that are not known yet and would bill `below` per mille of the limits they name or more
    bill less: as much as the share of their month, per mille, and just less than `below` where the share is that."""
    state = decode(encode(usual))
    for code in usual.kinds:
        of_kind, known = vectors_of(state, code), vectors_of(present.state, code)
        for month, share in shares.items():
            vector = of_kind.at(month)
            limit = limit_of(vector) if len(vector) > LIMIT else None
            if limit and not known.at(month):
                most = (limit * below - 1) // 1000
                if vector[SUM] > most:
                    of_kind.add(month, 0, min(most, -(-limit * share // 1000)) - vector[SUM])
        put_vectors(state, code, of_kind)
    return state


def _usual(present: Present) -> dict[int, Vector]:
    """By kind code the first of the usual months that has anything of the kind."""
    last, before, running = (_vectors(present.state, month) for month in _usual_months(present))
    return {code: vector for code, vector in (running | before | last).items() if vector[COUNT] > 0}


def _usual_months(present: Present) -> tuple[int, int, int]:
    """What is new in the running month has nothing in those before, which say nothing of it then."""
    return present.through - 1, present.through - 2, present.through


def _vectors(state: State, month: int) -> dict[int, Vector]:
    return dict(vectors(state, month - 1, month)).get(month, {})


def _on_time(vector: Vector) -> Vector:
    made = [*vector[:LATE], 0, 0, *vector[LIMIT:]]
    while made and not made[-1]:
        made.pop()
    return made


def late_lately(codes: frozenset[int], present: Present) -> frozenset[int]:
    """Those of these kinds that were usually late."""
    usual = _usual(present)
    return frozenset(code for code in codes if code in usual and usual[code] != _on_time(usual[code]))


def is_usual(codes: frozenset[int], present: Present) -> bool:
    return codes <= _usual(present).keys()
