"""What a shard does next, as a table; and the laws that no order of events may break."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runner.agenda import (
    BATCHES_BEFORE_TIMERS_MAX,
    Agenda,
    Asked,
    Asking,
    Behind,
    Disturbed,
    Next,
    Stale,
    ask_again,
    asking,
    claimed,
    clock_moved,
    next_work,
    nothing_due,
    page_waits,
    records_handled,
)

NOW = datetime(2026, 3, 6, 12, tzinfo=UTC)
PAST, LATER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("agenda", "records_wait", "expected"),
    [
        (Asked(None), False, Next.SLEEP),
        (Asked(LATER), False, Next.SLEEP),
        (Asked(LATER), True, Next.RECORDS),
        (Asked(PAST), False, Next.TIMERS),
        (Asked(NOW), False, Next.TIMERS),
        (Asked(PAST), True, Next.RECORDS),
        (Stale(None), False, Next.TIMERS),
        (Stale(LATER), False, Next.TIMERS),
        (Stale(LATER, 1), False, Next.PAUSE),
        (Behind(PAST), False, Next.PAUSE),
        (Behind(PAST), True, Next.RECORDS),
        (Stale(LATER), True, Next.RECORDS),
        (Stale(PAST), True, Next.RECORDS),
        (Stale(PAST, 1), True, Next.TIMERS),
        (Stale(PAST, 1), False, Next.TIMERS),
        (Stale(LATER, BATCHES_BEFORE_TIMERS_MAX), True, Next.RECORDS),
        (Stale(LATER, BATCHES_BEFORE_TIMERS_MAX + 1), True, Next.TIMERS),
        (Stale(None, BATCHES_BEFORE_TIMERS_MAX + 1), True, Next.TIMERS),
    ],
)
def test_what_is_next(agenda: Agenda, records_wait: bool, expected: Next) -> None:
    assert next_work(agenda, NOW, records_wait) is expected


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        (Asked(LATER), records_handled, Stale(LATER, 1)),
        (Stale(PAST, 3), records_handled, Stale(PAST, 4)),
        (Asked(LATER), clock_moved, Stale(LATER)),
        (Stale(LATER, 3), clock_moved, Stale(LATER, 3)),
        (Stale(PAST, 3), asking, Asking(PAST)),
        (Asked(PAST), asking, Asking(PAST)),
        (Asking(PAST), clock_moved, Disturbed(PAST)),
        (Disturbed(PAST), clock_moved, Disturbed(PAST)),
        (Asking(PAST), ask_again, Stale(PAST)),
        (Asking(PAST), page_waits, Behind(PAST)),
        (Behind(PAST), clock_moved, Behind(PAST)),
        (Behind(PAST), records_handled, Stale(PAST, 1)),
        (Disturbed(PAST), ask_again, Stale(PAST)),
        (Asking(PAST), lambda agenda: nothing_due(agenda, LATER), Asked(LATER)),
        (Asking(PAST), lambda agenda: nothing_due(agenda, None), Asked(None)),
        (Disturbed(PAST), lambda agenda: nothing_due(agenda, LATER), Stale(LATER)),
    ],
)
def test_what_follows(before: Agenda, event: Callable[[Agenda], Agenda], after: Agenda) -> None:
    assert event(before) == after


def test_a_new_owner_asks_its_timers_at_once() -> None:
    assert next_work(claimed(NOW), NOW, records_wait=False) is Next.TIMERS
    assert next_work(records_handled(claimed(NOW)), NOW, records_wait=True) is Next.TIMERS


def test_nothing_is_next_while_the_timers_are_being_asked() -> None:
    for agenda in (Asking(None), Disturbed(None)):
        with pytest.raises(AssertionError):
            next_work(agenda, NOW, records_wait=True)


ANSWERS = st.sampled_from(["fired", "waits", "nothing", "nothing later", "nothing, clock moved"])


def _answered(agenda: Agenda, answer: str) -> Agenda:
    agenda = asking(agenda)
    match answer:
        case "fired":
            return ask_again(agenda)
        case "waits":
            return page_waits(agenda)
        case "nothing":
            return nothing_due(agenda, None)
        case "nothing later":
            return nothing_due(agenda, LATER)
        case _:
            return nothing_due(clock_moved(agenda), None)


@given(st.lists(ANSWERS, min_size=60, max_size=60))
def test_a_shard_that_never_runs_dry_neither_starves_its_timers_nor_its_records(answers: list[str]) -> None:
    """Records always wait: between two questions there are at most so many batches, and at least one."""
    agenda = claimed(NOW)
    since_timers = 0
    for answer in answers:
        for _ in range(BATCHES_BEFORE_TIMERS_MAX + 2):
            if next_work(agenda, NOW, records_wait=True) is not Next.RECORDS:
                break
            agenda = records_handled(agenda)
            since_timers += 1
        assert next_work(agenda, NOW, records_wait=True) is Next.TIMERS
        assert 1 <= since_timers <= BATCHES_BEFORE_TIMERS_MAX + 1
        agenda, since_timers = _answered(agenda, answer), 0


@given(st.lists(st.sampled_from(["records", "clock", "ask"]), max_size=40), ANSWERS)
def test_whatever_happened_a_shard_that_runs_dry_asks_once_more_and_then_sleeps(events: list[str], last: str) -> None:
    agenda = claimed(NOW)
    for event in events:
        if event == "records":
            agenda = records_handled(agenda)
        elif event == "clock":
            agenda = clock_moved(agenda)
        else:
            agenda = _answered(agenda, last)
    if events and events[-1] != "ask":
        assert next_work(agenda, NOW, records_wait=False) in (Next.PAUSE, Next.TIMERS)
    agenda = _answered(agenda, "nothing later")
    assert next_work(agenda, NOW, records_wait=False) is Next.SLEEP
