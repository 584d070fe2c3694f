"""ingest's laws: one answer for whatever comes, the same one each time, and no identifier in it."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from services.ingest.core.money import RateError, Rates, read_rates
from shared.contracts.checks import check_event
from shared.contracts.messages import BehaviorEvent, RecordReport, Refusal, encode, read
from shared.contracts.partition import partition_of
from shared.contracts.refusals import read_refusal
from shared.runner.service import Outgoing
from tests.support.ingest.raw_events import (
    PERSON,
    SPELLINGS,
    RawEvent,
    bank,
    bank_income,
    bank_record,
    bike,
    city,
    city_record,
    consumer_credit,
    consumer_credit_link,
    court,
    hotel,
    hotel_no_show,
    shop,
    utility,
)
from tests.support.ingest.shipped import PARTNERS, answer, pseudonym

GOOD = (
    bank(),
    bank_income(),
    bank_record(),
    consumer_credit(),
    consumer_credit_link(),
    utility(),
    bike(),
    hotel(),
    hotel_no_show(),
    shop(),
    court(),
    city(),
    city_record(),
)

headers = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from(
                ["content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject"]
            ),
            st.text(max_size=20),
        ),
        st.one_of(
            st.none(),
            st.binary(max_size=40),
            st.sampled_from([b"1.0", b"application/json", b"application/cloudevents+json", b"2024-03-05T09:30:00Z"]),
        ),
    ),
    max_size=8,
).map(tuple)
anything = st.builds(
    RawEvent,
    partner=st.sampled_from(sorted(PARTNERS)),
    value=st.one_of(st.none(), st.binary(max_size=300), st.text(max_size=300).map(str.encode)),
    headers=headers,
    key=st.one_of(st.none(), st.binary(max_size=20)),
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.integers(60, 130).map(lambda length: "x" * length)
    | st.integers(-(10**18), 10**18)
    | st.integers(-2_300_000_000_000, 7_300_000_000_000)
    | st.datetimes().map(lambda time: f"{time.isoformat()}+14:00")
    | st.dates(date(1, 1, 1)).map(lambda day: day.strftime("%4Y%m%d"))
    | st.sampled_from([PERSON, "2024-02-30", "20240230", "CNY", "1e9", "9999-12-31T23:59:59Z", 10**18, -1, 0.1, "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def leaves(body: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(body, dict):
        return [path]
    return [found for name, inner in body.items() for found in leaves(inner, (*path, name))]


def with_value(body: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    return {**body, path[0]: with_value(body.get(path[0], {}), path[1:], value)}


@st.composite
def nearly_good(draw: st.DrawFn) -> RawEvent:
    """A good event with up to three of its values replaced by any others, or with a field too many."""
    event = draw(st.sampled_from(GOOD))
    assert event.value is not None
    if event.partner == "court-feed":
        cells = event.value.decode().split(";")
        for place in draw(st.lists(st.integers(0, len(cells) - 1), max_size=3)):
            cells[place] = draw(st.text(max_size=20) | st.sampled_from([PERSON, "2024-02-30", "-1", '"']))
        return replace(event, value=";".join(cells).encode(errors="replace"))
    body = json.loads(event.value)
    for path in draw(st.lists(st.sampled_from(leaves(body)), max_size=3)):
        body = with_value(body, path, draw(json_values))
    if draw(st.booleans()):
        body = {**body, draw(st.text(max_size=10) | st.sampled_from([PERSON, "sex", "id", "time"])): draw(json_values)}
    return replace(event, value=json.dumps(body).encode())


@st.composite
def torn(draw: st.DrawFn) -> RawEvent:
    """A good event with some of its bytes replaced, dropped or added."""
    event = draw(st.sampled_from(GOOD))
    assert event.value is not None
    start = draw(st.integers(0, len(event.value)))
    end = draw(st.integers(start, min(start + 5, len(event.value))))
    return replace(event, value=event.value[:start] + draw(st.binary(max_size=5)) + event.value[end:])


events = st.one_of(anything, nearly_good(), torn())


@given(events)
def test_whatever_comes_has_one_answer_and_it_is_a_valid_one(event: RawEvent) -> None:
    outgoing, outcome = answer(event)
    assert outcome.partner == event.partner
    assert outcome.code != "unprocessable"
    if outcome.result == "refused":
        refusal = read_refusal(outgoing.headers)
        assert isinstance(refusal, Refusal), refusal
        assert refusal.code == outcome.code
        assert outgoing.value == event.value
        return
    assert outcome.result == "accepted"
    assert outgoing.value is not None
    assert outgoing.key is not None
    model: type[BehaviorEvent] | type[RecordReport] = (
        BehaviorEvent if outgoing.topic == "behavior.normalized" else RecordReport
    )
    body = read(model, outgoing.value)
    assert isinstance(body, BehaviorEvent | RecordReport), body
    assert check_event(body) is None
    assert encode(body) == outgoing.value
    assert outgoing.partition == partition_of(outgoing.key.decode())


@given(events)
def test_the_same_record_has_the_same_answer(event: RawEvent) -> None:
    assert answer(event) == answer(event)


def seen_by_others(outgoing: Outgoing) -> list[str]:
    """All that is sent, but for what goes back to the partner who sent it: the bytes, and the event's own id."""
    refused = outgoing.topic.startswith("behavior.rejected.")
    parts = [name.encode() + content for name, content in outgoing.headers if name != "ce_eventid" or not refused]
    value = b"" if refused else outgoing.value or b""
    return [part.decode() for part in (outgoing.topic.encode(), outgoing.key or b"", value, *parts)]


@st.composite
def naming(draw: st.DrawFn) -> RawEvent:
    """An event with the person's identifier, in some spelling and among other letters, at any place; or as a name."""
    event = draw(st.sampled_from(GOOD))
    assert event.value is not None
    spelling = draw(st.sampled_from([*SPELLINGS.values(), f"{PERSON[:5]}\u00ad{PERSON[5:]}"]))
    word = draw(st.sampled_from(["", "a", "no. "])) + spelling + draw(st.sampled_from(["", "/7"]))
    if event.partner == "court-feed":
        cells = event.value.decode().split(";")
        cells[draw(st.integers(0, len(cells) - 1))] = word
        return replace(event, value=";".join(cells).encode())
    body = json.loads(event.value)
    path = draw(st.sampled_from(leaves(body)))
    if draw(st.booleans()):
        return replace(event, value=json.dumps(with_value(body, path, word)).encode())
    return replace(event, value=json.dumps(with_value(body, (*path[:-1], word), 1)).encode())


@given(st.one_of(events, naming()))
@example(bank(id=f"pay-{PERSON}"))
def test_no_identifier_goes_further(event: RawEvent) -> None:
    outgoing, outcome = answer(event)
    for part in seen_by_others(outgoing):
        assert PERSON[2:] not in "".join(filter(str.isalnum, unicodedata.normalize("NFKC", part)))
    assert PERSON not in outcome.code


@given(st.sampled_from([" ", "-", "\u2010", "\u3000"]), st.integers(0, 14), st.booleans())
def test_one_person_however_the_account_is_spelled(blank: str, place: int, lower: bool) -> None:
    spelled = PERSON[:place] + blank + PERSON[place:]
    outgoing, _ = answer(utility({"acct": spelled.lower() if lower else spelled}))
    assert outgoing.key == pseudonym(PERSON).encode()


rates: Rates = read_rates("month,currency,per_base_unit,source\n2024-03,USD,0.14,t\n2024-03,JPY,20.5,t\n", "CNY")


@given(st.integers(0, 10**15), st.sampled_from(["USD", "JPY"]))
def test_a_conversion_is_off_by_at_most_half_a_minor_unit(amount: int, currency: str) -> None:
    """(rules E7)"""
    month = 2024 * 12 + 2
    converted = rates.to_base(amount, currency, month)
    assert converted is not None
    # yuan = amount / 10^2 / 0.14, and amount / 20.5; times 100 fen each
    exact_times_1000 = {"USD": amount * 1000 * 100 // 14, "JPY": amount * 1000 * 1000 // 205}[currency]
    assert abs(converted * 1000 - exact_times_1000) <= 501
    assert rates.to_base(amount, currency, month + 1) is None
    assert rates.to_base(amount, "CNY", month + 1) == amount


_RATES_PER_EURO = "month,currency,per_euro,source\n2024-03,USD,1.09,t\n2024-03,JPY,162.7,t\n2024-03,CNY,7.84,t\n"


@given(st.integers(0, 10**13), st.permutations(["EUR", "USD", "CNY", "JPY"]))
def test_the_way_there_and_back_costs_a_rounding_each(amount: int, currencies: list[str]) -> None:
    """What is converted to another base and back is what it was, but for half a minor unit each time (rules E7)."""
    here, there, *_ = currencies
    month = 2024 * 12 + 2
    away = read_rates(_RATES_PER_EURO, there).to_base(amount, here, month)
    assert away is not None
    home = read_rates(_RATES_PER_EURO, here)
    back = home.to_base(away, there, month)
    assert back is not None
    assert abs(back - amount) <= home.factors[month, there] / 2 + Fraction(1, 2)


_rate_cells = st.sampled_from(
    [
        "2024-03",
        "2026-02",
        "0000-01",
        "USD",
        "BGN",
        "UYI",
        "CNY",
        "0.14",
        "0",
        "1e3",
        "-1",
        "",
        " ",
        "test",
        "\ufeff",
        "\u2028",
    ]
) | st.text(max_size=6)
_rate_lines = st.lists(_rate_cells, max_size=6).map(",".join)


def _read(text: str) -> Rates | RateError:
    try:
        return read_rates(text, "CNY")
    except RateError as error:
        return error


@given(st.lists(_rate_lines, max_size=5), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_a_rates_file_is_read_or_refused_by_line(lines: list[str], end: str, headed: bool) -> None:
    found = _read(end.join(["month,currency,per_euro,source", *lines] if headed else lines))
    if isinstance(found, RateError):
        assert found.line >= 1
        assert found.sentence.endswith(".")
    else:
        assert all(factor > 0 for factor in found.factors.values())
