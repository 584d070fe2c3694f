"""What the state keeps of each kind of event, and what it refuses."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from bench.scorer_core import grown
from services.scorer.core import ids
from services.scorer.core.folding import Accepted, Window, fold, fold_record
from services.scorer.core.forgetting import prune, withdraw_consent
from services.scorer.core.ids import HASH
from services.scorer.core.messages import Event, event_of
from services.scorer.core.records import NegativeRecord
from services.scorer.core.score import decode as decode_evaluation
from services.scorer.core.score import evaluate
from services.scorer.core.state import (
    FORMAT,
    State,
    StatedFact,
    UnknownFormatError,
    amounts,
    decode,
    encode,
    is_of_later_release,
    short_hash,
    vectors,
)
from services.scorer.core.vectors import Vectors, limit_of, pack
from shared.contracts.kinds import KIND_OF, KINDS, Shape
from shared.contracts.messages import BehaviorEvent
from shared.contracts.messages import encode as encode_body
from shared.settings import ROOT
from tests.support.old_states import EVALUATION_OF_FORMAT_3, FORMAT_1, FORMAT_2, FORMAT_3, format_1, format_3
from tests.support.people import (
    BILL,
    CARD,
    FARE,
    FRIEND,
    INCOME,
    JAN,
    PURCHASE,
    ZONE,
    consent,
    day,
    event,
    news,
    outcomes,
    record,
    state_of,
)

EVERYTHING = (JAN - 100, JAN + 100)
STATEMENT = "credit_card.statement"


def packed(kind: str, vector: list[int]) -> dict[int, bytes]:
    """What a state keeps of a kind that has one vector."""
    of_kind = Vectors()
    of_kind.add(JAN, *vector)
    return {KIND_OF[kind].code: pack(of_kind)}


def vector(state: State, kind: str, month: int = JAN) -> list[int]:
    return dict(vectors(state, *EVERYTHING)).get(month, {}).get(KIND_OF[kind].code, [])


def incomes(state: State) -> dict[int, int]:
    return amounts(state, frozenset({KIND_OF[INCOME].code}), *EVERYTHING)


def statement(of_month: int, **fields: Any) -> Event:
    return event(STATEMENT, day(JAN, of_month), **fields)


def reversal(**fields: Any) -> Event:
    return event(PURCHASE, day(JAN, 2), reverses=True, **fields)


@pytest.mark.parametrize(
    ("events", "kind", "expected"),
    [
        ([event(BILL, day(JAN))], BILL, [1]),
        ([event(BILL, day(JAN), amount=500)], BILL, [1, 500]),
        ([event(BILL, day(JAN), days_late=3)], BILL, [1, 0, 1, 3]),
        ([event(BILL, day(JAN, d), days_late=n) for d, n in ((1, 0), (2, 9), (3, 4))], BILL, [3, 0, 2, 9]),
        ([event(PURCHASE, day(JAN), count=4, amount=700)], PURCHASE, [4, 700]),
        (
            [event(PURCHASE, day(JAN, 1), amount=9), event(PURCHASE, day(JAN, 2), amount=4, reverses=True)],
            PURCHASE,
            [0, 5],
        ),
        ([event(PURCHASE, day(JAN, 1)), reversal()], PURCHASE, []),
        ([reversal(count=2)], PURCHASE, [-2]),
        ([event(FARE, day(JAN, 1)), event(BILL, day(JAN, 1))], FARE, [1]),
        ([event(STATEMENT, day(JAN), amount=300)], STATEMENT, [1, 300]),
        ([event(STATEMENT, day(JAN), amount=300, limit=900)], STATEMENT, [1, 300, 0, 0, 900, 1]),
        ([event(STATEMENT, day(JAN), limit=0)], STATEMENT, [1, 0, 0, 0, 0, 1]),
    ],
)
def test_vectors_by_kind_and_month(events: list[Event], kind: str, expected: list[int]) -> None:
    assert vector(state_of(*events), kind) == expected


class TestLimits:
    """(rules E19) What a month's statements could be charged to together, known when each of them says so."""

    CASES = (
        ("no statement names one", [statement(1)], None),
        ("one statement", [statement(1, limit=900)], 900),
        ("a limit of 0 is one", [statement(1, limit=0)], 0),
        ("two cards", [statement(1, limit=900), statement(2, limit=100)], 1_000),
        ("two cards of two partners", [statement(1, limit=900), statement(1, partner="shop", limit=100)], 1_000),
        ("one of two cards names none", [statement(1, limit=900), statement(2)], None),
        ("one event for two statements", [statement(1, count=2, limit=1_800)], 1_800),
        (
            "taken back as it was said",
            [statement(1, limit=900), statement(2, limit=100), statement(3, limit=100, reverses=True)],
            900,
        ),
        (
            "taken back without its limit",
            [statement(1, limit=900), statement(2, limit=100), statement(3, reverses=True)],
            None,
        ),
        (
            "the one without a limit is taken back",
            [statement(1, limit=900), statement(2), statement(3, reverses=True)],
            900,
        ),
        ("taken back in a later month than it was said", [statement(1, limit=900, reverses=True)], -900),
    )

    @pytest.mark.parametrize(("events", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
    def test_of_a_month(self, events: list[Event], expected: int | None) -> None:
        states = [state_of(*order) for order in (events, events[::-1])]
        assert [limit_of(vector(state, STATEMENT)) for state in states] == [expected] * 2
        assert len({encode(state) for state in states}) == 1

    def test_a_statement_and_its_reversal_leave_nothing(self) -> None:
        state = state_of(statement(1, amount=5, limit=900), statement(2, amount=5, limit=900, reverses=True))
        assert not state.kinds

    def test_limits_wrap_like_sums(self) -> None:
        state = State()
        state.kinds = packed(STATEMENT, [1, 0, 0, 0, 2**63 - 1, 1])
        fold(state, statement(1, limit=10**15), 0)
        assert vector(state, STATEMENT) == [2, 0, 0, 0, 10**15 - 1 - 2**63, 2]
        assert decode(encode(state)) == state


def test_sums_wrap_instead_of_making_a_state_that_cannot_be_written() -> None:
    state = State()
    for n in range(10):
        state.kinds = packed(PURCHASE, [1, 2**63 - 1])
        fold(state, event(PURCHASE, day(JAN), id=str(n), amount=10**15), 0)
        assert decode(encode(state)) == state
    assert vector(state, PURCHASE) == [2, 10**15 - 1 - 2**63]


def test_every_kind_of_behavior_is_taken() -> None:
    fields: dict[Shape, dict[str, Any]] = {
        Shape.OBLIGATION: {"days_late": 0},
        Shape.ACTIVITY: {},
        Shape.FIGURE: {"amount": 1, "consent": consent("c")},
        Shape.CONTACT: {"contact": FRIEND, "value": "present"},
    }
    for kind in KINDS:
        if kind.shape is not Shape.RECORD:
            extra = fields.get(kind.shape) or ({"value": kind.values[0]} if kind.values else {})
            assert outcomes(State(), event(kind.name, day(JAN), **extra)) == ["Accepted"]


def test_a_kinds_code_fits_into_one_byte_of_the_key_of_figures() -> None:
    assert max(kind.code for kind in KINDS) < 256


HIGH_BITS = timedelta(microseconds=2**32)
"""Two times so far apart are equal in their lower four bytes."""


class TestIdentity:
    """(rules E3) Two deliveries of one event count once; two bodies under one id do not both count."""

    CASES = (
        ("the very event again", event(BILL, day(JAN), id="a"), "Duplicate"),
        ("another body", event(BILL, day(JAN), id="a", amount=1), "Conflict"),
        ("another time in the month", event(BILL, day(JAN, 16), id="a"), "Conflict"),
        (
            "another time, 2**32 microseconds on",
            event(BILL, day(JAN) + HIGH_BITS, id="a"),
            "Conflict",
        ),
        ("another open month", event(BILL, day(JAN - 2), id="a"), "Conflict"),
        ("another id", event(BILL, day(JAN), id="b"), "Accepted"),
        ("another partner", event(BILL, day(JAN), id="a", partner="water"), "Accepted"),
    )

    @pytest.mark.parametrize(("second", "outcome"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
    def test_second_event(self, second: Event, outcome: str) -> None:
        state = state_of(event(BILL, day(JAN), id="a"), *(event(BILL, day(JAN), id=str(n)) for n in range(50)))
        before = encode(state)
        assert outcomes(state, second) == [outcome]
        assert (encode(state) != before) == (outcome == "Accepted")

    def test_a_partner_cannot_write_into_another_ones_ids(self) -> None:
        one = event(BILL, day(JAN), id="b\x01c", partner="a")
        other = event(BILL, day(JAN), id="c", partner="a\x00b")
        assert one.identity[HASH] != other.identity[HASH]

    def test_a_match_across_two_entries_is_none(self) -> None:
        state = state_of(event(BILL, day(JAN), id="a"), event(BILL, day(JAN), id="b"))
        crossing = state.ids[JAN][6:14]
        stranger = msgspec.structs.replace(event(BILL, day(JAN)), identity=crossing + b"\0\0\0\0")
        assert outcomes(state, stranger) == ["Accepted"]


@pytest.mark.parametrize(
    ("month", "outcome"),
    [(JAN + 1, "Accepted"), (JAN, "Accepted"), (JAN - 3, "Accepted"), (JAN - 4, "TooLate"), (JAN - 50, "TooLate")],
)
def test_months_that_accept_events(month: int, outcome: str) -> None:
    state = State()
    assert outcomes(state, event(BILL, day(month)), open_from=JAN - 3) == [outcome]
    assert (state == State()) == (outcome == "TooLate")


class TestWindow:
    """A new partner is backfilled for closed months (rules E24)."""

    WINDOW = Window("bank", JAN - 20, JAN - 6)

    def take(self, state: State, event: Event, window: Window | None = WINDOW) -> str:
        return type(fold(state, event, event.arrival_month - (JAN - 3), window=window)).__name__

    @pytest.mark.parametrize(
        ("month", "partner", "outcome"),
        [
            (JAN - 20, "bank", "Accepted"),
            (JAN - 6, "bank", "Accepted"),
            (JAN - 21, "bank", "TooLate"),
            (JAN - 5, "bank", "TooLate"),
            (JAN - 3, "bank", "Accepted"),
            (JAN - 10, "water", "TooLate"),
        ],
    )
    def test_it_takes_the_events_of_its_partner_and_months(self, month: int, partner: str, outcome: str) -> None:
        state = State(month=JAN, open_from=JAN - 3)
        assert self.take(state, event(BILL, day(month), partner=partner)) == outcome

    def test_while_it_is_open_its_ids_are_known_also_over_the_turn_of_a_month(self) -> None:
        state, one = State(month=JAN, open_from=JAN - 3), event(BILL, day(JAN - 9), id="a", partner="bank")
        assert self.take(state, one) == "Accepted"
        prune(state, JAN + 1, JAN - 2, self.WINDOW)
        before = encode(state)
        assert self.take(state, one) == "Duplicate"
        assert self.take(state, event(BILL, day(JAN - 8), id="a", partner="bank")) == "Conflict"
        assert encode(state) == before

    def test_when_it_is_closed_its_months_are_closed_like_all_others(self) -> None:
        state, one = State(month=JAN, open_from=JAN - 3), event(BILL, day(JAN - 9), id="a", partner="bank")
        assert self.take(state, one) == "Accepted"
        assert self.take(state, one, window=None) == "TooLate"
        prune(state, JAN + 1, JAN - 2)
        assert state.ids == {}
        assert [month for month, _ in vectors(state, *EVERYTHING)] == [JAN - 9]
        assert self.take(state, one, window=None) == "TooLate"

    def test_words_about_contacts_are_not_taken_for_closed_months(self) -> None:
        state = State(month=JAN, open_from=JAN - 3)
        word = event("contact.standing", day(JAN - 9), partner="bank", contact=FRIEND, value="present")
        assert self.take(state, word) == "TooLate"


def test_facts_are_the_latest_by_time_and_then_by_id() -> None:
    kind, code = "identity.verified", KIND_OF["identity.verified"].code
    early, late = event(kind, day(JAN, 1), value="withdrawn"), event(kind, day(JAN, 2), value="verified")
    for order in ((early, late), (late, early)):
        assert state_of(*order).facts[code][2] == "verified"
    same_time = [event(kind, day(JAN), id=i, value=v) for i, v in (("x", "verified"), ("y", "withdrawn"))]
    latest: StatedFact = max((one.time_us, one.identity[HASH], str(one.body.value)) for one in same_time)
    assert state_of(*same_time).facts[code] == state_of(*reversed(same_time)).facts[code] == latest


class TestFigures:
    def test_the_latest_of_a_month_counts_and_none_is_summed(self) -> None:
        """(rules I6)"""
        events = [event(INCOME, day(JAN, d), amount=a) for d, a in ((9, 900), (20, 700), (3, 5000))]
        assert incomes(state_of(*events)) == {JAN: 700}
        assert state_of(*events).figures == state_of(*reversed(events)).figures

    def test_of_several_consents_the_highest_of_a_month_is_read(self) -> None:
        events = [
            event(INCOME, day(JAN), id=c, amount=a, consent=consent(c))
            for c, a in (("c1", 100), ("c2", 300), ("c3", 200))
        ]
        assert incomes(state_of(*events)) == {JAN: 300}

    def test_withdrawing_a_consent_drops_its_figures_and_no_others(self) -> None:
        """(rules I7)"""
        events = [event(INCOME, day(JAN), id=c, amount=1, consent=consent(c)) for c in ("c1", "c2")]
        state = state_of(*events, event(BILL, day(JAN)))
        withdraw_consent(state, "bank", "c1")
        assert [key[:8] for key in state.figures] == [short_hash("bank\0c2")]
        assert vector(state, BILL) == [1]

    def test_order_of_figure_and_withdrawal_does_not_show(self) -> None:
        """(rules I7)"""
        figure = event(INCOME, day(JAN), amount=1)
        before, after = State(), State()
        assert outcomes(before, figure) == ["Accepted"]
        withdraw_consent(before, "bank", "c1")
        withdraw_consent(after, "bank", "c1")
        assert outcomes(after, figure) == ["Blocked"]
        assert outcomes(after, figure) == ["Duplicate"]
        assert encode(before) == encode(after)
        withdraw_consent(after, "bank", "c1")
        assert encode(before) == encode(after)


class TestRecords:
    def test_the_highest_version_stays(self) -> None:
        state = State()
        assert fold_record(state, record(version=2, counts=False, status="disputed"), JAN)
        assert not fold_record(state, record(version=1), JAN)
        assert not fold_record(state, record(version=2), JAN)
        assert [r.counts for r in state.records.values()] == [False]

    @pytest.mark.parametrize("status", ["expired", "deleted"])
    def test_of_one_that_is_gone_nothing_is_left_but_that_it_cannot_come_back(self, status: str) -> None:
        state = state_of(news(record(version=1, amount=123_456)))
        assert fold_record(state, record(version=2, status=status, counts=False, amount=123_456), JAN)
        assert not fold_record(state, record(version=1), JAN)
        (left,) = state.records.values()
        assert left.gone
        assert left == NegativeRecord(version=2, month=JAN)

    def test_settled_is_who_has_an_end(self) -> None:
        state = state_of(news(record(status="settled", ended_on=date(2026, 1, 20))))
        assert [r.settled for r in state.records.values()] == [True]


class TestPruning:
    def test_26_months_stay(self) -> None:
        """The running one, 24 complete ones, and the one whose leaving the next publication tells of (rules S21)."""
        state = state_of(*(event(BILL, day(JAN - back)) for back in (0, 25, 26)))
        prune(state, JAN, JAN - 3)
        assert [month for month, _ in vectors(state, *EVERYTHING)] == [JAN - 25, JAN]
        assert state.first == JAN - 26

    def test_ids_of_closed_months_go(self) -> None:
        state = state_of(*(event(BILL, day(JAN - back)) for back in (0, 3, 4)))
        prune(state, JAN, JAN - 3)
        assert list(state.ids) == [JAN - 3, JAN]

    def test_figures_of_closed_months_keep_the_amount_alone(self) -> None:
        state = state_of(*(event(INCOME, day(JAN - back), amount=1000 + back) for back in (0, 4, 25, 26)))
        size = len(encode(state))
        prune(state, JAN, JAN - 3)
        assert incomes(state) == {JAN: 1000, JAN - 4: 1004, JAN - 25: 1025}
        assert len(encode(state)) < size - 3 * 30

    def test_a_figure_that_left_leaves_no_trace(self) -> None:
        state = state_of(event(INCOME, day(JAN - 26), amount=1))
        prune(state, JAN, JAN - 3)
        assert encode(state) == encode(State(month=JAN, open_from=JAN - 3))

    def test_records_stay_as_long_as_retention_says_and_their_traces_until_none_can_come_again(self) -> None:
        gone: dict[str, Any] = {"status": "expired", "counts": False}
        state = state_of(
            news(record(id="open"), JAN - 60),
            news(record(id="gone", **gone), JAN - 1),
            news(record(id="long gone", **gone), JAN - 2),
        )
        prune(state, JAN, JAN - 3)
        assert set(state.records) == {short_hash("open"), short_hash("gone")}

    def test_a_closed_month_is_never_opened_again(self) -> None:
        """(rules E5) A deployment that accepts later events from now on has lost the ids of what it closed."""
        state = state_of(event(BILL, day(JAN - 3), id="a"), event(BILL, day(JAN - 4), id="b"))
        prune(state, JAN, JAN - 3)
        prune(state, JAN, JAN - 6)
        assert state.open_from == JAN - 3
        again = [event(BILL, day(JAN - back), id=id, arrival_month=JAN) for back, id in ((3, "a"), (4, "b"), (5, "c"))]
        assert [type(fold(state, one, 6)).__name__ for one in again] == ["Duplicate", "TooLate", "TooLate"]
        assert vector(state, BILL, JAN - 4) == [1]


class TestEncoding:
    def test_round_trip(self) -> None:
        state = grown()
        withdraw_consent(state, "bank", "other")
        fold_record(state, record(), JAN)
        assert decode(encode(state)) == state

    def test_the_first_byte_is_the_format(self) -> None:
        assert encode(State())[0] == FORMAT == 4

    @pytest.mark.parametrize("byte", [0, 5, 255])
    def test_an_unknown_format_is_an_error_with_a_name(self, byte: int) -> None:
        with pytest.raises(UnknownFormatError, match=f"format {byte} is unknown"):
            decode(bytes((byte,)) + encode(State())[1:])

    def test_a_later_release_is_told_from_what_is_no_state(self) -> None:
        """A rollback waits for the later release, and sets nobody's events aside."""
        assert [is_of_later_release(bytes((byte,)) + b"more") for byte in (0, 1, FORMAT, FORMAT + 1, 255)] == [
            *(False, False, False),
            *(True, True),
        ]
        assert not is_of_later_release(b"")

    def test_flat_after_two_years(self) -> None:
        """3 kB at the end of a month with 30 events of eight kinds, half of it the open months' ids."""
        sizes = []
        state = grown()
        month = state.month
        sizes.append(len(encode(state)))
        for later in range(month + 1, month + 13):
            prune(state, later, later - 3)
            for kind in (BILL, FARE, PURCHASE, INCOME):
                fold(state, event(kind, day(later), amount=1), later - 3)
            sizes.append(len(encode(state)))
        assert max(sizes) <= 3_072
        assert sorted(sizes, reverse=True) == sizes


class TestFormat1:
    """A column as it lies in deployments: written by release 0.1, in January, with three late months."""

    EVENTS = (
        event(BILL, day(JAN - 20), id="0", days_late=1),
        event(BILL, day(JAN), id="1", amount=8_000, days_late=2),
        event(PURCHASE, day(JAN - 1), id="2", count=3),
        event(INCOME, day(JAN), id="3", amount=1_000_000),
        event(INCOME, day(JAN - 9), id="3b", amount=900_000),
        event("identity.verified", day(JAN), id="4", value="verified"),
    )
    RECORDS = (news(record(version=2)), news(record(id="gone", version=3, status="expired", counts=False)))

    def test_it_scores_as_the_same_person_would_today(self) -> None:
        today = state_of(*self.EVENTS, *self.RECORDS)
        prune(today, JAN, JAN - 3)
        old = decode(FORMAT_1)
        for through in range(JAN - 24, JAN + 24):
            assert evaluate(old, CARD, through, None) == evaluate(today, CARD, through, None)
        assert old.records == today.records

    def test_written_again_it_is_of_today_and_the_same(self) -> None:
        column = encode(decode(FORMAT_1))
        assert column[0] == FORMAT
        assert decode(column) == decode(FORMAT_1)

    def test_what_had_counted_does_not_count_again(self) -> None:
        state = decode(FORMAT_1)
        open_ones = [one for one in self.EVENTS if one.month >= JAN - 3]
        assert outcomes(state, *open_ones) == ["Duplicate"] * len(open_ones)
        assert outcomes(state, event(BILL, day(JAN), id="1", amount=9)) == ["Conflict"]
        assert outcomes(state, *(one for one in self.EVENTS if one.month < JAN - 3)) == ["TooLate"] * 2
        assert outcomes(state, event(BILL, day(JAN - 3), id="new")) == ["Accepted"]

    def test_and_its_ids_go_with_their_months(self) -> None:
        state = decode(FORMAT_1)
        prune(state, JAN + 3, JAN)
        assert list(state.old_ids) == [JAN]
        prune(state, JAN + 4, JAN + 1)
        assert not state.old_ids

    def test_a_figure_put_right_replaces_the_old_one_and_new_months_are_the_partners_own(self) -> None:
        state = decode(FORMAT_1)
        right = event(INCOME, day(JAN, 20), id="right", amount=700)
        following = event(INCOME, day(JAN + 1), id="next", amount=800)
        other = event(INCOME, day(JAN + 1), id="other", partner="fund", amount=3)
        for order in ([right, following, other], [other, following, right]):
            again = decode(encode(state))
            assert outcomes(again, *order) == ["Accepted"] * 3
            assert incomes(again) == {JAN - 9: 900_000, JAN: 700, JAN + 1: 800}

    def test_a_withdrawal_takes_the_old_figures_too(self) -> None:
        state = decode(FORMAT_1)
        withdraw_consent(state, "bank", "c1")
        assert incomes(state) == {}
        assert outcomes(state, event(INCOME, day(JAN), id="x", amount=1)) == ["Blocked"]

    def test_a_month_that_a_deployment_with_a_longer_setting_had_open_stays_open(self) -> None:
        state = decode(FORMAT_1)
        state.old_ids[JAN - 6] = state.old_ids[JAN]
        assert decode(format_1(state, state.old_ids)).open_from == JAN - 6

    def test_whoever_did_nothing_in_the_open_months_has_no_ids_and_is_upgraded_all_the_same(self) -> None:
        assert decode(format_1(decode(FORMAT_1), {})).open_from == JAN - 3


class TestFormat2:
    """A column as it lies in deployments, written by the release before limits, at commit dc3c775."""

    EVENTS = (
        event(BILL, day(JAN - 20), id="0", days_late=1),
        event(STATEMENT, day(JAN - 9), id="1", amount=310_000),
        event(STATEMENT, day(JAN - 1), id="2", amount=250_000),
        event(STATEMENT, day(JAN), id="3", amount=480_000),
        event(BILL, day(JAN), id="4", amount=8_000, days_late=2),
        event(PURCHASE, day(JAN - 1), id="5", count=3),
        event(PURCHASE, day(JAN), id="6", count=2, amount=9_900, reverses=True),
        event(INCOME, day(JAN), id="7", amount=1_000_000),
        event(INCOME, day(JAN - 9), id="8", amount=900_000),
        event("identity.verified", day(JAN), id="9", value="verified"),
    )
    RECORDS = (news(record(version=2)), news(record(id="gone", version=3, status="expired", counts=False)))

    def test_it_is_the_same_person_as_today(self) -> None:
        today = state_of(*self.EVENTS, *self.RECORDS)
        prune(today, JAN, JAN - 3)
        assert decode(FORMAT_2) == decode(encode(today))
        assert format_3(today)[1:] == FORMAT_2[1:]

    def test_what_had_counted_does_not_count_again(self) -> None:
        open_ones = [one for one in self.EVENTS if one.month >= JAN - 3]
        assert outcomes(decode(FORMAT_2), *open_ones) == ["Duplicate"] * len(open_ones)
        with_limit = event(STATEMENT, day(JAN), id="3", amount=480_000, limit=2_000_000)
        assert outcomes(decode(FORMAT_2), with_limit) == ["Conflict"]

    def test_limits_are_unknown_before_the_first_month_in_which_every_statement_names_one(self) -> None:
        state = decode(FORMAT_2)
        told = [event(STATEMENT, day(month, 20), amount=1, limit=2_000_000) for month in (JAN, JAN + 1)]
        assert outcomes(state, *told) == ["Accepted"] * 2
        of = {month: limit_of(vector(state, STATEMENT, month)) for month in (JAN - 9, JAN - 1, JAN, JAN + 1)}
        assert of == {JAN - 9: None, JAN - 1: None, JAN: None, JAN + 1: 2_000_000}


class TestFormat3:
    """A column as it lies in deployments, written by the last release that kept vectors by month, at commit 6361aae."""

    EVENTS = (
        event(BILL, day(JAN - 20), id="0", days_late=1),
        event(STATEMENT, day(JAN - 9), id="1", amount=310_000),
        event(BILL, day(JAN - 9), id="2", amount=7_000, days_late=0),
        event(FARE, day(JAN - 2), id="3", amount=400, days_late=0, count=3),
        event(FARE, day(JAN - 2, 20), id="4", amount=400, days_late=40),
        event(STATEMENT, day(JAN - 1), id="5", amount=250_000, limit=2_000_000),
        event(STATEMENT, day(JAN - 1, 20), id="6", amount=40_000, limit=500_000),
        event(STATEMENT, day(JAN), id="7", amount=480_000, limit=2_000_000),
        event(STATEMENT, day(JAN, 20), id="8", amount=10_000),
        event(BILL, day(JAN), id="9", amount=8_000, days_late=2),
        event(PURCHASE, day(JAN - 1), id="10", count=3, amount=30_000),
        event(PURCHASE, day(JAN), id="11", count=2, amount=9_900, reverses=True),
        event(INCOME, day(JAN), id="12", amount=1_000_000),
        event(INCOME, day(JAN - 9), id="13", amount=900_000),
        event("identity.verified", day(JAN), id="14", value="verified"),
    )
    RECORDS = TestFormat2.RECORDS

    def test_it_is_the_same_person_as_today(self) -> None:
        today = state_of(*self.EVENTS, *self.RECORDS)
        prune(today, JAN, JAN - 3)
        assert decode(FORMAT_3) == decode(encode(today))
        assert format_3(today) == FORMAT_3

    def test_it_scores_as_it_did(self) -> None:
        before = decode_evaluation(EVALUATION_OF_FORMAT_3)
        assert evaluate(decode(FORMAT_3), CARD, JAN) == before
        assert before.score == 375

    def test_what_had_counted_does_not_count_again(self) -> None:
        open_ones = [one for one in self.EVENTS if one.month >= JAN - 3]
        assert outcomes(decode(FORMAT_3), *open_ones) == ["Duplicate"] * len(open_ones)

    def test_it_goes_on_as_one_of_today(self) -> None:
        later = [
            event(BILL, day(JAN + 1), id="new", amount=9_000),
            event(FARE, day(JAN - 2, 9), id="late", days_late=3),
        ]
        states = decode(FORMAT_3), state_of(*self.EVENTS, *self.RECORDS)
        prune(states[1], JAN, JAN - 3)
        for state in states:
            assert outcomes(state, *later) == ["Accepted"] * 2
            prune(state, JAN + 6, JAN + 3)
        assert encode(states[0]) == encode(states[1])


def flood(kind: str, count: int, partner: str = "bank", month: int = JAN, **fields: Any) -> list[Event]:
    """Events under ids of their own, as a loop or a hostile partner sends them."""
    return [event(kind, day(month), id=f"{kind}-{n}", partner=partner, **fields) for n in range(count)]


class TestRoom:
    """(rules E17) What one partner may tell of one person in one month."""

    FLOODS = (
        (flood(BILL, 1001), 1000),
        (flood("identity.verified", 1001, value="verified"), 1000),
        ([event(INCOME, day(JAN), id=str(n), amount=1, consent=consent(f"c{n}")) for n in range(51)], 50),
        (flood("tax.reported", 51, amount=1, consent=consent("c")), 50),
        (
            [event("contact.standing", day(JAN), id=str(n), contact=f"{n:064x}", value="absent") for n in range(101)],
            100,
        ),
    )

    @pytest.mark.parametrize(("events", "most"), FLOODS, ids=[flood[0].body.kind for flood, _ in FLOODS])
    def test_the_first_ones_count_and_of_a_further_one_nothing_is_kept(self, events: list[Event], most: int) -> None:
        state = state_of(*events[:most])
        before = encode(state)
        assert outcomes(state, events[most]) == ["TooMany"]
        assert encode(state) == before
        assert outcomes(state, events[0]) == ["Duplicate"], "what has counted is known at the bound too"

    @pytest.mark.parametrize(("events", "most"), FLOODS, ids=[flood[0].body.kind for flood, _ in FLOODS])
    def test_nobody_else_and_no_other_month_is_the_worse_for_it(self, events: list[Event], most: int) -> None:
        state = state_of(*events[:most])
        flooded = events[0].body
        fields = {name: getattr(flooded, name) for name in ("amount", "value", "contact", "consent", "days_late")}
        told = {name: value for name, value in fields.items() if value is not None}
        assert outcomes(state, event(flooded.kind, day(JAN), id="x", partner="shop", **told)) == ["Accepted"]
        assert outcomes(state, event(flooded.kind, day(JAN - 1), id="x", **told)) == ["Accepted"]

    def test_a_flood_of_one_group_leaves_room_in_the_others(self) -> None:
        state = state_of(*self.FLOODS[0][0][:1000])
        assert outcomes(state, event(INCOME, day(JAN), amount=1)) == ["Accepted"]
        assert outcomes(state, event("contact.standing", day(JAN), contact=FRIEND, value="present")) == ["Accepted"]

    def test_one_id_under_two_groups_is_one_id(self) -> None:
        state = state_of(event(BILL, day(JAN), id="a"))
        assert outcomes(state, event(INCOME, day(JAN), id="a", amount=1)) == ["Conflict"]

    def test_all_partners_of_a_deployment_have_tags_of_their_own(self) -> None:
        partners = [path.stem for path in (ROOT / "partners").glob("*.toml")]
        assert len({ids.tag_of(partner, BILL) for partner in partners}) == len(partners) > 5


class TestArrival:
    """(rules E5, E18) What arrived while its month was open is taken, however late it is handled."""

    @pytest.mark.parametrize(
        ("arrived", "late_months", "outcome"),
        [(JAN, 3, "Accepted"), (JAN + 1, 3, "TooLate"), (JAN + 1, 4, "Accepted"), (JAN - 3, 0, "Accepted")],
    )
    def test_the_month_of_arrival_decides(self, arrived: int, late_months: int, outcome: str) -> None:
        one = event(BILL, day(JAN - 3), arrival_month=arrived)
        assert type(fold(State(), one, late_months)).__name__ == outcome


class TestConsents:
    def test_the_same_id_of_two_partners_is_two_consents(self) -> None:
        """(rules I9)"""
        high = event(INCOME, day(JAN), id="h", amount=2_000_000, consent=consent("C-17"))
        low = event(INCOME, day(JAN, 20), id="l", partner="fund", amount=1, consent=consent("C-17"))
        for order in ((high, low), (low, high)):
            state = state_of(*order)
            assert incomes(state) == {JAN: 2_000_000}
            withdraw_consent(state, "fund", "C-17")
            assert incomes(state) == {JAN: 2_000_000}
            assert outcomes(state, event(INCOME, day(JAN), id="m", amount=3, consent=consent("C-17"))) == ["Accepted"]
            withdraw_consent(state, "bank", "C-17")
            assert incomes(state) == {}


def test_an_edge_is_given_to_whoever_saves_it() -> None:
    state = State()
    one = event("contact.standing", day(JAN), contact=FRIEND, value="absent")
    folded = fold(state, one, 0)
    assert isinstance(folded, Accepted)
    assert folded.edge is not None
    assert (folded.edge.contact, folded.edge.present, folded.edge.time_us) == (FRIEND, False, one.time_us)
    assert not state.kinds


def test_time_and_month_of_an_event() -> None:
    body = BehaviorEvent(kind=BILL, days_late=0)
    late_evening = day(JAN, 31, 23)
    one = event_of("ab" * 32, "bank", "1", "t/0/0", late_evening, JAN, encode_body(body), body, ZONE)
    assert one.month == JAN
    assert one.time_us == int(late_evening.timestamp()) * 1_000_000
