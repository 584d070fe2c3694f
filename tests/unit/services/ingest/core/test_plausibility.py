"""What the times and days of an event can be (rules E6 and E15): tables by partner, and one answer for every way in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.partner.event import PartnerEvent
from goodstanding.partner.samples import Setting, samples
from services.ingest.core.mapping import (
    ConsentPaths,
    CsvMapping,
    JsonMapping,
    Late,
    Moment,
    NativeMapping,
    PartnerMapping,
)
from services.ingest.core.native import native_mapping
from services.ingest.core.normalize import Judged, Normalized, Refused, normalize
from services.ingest.core.plausibility import EARLY_DAYS_MAX, PLAUSIBILITY
from services.ingest.loading import load_mapping
from shared.contracts.faults import Code, Fault
from shared.contracts.kinds import KIND_OF
from shared.contracts.messages import BehaviorEvent
from shared.settings import ROOT
from tests.support.ingest.raw_events import (
    PERSON,
    RawEvent,
    bank,
    bank_income,
    bank_record,
    bike,
    binary,
    city,
    city_record,
    consumer_credit,
    court,
    hotel,
    hotel_no_show,
    shop,
    utility,
)
from tests.support.ingest.shipped import ARRIVED, DEPLOYMENT, PARTNERS

# Events happen on 2024-03-05, and arrive on 2024-03-20.


def consumer_record(changes: dict[str, Any]) -> RawEvent:
    body = {"platformAccount": PERSON, "caseId": "c", "caseState": "OPENED", "overdueSinceMillis": 1_704_038_400_000}
    return binary("consumer-credit", "LoanOverdueChanged", {**body, **changes})


def shop_return(due: str, returned: str) -> RawEvent:
    return shop({"eventName": "leaseReturned", "itemCount": ..., "total": ..., "dueAt": due, "returnedAt": returned})


def bike_claim(opened: str, **changes: Any) -> RawEvent:
    body = {"claim": "K", "claim_state": "open", "opened_at": opened, "minutes": ..., **changes}
    return bike(body, type="ride.unpaid.v1")


def arrears(changes: dict[str, Any], event: str = "arrears_opened") -> RawEvent:
    taken_out = dict.fromkeys(("due", "paid", "period"), ...)
    return utility({"evt": event, "dossier": "D-1", **taken_out, **changes})


CREDIT_PAID, CREDIT_DUE = "data.paidDate", "data.dueDate"
REFUSED = [
    ("utility, paid never: 1970", utility({"paid": "19700101"}), Code.DATES_CONTRADICT, "paid"),
    ("utility, paid never: 1900", utility({"paid": "19000101"}), Code.DATES_CONTRADICT, "paid"),
    ("utility, paid in the last century", utility({"paid": "19991231"}), Code.DATES_CONTRADICT, "paid"),
    ("utility, paid tomorrow", utility({"paid": "20240321"}), Code.IN_FUTURE, "paid"),
    ("utility, paid in forty days", utility({"due": "20240501", "paid": "20240429"}), Code.IN_FUTURE, "paid"),
    ("utility, paid in 2099", utility({"paid": "20991231"}), Code.IN_FUTURE, "paid"),
    ("utility, both days null", utility({"due": "19700101", "paid": "19700101"}), Code.IMPLAUSIBLE_DATE, "paid"),
    ("utility, due never", utility({"due": "19000101"}), Code.IMPLAUSIBLE_DATE, "due"),
    ("utility, due in 2199", utility({"due": "21991231"}), Code.DATES_CONTRADICT, "paid"),
    ("utility, a day too early", utility({"due": "20260308"}), Code.DATES_CONTRADICT, "paid"),
    ("utility, seconds for milliseconds", utility({"ts": 1_709_602_200}), Code.TOO_LATE, "ts"),
    ("utility, no time", utility({"ts": 0}), Code.TOO_LATE, "ts"),
    ("utility, arrears since never", arrears({"since": "19700101"}), Code.IMPLAUSIBLE_DATE, "since"),
    ("utility, arrears since tomorrow", arrears({"since": "20240321"}), Code.IN_FUTURE, "since"),
    (
        "utility, arrears until never",
        arrears({"since": "19700101", "until": "19700101", "amt": ..., "unit": ...}, "arrears_closed"),
        Code.IMPLAUSIBLE_DATE,
        "since",
    ),
    ("credit, paid never: 1970", consumer_credit({"paidDate": "1970-01-01"}), Code.DATES_CONTRADICT, CREDIT_PAID),
    ("credit, paid never: 1900", consumer_credit({"paidDate": "1900-01-01"}), Code.DATES_CONTRADICT, CREDIT_PAID),
    ("credit, paid next month", consumer_credit({"paidDate": "2024-04-05"}), Code.IN_FUTURE, CREDIT_PAID),
    ("credit, due never", consumer_credit({"dueDate": "1970-01-01"}), Code.IMPLAUSIBLE_DATE, CREDIT_DUE),
    (
        "credit, open since 1970: seconds for milliseconds",
        consumer_record({"overdueSinceMillis": 1_704_038_400}),
        Code.IMPLAUSIBLE_DATE,
        "data.overdueSinceMillis",
    ),
    (
        "credit, open since 0",
        consumer_record({"overdueSinceMillis": 0}),
        Code.IMPLAUSIBLE_DATE,
        "data.overdueSinceMillis",
    ),
    (
        "credit, microseconds for milliseconds",
        consumer_record({"overdueSinceMillis": 1_704_038_400_000_000}),
        Code.TIME_RANGE,
        "data.overdueSinceMillis",
    ),
    ("bank, time of 1970", bank(time="1970-01-20T18:53:22Z"), Code.TOO_LATE, "time"),
    ("bank, null as -9999", bank({"days_past_due": -9_999}), Code.OUT_OF_BOUNDS, "data.days_past_due"),
    ("bank, consent of 1970", bank_income({"consent.given_at": "1970-01-01T00:00:00Z"}), Code.IMPLAUSIBLE_DATE,
     "data.consent.given_at"),
    ("bank, record of 1900", bank_record({"overdue_since": "1900-01-01"}), Code.IMPLAUSIBLE_DATE,
     "data.overdue_since"),
    ("bank, record of 2003", bank_record({"overdue_since": "2003-12-31"}), Code.IMPLAUSIBLE_DATE,
     "data.overdue_since"),
    ("bank, record paid never", bank_record({"state": "paid", "paid_on": "1970-01-01"}), Code.IMPLAUSIBLE_DATE,
     "data.paid_on"),
    ("hotel, paid never", hotel({"Folio.PaidTime": "1970-01-01 00:00:00"}), Code.DATES_CONTRADICT, "Folio.PaidTime"),
    ("hotel, paid tomorrow", hotel({"Folio.PaidTime": "2024-03-21 00:00"}), Code.IN_FUTURE, "Folio.PaidTime"),
    ("hotel, time of 1970", hotel({"LocalTime": "1970-01-20 10:00"}), Code.TOO_LATE, "LocalTime"),
    ("hotel, no-show of 1970", hotel_no_show({"Reservation.ArrivalDate": "1970-01-01"}), Code.IMPLAUSIBLE_DATE,
     "Reservation.ArrivalDate"),
    ("shop, returned never", shop_return("2024-03-01T16:30:00Z", "1970-01-01T00:00:00Z"), Code.DATES_CONTRADICT,
     "data.returnedAt"),
    ("shop, returned next year", shop_return("2024-03-01T16:30:00Z", "2025-03-01T00:00:00Z"), Code.IN_FUTURE,
     "data.returnedAt"),
    ("shop, returned long before the event", shop_return("2022-12-31T00:00:00Z", "2022-12-31T00:00:00Z"),
     Code.IMPLAUSIBLE_DATE, "data.returnedAt"),
    ("shop, purchase of 1970", shop(time="1970-01-01T00:00:00Z"), Code.TOO_LATE, "time"),
    ("bike, ride of 1970", bike(time="1970-01-20T18:53:22Z"), Code.TOO_LATE, "ce_time"),
    ("bike, claim of 1970", bike_claim("1970-01-01T00:00:00Z"), Code.IMPLAUSIBLE_DATE, "data.opened_at"),
    ("city, event of 1970", city(time="1970-01-01T00:00:00Z"), Code.TOO_LATE, "time"),
    ("city, record of 1970", city_record({"began_on": "1970-01-01"}), Code.IMPLAUSIBLE_DATE, "data.began_on"),
    ("city, record whose own time is of 1970", city_record(time="1970-01-20T18:53:22Z"), Code.TOO_LATE, "time"),
    ("court, listed since never", court({"since": "1900-01-01"}), Code.IMPLAUSIBLE_DATE, "since"),
    ("court, published in 1970", court({"published_date": "1970-01-01"}), Code.TOO_LATE, "published_date"),
    ("court, released never", court({"action": "RELEASED", "yuan": "", "since": "", "released": "1970-01-01"}),
     Code.IMPLAUSIBLE_DATE, "released"),
]  # fmt: skip

TAKEN = [
    ("utility, paid on the day of arrival", utility({"paid": "20240320", "due": "20240318"})),
    ("utility, paid a year early", utility({"due": "20250304"})),
    ("utility, 24 instalments paid at once", utility({"due": "20260307"})),
    ("utility, paid in the year before", utility({"due": "20230105", "paid": "20230101"})),
    ("utility, arrears of twenty years", arrears({"since": "20040101"})),
    ("credit, paid months early", consumer_credit({"dueDate": "2024-09-01"})),
    ("credit, record of last year", consumer_record({})),
    ("bank, three days early", bank({"days_past_due": -3})),
    ("bank, as early as can be", bank({"days_past_due": -732})),
    ("bank, consent of long ago", bank_income({"consent.given_at": "2004-01-01T00:00:00Z"})),
    ("bank, record of twenty years", bank_record({"overdue_since": "2004-01-01"})),
    ("hotel, paid before arriving", hotel({"Folio.DueDate": "2024-03-19"})),
    ("shop, returned early", shop_return("2024-12-31T00:00:00Z", "2024-03-02T16:00:00Z")),
    ("bike, claim of 2010", bike_claim("2010-01-01T00:00:00Z")),
    ("city, event of long ago, which the scorer judges", city(time="2019-03-05T00:00:00Z")),
    ("city, record of 2010", city_record({"began_on": "2010-01-01"})),
    ("court, listed in 2013", court({"since": "2013-10-01"})),
]


@pytest.mark.parametrize(("event", "code", "field"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_cannot_be_is_refused(event: RawEvent, code: Code, field: str) -> None:
    result = normalize(PARTNERS[event.partner], event, ARRIVED)
    assert isinstance(result, Refused)
    assert (result.fault.code, result.fault.field) == (code, field), result.fault.sentence


@pytest.mark.parametrize("event", [case[1] for case in TAKEN], ids=[case[0] for case in TAKEN])
def test_what_can_be_is_taken(event: RawEvent) -> None:
    result = normalize(PARTNERS[event.partner], event, ARRIVED)
    assert isinstance(result, Normalized), result


def test_every_partner_has_cases_both_ways() -> None:
    assert {case[1].partner for case in REFUSED} == {case[1].partner for case in TAKEN} == set(PARTNERS)


# Every time and day of every shipped mapping, found in the mappings themselves.


@dataclass(frozen=True, slots=True)
class Place:
    """One time or day that a block of a partner's mapping reads, and an event of that block that is taken."""

    partner: str
    mapping: PartnerMapping
    path: str
    format: str
    event: PartnerEvent

    def holding(self, day: date) -> RawEvent:
        """The event with this day, at noon, in the place."""
        # Shanghai kept a time of its own until 1901, with an offset that RFC 3339 cannot write.
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=timezone(timedelta(hours=8)))
        written = {
            "rfc3339": noon.isoformat(),
            "local": f"{noon:%Y-%m-%d %H:%M:%S}",
            "date": f"{day:%Y-%m-%d}",
            "compact-date": f"{day:%Y%m%d}",
            "epoch-millis": int(noon.timestamp()) * 1000,
            "epoch-seconds": int(noon.timestamp()),
        }[self.format]
        event = RawEvent(self.partner, self.event.value, self.event.headers, self.event.key)
        if isinstance(self.mapping, CsvMapping):
            cells = self.event.value.decode().split(self.mapping.delimiter)
            cells[self.mapping.columns.index(self.path)] = str(written)
            return replace(event, value=self.mapping.delimiter.join(cells).encode())
        body = json.loads(self.event.value)
        is_bare = isinstance(self.mapping, JsonMapping) and self.mapping.envelope == "none"
        inner = body if is_bare else body["data"]
        *parents, name = self.path.split(".")
        for parent in parents:
            inner = inner[parent]
        inner[name] = written
        return replace(event, value=json.dumps(body).encode())


def refusal_of(result: Judged) -> Fault:
    assert isinstance(result, Refused), result
    return result.fault


def _moments(events: Any) -> Iterator[tuple[str | Moment, str]]:
    if isinstance(events.days_late, Late) and events.days_late.due and events.days_late.cleared:
        yield from ((events.days_late.due, "date"), (events.days_late.cleared, "date"))
    if isinstance(events.consent, ConsentPaths):
        yield events.consent.given_at, "rfc3339"
    yield from ((spec, "date") for spec in (events.began_on, events.ended_on) if spec is not None)


def _places() -> Iterator[Place]:
    for partner in PARTNERS:
        mapping = load_mapping(ROOT / "partners" / f"{partner}.toml")
        whole = native_mapping(mapping, "CNY") if isinstance(mapping, NativeMapping) else mapping
        made = list(islice(samples(partner, mapping, Setting("CNY", DEPLOYMENT.zone, ARRIVED)), 200))
        for events in whole.events:
            kinds = set(events.kinds.values())
            specs = list(_moments(events))
            if whole.time is not None:
                specs.append((whole.time, "rfc3339"))
            for spec, default in specs:
                path = spec if isinstance(spec, str) else spec.path
                place = path if isinstance(path, str) else path[0]
                said = spec.format if isinstance(spec, Moment) else None
                format = "date" if isinstance(path, tuple) else said or default
                found = _sample(partner, mapping, made, kinds, place)
                if found:
                    yield Place(partner, mapping, place, format, found)


def _sample(
    partner: str, mapping: PartnerMapping, made: list[PartnerEvent], kinds: set[str], path: str
) -> PartnerEvent | None:
    """One of the samples that is of one of these kinds, and has something at the place."""
    for event in made:
        result = normalize(PARTNERS[partner], event, ARRIVED)
        if _has(mapping, event, path) and isinstance(result, Normalized) and result.body.kind in kinds:
            return event
    return None


def _has(mapping: PartnerMapping, event: PartnerEvent, path: str) -> bool:
    if isinstance(mapping, CsvMapping):
        return bool(event.value.decode().split(mapping.delimiter)[mapping.columns.index(path)])
    return f'"{path.rpartition(".")[2]}"'.encode() in event.value


PLACES = list(_places())
WRONG = [date(1900, 1, 1), date(1970, 1, 1), date(1970, 1, 20), date(1980, 1, 1), date(2199, 12, 31)]
PLACEHOLDERS = {Code.DATES_CONTRADICT, Code.IMPLAUSIBLE_DATE, Code.TOO_LATE, Code.IN_FUTURE}


def test_the_places_are_those_of_all_partners_that_name_any() -> None:
    assert {place.partner for place in PLACES} == set(PARTNERS)
    assert len(PLACES) >= 30


@pytest.mark.parametrize("wrong", WRONG, ids=str)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.partner}-{place.path}")
def test_no_time_or_day_of_any_mapping_goes_past_the_table(place: Place, wrong: date) -> None:
    result = normalize(PARTNERS[place.partner], place.holding(wrong), ARRIVED)
    assert isinstance(result, Refused), result
    assert result.fault.code in PLACEHOLDERS, result.fault


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.partner}-{place.path}")
def test_the_day_of_the_event_itself_is_taken_or_contradicts_another(place: Place) -> None:
    result = normalize(PARTNERS[place.partner], place.holding(ARRIVED.date() - timedelta(days=1)), ARRIVED)
    # A record's first day after its last one, if the event has both.
    assert isinstance(result, Normalized) or refusal_of(result).code is Code.DATES_CONTRADICT, result


# Laws.

LOW, HIGH = date(1900, 1, 1), date(2199, 12, 31)
near = st.integers(-1_000, 1_000).map(lambda days: date(2024, 3, 5) + timedelta(days=days))
days = st.one_of(st.dates(LOW, HIGH), near, st.sampled_from(WRONG))


@given(days, days)
def test_an_obligation_is_judged_by_its_two_days_alone(due: date, paid: date) -> None:
    """Written from rule E15 apart from the code: event of 2024-03-05 in Shanghai, arrived on the 20th."""
    result = normalize(PARTNERS["utility"], utility({"due": f"{due:%Y%m%d}", "paid": f"{paid:%Y%m%d}"}), ARRIVED)
    late = paid.toordinal() - due.toordinal()
    if paid > date(2024, 3, 20):
        expected: object = Code.IN_FUTURE
    elif late < -732:
        expected = Code.DATES_CONTRADICT
    elif paid < date(2023, 1, 1) or due < date(2004, 1, 1):
        expected = Code.IMPLAUSIBLE_DATE
    elif late > 90:
        expected = Code.BEYOND_BEHAVIOR
    else:
        expected = late if late > 0 else 0
    if isinstance(result, Normalized):
        assert isinstance(result.body, BehaviorEvent)
        assert result.body.days_late == expected
    else:
        assert refusal_of(result).code == expected


@given(st.integers(-2_000, 200))
def test_two_days_and_a_number_of_days_have_one_answer(late: int) -> None:
    due = date(2024, 3, 5) - timedelta(days=late)
    by_days = normalize(PARTNERS["utility"], utility({"due": f"{due:%Y%m%d}"}), ARRIVED)
    by_number = normalize(PARTNERS["bank"], bank({"days_past_due": late}), ARRIVED)
    if isinstance(by_days, Refused):
        assert isinstance(by_number, Refused)
    else:
        assert isinstance(by_number, Normalized)
        assert isinstance(by_days, Normalized)
        assert isinstance(by_days.body, BehaviorEvent)
        assert isinstance(by_number.body, BehaviorEvent)
        assert by_days.body.days_late == by_number.body.days_late


def test_the_rule_book_has_the_table() -> None:
    text = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for bounds in PLAUSIBILITY:
        (row,) = [row for row in rows if row.startswith(f"| {bounds.name} |")]
        years = re.search(r"(\d+) years? before", row)
        assert years is not None, row
        assert int(years[1]) == bounds.years_back
        assert f"`{bounds.too_old}`" in row
        assert ("`in-future`" in row) is not bounds.future
    assert f"{EARLY_DAYS_MAX} days" in text


def test_every_shape_is_in_the_table() -> None:
    assert {shape for bounds in PLAUSIBILITY for shape in bounds.shapes} == {kind.shape for kind in KIND_OF.values()}
