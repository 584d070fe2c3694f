"""What moved a score from one monthly publication to the next: by item and cause, in a fixed order (rules S21)."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import msgspec
import pytest

from services.scorer.core import score
from services.scorer.core.decide import Person, decide
from services.scorer.core.messages import Due, Event, Message
from services.scorer.core.moves import Cause
from services.scorer.core.policy import Policy
from services.scorer.core.reasons.changes import by_cause, changes
from services.scorer.core.score import Evaluation, without_records
from tests.support.people import JAN, ME, SHIPPED, ZONE, day, event, news, policy_of, record

CREDIT, PHONE = "credit_card.repayment", "phone.bill"
MONTHLY = policy_of(SHIPPED)


class Life:
    """A person who is published every month, up to January."""

    def __init__(self, policy: Policy = MONTHLY) -> None:
        self.policy, self.person = policy, Person(ME)
        self.evaluations: list[Evaluation] = []

    def month(self, number: int, *messages: Message, contacts: tuple[int, int] = (0, 0)) -> None:
        """The messages of a month, and the run that publishes it."""
        self.take(messages, number)
        due = Due(ME, number + 1, day(number + 1, 6, 0), *contacts)
        self._decide([due], number + 1, 6)

    def take(self, messages: Sequence[Message], number: int) -> None:
        self._decide(messages, number, 20)

    def _decide(self, messages: Sequence[Message], number: int, of_month: int) -> None:
        decided = decide(self.person, messages, day(number, of_month), self.policy)
        self.person = decided.person
        if (publication := decided.writes.publication) is not None:
            # As it is stored.
            self.evaluations.append(score.decode(score.encode(publication.evaluation)))

    def causes(self) -> dict[str, int]:
        """Of the last publication."""
        before, now = self.evaluations[-2:]
        found = changes(before, now)
        assert sum(change.points for change in found) == now.score - before.score
        return {cause.value: points for cause, points in by_cause(found).items()}


def steady(months: int, policy: Policy = MONTHLY) -> Life:
    """So many months of a card and a phone bill, both on time, published up to the month before January."""
    life = Life(policy)
    for number in range(JAN - months, JAN):
        life.month(number, *paid(number))
    return life


def paid(number: int, *, late: int = 0) -> list[Event]:
    return [event(CREDIT, day(number), days_late=late), event(PHONE, day(number, 5), days_late=0)]


def test_a_month_that_becomes_complete_and_nothing_else() -> None:
    life = steady(4)
    life.month(JAN, *paid(JAN, late=30))
    assert life.causes().keys() == {"month-entering"}
    assert life.causes()["month-entering"] < 0


def test_what_grew_old_leaves_at_its_month_and_not_before() -> None:
    life = Life()
    life.month(JAN - 24, *paid(JAN - 24, late=20))
    for number in range(JAN - 23, JAN):
        life.month(number, *paid(number))
        assert "month-leaving" not in life.causes(), "nothing is older than 24 months"
        assert "late-events" not in life.causes()
    life.month(JAN, *paid(JAN))
    assert life.causes()["month-leaving"] > 0, "the delay is forgotten"
    assert "late-events" not in life.causes()


def test_an_event_of_a_month_that_was_published_is_late() -> None:
    life = steady(4)
    life.take([event("electricity.bill", day(JAN - 1, 9), arrival_month=JAN, days_late=40)], JAN)
    life.month(JAN, *paid(JAN))
    assert life.causes()["late-events"] < 0
    life.month(JAN + 1, *paid(JAN + 1))
    assert "late-events" not in life.causes(), "it was told once"


def test_a_fact_and_the_contacts_are_causes_of_their_own() -> None:
    life = steady(4)
    life.month(JAN, *paid(JAN), event("identity.verified", day(JAN, 9), value="verified"), contacts=(6, 24))
    causes = life.causes()
    assert causes["facts"] == 32
    assert causes["contacts"] > 0


def test_a_record_and_its_ceiling_are_one_cause() -> None:
    life = steady(20)
    life.take([news(record(), JAN)], JAN)
    causes = life.causes()
    assert causes["records"] < 0
    assert causes.keys() <= {"records", "bounds"}, "a limit takes less of what is less"
    life.month(JAN, *paid(JAN))
    assert life.causes().keys() <= {"month-entering", "records", "bounds"}


def test_a_limit_that_ends_is_told_apart_from_what_ended_it() -> None:
    few = next(limit for limit in SHIPPED.limits if limit.code == "few-obligations")
    low = msgspec.structs.replace(SHIPPED, limits=(msgspec.structs.replace(few, ceiling=400),))
    life = steady(2, policy_of(low))
    assert life.evaluations[-1].score == 400, "four obligations are known"
    life.month(JAN, *paid(JAN))
    assert life.causes()["bounds"] > 0
    assert life.evaluations[-1].score > 400


@pytest.mark.parametrize("late", [False, True])
def test_a_new_policy_comes_first_and_is_measured_on_the_months_of_before(late: bool) -> None:
    generous = msgspec.structs.replace(SHIPPED.rules[0], unknown=16, bins=_raised())
    card = msgspec.structs.replace(SHIPPED, effective_on=day(JAN + 1, 6).date(), rules=(generous, *SHIPPED.rules[1:]))
    life = steady(6, Policy(scorecards=(SHIPPED, card), zone=ZONE, accepts_late_months=3))
    if late:
        life.take([event("electricity.bill", day(JAN - 1, 9), arrival_month=JAN, days_late=40)], JAN)
    life.month(JAN, *paid(JAN))
    causes = life.causes()
    assert next(iter(causes)) == "policy"
    assert ("late-events" in causes) is late
    [policy] = [points for cause, code, points in life.evaluations[-1].moves if cause == Cause.POLICY]
    assert policy == causes["policy"] == -2


def _raised() -> tuple[object, ...]:
    return tuple(msgspec.structs.replace(bin, points=bin.points - 5) for bin in SHIPPED.rules[0].bins)


def test_a_run_that_was_missed_leaves_months_untold() -> None:
    life = steady(4)
    life.take(paid(JAN), JAN)
    life.month(JAN + 1, *paid(JAN + 1))
    assert life.causes().keys() == {"behavior"}
    assert life.evaluations[-1].moves == ()


def test_a_first_publication_and_one_between_runs_have_no_moves() -> None:
    life = Life()
    life.month(JAN, *paid(JAN))
    life.take([news(record("ride.unpaid"), JAN + 1)], JAN + 1)
    assert [evaluation.moves for evaluation in life.evaluations] == [(), ()]


def test_what_a_record_moved_goes_with_the_record() -> None:
    life = steady(4)
    life.month(JAN, *paid(JAN), news(record("ride.unpaid"), JAN))
    before, now = (without_records(each) for each in life.evaluations[-2:])
    found = changes(before, now)
    assert Cause.RECORDS not in by_cause(found)
    assert sum(change.points for change in found) == now.score - before.score


def test_a_release_that_kept_no_moves_tells_what_follows_from_the_items() -> None:
    life = steady(6)
    life.month(JAN, *paid(JAN, late=40), news(record("ride.unpaid"), JAN))
    before, now = life.evaluations[-2:]
    stored = msgspec.msgpack.encode([now.score, now.thin, now.restrictions, now.key_factors, now.items])
    read = score.decode(stored)
    assert read.moves == ()
    found = changes(before, read)
    assert by_cause(found).keys() == {Cause.BEHAVIOR} | ({Cause.RECORDS} & by_cause(found).keys())
    assert sum(change.points for change in found) == now.score - before.score


def test_a_publication_leaves_nothing_to_the_garbage_collector() -> None:
    """A cycle would keep a person's months until the next collection, which costs more than the whole evaluation."""
    # Other threads of the process leave something now and then; an evaluation would each time.
    assert min(_left_behind() for _ in range(3)) == 0


def _left_behind() -> int:
    life = steady(6)
    gc.collect()
    gc.freeze()  # or the second look would go through all that the tests before have left, too
    gc.disable()
    try:
        life.month(JAN, *paid(JAN, late=40))
        assert life.evaluations[-1].moves
        return gc.collect()
    finally:
        gc.enable()
