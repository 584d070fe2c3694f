"""How items, caps, segments, limits, floor, ceiling and restrictions make a score; what records cost."""

from __future__ import annotations

import ast
from datetime import date
from typing import Any, cast

import msgspec
import pytest

from services.scorer.core.features.months import Circle
from services.scorer.core.features.stated import band_of, circle_of
from services.scorer.core.messages import Event
from services.scorer.core.score import Evaluation, Item, decode, encode, evaluate, with_records_changed
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import Bin, Cap, Condition, Cost, Evidence, Limit, Records, Segment, Small
from services.scorer.core.state import State
from shared.contracts.months import day_of_month
from shared.settings import ROOT
from tests.support.people import BILL, CARD, INCOME, JAN, capping, card, day, event, news, record, rule, state_of


def item(code: str, state: State, *, scorecard: Scorecard = CARD, circle: Circle | None = None) -> Item:
    """The item of a rule at the end of January 2026."""
    return next(i for i in evaluate(state, scorecard, JAN, circle).items if i.code == code)


def bills(on_time: int, late: int, month: int = JAN, days_late: int = 5) -> list[Event]:
    return [
        event(BILL, day(month), id=f"{month}/{n}", days_late=days_late if n < late else 0)
        for n in range(on_time + late)
    ]


def active(*months: int, kind: str = BILL) -> State:
    return state_of(*(event(kind, day(month), id=str(month)) for month in months))


@pytest.mark.parametrize(
    ("standings", "steady", "circle"),
    [
        ([], 0, None),
        ([900] * 4, 4, None),
        ([350] * 5, 0, Circle(350, 5, 0)),
        ([449] * 5, 1, Circle(350, 5, 0)),
        ([450] * 5, 2, Circle(450, 5, 250)),
        ([649, 650, 650, 650, 650], 3, Circle(550, 5, 500)),
        ([650] * 14, 14, Circle(650, 5, 1000)),
        ([350, 950, 650, 650, 650], 4, Circle(650, 5, 750)),
        ([749] * 4 + [950], 5, Circle(650, 5, 1000)),
        ([950] * 15, 3, Circle(950, 15, 0)),
        ([950] * 50, 13, Circle(950, 50, 250)),
    ],
)
def test_contacts_are_seen_from_five_on_and_coarsely(standings: list[int], steady: int, circle: Circle | None) -> None:
    """(rules S12) Each standing is brought to its band first: 649 and 650 differ as 550 and 650 do, 650 and 749 not."""
    assert circle_of(len(standings), sum(map(band_of, standings)), steady) == circle


class TestPoints:
    """Bins (rules S8), and how much evidence it takes (rules S9)."""

    @pytest.mark.parametrize(
        ("amount", "points"), [(0, 40), (299_999, 40), (300_000, 55), (599_999, 55), (10**15, 120)]
    )
    def test_a_bin_holds_from_its_value_on(self, amount: int, points: int) -> None:
        state = state_of(*(event(INCOME, day(JAN - back), amount=amount) for back in range(3)))
        assert item("steady-income", state).points == points

    @pytest.mark.parametrize(
        ("on_time", "late", "points"),
        [
            # Of 110 unknown and 210 at best: 100 more, a twelfth for each of twelve months; rounded towards unknown.
            (0, 0, 110),
            (1, 0, 118),
            (5, 0, 151),
            (11, 0, 201),
            (12, 0, 210),
            (13, 0, 210),
            # Of 110 unknown and 0 at worst: a half for each of two.
            (0, 1, 55),
            (0, 2, 0),
            (0, 3, 0),
        ],
    )
    def test_evidence_decides_how_far_points_go(self, on_time: int, late: int, points: int) -> None:
        weighed = rule("kept-on-time", evidence=Evidence(full=12, below=2))
        events = [
            *(event(BILL, day(JAN - n), id=str(n)) for n in range(on_time)),
            *(event(BILL, day(JAN - n), id=str(n), days_late=9) for n in range(late)),
        ]
        assert item("kept-on-time", state_of(*events), scorecard=card(rules=(weighed,))).points == points

    @pytest.mark.parametrize(("value", "points"), [(None, 25), ("verified", 90), ("withdrawn", 0)])
    def test_a_fact_has_points_by_its_word(self, value: str | None, points: int) -> None:
        state = state_of(*([event("identity.verified", day(JAN - 40), value=value)] if value else []))
        found = item("verified-identity", state)
        rests_on = {"value": value, "observations": 1} if value else {}
        assert (found.points, found.best, found.rests_on) == (points, 90, rests_on)

    def test_a_word_without_points_is_unknown(self) -> None:
        state = state_of(event("identity.verified", day(JAN), value="withdrawn"))
        some = card(rules=(rule("verified-identity", bins=(Bin(word="verified", points=90),)),))
        assert item("verified-identity", state, scorecard=some).points == 25

    @pytest.mark.parametrize(("standing", "points"), [(350, 0), (450, 0), (550, 10), (650, 20), (750, 30), (950, 30)])
    def test_of_contacts_it_is_not_told_on_what_it_rests(self, standing: int, points: int) -> None:
        found = item("contacts-standing", State(), circle=Circle(standing, 5, 0))
        assert (found.points, found.rests_on) == (points, {"contacts_at_least": 5})
        assert item("contacts-standing", State()).points == 10


RECORDS = cast(Records, CARD.records)
LATE_NOW = Condition(feature="kept", below=1000)


class TestSegments:
    """(rules S10)"""

    CARD = card(
        segments=(
            Segment(code="late", when=(LATE_NOW,), en="Late.", zh="x"),
            Segment(code="unseen", when=(Condition(feature="kept", unknown=True),), en="Unseen.", zh="x"),
            Segment(code="others", en="Others.", zh="x"),
        ),
        rules=(
            rule("kept-on-time", segments=("unseen", "others")),
            rule("kept-on-time", segments=("late",), bins=(Bin(at_least=0, points=-90), Bin(at_least=900, points=10))),
            *CARD.rules[1:],
        ),
    )

    @pytest.mark.parametrize(
        ("state", "points", "missing"),
        [(state_of(*bills(1, 0)), 210, None), (state_of(*bills(1, 1)), -90, 200), (State(), 110, None)],
        ids=["others", "late", "unseen"],
    )
    def test_the_first_that_holds_decides_which_rules_count(
        self, state: State, points: int, missing: int | None
    ) -> None:
        evaluation = evaluate(state, self.CARD, JAN)
        found = {item.code: item for item in evaluation.items}
        assert found["kept-on-time"].points == points
        assert (found["late"].best if "late" in found else None) == missing
        assert sum(item.points for item in evaluation.items) == evaluation.score

    def test_what_no_rule_of_a_segment_gives_is_told(self) -> None:
        evaluation = evaluate(state_of(*bills(1, 1)), self.CARD, JAN)
        assert evaluation.key_factors[0] == "late"


class TestCaps:
    """(rules S11)"""

    CAP = Cap(code="both", rules=("active-months", "in-a-row"), points=20, en="x", zh="x")

    @pytest.mark.parametrize(("months", "taken"), [(0, None), (11, None), (12, 70)])
    def test_what_is_above_is_taken_back(self, months: int, taken: int | None) -> None:
        state = active(*range(JAN - months + 1, JAN + 1))
        items = {item.code: item for item in evaluate(state, card(caps=(self.CAP,)), JAN).items}
        assert (-items["both"].points if "both" in items else None) == taken
        if taken:
            assert items["both"].best == -70
            assert items["both"].rests_on == {"cap": 20}


class TestLimits:
    """(rules S19)"""

    LIMIT = Limit(code="few", when=(Condition(feature="kept", unknown=True, below=500),), ceiling=500, en="x", zh="x")

    @pytest.mark.parametrize(
        ("state", "score"), [(State(), 500), (state_of(*bills(0, 3)), 485), (state_of(*bills(3, 0)), 695)]
    )
    def test_it_holds_as_long_as_its_conditions_do(self, state: State, score: int) -> None:
        evaluation = evaluate(state, card(limits=(self.LIMIT,)), JAN)
        assert evaluation.score == score == sum(item.points for item in evaluation.items)
        assert [item.rests_on for item in evaluation.items if item.code == "few"] == (
            [] if score == 695 else [{"limit": 500}]
        )

    def test_it_stays_through_a_record_and_its_end(self) -> None:
        limited = card(limits=(self.LIMIT,), records=msgspec.structs.replace(RECORDS, life=Cost(open=-150, settled=-9)))
        last = evaluate(State(), limited, JAN)
        held = with_records_changed(last, state_of(news(record("ride.unpaid"))), limited, JAN)
        assert (last.score, held.score) == (500, 445)
        assert with_records_changed(held, State(), limited, JAN) == last


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
        best = evaluate(good, CARD, JAN, Circle(750, 5, 0))
        assert (best.score, best.thin, best.key_factors) == (950, False, ())
        bad = state_of(
            *(event(BILL, day(JAN - back), days_late=9) for back in (20, 15)),
            *(event(INCOME, day(JAN - back), amount=0) for back in range(3)),
            event("identity.verified", day(JAN), value="withdrawn"),
        )
        assert evaluate(bad, CARD, JAN, Circle(350, 5, 0)).score == 350 + 40

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
        harsh = rule("kept-on-time", bins=(Bin(at_least=0, points=-300), Bin(at_least=1000, points=210)), unknown=0)
        evaluation = evaluate(state_of(*bills(0, 1)), capping(rules=(harsh,)), JAN, None)
        assert evaluation.score == 350
        assert evaluation.items == (
            Item("base", 350, 350, {}),
            Item("kept-on-time", -300, 210, (0, 1)),
            Item("floor", 300, 0, {}),
        )
        assert evaluation.key_factors == ("kept-on-time",)

    def test_key_factors_are_the_costliest_four(self) -> None:
        """(rules S16)"""
        assert evaluate(State(), CARD, JAN, None).key_factors == (
            "kept-on-time",  # 100 lost
            "in-a-row",  # 90
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
        evaluation = evaluate(state_of(*PAYS, *changes), CARD, JAN, Circle(650, 5, 0))
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
        last = evaluate(
            state_of(*PAYS, event("identity.verified", day(JAN), value="verified")), CARD, JAN, Circle(750, 5, 0)
        )
        months_later = state_of(*bills(0, 12, JAN + 1), news(record()))
        capped = with_records_changed(last, months_later, CARD, JAN)
        assert capped.items[:-2] == last.items[:-1]
        assert capped.items[-2] == Item("negative-records", -200, 0, {"legal_unsettled": 1})
        assert (capped.score, capped.thin, capped.restrictions) == (580, last.thin, CLOSED)
        assert capped.items[-1].code == "ceiling"
        assert with_records_changed(capped, state_of(), CARD, JAN) == last

    def test_what_the_last_policy_did_not_have_waits_for_the_next_publication(self) -> None:
        last = evaluate(state_of(*PAYS), capping(), JAN, None)
        changed = with_records_changed(last, state_of(news(record("ride.unpaid"))), CARD, JAN)
        assert changed.items == last.items

    def test_the_item_rests_on_how_many_there_are_of_each_sort(self) -> None:
        kinds = [("ride.unpaid", OPEN), ("card.overdue", SETTLED), ("ride.unpaid", OPEN), ("ride.unpaid", EXPIRED)]
        state = state_of(*(news(record(kind, id=str(n), **fields)) for n, (kind, fields) in enumerate(kinds)))
        assert item("negative-records", state) == Item(
            "negative-records", -180, 0, {"financial_settled": 1, "life_unsettled": 2}
        )
        assert item("negative-records", State()) == Item("negative-records", 0, 0, {})


def test_an_evaluation_survives_its_column() -> None:
    evaluation: Evaluation = evaluate(state_of(*bills(9, 1), news(record())), CARD, JAN, Circle(650, 5, 0))
    assert decode(encode(evaluation)) == evaluation


SMALL = msgspec.structs.replace(RECORDS, small=Small(below=50_000, percent=50), halves=12)


@pytest.mark.parametrize(
    ("kind", "fields", "points"),
    [
        ("ride.unpaid", {"amount": 49_999}, -30),
        ("ride.unpaid", {"amount": 50_000}, -60),
        ("ride.unpaid", {}, -60),
        # Halved for every twelve complete months since it ended; while it is open it does not age.
        ("card.overdue", {"began_on": day_of_month(JAN - 40)}, -120),
        ("card.overdue", {"status": "settled", "ended_on": day_of_month(JAN - 11)}, -60),
        ("card.overdue", {"status": "settled", "ended_on": day_of_month(JAN - 12)}, -30),
        ("card.overdue", {"status": "settled", "ended_on": day_of_month(JAN - 24)}, -15),
        ("card.overdue", {"status": "settled", "ended_on": day_of_month(JAN + 3)}, -60),
        ("card.overdue", {"status": "settled", "ended_on": day_of_month(JAN - 24), "amount": 1}, -7),
    ],
)
def test_amount_and_age_of_a_record_count(kind: str, fields: dict[str, Any], points: int) -> None:
    assert (
        item("negative-records", state_of(news(record(kind, **fields))), scorecard=card(records=SMALL)).points == points
    )


@pytest.mark.parametrize(("settled", "score"), [(False, 580), (True, 600)])
def test_a_settled_record_may_have_a_ceiling_of_its_own(settled: bool, score: int) -> None:
    limited = capping(settled_ceilings={"legal": 600})
    evaluation = evaluate(state_of(*PAYS, news(record(**(SETTLED if settled else OPEN)))), limited, JAN, None)
    assert (evaluation.score, bool(evaluation.restrictions)) == (score, not settled)


def test_no_floating_point_number_decides_a_point() -> None:
    """(rules S3) There is none in the core: no literal, no division that makes one, and no type."""
    found = [
        f"{path.name}:{node.lineno}"
        for path in (ROOT / "services/scorer/core").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]
    assert found == []
