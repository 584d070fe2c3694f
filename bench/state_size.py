"""How large the state of a person is after 1, 2, 5 and 10 years, and what an evaluation of drawn people costs.

    python -m bench.state_size [--people 200]

The lives are those of `bench.lives`. A state is weighed on the last day of a month, when it is largest, and on the
first day of the next; costs are CPU time of one process, the best of five rounds over everybody.
"""

from __future__ import annotations

import argparse
import statistics
import timeit
from time import process_time

from bench.lives import LATE_MONTHS, Life, lived
from services.scorer.core.features.months import Circle
from services.scorer.core.folding import fold
from services.scorer.core.forgetting import prune
from services.scorer.core.moves import Last, moves
from services.scorer.core.score import encode as encode_evaluation
from services.scorer.core.score import evaluate, evaluate_walked
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import State, encode
from shared.policy_file import SCORECARD, load_policy
from shared.settings import ROOT

YEARS = (1, 2, 5, 10)
FIRST = 2016 * 12
CARD = load_policy(ROOT / "policies" / SCORECARD, Scorecard)
CIRCLE = Circle(650, 15, 750)


def sizes(number: int) -> list[tuple[int, int]]:
    """Of one life after each of the years: bytes at the end of the month, and of those the ids of open months."""
    life, state, found = Life(number), State(), []
    for months in range(1, YEARS[-1] * 12 + 1):
        prune(state, FIRST + months, FIRST + months - LATE_MONTHS)
        for event in life.month(FIRST + months):
            fold(state, event, LATE_MONTHS)
        if months in [12 * years for years in YEARS]:
            found.append((len(encode(state)), sum(map(len, state.ids.values()))))
    return found


def costs(people: int) -> tuple[float, float, float, float]:
    """Microseconds a person: an evaluation, and what moved it; bytes of an evaluation, and kilobytes in all of it."""
    through = 2026 * 12
    states = [lived(number, through) for number in range(people)]
    before = [Last(evaluate(state, CARD, through - 1, CIRCLE), CARD, CIRCLE) for state in states]
    walked = [CARD.compiled.walked(state, through, CIRCLE) for state in states]
    now = [evaluate_walked(months, CARD) for months in walked]

    def evaluated() -> None:
        for state in states:
            evaluate(state, CARD, through, CIRCLE)

    def moved() -> None:
        for last, evaluation, months in zip(before, now, walked, strict=True):
            moves(last, evaluation, months, CARD)

    each = [min(timeit.repeat(work, number=1, repeat=5, timer=process_time)) / people for work in (evaluated, moved)]
    columns = [len(encode_evaluation(one)) for one in now]
    known = statistics.mean(sum(isinstance(item.basis, tuple) for item in one.items) for one in now)
    return each[0] * 1e6, each[1] * 1e6, statistics.mean(columns), known


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.state_size", description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=200, help="lives that are drawn (default 200)")
    people = parser.parse_args().people
    by_life = [sizes(number) for number in range(people)]
    print(f"{people} drawn lives; bytes at the end of a month, when a state is largest")
    print(f"{'after':>10}{'mean':>8}{'median':>8}{'p90':>8}{'most':>8}{'of them ids':>13}")
    for index, years in enumerate(YEARS):
        bytes_, ids = zip(*(each[index] for each in by_life), strict=True)
        p90 = statistics.quantiles(bytes_, n=10)[-1]
        row = (statistics.mean(bytes_), statistics.median(bytes_), p90, max(bytes_))
        print(f"{years:>4} years{''.join(f'{n:>8,.0f}' for n in row)}{statistics.mean(ids):>13,.0f}")
    evaluated, moved, column, known = costs(people)
    print(f"evaluate {evaluated:.1f} us a person, of {known:.0f} known rules in the mean, {column:,.0f} bytes")
    print(f"moves    {moved:.1f} us a person")


if __name__ == "__main__":
    main()
