"""The demos' recount against figures worked out by hand: who checks must be right itself."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from goodstanding.partner.event import PartnerEvent
from goodstanding.simulation.events_and_news import Event, RecordNews, TierNews
from goodstanding.simulation.real_data import bank
from goodstanding.simulation.real_data.mistakes import REPEATED_EVERY, WRONG_EVERY, with_mistakes
from goodstanding.simulation.recount import Due, Recount
from shared.contracts.identity import sample_account

ZONE = ZoneInfo("Asia/Taipei")
CARD = """
effective_on = 2000-01-01
publication_day = 6
months_min = 2
[features]
kept = { is = "share", months = 2, kinds = ["credit_card.repayment"] }
active = { is = "regular", months = 3, kinds = ["credit_card.payment"] }
income = { is = "figure", months = 3, steady_months = 2, kinds = ["income.reported"] }
education = { is = "fact", kind = "education.verified" }
contacts = { is = "contacts" }
lasting = { is = "stability" }
[[rules]]
code = "kept"
feature = "kept"
unknown = 50
bins = [{ at_least = 0, points = 0 }, { at_least = 500, points = 40 }, { at_least = 1000, points = 100 }]
[[rules]]
code = "active"
feature = "active"
unknown = 7
bins = [{ at_least = 0, points = 0 }, { at_least = 600, points = 20 }]
[[rules]]
code = "income"
feature = "income"
unknown = 3
bins = [{ at_least = 0, points = 0 }, { at_least = 1000, points = 5 }]
[[rules]]
code = "education"
feature = "education"
unknown = 1
bins = [{ is = "bachelor", points = 30 }]
[[rules]]
code = "contacts"
feature = "contacts"
unknown = 2
bins = [{ at_least = 350, points = 9 }, { at_least = 450, points = 5 }]
[[rules]]
code = "lasting"
feature = "lasting"
unknown = 0
bins = [{ at_least = 0, points = 0 }, { at_least = 1000, points = 4 }]
[records]
code = "records"
legal = { open = 0, settled = 0 }
financial = { open = -15, settled = -10 }
life = { open = -9, settled = -5 }
lowest = -12
[ceilings]
financial = 380
[restrictions]
financial = ["credit"]
"""
TABLE = """
[[tiers]]
code = "low"
from = 370
benefits = [{ code = "bike" }, { code = "loan" }]
[[tiers]]
code = "high"
from = 450
benefits = [{ code = "car" }]
[restrictions]
credit = ["loan"]
"""
PROFILE = """
zone = "Asia/Shanghai"
[years]
financial = 5
life = 2
"""
MARCH, APRIL, MAY, JUNE, JULY = (2005 * 12 + month for month in range(2, 7))
NOW = datetime(2005, 12, 31, tzinfo=ZONE)
ME = sample_account(1)


def event(kind: str, month: int, **data: object) -> bytes:
    time = datetime(month // 12, month % 12 + 1, 10, 12, tzinfo=ZONE)
    account = data.pop("account", ME)
    body = {"customer": {"account": account}, **data}
    return json.dumps(
        {"id": f"{kind}/{account}/{month}", "type": kind, "time": time.isoformat(), "data": body}
    ).encode()


@pytest.fixture
def recount(tmp_path: Path) -> Recount:
    (tmp_path / "retention").mkdir()
    for name, text in (("scorecard", CARD), ("benefits", TABLE), ("retention/cn", PROFILE)):
        (tmp_path / f"{name}.toml").write_text(text)
    return Recount(tmp_path, "cn", b"k" * 32, ZONE)


def tell(recount: Recount, *values: bytes, now: datetime = NOW) -> None:
    for value in values:
        told = bank.read(value, now)
        assert isinstance(told, Event)
        recount.sent(told, now)


def scores(recount: Recount, account: str = ME) -> list[int]:
    return [news.score for news in recount.scores[recount.user_id(account)]]


def test_scores_by_hand(recount: Recount) -> None:
    tell(
        recount,
        event("card.statement.cleared", APRIL, days_past_due=0),
        event("card.statement.cleared", MAY, days_past_due=30),
        event("card.payment.booked", APRIL),
        event("card.payment.booked", MAY),
        event("customer.education.verified", APRIL, degree="bachelor"),
    )
    # As of the months complete before it: nothing; April; April and May; May and June; June and July.
    for number in (APRIL, MAY, JUNE, JULY, JULY + 1):
        recount.published(number, NOW)
    unmoved = 350 + 3 + 30 + 2
    assert scores(recount) == [
        unmoved + 50 + 7,
        unmoved + 100 + 20,
        unmoved + 40 + 20,
        unmoved + 0 + 20,
        unmoved + 50 + 0,
    ]
    assert [news.thin for news in recount.scores[recount.user_id(ME)]] == [True, True, False, False, False]


@pytest.mark.parametrize(("day", "thin"), [(6, [True, True, True]), (7, [True, False, True])])
def test_a_run_is_by_the_scorecard_that_has_begun_by_its_day(tmp_path: Path, day: int, thin: list[bool]) -> None:
    (tmp_path / "retention").mkdir()
    second = CARD.replace("2000-01-01", f"2005-06-{day:02}").replace("months_min = 2", "months_min = 9")
    for name, text in (
        ("scorecard", CARD),
        ("scorecard-second", second),
        ("benefits", TABLE),
        ("retention/cn", PROFILE),
    ):
        (tmp_path / f"{name}.toml").write_text(text)
    recount = Recount(tmp_path, "cn", b"k" * 32, ZONE)
    tell(recount, event("card.payment.booked", APRIL))
    for number in (MAY, JUNE, JULY):
        recount.published(number, NOW)
    assert [news.thin for news in recount.scores[recount.user_id(ME)]] == thin


def test_income_and_contacts_by_hand(recount: Recount) -> None:
    friends = [sample_account(number) for number in (2, 3, 4, 5, 6)]
    for who in (ME, *friends):
        recount.sent(Event(partner="bank", person=who, id=who, time=NOW, kind="donation.made"), NOW)
    for number, friend in enumerate(friends):
        for person, contact in ((ME, friend), (friend, ME)):
            edge = Event(
                partner="shop",
                person=person,
                id=f"f{number}",
                time=NOW,
                kind="contact.standing",
                contact=contact,
                value="present",
            )
            recount.sent(edge, NOW)
    for month, amount in ((APRIL, 2000), (MAY, 1500)):
        time = datetime(2005, month % 12 + 1, 3, tzinfo=ZONE)
        income = Event(
            partner="bank", person=ME, id=str(month), time=time, kind="income.reported", amount=amount, consent="c"
        )
        recount.sent(income, NOW)
    for number in (MAY, JUNE, JULY + 3):
        recount.published(number, NOW)
    unmoved = 350 + 50 + 7 + 1
    assert scores(recount, friends[0]) == [unmoved + 3 + 2] * 3
    # One month of income is not steady; the contacts' standing is that of the publication before; then income is old.
    assert scores(recount) == [unmoved + 3 + 2, unmoved + 5 + 9, unmoved + 3 + 9]


def test_a_record_caps_restricts_is_settled_and_lapses(recount: Recount) -> None:
    tell(recount, event("card.payment.booked", APRIL), event("card.payment.booked", MAY))
    recount.published(JUNE, NOW)
    overdue = {"report_no": "1", "overdue_since": "2005-01-31"}
    tell(recount, event("card.overdue.reported", JUNE, state="open", **overdue))
    tell(recount, event("card.overdue.reported", JULY, state="paid", paid_on="2024-02-29", **overdue))
    lapses_at = datetime(2029, 2, 28, 16, tzinfo=UTC)
    assert recount.next_due() == Due(lapses_at, "lapses")
    recount.clock(datetime(2029, 2, 28, 15, 59, 59, tzinfo=UTC))
    recount.clock(lapses_at)
    recount.clock(lapses_at)
    assert recount.next_due() is None
    began, ended = date(2005, 1, 31), date(2024, 2, 29)
    assert recount.records[recount.user_id(ME)] == [
        [
            RecordNews(NOW, "card.overdue", "open", began, None, None, counts=True),
            RecordNews(NOW, "card.overdue", "settled", began, ended, lapses_at, counts=True),
            RecordNews(lapses_at, None, "expired", None, None, None),
        ]
    ]
    assert [(news.score, news.restrictions) for news in recount.scores[recount.user_id(ME)]] == [
        (426, ()),
        (380, ("credit",)),
        (416, ()),
        (426, ()),
    ]
    assert recount.tiers[recount.user_id(ME)] == [
        TierNews(NOW, "low", ("bike", "loan"), (), ("bike", "loan"), ()),
        TierNews(NOW, "low", (), ("loan",), ("bike",), ("credit",)),
        TierNews(NOW, "low", ("loan",), (), ("bike", "loan"), ()),
    ]


def test_a_record_counts_when_its_person_has_known_of_it_for_a_week(recount: Recount, tmp_path: Path) -> None:
    """(rules R22) Until then the score has no version because of it. Nor has it one if the record is disputed by then,
    or when a record ends that never counted."""
    profile = tmp_path / "retention" / "cn.toml"
    profile.write_text(PROFILE + "[notice_days]\nfinancial = 7\n")
    recount = Recount(tmp_path, "cn", b"k" * 32, ZONE)
    tell(recount, event("card.payment.booked", APRIL), event("card.payment.booked", MAY))
    recount.published(JUNE, NOW)
    for number, month in (("1", JUNE), ("2", JULY)):
        overdue = {"state": "open", "report_no": number, "overdue_since": "2005-01-31"}
        tell(recount, event("card.overdue.reported", month, **overdue))
    counts_from, lapses_at = datetime(2006, 1, 7, 16, tzinfo=UTC), datetime(2006, 1, 2, 16, tzinfo=UTC)
    assert recount.next_due() == Due(counts_from, "counts")
    begun, ended = date(2001, 1, 1), date(2001, 1, 2)
    for id, day in (("9", None), ("10", ended)):
        kind = "card.overdue"
        over = Event(partner="bank", person=ME, id=id, time=NOW, kind=kind, report="3", began_on=begun, ended_on=day)
        recount.sent(over, NOW)
    assert recount.next_due() == Due(lapses_at, "lapses")
    recount.clock(lapses_at)
    recount.disputed(ME, "bank", "2", NOW)
    recount.clock(counts_from)
    assert recount.next_due() is None
    began = date(2005, 1, 31)
    first = RecordNews(NOW, "card.overdue", "open", began, None, None)
    assert recount.records[recount.user_id(ME)] == [
        [first, first._replace(heard_at=counts_from, counts=True)],
        [first, first._replace(status="disputed")],
        [
            first._replace(began_on=begun),
            first._replace(began_on=begun, status="settled", ended_on=ended, lapses_at=lapses_at),
            RecordNews(lapses_at, None, "expired", None, None, None),
        ],
    ]
    assert [(news.score, news.restrictions) for news in recount.scores[recount.user_id(ME)]] == [
        (426, ()),
        (380, ("credit",)),
    ]


def test_a_no_show_ends_when_it_begins(recount: Recount) -> None:
    no_show = Event(
        partner="hotel", person=ME, id="1", time=NOW, kind="hotel.no_show", report="r", began_on=date(2024, 2, 29)
    )
    recount.sent(no_show, NOW)
    assert recount.next_due() == Due(datetime(2026, 2, 28, 16, tzinfo=UTC), "lapses")
    # Of who was never published nothing but the record is known: all is unknown.
    assert scores(recount) == [350 + 50 + 7 + 3 + 1 + 2 - 5]


def test_records_together_cost_no_more_than_the_lowest(recount: Recount) -> None:
    for number in range(3):
        no_show = Event(
            partner="hotel", person=ME, id=str(number), time=NOW, kind="hotel.no_show", report=str(number), began_on=NOW
        )
        recount.sent(no_show, NOW)
    assert [news - scores(recount)[0] for news in scores(recount)] == [0, -5, -7]


def test_a_thin_file_is_granted_nothing(recount: Recount) -> None:
    tell(recount, event("card.statement.cleared", APRIL, days_past_due=0))
    recount.published(MAY, NOW)
    assert scores(recount) == [350 + 100 + 7 + 3 + 1 + 2]
    assert recount.tiers == {}
    recount.published(JUNE, NOW)
    assert [news.tier for news in recount.tiers[recount.user_id(ME)]] == ["high"]


def test_repeated_and_wrong_events_are_told_apart(recount: Recount) -> None:
    good = event("card.payment.booked", APRIL)
    tell(recount, good, good)
    assert (recount.accepted, recount.repeated) == (2, 1)
    assert [
        bank.read(value, NOW)
        for value in (
            event("card.payment.booked", APRIL, account="customer 4711"),
            event("card.payment.booked", APRIL, remark="?"),
            event("card.payment.booked", JULY + 12),
        )
    ] == ["subject-unknown-scheme", "unknown-field", "in-future"]


def test_an_unknown_feature_is_an_error(recount: Recount, tmp_path: Path) -> None:
    (tmp_path / "scorecard.toml").write_text(CARD.replace('"figure"', '"moon_phase"'))
    with pytest.raises(ValueError, match="moon_phase"):
        Recount(tmp_path, "cn", b"k" * 32, ZONE)


def test_the_pseudonym(recount: Recount) -> None:
    assert recount.user_id(ME) == hmac.new(b"k" * 32, f"account:{ME}".encode(), hashlib.sha256).hexdigest()


def test_mistakes_are_added_and_nothing_is_changed() -> None:
    sent = [
        PartnerEvent(NOW, b"key", event("card.payment.booked", APRIL, number=number), ()) for number in range(5_000)
    ]
    spoiled = list(with_mistakes(sent))
    wrong = [each for each in spoiled if b"/wrong" in each.value]
    assert len(wrong) == 5_000 // WRONG_EVERY
    assert len(spoiled) - len(wrong) == 5_000 + 5_000 // REPEATED_EVERY
    assert list(dict.fromkeys(each for each in spoiled if each not in wrong)) == sent
    assert spoiled == list(with_mistakes(sent))
