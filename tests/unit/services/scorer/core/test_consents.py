"""The ledger of consents: the same rows in whichever order things are said (rules I10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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


def test_a_figure_tells_of_its_consent_once_a_month_and_a_withdrawal_of_its_end() -> None:
    first = event(INCOME, day(JAN), id="f1", amount=1)
    again = event(INCOME, day(JAN, 16), id="f2", amount=2)
    asked = Withdrawal(ME, "r1", day(JAN, 17), "bank", "c1", day(JAN, 17))
    decided = decide(Person(ME), [first, again, asked], day(JAN, 17), POLICY)
    assert decided.writes.consents == (cited_by(first), taken_back(asked))
    [row] = merged(decided.writes.consents)
    given_at = consent("c1").given_at
    assert (row.partner, row.consent_id, row.purpose, row.given_at) == ("bank", "c1", "scoring", given_at)
    assert row.withdrawn_at == asked.time
