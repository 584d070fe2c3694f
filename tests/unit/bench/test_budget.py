"""The performance budget: what an event costs in calls, lines and bytes may not rise by more than a tenth."""

from __future__ import annotations

import sys

import pytest

from bench.budget import accepted
from bench.budget.counting import count

LINES = f"a: lines, Python {sys.version_info.major}.{sys.version_info.minor}"
OTHERS = "a: lines, Python 2.7"
CALLS, CALLS_OF_OTHERS = LINES.replace("lines", "calls"), OTHERS.replace("lines", "calls")


def test_no_figure_is_over_its_budget() -> None:
    """What is meant is accepted with `python -m bench.budget accept`."""
    assert accepted.over(accepted.read(), accepted.measured()) == []


@pytest.mark.parametrize(
    ("budget", "now", "sentences"),
    [
        ({"a": 100.0}, {"a": 110.0}, []),
        ({"a": 100.0}, {"a": 111.0}, ["a 111.00, accepted were 100.00 (+11%)"]),
        ({"a": 100.0}, {"a": 10.0}, []),
        ({}, {"a": 1.0}, ["a 1.00 was never accepted"]),
        ({"a": 1.0}, {}, ["a is not measured any more"]),
        ({OTHERS: 1.0}, {LINES: 9.0}, []),
        ({CALLS_OF_OTHERS: 1.0}, {CALLS: 9.0}, []),
        ({CALLS: 1.0}, {CALLS: 9.0}, [f"{CALLS} 9.00, accepted were 1.00 (+800%)"]),
        ({LINES: 1.0}, {LINES: 9.0}, [f"{LINES} 9.00, accepted were 1.00 (+800%)"]),
        ({LINES: 1.0}, {}, [f"{LINES} is not measured any more"]),
    ],
)
def test_what_is_over_has_its_old_and_its_new_figure(
    budget: dict[str, float], now: dict[str, float], sentences: list[str]
) -> None:
    assert accepted.over(budget, now) == sentences


def test_what_has_become_much_better_is_named_too() -> None:
    assert accepted.below({"a": 100.0, "b": 100.0}, {"a": 80.0, "b": 95.0}) == ["a 80.00, accepted were 100.00 (-20%)"]


def _loop(times: int) -> None:
    for _ in range(times):
        len("")


def _listed(times: int) -> None:
    [len("") for _ in range(times)]


@pytest.mark.parametrize("work", [_loop, _listed])
def test_calls_and_lines_are_those_of_the_work(work: object) -> None:
    assert callable(work)
    some, more = count(lambda: work(10)), count(lambda: work(110))
    assert some == count(lambda: work(10))
    if work is _loop:
        assert (more.calls - some.calls, more.lines - some.lines) == (100, 200)
