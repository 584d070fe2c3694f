"""Which scorecard is in force, at an instant and for a run (rules P11), and what a run by another one says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
import pytest

from services.scorer.core.decide import Person, Publication, decide
from services.scorer.core.messages import Due, Message
from services.scorer.core.moves import Cause
from services.scorer.core.policy import in_order
from services.scorer.core.reasons.changes import by_cause, changes
from tests.support.people import BILL, JAN, ME, card, day, event, news, policy_of, record, rule

OLD = card(name="old")
NEW = card(name="new", effective_on=date(2026, 1, 7), rules=(rule("kept-on-time"),), months_min=0)
LATEST = card(name="latest", effective_on=date(2026, 3, 1), publication_day=20)
POLICY = policy_of(*in_order([LATEST, OLD, NEW]))


@pytest.mark.parametrize(
    ("now", "name"),
    [
        (day(JAN - 300), "old"),
        (day(JAN, 6, 23), "old"),
        (day(JAN, 7, 0), "new"),
        (day(JAN + 1, 28, 23), "new"),
        (day(JAN + 2, 1, 0), "latest"),
    ],
)
def test_at_an_instant_the_latest_that_has_begun(now: datetime, name: str) -> None:
    assert POLICY.at(now).name == name


@pytest.mark.parametrize(("run", "name"), [(JAN, "old"), (JAN + 1, "new"), (JAN + 2, "latest"), (JAN - 400, None)])
def test_of_a_run_the_one_that_is_in_force_on_its_day(run: int, name: str | None) -> None:
    found = POLICY.of_run(run)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("now", "run"),
    [
        (day(JAN, 5, 23), JAN - 1),
        (day(JAN, 6, 0), JAN),
        # From March on the run is on the 20th.
        (day(JAN + 2, 19, 23), JAN + 1),
        (day(JAN + 2, 20, 0), JAN + 2),
    ],
)
def test_the_latest_run_goes_by_the_day_of_its_own_scorecard(now: datetime, run: int) -> None:
    assert POLICY.latest_run(now) == run


def test_the_first_run_on_its_day_or_after_is_by_the_new_one_and_no_restart_is_needed() -> None:
    person = decide(Person(ME), [event(BILL, day(JAN - 1))], day(JAN, 2), POLICY).person
    by = []
    for run in (JAN, JAN + 1):
        instant = POLICY.instant_of(run)
        decided = decide(person, [Due(ME, run, instant, 0, 0)], instant, POLICY)
        person = decided.person
        assert decided.writes.publication is not None
        by.append((decided.writes.publication.policy, decided.writes.publication.evaluation.score))
    assert by == [(OLD.id, 695), (NEW.id, 560)]


def test_a_change_of_a_record_between_the_day_and_the_run_is_by_the_scorecard_of_the_last_run() -> None:
    person = decide(Person(ME), [Due(ME, JAN, POLICY.instant_of(JAN), 0, 0)], day(JAN, 6), POLICY).person
    decided = decide(person, [news(record("ride.unpaid"))], day(JAN, 15), POLICY)
    assert decided.writes.publication is not None
    assert decided.writes.publication.policy == OLD.id


# -- continuous cadence: a scorecard that has begun waits for no run ---------------------------------------------------

EARLY = card(name="early", cadence="continuous")
LATE_RULES = tuple(
    msgspec.structs.replace(each, code=f"{each.code}-anew") if index == 0 else each
    for index, each in enumerate(card().rules)
)
SINCE = card(name="since", cadence="continuous", effective_on=date(2026, 1, 7), rules=LATE_RULES, months_min=0)
BOTH = policy_of(*in_order([EARLY, SINCE]))


def published(messages: Sequence[Message], person: Person, at: datetime) -> tuple[Person, Publication]:
    decided = decide(person, messages, at, BOTH)
    assert decided.writes.publication is not None
    return decided.person, decided.writes.publication


@pytest.mark.parametrize("began", [5, 7], ids=["a day before", "the same day"])
@pytest.mark.parametrize(
    "messages",
    [
        [event(BILL, day(JAN, 8), "later", days_late=40)],
        [news(record("card.overdue"), JAN)],
        [event(BILL, day(JAN, 8), "later", days_late=40), news(record("card.overdue"), JAN)],
    ],
)
def test_whatever_comes_first_is_by_the_new_one_as_a_whole_and_names_it(
    messages: Sequence[Message], began: int
) -> None:
    """Also where a file is put beside another one on the day on which it begins."""
    at_first, on = policy_of(EARLY), day(JAN, began, 12)
    decided = decide(Person(ME), [event(BILL, day(JAN, began), days_late=0)], on, at_first)
    person, first = decided.person, decided.writes.publication
    assert first is not None
    assert first.policy == EARLY.id
    person, second = published(messages, person, day(JAN, 8, 12))
    assert second.policy == SINCE.id
    codes = {item.code for item in second.evaluation.items}
    assert {each.code for each in LATE_RULES} <= codes
    assert EARLY.rules[0].code not in codes
    causes = by_cause(changes(first.evaluation, second.evaluation))
    assert Cause.POLICY in causes
    assert sum(causes.values()) == second.evaluation.score - first.evaluation.score
    # From then on it is no news.
    _, third = published([news(record("ride.unpaid", "r2"), JAN)], person, day(JAN, 9, 12))
    assert third.policy == SINCE.id
    assert Cause.POLICY not in by_cause(changes(second.evaluation, third.evaluation))


def test_a_run_by_the_new_one_names_it_where_nothing_came_before() -> None:
    person, first = published([event(BILL, day(JAN, 5), days_late=0)], Person(ME), day(JAN, 5, 12))
    instant = day(JAN + 1, 6, 0)
    person, run = published([Due(ME, JAN + 1, instant, 0, 0)], person, instant)
    assert run.policy == SINCE.id
    assert Cause.POLICY in by_cause(changes(first.evaluation, run.evaluation))
    decided = decide(person, [Due(ME, JAN + 2, day(JAN + 2, 6, 0), 0, 0)], day(JAN + 2, 6, 0), BOTH)
    if (third := decided.writes.publication) is not None:
        assert Cause.POLICY not in by_cause(changes(run.evaluation, third.evaluation))
