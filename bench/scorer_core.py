"""What the scorer's rules cost without Kafka and Postgres: fold, encoding, evaluation, and the size of a state.

    python -m bench.scorer_core

The person: 30 events a month for 25 months: card, water, electricity and phone bills, 16 fares, 8 purchases, one income
under consent, and a contact. CPU time of one process; the best of seven runs of each figure.
"""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.scorer.core.decide import Person, decide
from services.scorer.core.features.months import Circle
from services.scorer.core.folding import fold
from services.scorer.core.forgetting import prune
from services.scorer.core.messages import Event, event_of
from services.scorer.core.moves import Last, moves
from services.scorer.core.policy import Policy
from services.scorer.core.score import encode as encode_evaluation
from services.scorer.core.score import evaluate, evaluate_walked
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import State, decode, encode
from shared.contracts.messages import BehaviorEvent, Consent
from shared.contracts.messages import encode as encode_body
from shared.contracts.months import month_start
from shared.policy_file import SCORECARD, load_policy
from shared.settings import ROOT

PERSON = "ab" * 32
ZONE = ZoneInfo("Asia/Shanghai")
CARD = load_policy(ROOT / "policies" / SCORECARD, Scorecard)
POLICY = Policy(scorecards=(CARD,), zone=ZONE, accepts_late_months=3)
CIRCLE = Circle(650, 15, 750)
FIRST = 2024 * 12
MONTHS = 25
CONSENT = Consent(id="consent-1", purpose="scoring", given_at=datetime(2023, 12, 1, tzinfo=UTC))


def month_of_events(month: int) -> list[Event]:
    """30 events of one month, in order of time."""
    bodies = [
        BehaviorEvent(kind="credit_card.repayment", amount=412_355, days_late=0),
        BehaviorEvent(kind="water.bill", amount=8_640, days_late=0),
        BehaviorEvent(kind="electricity.bill", amount=21_015, days_late=3),
        BehaviorEvent(kind="phone.bill", amount=9_900, days_late=0),
        BehaviorEvent(kind="income.reported", amount=1_250_000, consent=CONSENT),
        BehaviorEvent(kind="contact.standing", contact="cd" * 32, value="present"),
        *[BehaviorEvent(kind="transit.fare", amount=400, days_late=0)] * 16,
        *[BehaviorEvent(kind="shop.purchase", amount=15_000)] * 8,
    ]
    start = month_start(month, ZONE) + timedelta(hours=12)
    return [
        event_of(
            PERSON,
            "bank",
            f"event-{month}-{day:06d}",
            f"behavior.raw.bank/0/{month * 30 + day}",
            start + timedelta(hours=20 * day),
            month,
            encode_body(body),
            body,
            ZONE,
        )
        for day, body in enumerate(bodies)
    ]


def grown(begun: int = 0) -> State:
    """The state at the end of the 25th month, when it is largest; of somebody who began so many months later."""
    state = State()
    for month in range(FIRST + begun, FIRST + MONTHS):
        prune(state, month, month - 3)
        for event in month_of_events(month):
            fold(state, event, 3)
    return state


def best_us(work: Callable[[], object], times: int) -> float:
    return min(timeit.repeat(work, number=times, repeat=7, timer=time.process_time)) / times * 1e6


def decisions(person: Person, batch: int, now: datetime) -> Callable[[], object]:
    """A month's events, decided in batches of this size."""
    events = month_of_events(FIRST + MONTHS)
    batches = [events[at : at + batch] for at in range(0, len(events), batch)]

    def work() -> Person:
        someone = person
        for messages in batches:
            someone = decide(someone, messages, now, POLICY).person
        return someone

    return work


def moves_us(state: State, last: int) -> float:
    """What it costs a monthly run to tell what moved a person's score."""
    before = Last(evaluate(state, CARD, last - 1, CIRCLE), CARD, CIRCLE)
    months = CARD.compiled.walked(state, last, CIRCLE)
    now = evaluate_walked(months, CARD)
    return best_us(lambda: moves(before, now, months, CARD), 5_000)


def main() -> None:
    state = grown()
    column = encode(state)
    ids = sum(map(len, state.ids.values()))
    last = FIRST + MONTHS - 1
    print(f"state after two years        {len(column):6d} bytes, {ids} of them ids of open months")
    print(f"decode                       {best_us(lambda: decode(column), 20_000):6.2f} us")
    print(f"encode                       {best_us(lambda: encode(state), 20_000):6.2f} us")
    evaluation = len(encode_evaluation(evaluate(state, CARD, last, CIRCLE)))
    print(f"evaluation by {len(CARD.rules)} rules       {evaluation:6d} bytes")
    print(f"evaluate                     {best_us(lambda: evaluate(state, CARD, last, CIRCLE), 5_000):6.2f} us")
    for name, someone in (("grown", state), ("of half a year", grown(MONTHS - 6))):
        print(f"moves, {name:14s}        {moves_us(someone, last):6.2f} us")
    person = Person(user_id=PERSON, state=column)
    now = datetime(2026, 2, 28, 20, tzinfo=UTC)
    for batch in (1, 5, 30):
        us = best_us(decisions(person, batch, now), 500) / 30
        print(f"decide, {batch:2d} events at a time   {us:6.2f} us an event")


if __name__ == "__main__":
    main()
