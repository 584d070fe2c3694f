"""The ledger of consents: the same rows in whichever order things are said (rules I10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.core.consents import ConsentNews, cited_by, merged, taken_back
from services.scorer.core.decide import Person, decide
from services.scorer.core.messages import Message, Withdrawal
from tests.support.people import CARD, INCOME, JAN, ME, consent, day, event, policy_of

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = policy_of(CARD)

_instants = st.integers(0, 5).map(lambda days: FIRST + timedelta(days=days))
_cited = st.builds(
    lambda id, said, given_at, purpose: ConsentNews("bank", id, said, purpose, given_at),
    st.sampled_from(["c1", "c2"]),
    _instants,
    _instants,
    st.sampled_from(["scoring", "lending"]),
)
_taken = st.builds(
    lambda id, at: ConsentNews("bank", id, at, withdrawn_at=at), st.sampled_from(["c1", "c2"]), _instants
)


@given(st.lists(st.one_of(_cited, _taken), max_size=8), st.randoms())
def test_order_and_repetition_do_not_matter(news: list[ConsentNews], random: Random) -> None:
    shuffled = news + news[:2]
    random.shuffle(shuffled)
    assert merged(shuffled) == merged(news)


@given(st.lists(st.one_of(_cited, _taken), max_size=8), st.integers(0, 8))
def test_in_parts_it_comes_to_the_same(news: list[ConsentNews], at: int) -> None:
    assert merged([*merged(news[:at]), *merged(news[at:])]) == merged(news)


@pytest.mark.parametrize("withdrawn_first", [False, True])
def test_a_figure_that_is_refused_tells_of_its_consent_too(withdrawn_first: bool) -> None:
    figure = event(INCOME, day(JAN), id="f1", amount=1)
    asked = Withdrawal(ME, "r1", day(JAN, 17), "bank", "c1", day(JAN, 17))
    messages: list[Message] = [asked, figure] if withdrawn_first else [figure, asked]
    [row] = merged(decide(Person(ME), messages, day(JAN, 17), POLICY).writes.consents)
    assert row == merged([cited_by(figure), taken_back(asked)])[0]


def test_each_figure_tells_of_its_consent_and_a_withdrawal_of_its_end() -> None:
    first = event(INCOME, day(JAN), id="f1", amount=1)
    again = event(INCOME, day(JAN, 16), id="f2", amount=2)
    asked = Withdrawal(ME, "r1", day(JAN, 17), "bank", "c1", day(JAN, 17))
    decided = decide(Person(ME), [first, again, asked], day(JAN, 17), POLICY)
    assert decided.writes.consents == (cited_by(first), cited_by(again), taken_back(asked))
    [row] = merged(decided.writes.consents)
    given_at = consent("c1").given_at
    assert (row.partner, row.consent_id, row.purpose, row.given_at) == ("bank", "c1", "scoring", given_at)
    assert row.withdrawn_at == asked.time


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_figures_of_a_month_that_state_their_consent_differently_lead_to_one_ledger(order: Sequence[int]) -> None:
    """(rules I10) Two days on which it was given, and a withdrawal: the earliest day stands in whichever order."""
    first = event(INCOME, day(JAN), id="f1", amount=1)
    given_before = replace(consent("c1"), given_at=consent("c1").given_at - timedelta(days=9))
    again = event(INCOME, day(JAN, 16), id="f2", amount=2, consent=given_before)
    messages: list[Message] = [first, again, Withdrawal(ME, "r1", day(JAN, 17), "bank", "c1", day(JAN, 17))]
    decided = decide(Person(ME), [messages[at] for at in order], day(JAN, 17), POLICY)
    [row] = merged(decided.writes.consents)
    assert row.given_at == given_before.given_at
    assert row.said_at == day(JAN, 17)
