"""The oracle of the fault campaign, by hand-made cases: what judges everything else is judged here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.oracle.records import Report
from tests.support.oracle.scores import Event, Phase, Result, Sent, expect

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 20, tzinfo=UTC)
BILL = Event(person="a", partner="p", id="1", time=datetime(2026, 3, 1, tzinfo=UTC), kind="gas.bill")
LATE_BILL = replace(BILL, id="2", days_late=3)
CARD: dict[str, Any] = {
    "months_min": 3,
    "features": {"kept": {"is": "share", "kinds": ["gas.bill"], "months": 24}},
    "rules": [
        {
            "code": "kept",
            "feature": "kept",
            "unknown": 40,
            "bins": [{"at_least": 0, "points": 0}, {"at_least": 500, "points": 50}, {"at_least": 1000, "points": 100}],
        }
    ],
}


def card(feature: dict[str, Any], *bins: tuple[int | str, int], unknown: int = 7, **rule: Any) -> dict[str, Any]:
    """A scorecard of one rule."""
    named = [{"is" if isinstance(at, str) else "at_least": at, "points": points} for at, points in bins]
    rules = [{"code": "only", "feature": "only", "unknown": unknown, "bins": named, **rule}]
    return {"months_min": 3, "features": {"only": feature}, "rules": rules}


def score(card: dict[str, Any], *events: Event, person: str = "a") -> Result:
    return expect([Phase(NOW, [Sent(event) for event in events])], card, ZONE).results[person]


def test_what_becomes_of_each_message() -> None:
    sent = [
        Sent(BILL),
        Sent(BILL),
        Sent(replace(BILL, days_late=9)),
        Sent(replace(BILL, person="b")),
        Sent(replace(BILL, partner="q")),
        Sent(replace(BILL, id="3", time=datetime(2025, 11, 30, tzinfo=UTC))),
        Sent(replace(BILL, id="4", time=datetime(2025, 11, 30, 16, tzinfo=UTC))),
        Sent(None, "json-syntax"),
    ]
    expected = expect([Phase(NOW, sent)], CARD, ZONE)
    assert expected.fates == (
        "accepted",
        "duplicate",
        "refused",
        "accepted",
        "accepted",
        "refused",
        "accepted",
        "refused",
    )
    assert expected.codes == {2: "conflict", 5: "too-late", 7: "json-syntax"}
    assert expected.counts() == {"accepted": 4, "duplicate": 1, "refused": 3}


def test_a_duplicate_of_a_closed_month_is_too_late() -> None:
    phases = [Phase(NOW, [Sent(BILL)]), Phase(NOW + timedelta(days=130), [Sent(BILL)])]
    assert expect(phases, CARD, ZONE).codes == {1: "too-late"}


@pytest.mark.parametrize(
    ("events", "points"),
    [
        pytest.param([replace(BILL, kind="phone.bill")], 40, id="unknown without an obligation of the kinds"),
        pytest.param([BILL], 100, id="all on time"),
        pytest.param([BILL, LATE_BILL], 50, id="half of them"),
        pytest.param([BILL, LATE_BILL, replace(LATE_BILL, id="3")], 0, id="a third, rounded down, below the bin"),
        pytest.param(
            [LATE_BILL, *(replace(BILL, id=f"f{n}", time=datetime(2026, 2, n, tzinfo=UTC)) for n in range(1, 9))],
            50,
            id="the mean of months, not of bills",
        ),
    ],
)
def test_share(events: list[Event], points: int) -> None:
    assert score(CARD, *events) == Result(350 + points, thin=True)


def test_evidence() -> None:
    weighed = {**CARD, "rules": [{**CARD["rules"][0], "evidence": {"full": 4, "below": 2}}]}
    assert score(weighed, BILL).score == 350 + 40 + 60 // 4
    assert score(weighed, LATE_BILL).score == 350 + 40 - 40 // 2


def test_regular() -> None:
    regular = {"is": "regular", "kinds": ["shop.purchase"], "months": 3}
    rule = card(regular, *((333 * n, 10 * n) for n in range(4)))
    bought = replace(BILL, kind="shop.purchase")
    january = replace(bought, id="5", time=datetime(2026, 1, 5, tzinfo=UTC))
    february = replace(bought, id="6", time=datetime(2026, 2, 5, tzinfo=UTC))
    assert score(rule, january).score == 360
    assert score(rule, january, february).score == 370
    assert score(rule, january, february, replace(february, id="7", reverses=True)).score == 360
    assert score(rule, february).score == 360, "of two months that were seen"
    assert score(rule, replace(BILL, kind="identity.verified", value="verified")).score == 357, "no history at all"


def test_steady_figure() -> None:
    figure = {"is": "figure", "kinds": ["income.reported"], "months": 12, "steady_months": 2}
    rule = card(figure, (0, 1), (100, 2), (200, 3))
    march = replace(BILL, kind="income.reported", amount=250, consent="c")
    february = replace(march, id="8", amount=150, time=datetime(2026, 2, 5, tzinfo=UTC))
    corrected = replace(february, id="9", amount=50, time=datetime(2026, 2, 6, tzinfo=UTC))
    assert score(rule, march).score == 357, "one month is not steady"
    assert score(rule, march, february).score == 352, "the lowest of the two"
    assert score(rule, corrected, march, february).score == 351, "the latest of a month counts"
    assert score(rule, march, february, replace(corrected, consent="d")).score == 352, "the best of two consents"


def test_fact_is_the_latest_by_time() -> None:
    rule = card({"is": "fact", "kind": "identity.verified"}, ("verified", 20), ("withdrawn", 0))
    fact = replace(BILL, kind="identity.verified", value="withdrawn")
    older = replace(fact, id="2", value="verified", time=BILL.time - timedelta(days=1))
    assert score(rule, fact, older).score == 350
    assert score(rule, older).score == 370
    assert score(rule, BILL).score == 357


def contact(person: str, other: str, value: str = "present", **fields: Any) -> Sent:
    id = f"{person}-{other}-{value}"
    return Sent(replace(BILL, person=person, id=id, kind="contact.standing", contact=other, value=value, **fields))


def test_contacts_count_when_five_of_them_say_so_too_and_from_the_next_publication_on() -> None:
    rules = card({"is": "contacts"}, (350, 0), (450, 9))
    rules["features"] |= CARD["features"]
    rules["rules"].append(CARD["rules"][0])
    others = "bcdef"
    mutual = [contact(*pair) for other in others for pair in (("a", other), (other, "a"))]
    bills = [Sent(replace(BILL, person=who)) for who in others]
    april, may, june = (NOW + timedelta(days=days) for days in (17, 47, 78))
    first = [Phase(NOW, [*mutual, *bills]), Phase(april, [], publication=True)]

    def score_of(*phases: Phase) -> int:
        return expect(phases, rules, ZONE).results["a"].score

    assert score_of(*first) == 350 + 7 + 40, "no contact had a standing before"
    second = Phase(may, [], publication=True)
    assert score_of(*first, second) == 350 + 9 + 40, "457 is in the band of 450"
    later = BILL.time + timedelta(days=1)
    gone = [contact("a", "d", "absent", time=later)]
    assert score_of(*first, Phase(april, gone), second) == 350 + 7 + 40, "four contacts are too few"
    taken_back = [contact("d", "a", "absent", time=later)]
    assert score_of(*first, Phase(april, taken_back), second) == 350 + 9 + 40, "d had said so by the last publication"
    third = Phase(june, [], publication=True)
    assert score_of(*first, Phase(april, taken_back), second, third) == 350 + 7 + 40, "and now it has not"
    one_sided = [contact("a", other) for other in others]
    assert score_of(Phase(NOW, [*one_sided, *bills]), first[1], second) == 350 + 7 + 40


def test_so_many_events_are_taken_from_one_partner_in_a_month() -> None:
    figures = [Sent(replace(BILL, id=str(n), kind="income.reported", consent="c")) for n in range(51)]
    others = [figures[0], Sent(replace(figures[50].event, partner="shop"))]  # type: ignore[type-var]  # an event, which is a dataclass
    found = expect([Phase(NOW, [*figures, *others])], CARD, ZONE)
    assert found.fates == (*["accepted"] * 50, "refused", "duplicate", "accepted")
    assert found.codes == {50: "too-many"}


PROFILE: dict[str, Any] = {"zone": "Asia/Shanghai", "years": {"legal": 5, "financial": 5, "life": 2}}
RECORDS: dict[str, Any] = {
    **CARD,
    "rules": [CARD["rules"][0] | {"unknown": 500}],
    "records": {
        "legal": {"open": -97, "settled": -29},
        "financial": {"open": -61, "settled": -19},
        "life": {"open": -37, "settled": -11},
        "lowest": -60,
    },
    "ceilings": {"legal": 580, "financial": 640},
    "restrictions": {"legal": ["luxury", "credit"], "financial": ["credit"]},
}


def record(kind: str, id: str = "r", ended_on: date | None = None, partner: str = "p") -> Sent:
    report = Report(id=id, kind=kind, status="reported", began_on=date(2024, 3, 1), ended_on=ended_on)
    return Sent(replace(BILL, id=id, kind=kind, partner=partner, report=report))


@pytest.mark.parametrize(
    ("sent", "result"),
    [
        pytest.param([Sent(replace(BILL, kind="phone.bill"))], Result(850, thin=True), id="no record"),
        pytest.param([record("ride.unpaid")], Result(813, thin=True), id="a ceiling is not every class's"),
        pytest.param([record("ride.unpaid"), record("ride.unpaid")], Result(813, thin=True), id="told twice"),
        pytest.param(
            [record("ride.unpaid"), record("ride.unpaid", partner="q")],
            Result(790, thin=True),
            id="no lower than lowest",
        ),
        pytest.param([record("loan.overdue", ended_on=date(2024, 4, 1))], Result(831, thin=True), id="settled"),
        pytest.param([record("loan.overdue")], Result(640, True, ("credit",)), id="capped and restricted"),
        pytest.param(
            [record("loan.overdue"), record("court.listing", "s")],
            Result(580, True, ("credit", "luxury")),
            id="the lowest ceiling, all restrictions",
        ),
    ],
)
def test_what_records_cost(sent: list[Sent], result: Result) -> None:
    assert expect([Phase(NOW, sent)], RECORDS, ZONE, profile=PROFILE).results == {"a": result}


def test_what_is_small_or_old_costs_less() -> None:
    milder = {**RECORDS, "records": {**RECORDS["records"], "small": {"below": 100, "percent": 50}, "halves": 6}}
    old = record("loan.overdue", ended_on=date(2024, 4, 1))
    assert expect([Phase(NOW, [old])], milder, ZONE, profile=PROFILE).results["a"].score == 850 - (19 >> 3)
    small = Report(id="r", kind="ride.unpaid", status="reported", began_on=date(2024, 3, 1), amount=99)
    sent = [Sent(replace(BILL, kind="ride.unpaid", report=small))]
    assert expect([Phase(NOW, sent)], milder, ZONE, profile=PROFILE).results["a"].score == 850 - 18


def test_a_record_that_lapsed_costs_nothing() -> None:
    sent = [record("ride.unpaid", ended_on=date(2024, 4, 1)), record("ride.unpaid", "s", ended_on=date(2024, 3, 19))]
    phases = [Phase(NOW, sent), Phase(NOW + timedelta(days=15), sent[:1])]
    expected = expect(phases, RECORDS, ZONE, profile=PROFILE)
    assert expected.codes == {1: "lapsed", 2: "lapsed"}, "reported too late; reported again after it lapsed"
    assert expected.results == {"a": Result(850, thin=True)}
    (news,) = expected.records["a"]
    assert [(each.status, each.said_at) for each in news] == [("settled", NOW), ("expired", phases[1].instant)]


def test_who_has_only_what_was_refused_is_not_known() -> None:
    expected = expect([Phase(NOW, [record("ride.unpaid", ended_on=date(2024, 3, 19))])], RECORDS, ZONE, profile=PROFILE)
    assert (expected.results, expected.records) == ({}, {})


def test_a_record_that_lapses_at_a_publication_is_told_of_then() -> None:
    phases = [Phase(NOW, [record("ride.unpaid", ended_on=date(2024, 4, 5))]), Phase(NOW + timedelta(days=17), [], True)]
    expected = expect(phases, RECORDS, ZONE, profile=PROFILE)
    assert expected.results == {"a": Result(850, thin=True)}
    assert expected.records["a"][0][-1].said_at == phases[1].instant
