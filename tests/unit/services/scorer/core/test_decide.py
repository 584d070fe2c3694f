"""Who is published when, with which version, in both cadences; what moves a standing; what a decision adds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest

from services.scorer.core import score
from services.scorer.core.calendar import run_instant
from services.scorer.core.decide import Decided, Person, decide
from services.scorer.core.features.months import Circle
from services.scorer.core.features.stated import band_of
from services.scorer.core.messages import Due, Message
from services.scorer.core.policy import Policy
from services.scorer.core.scorecard_parts import Bin
from services.scorer.core.state import decode
from tests.support.old_states import FORMAT_1
from tests.support.people import (
    BILL,
    CARD,
    FRIEND,
    INCOME,
    JAN,
    ME,
    ZONE,
    capping,
    card,
    day,
    event,
    news,
    policy_of,
    record,
    rule,
)

MONTHLY = policy_of(capping())
CONTINUOUS = policy_of(capping(cadence="continuous"))
SHIPPED = [policy_of(card(cadence=cadence)) for cadence in ("monthly", "continuous")]
NOBODY = Person(ME)
CONTACTS = "contacts-standing"
NOW = day(JAN)


def due(number: int, contacts: int = 0, bands: int = 0) -> Due:
    return Due(ME, number, run_instant(number, 6, ZONE), contacts, bands)


def step(policy: Policy, person: Person, *messages: Message, now: datetime = NOW) -> Decided:
    return decide(person, messages, now, policy)


def bills(month: int, count: int = 1, **fields: Any) -> list[Message]:
    return [event(BILL, day(month), id=f"{month}-{n}", **fields) for n in range(count)]


def published(decided: Decided) -> tuple[int, int, bool] | None:
    """(version, score, thin), or None."""
    publication = decided.writes.publication
    if publication is None:
        return None
    assert sum(item.points for item in publication.evaluation.items) == publication.evaluation.score
    assert score.decode(decided.person.evaluation) == publication.evaluation
    assert decided.person.version == publication.version
    return publication.version, publication.evaluation.score, publication.evaluation.thin


class TestMonthly:
    def test_events_alone_publish_nothing(self) -> None:
        decided = step(MONTHLY, NOBODY, *bills(JAN, 5))
        assert published(decided) is None
        assert [type(folded).__name__ for _, folded in decided.folded] == ["Accepted"] * 5

    def test_the_run_publishes_the_complete_months_before_it(self) -> None:
        """(rules P1)"""
        person = step(MONTHLY, NOBODY, *bills(JAN - 1), *bills(JAN, days_late=9)).person
        decided = step(MONTHLY, person, due(JAN), now=day(JAN, 6))
        assert published(decided) == (1, 350 + 210 + 60 + 40 + 25 + 10, True)
        publication = decided.writes.publication
        assert publication is not None
        assert publication.as_of == datetime(2026, 1, 5, 16, tzinfo=UTC)
        assert (publication.run, publication.policy) == (JAN, MONTHLY.scorecards[0].id)
        next_month = step(MONTHLY, decided.person, due(JAN + 1), now=day(JAN + 1, 6))
        assert published(next_month) == (2, 350 + 50 + 60 + 40 + 25 + 10, True)

    def test_everybody_is_published_also_who_has_not_changed(self) -> None:
        """(rules P1)"""
        person = NOBODY
        for number in range(JAN, JAN + 3):
            decided = step(MONTHLY, person, due(number), now=day(number, 6))
            assert published(decided) == (number - JAN + 1, 595, True)
            person = decided.person

    def test_nobody_gets_two(self) -> None:
        person = step(MONTHLY, NOBODY, due(JAN), now=day(JAN, 6)).person
        for number in (JAN, JAN - 1):
            again = step(MONTHLY, person, due(number), now=day(JAN, 7))
            assert published(again) is None
            assert again.person.standing == person.standing

    def test_february_of_a_leap_year_is_a_month_like_any(self) -> None:
        feb = 2028 * 12 + 1
        last_moment = datetime(2028, 2, 29, 15, 59, 59, tzinfo=UTC)
        person = step(MONTHLY, NOBODY, event(BILL, last_moment, days_late=1), now=last_moment).person
        decided = step(MONTHLY, person, due(feb + 1), now=day(feb + 1, 6))
        assert published(decided) == (1, 350 + 0 + 60 + 40 + 25 + 10, True)

    def test_the_run_forgets_who_does_nothing_any_more(self) -> None:
        person = step(MONTHLY, NOBODY, *bills(JAN)).person
        later = step(MONTHLY, person, due(JAN + 26), now=day(JAN + 26, 6)).person
        assert not decode(later.state).kinds
        assert not decode(later.state).ids


class TestContinuous:
    """(rules P2)"""

    def test_an_event_that_changes_the_result_publishes_at_once(self) -> None:
        decided = step(CONTINUOUS, NOBODY, *bills(JAN))
        assert published(decided) == (1, 350 + 210 + 60 + 40 + 25 + 10, True)
        publication = decided.writes.publication
        assert publication is not None
        assert (publication.as_of, publication.run) == (day(JAN), None)

    def test_one_that_does_not_change_it_is_silent(self) -> None:
        person = step(CONTINUOUS, NOBODY, *bills(JAN)).person
        assert published(step(CONTINUOUS, person, *bills(JAN - 1))) is None
        better_known = step(CONTINUOUS, person, *bills(JAN - 1)).person
        assert published(step(CONTINUOUS, better_known, *bills(JAN - 2))) == (2, 695, False)

    def test_a_batch_publishes_once(self) -> None:
        decided = step(CONTINUOUS, NOBODY, *bills(JAN, 20), *bills(JAN - 1, 1, days_late=3))
        assert published(decided) == (1, 350 + 50 + 60 + 40 + 25 + 10, True)

    def test_nothing_accepted_publishes_nothing(self) -> None:
        person = step(CONTINUOUS, NOBODY, *bills(JAN)).person
        for message in (
            *bills(JAN),
            event(BILL, day(JAN), id=f"{JAN}-0", amount=1),
            *bills(JAN - 4, arrival_month=JAN),
        ):
            assert published(step(CONTINUOUS, person, message)) is None
        assert published(step(CONTINUOUS, NOBODY, *bills(JAN - 4, arrival_month=JAN))) is None

    def test_the_running_month_counts_in_the_run_too(self) -> None:
        person = step(CONTINUOUS, NOBODY, *bills(JAN), now=day(JAN, 2)).person
        again = step(CONTINUOUS, person, due(JAN), now=day(JAN, 6))
        assert published(again) is None
        assert (again.person.run, again.person.standing) == (JAN, 695)

    def test_the_run_publishes_whom_the_turn_of_the_month_changed(self) -> None:
        person = step(CONTINUOUS, NOBODY, *bills(JAN - 22), now=day(JAN - 22)).person
        still = step(CONTINUOUS, person, due(JAN), now=day(JAN, 6))
        assert published(still) == (2, 350 + 210 + 0 + 40 + 25 + 10, False)
        gone = step(CONTINUOUS, still.person, due(JAN + 2), now=day(JAN + 2, 6))
        assert published(gone) == (3, 350 + 110 + 60 + 40 + 25 + 10, False)

    def test_between_runs_the_contacts_stay_as_the_run_saw_them(self) -> None:
        person = step(CONTINUOUS, NOBODY, due(JAN, contacts=5, bands=24), now=day(JAN, 6)).person
        assert person.circle == Circle(750, 5, 0)
        assert published(step(CONTINUOUS, person, *bills(JAN))) == (2, 350 + 210 + 60 + 40 + 25 + 30, True)


@pytest.mark.parametrize("policy", [MONTHLY, CONTINUOUS], ids=["monthly", "continuous"])
class TestRecords:
    def test_a_change_publishes_at_once_and_moves_nothing_else(self, policy: Policy) -> None:
        """(rules P3)"""
        person = step(policy, NOBODY, *bills(JAN - 1), due(JAN), now=day(JAN, 6)).person
        before = score.decode(person.evaluation)
        reported = step(policy, person, news(record()), now=day(JAN + 1))
        assert published(reported) == (2, 580, True)
        publication = reported.writes.publication
        assert publication is not None
        assert publication.evaluation.items[:-1] == before.items
        assert publication.evaluation.restrictions == ("credit", "financing", "luxury-purchases")
        assert (publication.as_of, publication.run) == (day(JAN + 1), JAN)
        expired = step(policy, reported.person, news(record(version=2, status="expired", counts=False)))
        assert published(expired) == (3, before.score, True)
        assert score.decode(expired.person.evaluation) == before

    def test_a_change_without_effect_on_the_score_publishes_too(self, policy: Policy) -> None:
        person = step(policy, NOBODY, due(JAN), now=day(JAN, 6)).person
        assert published(step(policy, person, news(record("ride.unpaid")))) == (2, 595, True)

    def test_what_neither_counted_nor_counts_is_published_to_nobody(self, policy: Policy) -> None:
        """(rules R22) Not even that there is a version; not of somebody who was never published either."""
        for person in (NOBODY, step(policy, NOBODY, due(JAN), now=day(JAN, 6)).person):
            reported = step(policy, person, news(record(counts=False)))
            disputed = step(policy, reported.person, news(record(version=2, counts=False, status="disputed")))
            assert (published(reported), published(disputed)) == (None, None)
            known = step(policy, disputed.person, news(record(version=3)))
            assert published(known) == (person.version + 1, 580, True)

    @pytest.mark.parametrize("status", ["expired", "deleted"])
    def test_what_never_counted_ends_unheard(self, policy: Policy, status: str) -> None:
        """(rules R22) It was taken back, or lapsed, before its person had known of it for long enough."""
        for person in (NOBODY, step(policy, NOBODY, due(JAN), now=day(JAN, 6)).person):
            reported = step(policy, person, news(record(counts=False)))
            gone = step(policy, reported.person, news(record(version=2, counts=False, status=status)))
            assert (published(gone), gone.writes.redacts, gone.person.evaluation) == (None, False, person.evaluation)
            together = [record(counts=False), record(version=2, counts=False, status=status)]
            assert published(step(policy, person, *map(news, together))) is None

    @pytest.mark.parametrize("status", ["expired", "deleted"])
    @pytest.mark.parametrize(
        ("before", "is_heard"),
        [
            pytest.param([(False, "open"), (False, "disputed")], False, id="disputed before it counted"),
            pytest.param([(False, "open"), (False, "disputed"), (False, "unverifiable")], False, id="and unverifiable"),
            pytest.param([(False, "open"), (True, "open"), (False, "disputed")], True, id="disputed when it counted"),
            pytest.param([(False, "disputed")], True, id="nothing is known of it before"),
        ],
    )
    def test_what_was_disputed_before_it_counted_ends_unheard(
        self, policy: Policy, status: str, before: list[tuple[bool, str]], is_heard: bool
    ) -> None:
        """(rules R22) In whichever order it is read."""
        for order in permutations(enumerate(before, 1)):
            person = step(policy, NOBODY, due(JAN), now=day(JAN, 6)).person
            for version, (counts, known) in order:
                person = step(policy, person, news(record(version=version, counts=counts, status=known))).person
            gone = step(policy, person, news(record(version=9, counts=False, status=status)))
            assert (published(gone) is not None, gone.writes.redacts) == (is_heard, is_heard)

    @pytest.mark.parametrize("status", ["expired", "deleted"])
    def test_the_end_of_what_counted_before_it_was_disputed_takes_it_out_of_the_history(
        self, policy: Policy, status: str
    ) -> None:
        """(rules D9)"""
        person = step(policy, NOBODY, news(record(counts=False)), news(record(version=2))).person
        disputed = step(policy, person, news(record(version=3, counts=False, status="disputed")))
        gone = step(policy, disputed.person, news(record(version=4, counts=False, status=status)))
        assert (published(gone), gone.writes.redacts) == ((3, 595, True), True)

    def test_what_counted_and_is_disputed_publishes(self, policy: Policy) -> None:
        person = step(policy, NOBODY, news(record())).person
        disputed = step(policy, person, news(record(version=2, counts=False, status="disputed")))
        assert published(disputed) == (2, 595, True)

    def test_a_version_that_is_known_does_nothing(self, policy: Policy) -> None:
        person = step(policy, NOBODY, news(record(version=2))).person
        for version in (1, 2):
            again = step(policy, person, news(record(version=version, counts=False)))
            assert (published(again), again.stale) == (None, 1)
            assert again.person.state == person.state

    def test_several_changes_at_once_are_one_version(self, policy: Policy) -> None:
        decided = step(policy, NOBODY, news(record(id="a")), news(record("card.overdue", id="b")), *bills(JAN))
        assert published(decided) == (1, 580, True)

    def test_the_standing_stays(self, policy: Policy) -> None:
        person = step(policy, NOBODY, due(JAN), now=day(JAN, 6)).person
        assert step(policy, person, news(record())).person.standing == 595


@pytest.mark.parametrize("policy", [MONTHLY, CONTINUOUS], ids=["monthly", "continuous"])
def test_a_record_cannot_wait_for_a_first_publication(policy: Policy) -> None:
    """(rules P4)"""
    decided = step(policy, NOBODY, news(record()))
    assert published(decided) == (1, 580, True)
    assert decided.writes.publication is not None
    assert decided.writes.publication.run is None


@pytest.mark.parametrize("policy", [MONTHLY, CONTINUOUS], ids=["monthly", "continuous"])
def test_of_whom_only_a_version_is_known_after_a_restore_everything_is_published_anew(policy: Policy) -> None:
    taken_over = Person(ME, version=7, as_of=NOW)
    decided = step(policy, taken_over, *bills(JAN))
    if policy is MONTHLY:
        decided = step(policy, decided.person, due(JAN + 1))
    assert (published(decided) or (0,))[0] == 8


def test_and_in_monthly_cadence_it_brings_no_behavior_forward() -> None:
    """(rules P4)"""
    messages = [*bills(JAN - 1, days_late=9), news(record("card.overdue"))]
    for order in (messages, messages[::-1]):
        assert published(decide(NOBODY, order, day(JAN, 20), MONTHLY)) == (1, 595, True)


def test_a_lifted_ceiling_shows_the_items_as_they_are_now() -> None:
    capped = step(CONTINUOUS, NOBODY, *bills(JAN), news(record())).person
    assert score.decode(capped.evaluation).score == 580
    silent = step(CONTINUOUS, capped, *bills(JAN, 9, days_late=0), event(BILL, day(JAN), days_late=1))
    assert published(silent) is None
    lifted = step(CONTINUOUS, silent.person, news(record(version=2, status="deleted", counts=False)))
    assert published(lifted) == (2, 350 + 140 + 60 + 40 + 25 + 10, True)


def test_also_where_the_turn_of_the_month_moved_them() -> None:
    long_known = step(CONTINUOUS, NOBODY, *bills(JAN - 20), now=day(JAN - 20)).person
    capped = step(CONTINUOUS, long_known, *bills(JAN), news(record())).person
    silent = step(CONTINUOUS, capped, due(JAN + 13), now=day(JAN + 13, 6))
    assert published(silent) is None
    lifted = step(CONTINUOUS, silent.person, news(record(version=2, status="deleted", counts=False)))
    assert published(lifted) == (3, 350 + 210 + 0 + 40 + 25 + 10, False)


def test_a_record_without_effect_publishes_beside_events_without_effect() -> None:
    person = step(CONTINUOUS, NOBODY, *bills(JAN)).person
    assert published(step(CONTINUOUS, person, *bills(JAN, 2), news(record("ride.unpaid")))) == (2, 695, True)


def test_in_continuous_cadence_a_record_and_events_are_one_version_with_both_in_it() -> None:
    person = step(CONTINUOUS, NOBODY, *bills(JAN)).person
    decided = step(CONTINUOUS, person, event(BILL, day(JAN), days_late=2), news(record()))
    assert published(decided) == (2, 350 + 50 + 60 + 40 + 25 + 10, True)
    assert decided.writes.publication is not None
    assert decided.writes.publication.evaluation.restrictions


def test_a_records_life_moves_its_item_and_nothing_else_until_the_next_run() -> None:
    """What a person sees: it costs at once, less when it is settled, and nothing from the day on which it lapses."""
    policy = policy_of(CARD)
    person = step(policy, NOBODY, *(bill for back in range(1, 4) for bill in bills(JAN - back)), now=day(JAN, 2)).person
    person = step(policy, person, due(JAN), now=day(JAN, 6)).person
    life: list[dict[str, Any]] = [
        {},
        {"status": "settled", "ended_on": day(JAN).date()},
        {"status": "expired", "counts": False},
    ]
    seen = []
    for version, fields in enumerate(life, 1):
        decided = step(policy, person, *bills(JAN, version), news(record("ride.unpaid", version=version, **fields)))
        person = decided.person
        seen.append(published(decided))
    assert seen == [(2, 695 - 60, False), (3, 695 - 30, False), (4, 695, False)]


class TestALapseAtTheInstantOfARun:
    """(rules S18) The run and retention's word of the lapse come from two topics, in either order; retention's may be
    days late."""

    LAPSES_AT = day(JAN, 6, 0)
    OPEN = news(record("ride.unpaid", lapses_at=LAPSES_AT))
    EXPIRED = news(record("ride.unpaid", version=2, status="expired", counts=False, lapses_at=LAPSES_AT))

    @pytest.mark.parametrize("order", [(due(JAN), EXPIRED), (EXPIRED, due(JAN))], ids=["run first", "retention first"])
    @pytest.mark.parametrize("policy", SHIPPED, ids=["monthly", "continuous"])
    @pytest.mark.parametrize("days_late", [0, 2])
    def test_the_run_does_not_count_the_record(self, policy: Policy, order: Sequence[Message], days_late: int) -> None:
        person = step(policy, NOBODY, *bills(JAN - 1), self.OPEN, now=day(JAN, 5)).person
        assert cost_of_records(person) == 60
        for message in order:
            person = step(policy, person, message, now=self.LAPSES_AT + timedelta(days=days_late)).person
        without = step(policy, NOBODY, *bills(JAN - 1), due(JAN), now=self.LAPSES_AT).person
        assert (person.standing, cost_of_records(person)) == (without.standing, 0)

    def test_nor_does_any_other_step_from_then_on(self) -> None:
        person = step(SHIPPED[1], NOBODY, self.OPEN, now=self.LAPSES_AT - timedelta(microseconds=1)).person
        assert cost_of_records(person) == 60
        person = step(SHIPPED[1], person, *bills(JAN), now=self.LAPSES_AT).person
        assert cost_of_records(person) == 0
        assert decode(person.state).records, "to say that it has expired is for retention"


def cost_of_records(person: Person) -> int:
    [item] = [item for item in score.decode(person.evaluation).items if item.code == "negative-records"]
    return item.best - item.points


class TestStanding:
    """(rules P7)"""

    def test_only_the_run_moves_it_and_keeps_the_one_before(self) -> None:
        person = NOBODY
        seen = []
        for number in range(JAN, JAN + 3):
            late = bills(number - 1, days_late=5) if number == JAN + 1 else bills(number - 1)
            person = step(MONTHLY, person, *late, now=day(number, 2)).person
            person = step(MONTHLY, person, due(number), now=day(number, 6)).person
            seen.append((person.run, person.standing, person.standing_before))
        assert seen == [(JAN, 695, None), (JAN + 1, 535, 695), (JAN + 2, 560, 535)]

    def test_in_continuous_cadence_too(self) -> None:
        person = step(CONTINUOUS, NOBODY, *bills(JAN), now=day(JAN, 2)).person
        assert (person.run, person.standing) == (None, None)
        person = step(CONTINUOUS, person, due(JAN), now=day(JAN, 6)).person
        person = step(CONTINUOUS, person, *bills(JAN, 2, days_late=3), now=day(JAN, 7)).person
        assert (person.run, person.standing, person.standing_before) == (JAN, 695, None)

    @pytest.mark.parametrize(("contacts", "bands", "points"), [(4, 24, 10), (5, 20, 30), (5, 19, 20)])
    def test_contacts_count_from_five_on(self, contacts: int, bands: int, points: int) -> None:
        decided = step(MONTHLY, NOBODY, due(JAN, contacts, bands), now=day(JAN, 6))
        assert published(decided) == (1, 585 + points, True)

    def test_two_circles_do_not_lift_each_other_by_turns(self) -> None:
        """(rules S12) Five people have another five as their contacts, and one of the two sides begins a band higher.
        Whatever they begin with, from the second run on nobody is moved by anybody."""
        bins = (Bin(at_least=350, points=0), Bin(at_least=550, points=50), Bin(at_least=650, points=80))
        edge = card(rules=(*(r for r in CARD.rules if r.code != CONTACTS), rule(CONTACTS, bins=bins)))
        sides = [NOBODY, NOBODY]
        bands, seen = [5 * 2, 5 * 3], list[tuple[int, ...]]()
        for run in range(JAN, JAN + 5):
            sides = [
                step(policy_of(edge), one, due(run, 5, of_others), now=day(run, 6)).person
                for one, of_others in zip(sides, reversed(bands), strict=True)
            ]
            bands = [5 * band_of(one.standing or 0) for one in sides]
            seen.append(tuple(score.decode(one.evaluation).score for one in sides))
        assert seen == [(665, 635), *[(635, 635)] * 4]


class TestWhatADecisionAdds:
    def test_edges_and_publications_are_of_this_decision_only(self) -> None:
        edge = event("contact.standing", day(JAN), contact=FRIEND, value="present")
        first = step(CONTINUOUS, NOBODY, edge, *bills(JAN))
        assert [(e.contact, e.present) for e in first.writes.edges] == [(FRIEND, True)]
        assert first.writes.publication is not None
        second = step(CONTINUOUS, first.person, edge)
        assert second.writes.edges == ()
        assert second.writes.publication is None
        assert second.person.version == 1

    def test_refusals_come_back_in_order_and_change_nothing(self) -> None:
        first = event(INCOME, day(JAN), id="a", amount=1)
        person = step(MONTHLY, NOBODY, first).person
        decided = step(MONTHLY, person, first, event(INCOME, day(JAN), id="a", amount=2), *bills(JAN - 9))
        assert [type(folded).__name__ for _, folded in decided.folded] == ["Duplicate", "Conflict", "TooLate"]
        assert decided.person.state == person.state


def test_a_clock_that_is_a_little_behind_opens_no_month_again() -> None:
    """Two processes' clocks may differ; a shard that moves between them at midnight must not count an event twice."""
    ahead = step(MONTHLY, NOBODY, *bills(JAN - 4), now=day(JAN)).person
    ahead = step(MONTHLY, ahead, now=day(JAN, 17)).person
    behind = step(MONTHLY, ahead, *bills(JAN - 4), now=day(JAN, 15))
    assert [type(folded).__name__ for _, folded in behind.folded] == ["TooLate"]
    assert behind.person.state == ahead.state


def names(decided: Decided) -> list[str]:
    return [type(folded).__name__ for _, folded in decided.folded]


class TestTheTurnOfTheMonth:
    """(rules E5, E18) December is the first open month in February with two late months, and closes with it."""

    POLICY = policy_of(card(), late_months=2)
    IN_TIME = event(BILL, day(JAN - 1), id="in time", arrival_month=JAN + 1)
    LATE = event(BILL, day(JAN - 1), id="late", arrival_month=JAN + 2)
    BEFORE, AFTER = day(JAN + 1, 28, 23), day(JAN + 2, 1, 1)
    LAST = day(JAN + 2, 15)
    """An event may have been on its way for so long, and no longer: Kafka keeps it no longer."""

    @pytest.mark.parametrize("now", [BEFORE, AFTER, LAST])
    def test_what_arrived_before_it_is_taken_after_it(self, now: datetime) -> None:
        known = step(self.POLICY, NOBODY, *bills(JAN), now=self.BEFORE).person
        for person in (NOBODY, known):
            assert names(step(self.POLICY, person, self.IN_TIME, self.LATE, now=now)) == ["Accepted", "TooLate"]

    @pytest.mark.parametrize("again_at", [AFTER, LAST])
    def test_what_ingest_forwards_again_after_it_is_never_refused_and_never_counted_twice(
        self, again_at: datetime
    ) -> None:
        person = step(self.POLICY, NOBODY, self.IN_TIME, now=self.BEFORE).person
        person = step(self.POLICY, person, *bills(JAN + 2), now=self.AFTER).person
        again = step(self.POLICY, person, self.IN_TIME, now=again_at)
        assert names(again) == ["Duplicate"]
        assert again.person.state == step(self.POLICY, person, now=again_at).person.state

    def test_then_its_ids_go_and_it_is_closed_whatever_is_said_to_have_arrived(self) -> None:
        person = step(self.POLICY, NOBODY, self.IN_TIME, now=self.BEFORE).person
        after = step(self.POLICY, person, self.IN_TIME, now=day(JAN + 2, 17))
        assert names(after) == ["TooLate"]
        assert list(decode(after.person.state).ids) == []

    @pytest.mark.parametrize("late_months", [3, 6, 24])
    def test_a_longer_setting_opens_no_month_that_was_closed(self, late_months: int) -> None:
        person = step(self.POLICY, NOBODY, self.IN_TIME, now=self.BEFORE).person
        person = step(self.POLICY, person, now=day(JAN + 2, 17)).person
        longer = policy_of(card(), late_months=late_months)
        again = step(longer, person, self.IN_TIME, now=day(JAN + 2, 18))
        assert names(again) == ["TooLate"]
        assert decode(again.person.state).kinds == decode(person.state).kinds


class TestAsOf:
    """(rules P10) A publication says for which instant it is; that goes on, and is true."""

    RUN_AT = run_instant(JAN, 6, ZONE)
    POLICY = policy_of(card())

    def as_of(self, *steps: tuple[Message, datetime], policy: Policy = POLICY) -> list[datetime]:
        person, seen = NOBODY, []
        for message, now in steps:
            decided = step(policy, person, message, now=now)
            person = decided.person
            if decided.writes.publication:
                seen.append(decided.writes.publication.as_of)
        return seen

    @pytest.mark.parametrize("policy", SHIPPED, ids=["monthly", "continuous"])
    def test_a_run_after_an_outage_does_not_go_back_behind_a_change_of_a_record(self, policy: Policy) -> None:
        steps = ((news(record()), day(JAN, 21)), (due(JAN), day(JAN, 21, 13)))
        assert self.as_of(*steps, policy=policy) == [day(JAN, 21)] * (2 if policy is SHIPPED[0] else 1)

    def test_in_time_it_is_the_instant_of_the_run(self) -> None:
        assert self.as_of((due(JAN), day(JAN, 21))) == [self.RUN_AT]

    def test_nor_does_a_clock_that_is_a_little_behind(self) -> None:
        steps = ((news(record()), day(JAN, 21)), (news(record(version=2)), day(JAN, 20)))
        assert self.as_of(*steps) == [day(JAN, 21), day(JAN, 21)]

    def test_what_leaves_a_record_out_is_not_for_an_instant_at_which_it_counted(self) -> None:
        """The run of the 6th is late, and so is retention: the record lapsed on the 10th."""
        lapses_at = day(JAN, 10, 0)
        open_until_then = news(record("ride.unpaid", lapses_at=lapses_at))
        person = step(self.POLICY, NOBODY, open_until_then, now=day(JAN, 2)).person
        person = step(self.POLICY, person, due(JAN), now=day(JAN, 21)).person
        assert cost_of_records(person) == 0
        assert person.as_of == lapses_at


class TestRedaction:
    """(rules D9) A record that is gone takes its part of the history with it."""

    POLICY = policy_of(card())

    @pytest.mark.parametrize("status", ["expired", "deleted"])
    def test_an_end_redacts_and_nothing_else_does(self, status: str) -> None:
        opened = step(self.POLICY, NOBODY, news(record("ride.unpaid")))
        settled = step(self.POLICY, opened.person, news(record("ride.unpaid", version=2, ended_on=day(JAN).date())))
        gone = step(self.POLICY, settled.person, news(record("ride.unpaid", version=3, status=status, counts=False)))
        again = step(self.POLICY, gone.person, news(record("ride.unpaid", version=3, status=status, counts=False)))
        redacts = [decided.writes.redacts for decided in (opened, settled, gone, again)]
        assert redacts == [False, False, True, False]

    def test_who_had_a_record_that_went_before_redaction_is_redacted_once(self) -> None:
        person = msgspec.structs.replace(NOBODY, state=FORMAT_1)
        first = step(self.POLICY, person)
        assert first.writes.redacts
        assert not step(self.POLICY, first.person).writes.redacts


@pytest.mark.parametrize("policy", SHIPPED, ids=["monthly", "continuous"])
def test_who_is_silent_publishes_nothing_and_moves_on_as_ever(policy: Policy) -> None:
    """A past of which only the last score is told: the first one that is published is the same but for its version and
    what moved it, since nothing was published before."""
    silent = msgspec.structs.replace(policy, silent=True)
    person = told = NOBODY
    for month in (JAN, JAN + 1):
        for messages in (bills(month, 3), [due(month + 1)], [news(record(version=month - JAN + 1))]):
            now = day(month + 1, 6, 0) if isinstance(messages[0], Due) else day(month)
            quiet = step(silent, person, *messages, now=now)
            assert published(quiet) is None
            person, told = quiet.person, step(policy, told, *messages, now=now).person
    assert (person.version, person.as_of) == (0, None)
    assert (person.state, person.standing, person.standing_before) == (told.state, told.standing, told.standing_before)
    # The run that took place in silence comes again, and is told.
    now = day(JAN + 2, 20)
    first = step(policy, person, due(JAN + 2), now=now)
    publication = first.writes.publication
    assert publication is not None
    assert (publication.version, publication.as_of, publication.evaluation.moves) == (1, now, ())
    usual = score.decode(told.evaluation)
    assert (publication.evaluation.result, publication.evaluation.items) == (usual.result, usual.items)
    assert published(step(policy, first.person, due(JAN + 2), now=now)) is None
