"""An additive law of who defaults that is monotone in every feature, within each segment and over the borders of all.

The segments are in order, the worst first. In each of them a feature has a height for every bin, and one for unknown;
the bins are the same in all. The heights are sums of *lifts*. A lift raises whoever has a certain bin or a better one,
in one segment or in several that follow each other, and everybody in the segments after those. So whatever lifts there
are, neither a better value nor a better segment lowers the sum.

How much each lift raises the logarithm of the odds of no default is found by maximum likelihood with two penalties: on
the sum of all, so that most are nothing and a rule has few bins, and on their squares, so that few people decide
nothing. That is one convex problem with one solution, which L-BFGS-B finds (SciPy); nothing is drawn at random.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from goodstanding.validation.design import Column, Design, Rows

_BINS_MAX = 8
_SHARE_MIN = 0.02
"""Of the people of the segments in which a feature has a rule, in each bin."""
_UNKNOWN_MIN = 0.003
"""With a smaller share of people of whom a value is unknown, nothing is learned from them."""
_SUM_OF_LIFTS, _SUM_OF_SQUARES = 2.0, 4.0
"""The penalties, against a likelihood in which each person counts 1."""
_STEPS_MAX = 3_000
_PRECISION = 1e-10
_FIGURES = 2
"""Bins begin at round numbers: so many digits, and then zeros."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A feature, whether more of it is better, and of each segment whether it has a rule there."""

    feature: str
    rises: bool
    segments: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Heights:
    """Of one feature, in the logarithm of the odds."""

    asked: Asked
    starts: tuple[int, ...]
    """Of all bins but the first."""
    of: Column
    """A row for each segment: the height of each bin, the lowest values first, and that of unknown."""

    @property
    def spans(self) -> Column:
        """By how much the best bin of each segment is better than the worst."""
        bins = self.of[:, :-1]
        return np.asarray(bins.max(axis=1) - bins.min(axis=1))


@dataclass(frozen=True, slots=True)
class Law:
    """`bases` is what the heights are added to, of each segment."""

    bases: Column
    heights: Sequence[Heights]


@dataclass(frozen=True, slots=True)
class _Ladder:
    """A feature with its bins, from the worst to the best, and unknown after them."""

    asked: Asked
    starts: tuple[int, ...]
    rungs: Rows
    """Of each person."""
    shares: Column | None
    """Of people in each bin: unknown has their mean, where too few people show more."""

    @property
    def bins(self) -> int:
        return len(self.starts) + 1


def law_of(features: Sequence[Asked], design: Design, rows: Rows, segments: int) -> Law:
    """The law that these people follow."""
    place = design.segment[rows]
    ladders = [ladder for each in features if (ladder := _ladder(each, design.values[each.feature][rows], place))]
    sizes = [segments * (ladder.bins + 1) for ladder in ladders]
    firsts = np.cumsum([segments, *sizes])
    # The first cells are those of the bases. Everybody is in one of them, and in one of each feature.
    cells = [place] + [
        first + place * (ladder.bins + 1) + ladder.rungs for first, ladder in zip(firsts, ladders, strict=False)
    ]
    bases = [np.arange(segments) >= segment for segment in range(segments)]
    lifts = [(0, base.astype(float)) for base in bases]
    for first, ladder in zip(firsts, ladders, strict=False):
        lifts += [(int(first), lift.ravel()) for lift in _lifts(ladder, segments)]
    found = _solved(np.array(cells), lifts, int(firsts[-1]), segments, 1 - design.defaulted[rows])
    heights = [
        _heights(ladder, found[first : first + size].reshape(segments, -1))
        for first, size, ladder in zip(firsts, sizes, ladders, strict=False)
    ]
    return Law(found[:segments], heights)


def _ladder(asked: Asked, values: Column, place: Rows) -> _Ladder | None:
    """None for a feature that has one bin alone."""
    unknown = np.isnan(values)
    within = np.array(asked.segments)[place]
    starts = _starts(values[within])
    if not starts:
        return None
    bins = np.searchsorted(starts, np.nan_to_num(values), side="right")
    rungs = bins if asked.rises else len(starts) - bins
    counted = np.bincount(rungs[within & ~unknown], minlength=len(starts) + 1)
    few = unknown[within].mean() <= _UNKNOWN_MIN
    return _Ladder(
        asked,
        tuple(starts),
        np.where(unknown, len(starts) + 1, rungs),
        counted / max(counted.sum(), 1) if few else None,
    )


def _lifts(ladder: _Ladder, segments: int) -> Iterator[Column]:
    """Each as a table: a row for a segment, a column for a bin from the worst to the best, and one for unknown."""
    for first in range(segments):
        for after in range(first + 1, segments + 1):
            if not all(ladder.asked.segments[first:after]):
                break
            for rung in range(1, ladder.bins):
                lift = np.zeros((segments, ladder.bins + 1))
                lift[after:] = 1
                lift[first:after, rung:-1] = 1
                if ladder.shares is not None:
                    lift[first:after, -1] = ladder.shares[rung:].sum()
                    yield lift
                else:
                    yield lift
                    with_unknown = lift.copy()
                    with_unknown[first:after, -1] = 1
                    yield with_unknown


def _heights(ladder: _Ladder, found: Column) -> Heights:
    bins = found[:, :-1] if ladder.asked.rises else found[:, -2::-1]
    return Heights(ladder.asked, ladder.starts, np.column_stack([bins, found[:, -1]]))


def _solved(cells: Rows, lifts: Sequence[tuple[int, Column]], number: int, segments: int, good: Column) -> Column:
    """What each of so many cells gives. `cells` are those of each person, in columns; the first lifts are those of the
    bases, which are free of penalties, and of which the very first may be negative."""
    # Loaded here, since it takes long: whoever has too few people to learn from is told so before.
    from scipy.optimize import minimize
    from scipy.sparse import csr_array
    from scipy.special import expit

    each, people = cells.shape
    of_people: Any = csr_array((np.ones(cells.size), cells.T.ravel(), np.arange(people + 1) * each), (people, number))
    raised = [first + np.flatnonzero(lift) for first, lift in lifts]
    amounts = np.concatenate([lift[lift != 0] for _, lift in lifts])
    ends = np.cumsum([0, *map(len, raised)])
    to_lifts: Any = csr_array((amounts, np.concatenate(raised), ends), (len(lifts), number))
    to_cells, of_cells = to_lifts.T.tocsr(), of_people.T.tocsr()
    penalized = np.array([0.0] * segments + [1.0] * (len(lifts) - segments))

    def cost(weights: Column) -> tuple[float, Column]:
        logarithm = of_people @ (to_cells @ weights)
        missing = expit(logarithm) - good
        value = (np.logaddexp(0, logarithm) - good * logarithm).sum()
        value += (penalized * weights * (_SUM_OF_LIFTS + _SUM_OF_SQUARES / 2 * weights)).sum()
        slope = to_lifts @ (of_cells @ missing) + penalized * (_SUM_OF_LIFTS + _SUM_OF_SQUARES * weights)
        return float(value), slope

    begin = np.zeros(len(lifts))
    begin[0] = np.log(good.mean() / (1 - good.mean()))
    # Sums in one order on every machine: with several threads the last digits depend on how many there are.
    with threadpool_limits(1):
        found = minimize(
            cost,
            begin,
            jac=True,
            method="L-BFGS-B",
            bounds=[(None, None), *[(0, None)] * (len(lifts) - 1)],
            options={"maxiter": _STEPS_MAX, "maxfun": 2 * _STEPS_MAX, "ftol": _PRECISION, "gtol": 1e-7},
        )
    return np.asarray(to_cells @ found.x)


def _starts(values: Column) -> list[int]:
    """Where bins begin, besides the first: round numbers, at quantiles where there are many values."""
    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    if len(distinct) > _BINS_MAX:
        distinct = np.unique(np.quantile(known, np.linspace(0, 1, _BINS_MAX + 1)[:-1], method="higher"))
    people, found, last = _SHARE_MIN * len(values), list[int](), -np.inf
    for start in sorted({_rounded(int(value)) for value in distinct[1:]}):
        if ((known >= last) & (known < start)).sum() >= people and (known >= start).sum() >= people:
            found.append(start)
            last = start
    return found


def _rounded(value: int) -> int:
    """Brought towards 0 to a number of few digits and zeros."""
    unit = int(10 ** max(len(str(abs(value))) - _FIGURES, 0))
    return (abs(value) // unit * unit) * (1 if value >= 0 else -1)
