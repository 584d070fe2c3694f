"""The laws of reasons, changes and hints, for any lives at all (rules S21 to S24)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.core import catalogue
from services.scorer.core.catalogue import Begin, Keep, Settle, Tell, Use
from services.scorer.core.decide import Person, decide
from services.scorer.core.features.base import kinds_of
from services.scorer.core.messages import Due, Event, Message
from services.scorer.core.moves import Cause
from services.scorer.core.reasons.changes import by_cause, changes
from services.scorer.core.reasons.hints import Hinted, Present, hints, outlook
from services.scorer.core.reasons.record_costs import record_costs
from services.scorer.core.reasons.sentences import Wording, key_reasons, reasons
from services.scorer.core.reasons.usual import had_lately
from services.scorer.core.score import Evaluation
from services.scorer.core.state import (
    amount_of,
    decode,
    unpack_figures,
    vectors,
)
from services.scorer.core.vectors import COUNT, LATE, LIMIT, SUM, WORST
from shared.contracts.kinds import KIND_OF, Shape
from tests.support.law_sizes import examples
from tests.support.people import JAN, ME, SHIPPED, ZONE, consent, day, event, news, policy_of, record

POLICY = policy_of(SHIPPED)
MONTHS = 27
FIRST = JAN - MONTHS + 1
OBLIGATIONS = ("credit_card.repayment", "cash_loan.repayment", "phone.bill", "transit.fare", "item_rental.return")
ACTIVITIES = ("donation.made", "shop.purchase", "credit_card.statement", "service.payment")


@st.composite
def events(draw: st.DrawFn, latest: int = 2) -> Event:
    """Any event of the last 27 months, which arrives up to so many months after its own."""
    month = draw(st.integers(FIRST, JAN))
    arrived = min(JAN, month + draw(st.sampled_from([0, 0, 0, latest])))
    at, id = day(month, draw(st.integers(1, 19))), str(draw(st.integers(0, 10**6)))
    match draw(st.integers(0, 9)):
        case 0:
            return event(
                "identity.verified",
                at,
                id,
                arrival_month=arrived,
                value=draw(st.sampled_from(["verified", "withdrawn"])),
            )
        case 1:
            amount = draw(st.integers(0, 2_000_000))
            return event("income.reported", at, id, arrival_month=arrived, amount=amount, consent=consent("c1"))
        case 2 | 3:
            amount, kind = draw(st.integers(0, 100_000)), draw(st.sampled_from(ACTIVITIES))
            limit = 100_000 if kind == "credit_card.statement" else None
            return event(kind, at, id, arrival_month=arrived, amount=amount, limit=limit)
        case _:
            late = draw(st.sampled_from([0, 0, 0, 1, 5, 30, 89]))
            return event(draw(st.sampled_from(OBLIGATIONS)), at, id, arrival_month=arrived, days_late=late)


def lives(latest: int = 2) -> st.SearchStrategy[list[Event]]:
    """Many events of steady people, or a few stray ones."""
    steady = st.builds(
        lambda kinds, back: [event(k, day(JAN - b), f"{k}{b}", days_late=0) for k in kinds for b in range(back)],
        st.sets(st.sampled_from(OBLIGATIONS)),
        st.integers(0, MONTHS),
    )
    unique = st.lists(events(latest), max_size=25, unique_by=lambda one: one.id)
    return st.builds(lambda some, others: [*some, *others], steady, unique)


RECORDS = st.lists(
    st.builds(
        lambda kind, month, amount, settled: (
            month,
            kind,
            amount,
            day(max(month, JAN - 3)).date() if settled else None,
        ),
        st.sampled_from(["court.listing", "card.overdue", "ride.unpaid"]),
        st.integers(JAN - 6, JAN),
        st.sampled_from([None, 10_000, 900_000]),
        st.booleans(),
    ),
    max_size=2,
)


def lived(
    life: Sequence[Event], held: Sequence[tuple[object, ...]] = (), contacts: int = 0
) -> tuple[Person, list[Evaluation]]:
    """The person after the run that publishes January, and all that was published."""
    person, published = Person(ME), []
    arriving: dict[int, list[Message]] = {}
    for one in life:
        arriving.setdefault(one.arrival_month, []).append(one)
    for index, (month, kind, amount, ended_on) in enumerate(held):
        # What is settled lapses within the months that hints look at, before a publication or behind it.
        lapses_at = None if ended_on is None else day(JAN + 2 + index, 3 + 10 * index, 0)
        change = record(str(kind), f"r{index}", amount=amount, ended_on=ended_on, lapses_at=lapses_at)
        arriving.setdefault(int(str(month)), []).append(news(change, int(str(month))))
    for month in range(FIRST, JAN + 1):
        due = Due(ME, month + 1, day(month + 1, 6, 0), contacts, contacts * (month % 5))
        for messages, at in ((arriving.get(month, []), day(month, 20)), ([due], day(month + 1, 6, 0))):
            decided = decide(person, messages, at, POLICY)
            person = decided.person
            if decided.writes.publication is not None:
                published.append(decided.writes.publication.evaluation)
    return person, published


@examples(60)
@given(lives(), RECORDS, st.sampled_from([0, 6]))
def test_changes_sum_exactly_and_each_has_a_cause(
    life: list[Event], held: list[tuple[object, ...]], contacts: int
) -> None:
    _, published = lived(life, held, contacts)
    for before, now in pairwise(published):
        found = changes(before, now)
        assert sum(change.points for change in found) == now.score - before.score
        items = {item.code: item.points for item in now.items}
        for item in before.items:
            items[item.code] = items.get(item.code, 0) - item.points
        for code, points in items.items():
            assert sum(change.points for change in found if change.code == code) == points
        assert [*by_cause(found)] == [cause for cause in Cause if cause in by_cause(found)], "in the fixed order"
        assert Cause.BEHAVIOR not in by_cause(found), "every run is the next one, so all is told apart"
        assert Cause.POLICY not in by_cause(found)


@examples(60)
@given(lives(latest=0), RECORDS)
def test_where_nothing_comes_late_nothing_is_said_to(life: list[Event], held: list[tuple[object, ...]]) -> None:
    """The points of a month ago, as they are measured now, are those that were published: nothing was forgotten
    between."""
    _, published = lived(life, held)
    for before, now in pairwise(published):
        assert Cause.LATE not in by_cause(changes(before, now))


@examples(60)
@given(lives(), RECORDS, st.sampled_from([0, 6]), st.sampled_from(["en", "zh"]))
def test_every_item_has_a_sentence_and_what_it_lacks_is_told_in_full(
    life: list[Event], held: list[tuple[object, ...]], contacts: int, language: str
) -> None:
    _, published = lived(life, held, contacts)
    wording = Wording(SHIPPED, "zh" if language == "zh" else "en", "CNY")
    found = reasons(published[-1], wording)
    assert sum(reason.points for reason in found) == published[-1].score
    caps = {cap.code for cap in SHIPPED.caps}
    for reason in found:
        assert reason.lost + reason.not_known == reason.best - reason.points
        assert reason.not_known >= 0
        assert reason.lost >= 0 or reason.code in caps | {"floor"}
        assert reason.sentence
        assert "{" not in reason.sentence
    assert len(key_reasons(published[-1], found)) <= 5


class Way(NamedTuple):
    """One of the ways in which a hint can be followed: month after month by other numbers."""

    shares: Sequence[int] = (0,)
    """How far a statement lies between the least and the most that the hint names, per mille."""
    kind: int = 0
    """Which of the kinds is begun."""
    times: Sequence[int] = (1,)
    """How often each thing is done in a month."""
    more: Sequence[int] = (7,)
    """How much higher a figure is than it must be."""
    held: Sequence[tuple[object, ...]] = ()
    """The records that there are to settle."""


AS_PROMISED = Way()
WAYS = st.builds(
    Way,
    st.lists(st.sampled_from([0, 1, 250, 500, 999, 1000]), min_size=1, max_size=3),
    st.integers(0, 4),
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.lists(st.sampled_from([0, 7, 500_000, 10**12]), min_size=1, max_size=3),
)


def future(person: Person, hinted: Hinted, present: Present, *, follows: bool, way: Way = AS_PROMISED) -> int:
    """The score that is published once the person has gone on as usual through the months of the hint, and has done
    what it says or not, told by partners as ever."""
    codes = {KIND_OF[kind].code for kind in hinted.kinds}
    score = 0
    for month in range(present.through, hinted.through + 1):
        messages: list[Message] = []
        for code, vector in usual(present).items():
            keeps = isinstance(hinted.hint, Keep) and code in codes
            if not keeps or (not follows and vector[LATE]):
                share = at(way.shares, month) if follows else None
                messages += usually(code, vector, month, hinted, late=keeps, share=share)
        messages += [income(month, amount) for amount in usual_income(present)]
        if follows:
            messages += followed(hinted, present, month, way)
        person = decide(person, messages, day(month, 20), POLICY).person
        due = Due(ME, month + 1, day(month + 1, 6, 0), 0, 0)
        decided = decide(person, [due], day(month + 1, 6, 0), POLICY)
        person = decided.person
        assert decided.writes.publication is not None
        score = decided.writes.publication.evaluation.score
    return score


def at(numbers: Sequence[int], month: int) -> int:
    return numbers[month % len(numbers)]


def usual(present: Present) -> dict[int, list[int]]:
    """The vectors of the last complete month, and of the one before for kinds that this has nothing of."""
    found: dict[int, list[int]] = {}
    for _, by_kind in vectors(present.state, present.through - 3, present.through - 1):
        found |= {code: [*vector, *[0] * 6][:6] for code, vector in by_kind.items() if vector[COUNT] > 0}
    return found


def usual_income(present: Present) -> list[int]:
    for month in (present.through - 1, present.through - 2):
        if amounts := [
            figures[month] for packed in present.state.figures.values() if month in (figures := unpack_figures(packed))
        ]:
            return [amount_of(amounts[0])]
    return []


def income(month: int, amount: int) -> Event:
    return event("income.reported", day(month, 9), f"usual-income-{month}", amount=amount, consent=consent("c1"))


def usually(
    code: int, vector: list[int], month: int, hinted: Hinted, *, late: bool, share: int | None
) -> list[Message]:
    kind = next(kind for kind in KIND_OF.values() if kind.code == code)
    amount, limit = vector[SUM], vector[LIMIT] or None
    if isinstance(hinted.hint, Use) and share is not None and limit:
        least, most = -(-limit * hinted.hint.at_least // 1000), (limit * hinted.hint.below - 1) // 1000
        if amount > most:
            amount = least + (most - least) * share // 1000
    made: list[Message] = []
    owed = kind.shape is Shape.OBLIGATION
    # Of what was late, some were late, and the worst by so many days.
    count_late = vector[LATE] if late else 0
    for count, days in ((vector[COUNT] - count_late, 0), (count_late, vector[WORST])):
        if count:
            fields = {"days_late": days} if owed else {"limit": limit}
            made.append(
                event(kind.name, day(month, 11), f"usual-{code}-{month}-{days}", count=count, amount=amount, **fields)
            )
            amount = 0
    return made


def followed(hinted: Hinted, present: Present, month: int, way: Way) -> list[Message]:
    match hinted.hint:
        case Keep():
            return [one for kind in hinted.kinds for one in on_time(kind, month, way, usually_paid(present, kind))]
        case Begin() as hint:
            had = had_lately(present)
            lacking = [kind.name for kind in kinds_of(hint.kinds, SHIPPED.kinds) if kind.code not in had]
            return on_time(lacking[way.kind % len(lacking)], month, way, max(hint.at_least, SMALLEST))
        case Tell(at_least=at_least):
            figure = at_least + at(way.more, month)
            return [
                event(kind, day(month, 10), f"followed-{kind}-{month}", amount=figure, consent=consent("c9"))
                for kind in hinted.kinds
            ]
        case catalogue.State() as hint:
            return [event(hint.kind, day(month, 10), "followed", value=hint.value)] if month == hinted.through else []
        case Use():
            return []
        case Settle():
            ended_on = day(month, 10).date()
            return [
                news(record(str(kind), f"r{index}", version=2, amount=amount, ended_on=ended_on), month)
                for index, (_, kind, amount, ended_before) in enumerate(way.held)
                if ended_before is None
            ]


def on_time(kind: str, month: int, way: Way, amount: int | None) -> list[Message]:
    """So much in a month, however often it is paid."""
    return [
        event(kind, day(month, 10), f"followed-{kind}-{month}-{number}", days_late=0, amount=None if number else amount)
        for number in range(at(way.times, month))
    ]


SMALLEST = 1
"""A larger amount is worth no less."""


def usually_paid(present: Present, kind: str) -> int | None:
    """What a kind comes to in a month; None where nobody tells it."""
    vector = usual(present).get(KIND_OF[kind].code)
    return SMALLEST if vector is None else vector[SUM] or None


@examples(60)
@given(lives(), RECORDS, WAYS)
def test_a_hint_that_is_followed_gives_what_it_promised_and_else_it_does_not(
    life: list[Event], held: list[tuple[object, ...]], way: Way
) -> None:
    """In whichever way it is followed that its sentence leaves open."""
    person, _ = lived(life, held)
    present = Present(decode(person.state), person.circle, JAN + 1)
    given_hints = hints(present, SHIPPED)
    assert [hinted.points for hinted in given_hints] == sorted((h.points for h in given_hints), reverse=True)
    for hinted in given_hints:
        assert hinted.points > 0
        assert future(person, hinted, present, follows=True, way=way._replace(held=held)) >= hinted.score
        assert future(person, hinted, present, follows=False) == hinted.score - hinted.points


@examples(40)
@given(lives(), RECORDS)
def test_who_goes_on_as_usual_has_the_score_that_was_foretold(
    life: list[Event], held: list[tuple[object, ...]]
) -> None:
    person, _ = lived(life, held)
    present = Present(decode(person.state), person.circle, JAN + 1)
    nothing = catalogue.State(code="nothing", kind="identity.verified", value="verified", en="-", zh="-")
    for through, score in outlook(present, SHIPPED)[:3]:
        assert future(person, Hinted(nothing, 0, 0, through), present, follows=False) == score


SETTLING = msgspec.structs.replace(SHIPPED, hints=tuple(hint for hint in SHIPPED.hints if isinstance(hint, Settle)))


@examples(40)
@given(lives(), RECORDS)
def test_a_record_costs_what_the_score_lacks_for_it_and_settling_helps(
    life: list[Event], held: list[tuple[object, ...]]
) -> None:
    person, _ = lived(life, held)
    present = Present(decode(person.state), person.circle, JAN + 1)
    costs = record_costs(present, SHIPPED, day(JAN + 1).date(), ZONE)
    assert len(costs) == len(held)
    for cost in costs:
        assert cost.points <= 0
        assert cost.points_when_settled is None or cost.points <= cost.points_when_settled <= 0
        assert [*cost.eases] == sorted(cost.eases), "it costs less and less"
    assert not hints(present, SETTLING) or any(not cost.is_settled for cost in costs)
