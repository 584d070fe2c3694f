"""The laws of what is kept of one kind by month (rules S4): it is what a plain table of vectors would be, and the same
table has the same bytes, however it came about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from services.scorer.core.vectors import COUNT, LATE, LIMIT, LIMITED, SUM, WORST, Vectors, head, pack, unpack
from services.scorer.core.vectors import without_before as cut
from tests.support.people import JAN

Added: TypeAlias = tuple[int, tuple[int, int, int, int, int, int]]
"""A month, and what is added to its vector."""

# Near each other, so that they meet, and so far apart that their mask is no number of msgpack's.
MONTHS = st.one_of(st.integers(JAN - 3, JAN + 1), st.integers(JAN - 90, JAN + 90))
SMALL = st.integers(-2, 2)
PAID = st.tuples(
    st.integers(1, 3), st.integers(0, 10**15), st.integers(0, 2), st.integers(0, 90), st.just(0), st.just(0)
)
BILLED = st.tuples(SMALL, SMALL, st.just(0), st.just(0), SMALL, SMALL)
ADDED: st.SearchStrategy[list[Added]] = st.lists(st.tuples(MONTHS, PAID | BILLED), max_size=40)


def kept(added: Sequence[Added]) -> Vectors:
    vectors = Vectors()
    for month, numbers in added:
        vectors.add(month, *numbers)
        vectors = unpack(pack(vectors)) if vectors.mask else vectors
    return vectors


def plain(added: Sequence[Added]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for month, numbers in added:
        vector = found.setdefault(month, [0] * 6)
        for at in (COUNT, SUM, LATE, LIMIT, LIMITED):
            vector[at] += numbers[at]
        vector[WORST] = max(vector[WORST], numbers[WORST])
        if not any(vector):
            del found[month]
    return found


def trimmed(vector: Sequence[int]) -> list[int]:
    last = max((at for at, number in enumerate(vector) if number), default=-1)
    return list(vector[: last + 1])


@given(st.data(), ADDED)
def test_it_is_a_plain_table_and_its_bytes_tell_no_order(data: st.DataObject, added: list[Added]) -> None:
    vectors, table = kept(added), plain(added)
    assert list(vectors.months()) == sorted(table)
    for month in range(JAN - 91, JAN + 92):
        assert vectors.at(month) == trimmed(table.get(month, []))
    again = Vectors()
    for month in data.draw(st.permutations(sorted(table))):
        again.add(month, *table[month])
    assert again == vectors
    if table:
        assert head(pack(vectors)).mask == vectors.mask
        assert {m: (late, worst) for m, late, worst in head(pack(vectors)).late_months()} == {
            m: (vector[LATE], vector[WORST]) for m, vector in table.items() if vector[LATE] or vector[WORST]
        }


@given(ADDED, MONTHS, MONTHS)
def test_totals_are_those_of_the_months_asked_for(added: list[Added], first: int, last: int) -> None:
    vectors, table = kept(added), plain(added)
    asked = [vector for month, vector in table.items() if first <= month <= last]
    for at in (COUNT, SUM):
        assert vectors.total(at, first, last) == sum(vector[at] for vector in asked)
    is_known = all(vector[LIMITED] == vector[COUNT] for vector in asked)
    assert vectors.total(LIMIT, first, last) == (sum(vector[LIMIT] for vector in asked) if is_known else None)


@given(ADDED, MONTHS)
def test_what_lies_before_a_month_is_cut_off(added: list[Added], month: int) -> None:
    vectors = kept(added)
    left = kept([one for one in added if one[0] >= month])
    if vectors.mask:
        assert cut(pack(vectors), month) == (pack(left) if left.mask else b"")


@given(ADDED, MONTHS)
def test_a_month_that_is_taken_out_leaves_nothing(added: list[Added], month: int) -> None:
    vectors = kept(added)
    vectors.take_out(month)
    left = kept([one for one in added if one[0] != month])
    assert vectors == left


@given(ADDED)
def test_months_in_which_nothing_was_done_are_told(added: list[Added]) -> None:
    vectors, table = kept(added), plain(added)
    mask = vectors.reversed_months()
    assert {month for month in table if mask >> (vectors.last - month) & 1} == {
        month for month, vector in table.items() if vector[COUNT] <= 0
    }
