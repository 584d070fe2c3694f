"""What a person is shown: items that sum to the score, and changes that sum to the change."""

from __future__ import annotations

import pytest

from services.scorer.core import score
from services.scorer.core.explain import Explanation, Published, explain
from services.scorer.core.features.months import Circle
from services.scorer.core.score import Evaluation, evaluate, with_records_changed
from tests.support.people import BILL, CARD, JAN, card, day, event, news, record, rule, state_of

NEWCOMER = evaluate(state_of(), CARD, JAN, None)
PAYER = evaluate(state_of(*(event(BILL, day(JAN - back)) for back in range(12))), CARD, JAN, Circle(650, 5, 0))
LISTED = with_records_changed(PAYER, state_of(news(record())), CARD, JAN)
OTHER_POLICY = evaluate(state_of(), card(rules=(rule("kept-on-time", code="another"),)), JAN, None)


def shown_to(version: int, run: int | None, now: Evaluation, before: Evaluation | None) -> Explanation:
    """What a person is shown of a publication in January 2026."""
    return explain(
        Published(
            version=version,
            as_of=day(JAN),
            run=run,
            policy=CARD.id,
            evaluation=score.encode(now),
            evaluation_before=None if before is None else score.encode(before),
        )
    )


@pytest.mark.parametrize(
    ("before", "now", "changes"),
    [
        (NEWCOMER, NEWCOMER, {}),
        (NEWCOMER, PAYER, {"kept-on-time": 100, "in-a-row": 90, "contacts-standing": 10}),
        (PAYER, LISTED, {"negative-records": -200, "ceiling": -15}),
        (LISTED, PAYER, {"negative-records": 200, "ceiling": 15}),
        (
            NEWCOMER,
            OTHER_POLICY,
            {
                "another": 110,
                "kept-on-time": -110,
                "active-months": -60,
                "steady-income": -40,
                "verified-identity": -25,
                "contacts-standing": -10,
            },
        ),
    ],
)
def test_changes_are_by_item_and_sum_exactly(before: Evaluation, now: Evaluation, changes: dict[str, int]) -> None:
    shown = shown_to(7, JAN, now, before)
    assert {line.code: line.change for line in shown.lines if line.change} == changes
    assert sum(line.points for line in shown.lines) == shown.score == now.score
    assert sum(line.change for line in shown.lines) == shown.change == now.score - before.score


def test_a_first_publication_is_all_change() -> None:
    shown = shown_to(1, None, NEWCOMER, None)
    assert [(line.code, line.points) for line in shown.lines] == [(line.code, line.change) for line in shown.lines]
    assert (shown.score, shown.change, shown.thin, shown.publication) == (595, 595, True, None)


def test_what_it_says_besides() -> None:
    shown = shown_to(7, JAN, LISTED, PAYER)
    assert (shown.version, shown.as_of, shown.publication, shown.policy) == (7, day(JAN), "2026-01", CARD.id)
    assert shown.restrictions == ("credit", "financing", "luxury-purchases")
    assert shown.key_factors == LISTED.key_factors
    assert shown.lines[1].rests_on == {"value": 1000, "observations": 12}
