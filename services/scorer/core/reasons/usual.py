"""A person who goes on as usual: what hints are computed from, since nobody stops living for the sake of one advice."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

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


class Usual:
    """A person who goes on as in the last complete month, or in the one before where that has none of a kind, or in the
    running one where neither has. All that is computed about the same person shares one."""

    def __init__(self, present: Present) -> None:
        self.present = present
        self._until: dict[int, State] = {}

    def until(self, through: int) -> State:
        """The person up to a month, with everything on time. It is shared, and not to be changed."""
        if through not in self._until:
            self._until[through] = self.with_other_habits(through, ended=frozenset(), late=frozenset())
        return self._until[through]

    def with_other_habits(self, through: int, *, ended: frozenset[int], late: frozenset[int]) -> State:
        """The same where the kinds that are `ended` have no more events, and `late` ones are late as ever."""
        present = self.present
        state, running = decode(encode(present.state)), range(present.through, through + 1)
        for code, vector in self._vectors.items():
            if code in ended:
                continue
            each = vector if code in late else _on_time(vector)
            of_kind = vectors_of(state, code)
            for month in running:
                if not of_kind.at(month):
                    of_kind.add(month, *each)
            put_vectors(state, code, of_kind)
        for key, packed in state.figures.items():
            months = unpack_figures(packed)
            last = next((months[month] for month in self._months if month in months), None)
            if last is not None and key[HASH_BYTES] not in ended:
                state.figures[key] = pack_figures(dict(sorted((dict.fromkeys(running, last) | months).items())))
        return state

    def bills(self, below: int) -> bool:
        """Whether statements usually bill that many per mille of the limits they name, or more."""
        return any(vector[SUM] > _most(limit, below) for vector, limit in self._limited.values())

    def with_less_billed(self, through: int, below: int, shares: Mapping[int, int]) -> State:
        """As usual, but statements that are not known yet and would bill `below` per mille of the limits they name or
        more bill less: as much as the share of their month, per mille, and just less than `below` where the share is
        that."""
        state = decode(encode(self.until(through)))
        for code, (vector, limit) in self._limited.items():
            most = _most(limit, below)
            if vector[SUM] > most:
                of_kind, known = vectors_of(state, code), vectors_of(self.present.state, code)
                for month, share in shares.items():
                    if not known.at(month):
                        of_kind.add(month, 0, min(most, -(-limit * share // 1000)) - vector[SUM])
                put_vectors(state, code, of_kind)
        return state

    def late(self, codes: frozenset[int]) -> frozenset[int]:
        """Those of these kinds that are usually late."""
        usual = self._vectors
        return frozenset(code for code in codes if code in usual and usual[code] != _on_time(usual[code]))

    def has(self, codes: frozenset[int]) -> bool:
        """Whether all of these kinds are usual."""
        return codes <= self._vectors.keys()

    def left_to_pay(self, code: int, month: int) -> int:
        """What is usually paid of a kind in a month, less what is paid in this one already; 0 also where nobody tells
        it, and 1, the smallest amount, where the kind is not usual."""
        if code not in self._vectors:
            return 1
        return max(0, _paid(self._vectors[code]) - _paid(vectors_of(self.present.state, code).at(month)))

    @cached_property
    def _vectors(self) -> dict[int, Vector]:
        """By kind code that of the first of the usual months that has anything of the kind."""
        last, before, running = (_at(self.present.state, month) for month in self._months)
        return {code: vector for code, vector in (running | before | last).items() if vector[COUNT] > 0}

    @cached_property
    def _limited(self) -> dict[int, tuple[Vector, int]]:
        """By kind code the vectors that name limits, each with what they come to."""
        limits = {code: limit_of(vector) for code, vector in self._vectors.items() if len(vector) > LIMIT}
        return {code: (self._vectors[code], limit) for code, limit in limits.items() if limit}

    @property
    def _months(self) -> tuple[int, int, int]:
        """What is new in the running month has nothing in those before, which say nothing of it then."""
        return self.present.through - 1, self.present.through - 2, self.present.through


def _at(state: State, month: int) -> dict[int, Vector]:
    """What a month has, by kind code."""
    found = ((code, vectors_of(state, code).at(month)) for code in state.kinds)
    return {code: vector for code, vector in found if vector}


def _paid(vector: Vector) -> int:
    return vector[SUM] if len(vector) > SUM else 0


def _most(limit: int, below: int) -> int:
    """The most that is less than so many per mille of a limit."""
    return (limit * below - 1) // 1000


def _on_time(vector: Vector) -> Vector:
    made = [*vector[:LATE], 0, 0, *vector[LIMIT:]]
    while made and not made[-1]:
        made.pop()
    return made
