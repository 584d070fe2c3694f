"""Every rule, at every edge of its bands, and how items, floor, ceiling and restrictions make a score."""

from __future__ import annotations

import ast
from datetime import date
from typing import Any

import pytest

from services.scorer.core.messages import Event
from services.scorer.core.score import (
    Evaluation,
    Item,
    band_of,
    contacts_band,
    decode,
    encode,
    evaluate,
    with_records_changed,
)
from services.scorer.core.scorecard import Band, Scorecard, ShareOnTime
from services.scorer.core.state import State
from shared.settings import ROOT
from tests.support.people import (
    BILL,
    CARD,
    FARE,
    INCOME,
    JAN,
    PURCHASE,
    capping,
    card,
    consent,
    day,
    event,
    news,
    record,
    rule,
    state_of,
)


def item(code: str, state: State, *, scorecard: Scorecard = CARD, contacts: int | None = None) -> Item:
    """The item of a rule at the end of January 2026."""
    return next(i for i in evaluate(state, scorecard, JAN, contacts).items if i.code == code)


def bills(on_time: int, late: int, month: int = JAN, days_late: int = 5) -> list[Event]:
    return [
        event(BILL, day(month), id=f"{month}/{n}", days_late=days_late if n < late else 0)
        for n in range(on_time + late)
    ]


def active(*months: int, kind: str = BILL) -> State:
    return state_of(*(event(kind, day(month), id=str(month)) for month in months))


class TestKeptOnTime:
    """(rules S8)"""

    @pytest.mark.parametrize(
        ("on_time", "late", "points"),
        [
            (0, 1, 0),
            (299, 701, 0),
            (300, 700, 25),
            (499, 501, 25),
            (500, 500, 50),
            (649, 351, 50),
            (650, 350, 75),
            (799, 201, 75),
            (800, 200, 105),
            (899, 101, 105),
            (900, 100, 140),
            (949, 51, 140),
            (950, 50, 170),
            (979, 21, 170),
            (980, 20, 190),
            (999, 1, 190),
            (1000, 0, 210),
            (1, 0, 210),
            # Shares are rounded down: 999 of 1,000 are not all, as above.
            (2, 1, 75),
        ],
    )
    def test_bands(self, on_time: int, late: int, points: int) -> None:
        assert item("kept-on-time", state_of(*bills(on_time, late))).points == points

    def test_unknown_without_obligations(self) -> None:
        assert item("kept-on-time", state_of(event(PURCHASE, day(JAN)))) == Item("kept-on-time", 110, 210, {})

    def test_rests_on_what_was_due_late_and_worst(self) -> None:
        state = state_of(*bills(3, 1), event(FARE, day(JAN), days_late=40))
        assert item("kept-on-time", state).rests_on == {"obligations": 5, "late": 2, "days_late_max": 40}
        assert item("kept-on-time", state_of(*bills(3, 0))).rests_on == {"obligations": 3, "late": 0}

    @pytest.mark.parametrize(("month", "obligations"), [(JAN + 1, 1), (JAN, 2), (JAN - 23, 2), (JAN - 24, 1)])
    def test_window_of_24_months_up_to_the_last_that_counts(self, month: int, obligations: int) -> None:
        state = state_of(*bills(1, 0, JAN - 5), event(FARE, day(month)))
        assert item("kept-on-time", state).rests_on["obligations"] == obligations

    def test_a_shorter_window_and_other_kinds(self) -> None:
        short = rule("kept-on-time", window_months=3, kinds=(BILL,))
        state = state_of(
            *bills(1, 0, JAN), *bills(1, 0, JAN - 2), *bills(0, 7, JAN - 3), event(FARE, day(JAN), days_late=1)
        )
        found = item("kept-on-time", state, scorecard=card(rules=(short,)))
        assert found.rests_on == {"obligations": 2, "late": 0}


class TestActiveMonths:
    """(rules S9)"""

    FULL = range(JAN - 11, JAN + 1)

    @pytest.mark.parametrize(
        ("months", "points"),
        [(0, 0), (1, 10), (2, 10), (3, 30), (5, 30), (6, 75), (8, 75), (9, 110), (10, 110), (11, 135), (12, 150)],
    )
    def test_bands_with_a_full_history(self, months: int, points: int) -> None:
        state = active(JAN - 20, *self.FULL[:months])
        found = item("active-months", state)
        assert (found.points, found.rests_on) == (points, {"months_active": months, "months_seen": 12})

    @pytest.mark.parametrize(
        ("months", "points"),
        [
            ([JAN], 60),
            (range(JAN - 4, JAN + 1), 60),
            (range(JAN - 5, JAN + 1), 75),
            (range(JAN - 10, JAN + 1), 135),
            ([JAN - 10], 60),
            ([JAN - 11], 10),
        ],
    )
    def test_a_newcomer_is_never_below_unknown(self, months: list[int], points: int) -> None:
        assert item("active-months", active(*months)).points == points

    def test_unknown_before_the_first(self) -> None:
        assert item("active-months", State()) == Item("active-months", 60, 150, {})
        assert item("active-months", active(JAN + 1)) == Item("active-months", 60, 150, {})

    def test_the_window_is_what_counts_not_the_running_month(self) -> None:
        state = active(JAN - 30, JAN + 1, JAN - 12)
        assert item("active-months", state).rests_on["months_active"] == 0

    def test_what_was_taken_back_is_no_activity(self) -> None:
        state = state_of(
            event(BILL, day(JAN - 15)),
            event(PURCHASE, day(JAN, 1)),
            event(PURCHASE, day(JAN, 2), reverses=True),
            event(PURCHASE, day(JAN - 1), reverses=True),
        )
        assert item("active-months", state).rests_on["months_active"] == 0

    def test_only_the_rules_kinds(self) -> None:
        state = state_of(event("credit_card.statement", day(JAN)), event(BILL, day(JAN - 12)))
        assert item("active-months", state).rests_on["months_active"] == 0


class TestSteadyIncome:
    """(rules S10)"""

    @pytest.mark.parametrize(
        ("amount", "points"),
        [
            (0, 30),
            (299_999, 30),
            (300_000, 55),
            (599_999, 55),
            (600_000, 75),
            (999_999, 75),
            (1_000_000, 95),
            (1_999_999, 95),
            (2_000_000, 110),
            (2_999_999, 110),
            (3_000_000, 120),
            (10**15, 120),
        ],
    )
    def test_bands(self, amount: int, points: int) -> None:
        state = state_of(*(event(INCOME, day(JAN - back), amount=amount) for back in range(3)))
        assert item("steady-income", state).points == points

    @pytest.mark.parametrize(
        ("by_months_back", "rests_on"),
        [
            ({}, {}),
            ({0: 9, 1: 9}, {}),
            ({0: 9, 1: 5, 2: 7}, {"amount": 5, "month": JAN}),
            ({0: 9, 1: 8, 2: 7, 3: 1}, {"amount": 7, "month": JAN}),
            ({2: 9, 6: 8, 11: 7}, {"amount": 7, "month": JAN - 2}),
            ({2: 9, 6: 8, 12: 7}, {}),
            ({-1: 9, 0: 9, 1: 9}, {}),
        ],
    )
    def test_the_lowest_of_the_latest_three_in_the_window(
        self, by_months_back: dict[int, int], rests_on: dict[str, int]
    ) -> None:
        state = state_of(*(event(INCOME, day(JAN - back), amount=a) for back, a in by_months_back.items()))
        found = item("steady-income", state)
        assert found.rests_on == rests_on
        assert found.points == (30 if rests_on else 40)

    def test_two_sources_are_not_summed(self) -> None:
        state = state_of(
            *(
                event(INCOME, day(JAN - back), id=f"{c}{back}", amount=amount, consent=consent(c))
                for back in range(3)
                for c, amount in (("c1", 200_000), ("c2", 250_000))
            )
        )
        assert item("steady-income", state).rests_on["amount"] == 250_000


@pytest.mark.parametrize(("value", "points"), [(None, 25), ("verified", 90), ("withdrawn", 0)])
def test_verified_identity(value: str | None, points: int) -> None:
    """(rules S11)"""
    state = state_of(*([event("identity.verified", day(JAN - 40), value=value)] if value else []))
    found = item("verified-identity", state)
    assert (found.points, found.best, found.rests_on) == (points, 90, {"value": value} if value else {})


def test_a_value_without_points_is_unknown() -> None:
    state = state_of(event("identity.verified", day(JAN), value="withdrawn"))
    some = card(rules=(rule("verified-identity", values={"verified": 90}),))
    assert item("verified-identity", state, scorecard=some) == Item("verified-identity", 25, 90, {})


@pytest.mark.parametrize(
    ("contacts", "points"),
    [(None, 10), (350, 0), (500, 0), (550, 10), (650, 20), (750, 30), (950, 30)],
)
def test_contacts_standing(contacts: int | None, points: int) -> None:
    found = item("contacts-standing", State(), contacts=contacts)
    assert (found.points, found.rests_on) == (points, {} if contacts is None else {"contacts_at_least": 5})


@pytest.mark.parametrize(
    ("standings", "band"),
    [
        ([], None),
        ([900] * 4, None),
        ([350] * 5, 350),
        ([449] * 5, 350),
        ([450] * 5, 450),
        ([649, 650, 650, 650, 650], 550),
        ([650] * 5, 650),
        ([350, 950, 650, 650, 650], 650),
        ([749] * 4 + [950], 650),
        ([950] * 5, 950),
    ],
)
def test_contacts_count_from_five_on_and_in_bands_of_100(standings: list[int], band: int | None) -> None:
    """Each is brought to its band first: 649 and 650 differ as 550 and 650 do, and 650 and 749 not at all."""
    assert contacts_band(len(standings), sum(map(band_of, standings))) == band


class TestWhole:
    """Items that sum exactly, and what stands above them."""

    def test_a_newcomer_is_thin_and_does_not_look_like_a_defaulter(self) -> None:
        """(rules S6)"""
        newcomer = evaluate(State(), CARD, JAN, None)
        defaulter = evaluate(state_of(*(e for m in range(12) for e in bills(0, 3, JAN - m))), CARD, JAN, None)
        assert (newcomer.score, newcomer.thin) == (350 + 110 + 60 + 40 + 25 + 10, True)
        assert (defaulter.score, defaulter.thin) == (350 + 0 + 150 + 40 + 25 + 10, False)
        late_from_the_start = evaluate(state_of(*bills(0, 3)), CARD, JAN, None)
        assert late_from_the_start.score < newcomer.score

    def test_the_best_and_the_worst(self) -> None:
        incomes = [event(INCOME, day(JAN - back), amount=5_000_000) for back in range(3)]
        good = state_of(
            *(event(BILL, day(JAN - back)) for back in range(24)),
            *incomes,
            event("identity.verified", day(JAN), value="verified"),
        )
        best = evaluate(good, CARD, JAN, 800)
        assert (best.score, best.thin, best.key_factors) == (950, False, ())
        bad = state_of(
            *(event(BILL, day(JAN - back), days_late=9) for back in (20, 15)),
            *(event(INCOME, day(JAN - back), amount=0) for back in range(3)),
            event("identity.verified", day(JAN), value="withdrawn"),
        )
        assert evaluate(bad, CARD, JAN, 350).score == 350 + 30

    @pytest.mark.parametrize(
        ("first", "thin"), [(None, True), (JAN + 1, True), (JAN, True), (JAN - 1, True), (JAN - 2, False)]
    )
    def test_thin_below_three_months_of_history(self, first: int | None, thin: bool) -> None:
        """(rules S17)"""
        state = active(first) if first else State()
        assert evaluate(state, CARD, JAN, None).thin is thin

    def test_facts_and_figures_are_no_history(self) -> None:
        state = state_of(
            event("identity.verified", day(JAN - 9), value="verified"), event(INCOME, day(JAN - 9), amount=1)
        )
        assert evaluate(state, CARD, JAN, None).thin

    def test_a_rule_may_deduct_down_to_the_floor(self) -> None:
        harsh = rule("kept-on-time", bands=(Band(0, -300), Band(1000, 210)), unknown=0)
        assert isinstance(harsh, ShareOnTime)
        evaluation = evaluate(state_of(*bills(0, 1)), card(rules=(harsh,)), JAN, None)
        assert evaluation.score == 350
        assert evaluation.items == (
            Item("base", 350, 350, {}),
            Item("kept-on-time", -300, 210, {"obligations": 1, "late": 1, "days_late_max": 5}),
            Item("floor", 300, 0, {}),
        )
        assert evaluation.key_factors == ("kept-on-time",)

    def test_key_factors_are_the_costliest_four(self) -> None:
        """(rules S16)"""
        assert evaluate(State(), CARD, JAN, None).key_factors == (
            "kept-on-time",  # 100 lost
            "active-months",  # 90
            "steady-income",  # 80
            "verified-identity",  # 65; contacts lose 20
        )

    def test_among_equal_losses_the_policys_order_decides(self) -> None:
        """(rules S16)"""
        twins = tuple(rule("verified-identity", code=code) for code in ("b", "a"))
        assert evaluate(State(), card(rules=twins), JAN, None).key_factors == ("b", "a")


OPEN: dict[str, Any] = {}
SETTLED: dict[str, Any] = {"status": "settled", "ended_on": date(2026, 1, 20)}
DISPUTED: dict[str, Any] = {"status": "disputed", "counts": False}
CONFIRMED: dict[str, Any] = {"status": "confirmed"}
EXPIRED: dict[str, Any] = {"status": "expired", "counts": False}
PAYS = [event(BILL, day(JAN - back)) for back in range(24)]
CLOSED = ("credit", "financing", "luxury-purchases")


class TestRecords:
    @pytest.mark.parametrize(
        ("records", "score", "restrictions"),
        [
            ([], 795, ()),
            ([("court.listing", OPEN)], 580, CLOSED),
            ([("court.listing", CONFIRMED)], 580, CLOSED),
            ([("court.listing", SETTLED)], 695, ()),
            ([("court.listing", DISPUTED)], 795, ()),
            ([("court.listing", EXPIRED)], 795, ()),
            ([("card.overdue", OPEN)], 640, ()),
            ([("card.overdue", SETTLED)], 735, ()),
            ([("ride.unpaid", OPEN)], 735, ()),
            ([("ride.unpaid", SETTLED)], 765, ()),
            ([("card.overdue", OPEN), ("court.listing", OPEN)], 580, CLOSED),
            ([("court.listing", SETTLED), ("court.listing", OPEN)], 580, CLOSED),
            # Together they cost no more than 210.
            ([("court.listing", SETTLED), ("court.listing", SETTLED), ("ride.unpaid", SETTLED)], 585, ()),
        ],
    )
    def test_points_ceiling_and_restrictions_by_class(
        self, records: list[tuple[str, dict[str, Any]]], score: int, restrictions: tuple[str, ...]
    ) -> None:
        """(rules S13, S14 and S15)"""
        changes = [news(record(kind, id=str(n), **fields)) for n, (kind, fields) in enumerate(records)]
        evaluation = evaluate(state_of(*PAYS, *changes), CARD, JAN, 650)
        assert [i.best for i in evaluation.items if i.code == "negative-records"] == [0]
        assert (evaluation.score, evaluation.restrictions) == (score, restrictions)
        assert sum(i.points for i in evaluation.items) == score

    def test_a_ceiling_is_an_item_that_says_why(self) -> None:
        for kind, ceiling, record_class in (("court.listing", 580, "legal"), ("card.overdue", 640, "financial")):
            evaluation = evaluate(state_of(*PAYS, news(record(kind))), capping(), JAN, None)
            assert evaluation.score == ceiling
            assert evaluation.items[-1] == Item(
                "ceiling", ceiling - 785, 0, {"ceiling": ceiling, "record_class": record_class}
            )
            assert evaluation.key_factors[0] == "ceiling"

    def test_a_score_at_the_ceiling_has_no_such_item(self) -> None:
        policy = capping(ceilings={"legal": 595})
        evaluation = evaluate(state_of(news(record())), policy, JAN, None)
        assert (evaluation.score, evaluation.items[-1].code) == (595, "contacts-standing")

    def test_a_change_of_records_moves_nothing_else(self) -> None:
        last = evaluate(state_of(*PAYS, event("identity.verified", day(JAN), value="verified")), CARD, JAN, 750)
        months_later = state_of(*bills(0, 12, JAN + 1), news(record()))
        capped = with_records_changed(last, months_later, CARD)
        assert capped.items[:-2] == last.items[:-1]
        assert capped.items[-2] == Item("negative-records", -200, 0, {"legal_unsettled": 1})
        assert (capped.score, capped.thin, capped.restrictions) == (580, last.thin, CLOSED)
        assert capped.items[-1].code == "ceiling"
        assert with_records_changed(capped, state_of(), CARD) == last

    def test_what_the_last_policy_did_not_have_waits_for_the_next_publication(self) -> None:
        last = evaluate(state_of(*PAYS), capping(), JAN, None)
        changed = with_records_changed(last, state_of(news(record("ride.unpaid"))), CARD)
        assert changed.items == last.items

    def test_the_item_rests_on_how_many_there_are_of_each_sort(self) -> None:
        kinds = [("ride.unpaid", OPEN), ("card.overdue", SETTLED), ("ride.unpaid", OPEN), ("ride.unpaid", EXPIRED)]
        state = state_of(*(news(record(kind, id=str(n), **fields)) for n, (kind, fields) in enumerate(kinds)))
        assert item("negative-records", state) == Item(
            "negative-records", -180, 0, {"financial_settled": 1, "life_unsettled": 2}
        )
        assert item("negative-records", State()) == Item("negative-records", 0, 0, {})


def test_an_evaluation_survives_its_column() -> None:
    evaluation: Evaluation = evaluate(state_of(*bills(9, 1), news(record())), CARD, JAN, 650)
    assert decode(encode(evaluation)) == evaluation


def test_no_floating_point_number_decides_a_point() -> None:
    """(rules S3) There is none in the core: no literal, no division that makes one, and no type."""
    found = [
        f"{path.name}:{node.lineno}"
        for path in (ROOT / "services/scorer/core").glob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]
    assert found == []
