"""Each option of the mapping language: a table of what it reads, and of what it refuses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from services.ingest.core.members import BESIDE_CHARACTERS_MAX, BESIDE_MAX
from services.ingest.core.normalize import Normalized, Refused, Skipped
from shared.contracts.faults import Code
from shared.contracts.messages import BehaviorEvent, RecordReport
from shared.contracts.times import rfc3339
from shared.toml_file import ConfigError
from tests.support.ingest.mapped import partner_of, read
from tests.support.ingest.raw_events import PERSON

HEAD = """\
format = "json"
envelope = "none"
id = "id"
time = "at"
zone = "Europe/Berlin"
subject = "who"
kind = "what"
"""
BLOCK = """
[[events]]
kinds = { paid = "water.bill" }
days_late = { fixed = 0 }
"""
GOOD = {"id": "e1", "at": "2024-03-05T09:30:00Z", "who": PERSON, "what": "paid"}
CSV = """\
format = "csv"
columns = ["id", "at", "who", "what", "sum"]
id = "id"
time = "at"
subject = "who"
kind = "what"
"""
CSV_BLOCK = """
[[events]]
kinds = { paid = "water.bill" }
days_late = { fixed = 0 }
amount = { path = "sum", unit = "major", currency = "CNY", optional = true }
"""
HEADED = CSV.replace('columns = ["id", "at", "who", "what", "sum"]', "header = true") + CSV_BLOCK
ROW = f"e1,2024-03-05T09:30:00Z,{PERSON},paid,12.50"


@dataclass(frozen=True)
class Told:
    """What a good event is to say, of the fields that the case is about."""

    id: str | None = None
    time: str | None = None
    amount: int | None = None
    days_late: int | None = None
    count: int | None = None
    value: str | None = None


@dataclass(frozen=True)
class Fault:
    code: Code
    field: str
    sentence: str = ""


SKIPPED = Skipped()


def check(found: Any, expected: Told | Fault | Skipped) -> None:
    if isinstance(expected, Skipped):
        assert found == expected
    elif isinstance(expected, Fault):
        assert isinstance(found, Refused), found
        assert (found.fault.code, found.fault.field) == (expected.code, expected.field)
        assert expected.sentence in found.fault.sentence, found.fault.sentence
    else:
        assert isinstance(found, Normalized), found
        if expected.id is not None:
            assert found.event_id == expected.id
        if expected.time is not None:
            assert rfc3339(found.time) == expected.time
        for name in ("amount", "days_late", "count", "value"):
            if getattr(expected, name) is not None:
                assert getattr(found.body, name) == getattr(expected, name)


def amount(spec: str, more: str = "") -> str:
    return HEAD + more + BLOCK + f'amount = {{ path = "sum", unit = "major", currency = "CNY"{spec} }}\n'


def wrong_type(sentence: str = "") -> Fault:
    return Fault(Code.WRONG_TYPE, "sum", sentence)


GERMAN = ', number = { decimal = ",", thousands = "." }'
EURO = ', number = { decimal = ",", thousands = ".", symbol = "€", symbol_at = "after" }'
DOLLAR = ', number = { thousands = ",", symbol = "$" }'
NUMBERS = [
    (GERMAN, "1.234,50", Told(amount=123_450)),
    (GERMAN, "1234,5", Told(amount=123_450)),
    (GERMAN, "1.080", Told(amount=108_000)),
    (GERMAN, "1.234.567", Told(amount=123_456_700)),
    (GERMAN, 12.5, Told(amount=1_250)),
    (GERMAN, "12.50", wrong_type("1.234,50")),
    (GERMAN, "1.23,50", wrong_type()),
    (GERMAN, "1234.567,00", wrong_type()),
    (GERMAN, "12,505", Fault(Code.FRACTION_OF_MINOR_UNIT, "sum")),
    (GERMAN, "-1,00", Fault(Code.OUT_OF_BOUNDS, "sum", "not negative")),
    (GERMAN, "+1,00", wrong_type()),
    (GERMAN, "1,", wrong_type()),
    (GERMAN, "", wrong_type()),
    (GERMAN, "9" * 41, Fault(Code.OUT_OF_BOUNDS, "sum")),
    (GERMAN, None, Fault(Code.MISSING_FIELD, "sum")),
    (', number = { decimal = "," }', "1.234,50", wrong_type()),
    (', number = { decimal = "." }', "1.080", Told(amount=108)),
    (', number = { thousands = " " }', "1\u202f234.50", Told(amount=123_450)),
    (', number = { thousands = "\'" }', "1\u2019234.50", Told(amount=123_450)),
    (EURO, "1.234,50 €", Told(amount=123_450)),
    (EURO, "1.234,50€", Told(amount=123_450)),
    (EURO, "1.234,50\u00a0€", Told(amount=123_450)),
    (EURO, "1.234,50", Told(amount=123_450)),
    (EURO, "€ 1.234,50", wrong_type()),
    (EURO, "1.234,50 $", wrong_type()),
    (DOLLAR, "$1,234.50", Told(amount=123_450)),
    (DOLLAR, "$ 5", Told(amount=500)),
    (DOLLAR, "5$", wrong_type()),
    (", number = { plus = true }", "+12.50", Told(amount=1_250)),
    (", number = {}", "+12.50", wrong_type()),
    (', sign = "negative"', "-12.50", Told(amount=1_250)),
    (', sign = "negative"', -12.5, Told(amount=1_250)),
    (', sign = "negative"', "12.50", Fault(Code.OUT_OF_BOUNDS, "sum", "negative")),
    (', sign = "negative"', 0, Told(amount=0)),
    (', sign = "either"', "-12.50", Told(amount=1_250)),
    (', sign = "either"', "12.50", Told(amount=1_250)),
    (DOLLAR + ', sign = "either"', "-$5.00", Told(amount=500)),
    (DOLLAR + ', sign = "either"', "$-5.00", Told(amount=500)),
    (DOLLAR + ', sign = "either"', "-$-5.00", wrong_type()),
    (', sign = "either", number = { minus = "after" }', "12.50-", Told(amount=1_250)),
    (', sign = "either", number = { minus = "after" }', "-12.50", wrong_type()),
    (', sign = "either", number = { minus = "parentheses" }', "(12.50)", Told(amount=1_250)),
    (', sign = "either", number = { minus = "parentheses" }', "(12.50", wrong_type()),
    (', sign = "either", number = { minus = "parentheses" }', "12.50)", wrong_type()),
    (', sign = "either"', "\u221212.50", wrong_type()),
    (', sign = "negative"', "-1.080", Fault(Code.AMBIGUOUS_AMOUNT, "sum", "Write 2 digits")),
    (', sign = "negative"', "-12.500", Fault(Code.AMBIGUOUS_AMOUNT, "sum")),
    (', sign = "either"', "-100.000", Fault(Code.AMBIGUOUS_AMOUNT, "sum")),
    (', sign = "either"', "1.080", Fault(Code.AMBIGUOUS_AMOUNT, "sum")),
    (', sign = "either"', "-0.500", Told(amount=50)),
    (', sign = "negative", point = "decimal"', "-1.080", Told(amount=108)),
    (GERMAN, "0.123", wrong_type()),
    (GERMAN, "01.234", wrong_type()),
    (GERMAN + ', sign = "negative"', "-0.123", wrong_type()),
    (GERMAN, "0,99", Told(amount=99)),
    (', number = { thousands = "," }', "000,123.00", wrong_type()),
    (', sign = "either", number = {}', "\u221212.50", Told(amount=1_250)),
]


@pytest.mark.parametrize(("spec", "value", "expected"), NUMBERS)
def test_amounts_in_a_declared_notation(spec: str, value: Any, expected: Told | Fault) -> None:
    """(rules E7)"""
    [found] = read(partner_of(amount(spec)), json.dumps({**GOOD, "sum": value}).encode())
    check(found, expected)


def test_the_notation_of_the_file_is_that_of_every_amount_that_states_none() -> None:
    partner = partner_of(amount("", 'number = { decimal = "," }\n'))
    check(read(partner, json.dumps({**GOOD, "sum": "12,50"}).encode())[0], Told(amount=1_250))
    minor = (
        HEAD + 'number = { thousands = "," }\n' + BLOCK + 'amount = { path = "sum", unit = "minor", currency = "CNY" }'
    )
    check(read(partner_of(minor), json.dumps({**GOOD, "sum": "1,250"}).encode())[0], Told(amount=1_250))
    check(read(partner_of(minor), json.dumps({**GOOD, "sum": 1250}).encode())[0], Told(amount=1_250))
    check(read(partner_of(minor), json.dumps({**GOOD, "sum": "1,25"}).encode())[0], wrong_type())


def time(spec: str) -> str:
    return HEAD.replace('time = "at"', f'time = {{ path = "at", {spec} }}') + BLOCK


def no_time(sentence: str = "") -> Fault:
    return Fault(Code.TIME_FORMAT, "at", sentence)


TIMES = [
    ('pattern = "dd.MM.yyyy HH:mm"', "05.03.2024 10:30", "2024-03-05T09:30:00Z"),
    ('pattern = "MM/dd/yyyy HH:mm"', "03/05/2024 10:30", "2024-03-05T09:30:00Z"),
    ('pattern = "M/d/yyyy h:mm a"', "3/5/2024 1:30 PM", "2024-03-05T12:30:00Z"),
    ('pattern = "M/d/yyyy h:mm a"', "3/5/2024 12:30 AM", "2024-03-04T23:30:00Z"),
    ('pattern = "M/d/yyyy h:mm a"', "3/5/2024 0:30 AM", no_time("M/d/yyyy")),
    ('pattern = "yyyyMMddHHmmss"', "20240305103000", "2024-03-05T09:30:00Z"),
    ("pattern = \"yyyy-MM-dd'T'HH:mm:ssXX\"", "2024-03-05T10:30:00+0200", "2024-03-05T08:30:00Z"),
    ("pattern = \"yyyy-MM-dd'T'HH:mm:ssXXX\"", "2024-03-05T10:30:00Z", "2024-03-05T10:30:00Z"),
    ("pattern = \"yyyy-MM-dd'T'HH:mm:ssXXX\"", "2024-03-05T10:30:00+14:00", "2024-03-04T20:30:00Z"),
    ("pattern = \"yyyy-MM-dd'T'HH:mm:ssXXX\"", "2024-03-05T10:30:00+14:30", no_time("XXX")),
    ("pattern = \"yyyy-MM-dd'T'HH:mm:ssXXX\"", "2024-03-05T10:30:00-12:30", no_time("XXX")),
    ("pattern = \"yyyy-MM-dd'T'HH:mm:ssXX\"", "2024-03-05T10:30:00-1200", "2024-03-05T22:30:00Z"),
    ("pattern = \"yyyy-MM-dd'T'HH:mm:ssXX\"", "2024-03-05T10:30:00-1300", no_time("XX")),
    ('pattern = "yyyy-MM-dd HH:mm:ss[.SSSSSS]"', "2024-03-05 10:30:00", "2024-03-05T09:30:00Z"),
    ('pattern = "yyyy-MM-dd HH:mm:ss[.SSSSSS]"', "2024-03-05 10:30:00.125", "2024-03-05T09:30:00.125000Z"),
    ('pattern = "yyyy-MM-dd HH:mm:ss[.SSS]"', "2024-03-05 10:30:00.1254", no_time()),
    ('pattern = "yyyy-MM-dd HH:mm:ss.SSS"', "2024-03-05 10:30:00", no_time()),
    ('pattern = "d MMM yy HH:mm"', "5 Mar 24 10:30", "2024-03-05T09:30:00Z"),
    ('pattern = "d MMMM yyyy HH:mm"', "5 March 2024 10:30", "2024-03-05T09:30:00Z"),
    ('pattern = "d MMMM yyyy HH:mm"', "5 März 2024 10:30", no_time()),
    ('pattern = "dd.MM.yyyy HH:mm"', "30.02.2024 10:30", no_time("calendar")),
    ('pattern = "dd.MM.yyyy HH:mm"', "26.03.2023 02:30", no_time("skip")),
    ('pattern = "dd.MM.yyyy HH:mm"', "29.10.2023 02:30", "2023-10-29T00:30:00Z"),
    ('pattern = "dd.MM.yyyy HH:mm"', "5.3.2024 10:30", no_time()),
    ('pattern = "dd.MM.yyyy HH:mm"', "05.03.1899 10:30", Fault(Code.TIME_RANGE, "at")),
    ('pattern = "dd.MM.yyyy HH:mm"', "05.03.1970 10:30", Fault(Code.TOO_LATE, "at")),
    ('pattern = "dd.MM.yyyy HH:mm"', "21.03.2024 10:30", Fault(Code.IN_FUTURE, "at")),
    ('pattern = "dd.MM.yyyy HH:mm"', 20240305, no_time("in quotes")),
    ('pattern = "dd.MM.yyyy", at = "noon"', "05.03.2024", "2024-03-05T11:00:00Z"),
    ('pattern = "dd.MM.yyyy", at = "start"', "05.03.2024", "2024-03-04T23:00:00Z"),
    ('pattern = "dd.MM.yyyy", at = "end"', "05.03.2024", "2024-03-05T22:59:59.999999Z"),
    ('pattern = "dd.MM.yyyy", at = "end"', "20.03.2024", "2024-03-20T22:59:59.999999Z"),
    ('pattern = "dd.MM.yyyy", at = "start"', "21.03.2024", Fault(Code.IN_FUTURE, "at")),
    ('pattern = "dd.MM.yyyy", at = "start"', "01.01.1970", Fault(Code.TOO_LATE, "at")),
    ('as = "date", at = "noon"', "2024-03-05", "2024-03-05T11:00:00Z"),
    ('as = "compact-date", at = "noon"', "20240305", "2024-03-05T11:00:00Z"),
    ('as = "epoch-days", at = "noon"', 19_787, "2024-03-05T11:00:00Z"),
    ('as = "epoch-days", at = "noon"', "19787", no_time()),
    ('as = "epoch-seconds"', 1_709_631_000, "2024-03-05T09:30:00Z"),
    ('as = "epoch-seconds", type = "text"', "1709631000", "2024-03-05T09:30:00Z"),
    ('as = "epoch-seconds", type = "text"', 1_709_631_000, no_time()),
    ('as = "epoch-seconds"', "1709631000", no_time()),
    ('as = "epoch-millis", type = "text"', "1709631000125", "2024-03-05T09:30:00.125000Z"),
    ('as = "epoch-millis", type = "text"', "1.709e12", no_time()),
    ('as = "epoch-micros"', 1_709_631_000_000_125, "2024-03-05T09:30:00.000125Z"),
    ('as = "epoch-micros", type = "text"', "9" * 60, Fault(Code.TIME_RANGE, "at")),
]


@pytest.mark.parametrize(("spec", "value", "expected"), TIMES)
def test_times_in_a_declared_form(spec: str, value: Any, expected: str | Fault) -> None:
    """(rules E6, E15 and E23)"""
    [found] = read(partner_of(time(spec)), json.dumps({**GOOD, "at": value}).encode())
    check(found, Told(time=expected) if isinstance(expected, str) else expected)


def test_a_day_in_columns_of_its_own_with_the_month_as_a_word() -> None:
    mapping = CSV.replace('"at", "who"', '"y", "m", "d", "who"').replace(
        'time = "at"', 'zone = "UTC"\ntime = { path = ["y", "m", "d"], pattern = "yyyy MMMM d", at = "noon" }'
    )
    row = ROW.replace("2024-03-05T09:30:00Z", "2024,March,5")
    check(read(partner_of(mapping + CSV_BLOCK), row.encode())[0], Told(time="2024-03-05T12:00:00Z"))


@pytest.mark.parametrize(
    ("block", "body", "expected"),
    [
        ('days_late = { path = "late", type = "text" }', {"late": "3"}, Told(days_late=3)),
        ('days_late = { path = "late", type = "text" }', {"late": 3}, Fault(Code.WRONG_TYPE, "late")),
        ('days_late = { path = "late", type = "text" }', {"late": "3.0"}, Fault(Code.WRONG_TYPE, "late")),
        ('days_late = { path = "late" }', {"late": 3}, Told(days_late=3)),
        ('days_late = { path = "late" }', {"late": "3"}, Fault(Code.WRONG_TYPE, "late")),
        (
            'days_late.due = { path = "due", pattern = "dd.MM.yyyy" }\n'
            'days_late.cleared = { path = "on", as = "epoch-days" }',
            {"due": "01.03.2024", "on": 19_787},
            Told(days_late=4),
        ),
    ],
)
def test_whole_numbers_and_days_of_an_obligation(block: str, body: dict[str, Any], expected: Told | Fault) -> None:
    mapping = HEAD + BLOCK.replace("days_late = { fixed = 0 }", block)
    check(read(partner_of(mapping), json.dumps({**GOOD, **body}).encode())[0], expected)


IDS = [
    ('id = { path = "id", type = "number" }', {"id": 4711}, Told(id="4711")),
    ('id = { path = "id", type = "number" }', {"id": "4711"}, Fault(Code.WRONG_TYPE, "id")),
    ('id = { path = "id", type = "number" }', {"id": 47.5}, Fault(Code.WRONG_TYPE, "id")),
    ('id = { path = "id", type = "number" }', {"id": None}, Fault(Code.MISSING_FIELD, "id")),
    ('id = "id"', {"id": 4711}, Fault(Code.WRONG_TYPE, "id")),
    ('id = { function = "joined", paths = ["id", "no"] }', {"id": "a", "no": "7"}, Told(id="a-7")),
    ('id = { function = "joined", paths = ["id", "no"] }', {"id": "a"}, Fault(Code.MISSING_FIELD, "no")),
]


@pytest.mark.parametrize(("spec", "body", "expected"), IDS)
def test_ids_that_are_numbers_or_of_several_parts(spec: str, body: dict[str, Any], expected: Told | Fault) -> None:
    mapping = HEAD.replace('id = "id"', spec) + BLOCK
    check(read(partner_of(mapping), json.dumps({**GOOD, **body}).encode())[0], expected)


def test_an_event_without_an_id_gets_a_digest_that_tells_nothing_and_stays() -> None:
    mapping = HEAD.replace('id = "id"', 'id = { function = "digest", paths = ["at", "purpose"] }') + BLOCK
    partner = partner_of(mapping)
    event = {name: value for name, value in GOOD.items() if name != "id"}
    first, again, other = (
        read(partner, json.dumps({**event, "purpose": purpose}).encode())[0] for purpose in ("rent", "rent", "gas")
    )
    assert isinstance(first, Normalized)
    assert isinstance(other, Normalized)
    assert first == again
    assert first.event_id != other.event_id
    assert len(first.event_id) == 32
    assert int(first.event_id, 16)


PURPOSES: list[tuple[Any, Any]] = [
    ("rent", "rent 2"),
    ("rent\r\nof May", "rent of May"),
    ("r" * 500, "r" * 501),
    ("rent \u200d\u2764", "rent"),
    ("\U0001fae8", "\U0001fae9"),  # younger than the Unicode that ids are of
    (" ", ""),
    ("", "-"),
    (12, 13),
    (Decimal("12.50"), 12),
    ("caf\u00e9", "cafe"),
]


@pytest.mark.parametrize(("purpose", "other"), PURPOSES)
def test_a_digest_is_made_of_whatever_is_written_in_a_row(purpose: Any, other: Any) -> None:
    """Of a purpose of two lines or 140 characters too: nothing is read from a digest."""
    mapping = HEAD.replace('id = "id"', 'id = { function = "digest", paths = ["at", "purpose"] }') + BLOCK
    event = {name: value for name, value in GOOD.items() if name != "id"}

    def id_of(written: Any) -> str:
        body = json.dumps({**event, "purpose": written}, default=float).encode()
        [found] = read(partner_of(mapping), body)
        assert isinstance(found, Normalized), found
        return found.event_id

    assert id_of(purpose) == id_of(purpose) != id_of(other)


def test_spellings_that_nobody_can_tell_apart_have_one_digest() -> None:
    mapping = HEAD.replace('id = "id"', 'id = { function = "digest", paths = ["at", "purpose"] }') + BLOCK
    event = {name: value for name, value in GOOD.items() if name != "id"}
    spelled = ("caf\u00e9  5", "cafe\u0301 5", "\uff43af\u00e9\u00a05")
    judged = [read(partner_of(mapping), json.dumps({**event, "purpose": each}).encode())[0] for each in spelled]
    found = {each.event_id for each in judged if isinstance(each, Normalized)}
    assert len(judged) == 3
    assert len(found) == 1
    [refused] = read(partner_of(mapping), json.dumps({**event, "purpose": True}).encode())
    check(refused, Fault(Code.WRONG_TYPE, "purpose"))


WORDS = [
    ("", "paid", Told()),
    ("", "Paid", Fault(Code.UNKNOWN_KIND, "what")),
    ("", " paid", Fault(Code.UNKNOWN_KIND, "what", "has blanks around it")),
    ("", "paid\u00a0", Fault(Code.UNKNOWN_KIND, "what", "have the mapping say `codes = { trim = true }`. Send one of")),
    ("codes = { trim = true }", "paid\u00a0", Told()),
    ('codes = { case = "ignore" }', "PAID", Told()),
    ('codes = { case = "ignore" }', " paid", Fault(Code.UNKNOWN_KIND, "what")),
    ("codes = { trim = true }", "\tpaid ", Told()),
    ("codes = { trim = true }", "paid".rjust(1_000), Told()),
    ("codes = { trim = true }", "paid".rjust(1_001), Fault(Code.UNKNOWN_KIND, "what")),  # so much is no word
    ("codes = { trim = true }", "PAID", Fault(Code.UNKNOWN_KIND, "what")),
    ('codes = { form = "nfkc" }', "\uff50\uff41\uff49\uff44", Told()),
    ('codes = { form = "nfc" }', "\uff50\uff41\uff49\uff44", Fault(Code.UNKNOWN_KIND, "what")),
    ('skip = ["ping"]', "ping", SKIPPED),
    ('skip = ["ping"]', "pong", Fault(Code.UNKNOWN_KIND, "what", "paid")),
    ('skip = ["*"]', "pong", SKIPPED),
    ('skip = ["*"]', "paid", Told()),
    ('skip = [""]', None, SKIPPED),
    ('skip = ["ping"]', None, Fault(Code.MISSING_FIELD, "what")),
    ('skip = ["*"]', 7, Fault(Code.WRONG_TYPE, "what")),
    ('skip = ["PING"]\ncodes = { case = "ignore" }', "Ping", SKIPPED),
]


@pytest.mark.parametrize(("more", "word", "expected"), WORDS)
def test_words_are_compared_as_declared_and_some_kinds_passed_over(
    more: str, word: Any, expected: Told | Fault | Skipped
) -> None:
    check(read(partner_of(HEAD + more + BLOCK), json.dumps({**GOOD, "what": word}).encode())[0], expected)


def test_of_an_event_that_is_passed_over_nothing_else_is_read() -> None:
    """(rules E20)"""
    partner = partner_of(HEAD + 'skip = ["ping"]' + BLOCK)
    assert read(partner, b'{"what": "ping", "anything": [1]}') == [SKIPPED]


SIGNED = (
    HEAD.replace('kind = "what"', 'kind = ["what", { sign_of = "sum" }]')
    + 'skip = ["paid/zero"]'
    + """
[[events]]
kinds = { "paid/minus" = "service.payment", "*/plus" = "donation.made" }
amount = { path = "sum", unit = "major", currency = "CNY", sign = "either" }
"""
)


@pytest.mark.parametrize(
    ("word", "value", "expected"),
    [
        ("paid", -3, "service.payment"),
        ("paid", "-3.50", "service.payment"),
        ("given", 3, "donation.made"),
        ("paid", 0, SKIPPED),
        ("given", 0, Fault(Code.UNKNOWN_KIND, "sum", "The mapping has no kind for `*/zero`; name it there")),
        ("paid", "much", Fault(Code.WRONG_TYPE, "sum", "`number` at its top, which holds for `sign_of` too")),
        ("paid", None, Fault(Code.MISSING_FIELD, "sum")),
    ],
)
def test_the_sign_of_an_amount_decides_and_a_star_is_any_other_word(word: str, value: Any, expected: Any) -> None:
    [found] = read(partner_of(SIGNED), json.dumps({**GOOD, "what": word, "sum": value}).encode())
    if isinstance(expected, str):
        assert isinstance(found, Normalized), found
        assert found.body.kind == expected
    else:
        check(found, expected)


def test_a_list_without_the_object_around_it_is_told_from_an_event_that_is_none() -> None:
    [found] = read(partner_of(HEAD + 'list = "rides"' + BLOCK), json.dumps([GOOD]).encode())
    check(found, Fault(Code.NOT_AN_OBJECT, "", 'The mapping says `list = "rides"`: send an object with the list in it'))


TWO_COLUMNS = (
    HEADED.replace('kind = "what"', 'kind = ["what", { filled = ["out", "in"] }]')
    .replace('kinds = { paid = "water.bill" }', 'kinds = { "paid/out" = "water.bill" }')
    .replace('path = "sum"', 'path = "out"')
    .replace("optional = true", 'sign = "either"')
    .replace("\n\n[[events]]", '\nabsent = ["0.00"]\nskip = ["paid/in", "/"]\n\n[[events]]')
)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (",12.50,", Told(amount=1_250)),
        (",-12.50,", Told(amount=1_250)),
        (",12.50,0.00", Told(amount=1_250)),
        (",,99.00", SKIPPED),
        (",,", Fault(Code.MISSING_FIELD, "out", "a value in one of these: out, in")),
        (",1.00,2.00", Fault(Code.UNKNOWN_KIND, "out", "one of these only: out, in")),
    ],
)
def test_a_column_for_debits_and_one_for_credits(row: str, expected: Any) -> None:
    text = f"id,at,who,what,out,in\ne1,2024-03-05T09:30:00Z,{PERSON},paid{row}\n"
    [found] = read(partner_of(TWO_COLUMNS), text.encode())
    check(found, expected)


IN_FRANCS = """\
format = "csv"
header = true
id = "id"
time = "at"
subject = "who"
kind = ["what", "ccy"]
zone = "Europe/Berlin"

[[events]]
kinds = { "paid/" = "service.payment", "/" = "donation.made" }
amount = { path = "sum", unit = "major", currency = "CNY" }

[[events]]
kinds = { "paid/CHF" = "service.payment" }
amount = { path = "sum", unit = "minor", currency = "CNY" }
"""


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("paid,,12", Told(amount=1_200)),
        ("paid,CHF,12", Told(amount=12)),
        (",,12", Told(amount=1_200)),
        ("paid,USD,12", Fault(Code.UNKNOWN_KIND, "ccy", "Send one of: CHF.")),
        (",CHF,12", Fault(Code.UNKNOWN_KIND, "ccy")),
        ("given,,12", Fault(Code.UNKNOWN_KIND, "what", "Send one of: paid.")),
    ],
)
def test_an_empty_word_of_a_code_is_an_absent_one(row: str, expected: Any) -> None:
    """So that a column that is empty for most rows, as a currency, can be told from one that says something else."""
    text = f"id,at,who,what,ccy,sum\ne1,2024-03-05T09:30:00Z,{PERSON},{row}\n"
    [found] = read(partner_of(IN_FRANCS), text.encode())
    check(found, expected)


def test_of_a_row_in_which_neither_is_filled_another_word_may_say_that_it_is_passed_over() -> None:
    text = f"id,at,who,what,out,in\n,,,,,\ne1,2024-03-05T09:30:00Z,{PERSON},,,\n"
    assert read(partner_of(TWO_COLUMNS), text.encode()) == [SKIPPED]


def test_objects_may_say_by_which_field_they_have_what_they_are() -> None:
    text = (
        HEAD.replace('kind = "what"', 'kind = { filled = ["money.out", "money.in"] }') + 'codes = { case = "ignore" }'
    )
    text += """
[[events]]
kinds = { "money.out" = "service.payment" }
amount = { path = "money.out", unit = "major", currency = "CNY" }

[[events]]
kinds = { "money.in" = "donation.made" }
amount = { path = "money.in", unit = "major", currency = "CNY" }
"""
    for money, kind in [({"out": 3}, "service.payment"), ({"in": 3, "out": None}, "donation.made")]:
        body = {**{name: value for name, value in GOOD.items() if name != "what"}, "money": money}
        [found] = read(partner_of(text), json.dumps(body).encode())
        assert isinstance(found, Normalized), found
        assert (found.body.kind, found.body.amount) == (kind, 300)


def test_all_events_can_be_of_one_kind_and_a_code_a_number() -> None:
    one = HEAD.replace('kind = "what"', 'kind = { fixed = "paid" }') + BLOCK
    check(read(partner_of(one), json.dumps({k: v for k, v in GOOD.items() if k != "what"}).encode())[0], Told())
    number = HEAD.replace('kind = "what"', 'kind = { path = "what", type = "number" }')
    number += BLOCK.replace("paid =", "7 =")
    check(read(partner_of(number), json.dumps({**GOOD, "what": 7}).encode())[0], Told())
    check(read(partner_of(number), json.dumps({**GOOD, "what": "7"}).encode())[0], Fault(Code.WRONG_TYPE, "what"))
    check(read(partner_of(number), json.dumps({**GOOD, "what": 8}).encode())[0], Fault(Code.UNKNOWN_KIND, "what"))


IGNORED = [
    ('ignore = ["items.*"]', {"items": [1, {"a": 2}]}, Told()),
    ('ignore = ["items.*"]', {"items": {"a": {"b": 1}}}, Told()),
    ('ignore = ["items.*"]', {"items": 1}, Told()),
    ('ignore = ["items.*"]', {"items": [{"gender": "x"}]}, Fault(Code.DEMOGRAPHIC, "items.gender")),
    ('ignore = ["items.*"]', {"item": 1}, Fault(Code.UNKNOWN_FIELD, "item")),
    ('ignore = ["items"]', {"items": [1]}, Fault(Code.WRONG_TYPE, "items")),
    ('ignore = ["order.items.*"]', {"order": {"items": [1]}}, Told()),
    ('ignore = ["order.items.*"]', {"order": {"item": [1]}}, Fault(Code.UNKNOWN_FIELD, "order.item")),
]


@pytest.mark.parametrize(("more", "body", "expected"), IGNORED)
def test_lists_and_objects_are_passed_over_when_the_file_says_so(
    more: str, body: dict[str, Any], expected: Told | Fault
) -> None:
    """(rules E9 and E12)"""
    check(read(partner_of(HEAD + more + BLOCK), json.dumps({**GOOD, **body}).encode())[0], expected)


# One message with many events.


def test_each_event_of_a_list_is_judged_apart() -> None:
    """(rules E21)"""
    partner = partner_of(HEAD + 'list = "."\nskip = ["ping"]' + BLOCK)
    bad = {**GOOD, "id": "e2", "who": "nobody"}
    found = read(partner, json.dumps([GOOD, bad, {"what": "ping"}, 7, {**GOOD, "id": "e3"}]).encode())
    check(found[0], Told(id="e1"))
    check(found[1], Fault(Code.SUBJECT_UNKNOWN_SCHEME, "who"))
    check(found[2], SKIPPED)
    check(found[3], Fault(Code.NOT_AN_OBJECT, ""))
    check(found[4], Told(id="e3"))
    assert isinstance(found[1], Refused)
    assert found[1].event_id == "e2"


def test_a_list_in_an_object_has_the_fields_around_it_too() -> None:
    mapping = HEAD.replace('"id"', '"bills.id"').replace('"at"', '"bills.at"').replace('"what"', '"bills.what"')
    partner = partner_of(mapping + 'list = "bills"\nignore = ["page"]' + BLOCK)
    bill = {name: value for name, value in GOOD.items() if name != "who"}
    found = read(partner, json.dumps({"who": PERSON, "page": 1, "bills": [bill, {**bill, "id": 5}]}).encode())
    check(found[0], Told(id="e1"))
    check(found[1], Fault(Code.WRONG_TYPE, "bills.id"))


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"{}", Code.WRONG_TYPE, ""),
        (b"7", Code.WRONG_TYPE, ""),
        (b"[", Code.JSON_SYNTAX, ""),
        (b"[" + b"{}," * 1_000 + b"{}]", Code.OUT_OF_BOUNDS, ""),
        (b'["' + b"x" * 1024 * 1024 + b'"]', Code.TOO_LARGE, ""),
    ],
)
def test_a_message_that_is_no_list_of_events_is_refused_as_a_whole(body: bytes, code: Code, field: str) -> None:
    [found] = read(partner_of(HEAD + 'list = "."' + BLOCK), body)
    check(found, Fault(code, field))


# What is said beside a list is judged again with each of its events; a line of a table costs a cell for each column.
BESIDE = [
    ("as many fields as there may be", {f"k{number}": 0 for number in range(BESIDE_MAX - 1)}, Code.UNKNOWN_FIELD),
    ("one more", {f"k{number}": 0 for number in range(BESIDE_MAX)}, Code.OUT_OF_BOUNDS),
    ("as many as a message takes", {f"k{number}": 0 for number in range(60_000)}, Code.OUT_OF_BOUNDS),
    ("within one field", {"k": {f"k{number}": 0 for number in range(BESIDE_MAX)}}, Code.OUT_OF_BOUNDS),
    ("in lists", {"k": [[0] * 50] * 2}, Code.OUT_OF_BOUNDS),
    ("as long a text as there may be", {"k": "x" * (BESIDE_CHARACTERS_MAX - len(PERSON))}, Code.UNKNOWN_FIELD),
    ("one more character", {"k": "x" * (BESIDE_CHARACTERS_MAX - len(PERSON) + 1)}, Code.OUT_OF_BOUNDS),
    ("in several texts", {"k": ["x" * (BESIDE_CHARACTERS_MAX // 2)] * 2}, Code.OUT_OF_BOUNDS),
]


@pytest.mark.parametrize(("beside", "code"), [case[1:] for case in BESIDE], ids=[case[0] for case in BESIDE])
def test_what_stands_beside_a_list_is_bounded(beside: dict[str, Any], code: Code) -> None:
    mapping = HEAD.replace('"id"', '"bills.id"').replace('"at"', '"bills.at"').replace('"what"', '"bills.what"')
    partner = partner_of(mapping + 'list = "bills"' + BLOCK)
    bill = {name: value for name, value in GOOD.items() if name != "who"}
    found = read(partner, json.dumps({**beside, "who": PERSON, "bills": [bill] * 3}).encode())
    assert {result.fault.code for result in found if isinstance(result, Refused)} == {code}
    assert len(found) == (3 if code is Code.UNKNOWN_FIELD else 1), "the message is refused as a whole"


@pytest.mark.parametrize(
    ("unnamed", "code"), [(100, Code.MISSING_FIELD), (101, Code.CSV_LINE), (500_000, Code.CSV_LINE)]
)
def test_columns_without_a_name_are_bounded(unnamed: int, code: Code) -> None:
    partner = partner_of(HEADED.replace("header = true", "header = true\nragged = true"))
    header = "id,at,who,what,sum" + "," * unnamed
    [found] = read(partner, f"{header}\ne1\n".encode())
    check(found, Fault(code, "what" if code is Code.MISSING_FIELD else ""))


def test_a_message_of_more_lines_than_it_may_have_is_refused_without_reading_them_all() -> None:
    [found] = read(partner_of(HEADED), b"id,at,who,what,sum\n" + b"x\n" * 500_000)
    check(found, Fault(Code.OUT_OF_BOUNDS, ""))


def test_a_list_without_events_has_none() -> None:
    assert read(partner_of(HEAD + 'list = "."' + BLOCK), b"[]") == []


def test_of_rows_without_an_id_two_equal_ones_are_two_events_and_sent_again_the_same() -> None:
    """(rules E22)"""
    partner = partner_of(HEADED.replace('id = "id"', 'id = { function = "digest", paths = ["at", "sum"] }'))
    rows = ["at,who,what,sum", *[f"2024-03-05T09:30:00Z,{PERSON},paid,{n}" for n in (5, 5, 6, 5)]]
    first, again = (read(partner, "\n".join(rows).encode()) for _ in range(2))
    ids = [each.event_id for each in first if isinstance(each, Normalized)]
    assert first == again
    assert len(set(ids)) == 4
    assert ids[1] == f"{ids[0]}-2"
    assert ids[3] == f"{ids[0]}-3"


def test_a_digest_is_made_of_what_is_there() -> None:
    partner = partner_of(HEADED.replace('id = "id"', 'id = { function = "digest", paths = ["sum", "note"] }'))
    rows = [f"2024-03-05T09:30:00Z,{PERSON},paid,{rest}" for rest in ("5,", "5,rent", ",5", ",")]
    found = read(partner, "\n".join(["at,who,what,sum,note", *rows]).encode())
    ids = {each.event_id for each in found if isinstance(each, Normalized)}
    assert len(ids) == 3, "an amount is no note"
    check(found[3], Fault(Code.MISSING_FIELD, "sum", "One of the fields"))


# Tables.


def test_columns_of_a_header_are_read_by_their_names() -> None:
    partner = partner_of(HEADED)
    text = f"sum,what,who,at,id\r\n12.50,paid,{PERSON},2024-03-05T09:30:00Z,e1\r\n\r\n,paid,{PERSON},x,e2\r\n"
    found = read(partner, text.encode())
    check(found[0], Told(id="e1", amount=1_250))
    check(found[1], Fault(Code.TIME_FORMAT, "at"))
    assert len(found) == 2


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("", Code.CSV_LINE, ""),
        ("id,at,who,what,sum,colour\n", Code.UNKNOWN_FIELD, "colour"),
        ("id,at,who,what,sum,gender\n", Code.DEMOGRAPHIC, "gender"),
        ('id,"at\n', Code.CSV_LINE, ""),
        ("id,at\0\n", Code.CSV_LINE, ""),
        ("id\n" + "1\n" * 1_001, Code.OUT_OF_BOUNDS, ""),
        ("id,id,at,who,what,sum\n", Code.UNKNOWN_FIELD, "id#2"),
    ],
)
def test_a_table_whose_header_is_wrong_is_refused_as_a_whole(text: str, code: Code, field: str) -> None:
    [found] = read(partner_of(HEADED), text.encode())
    check(found, Fault(code, field))


LETTER = "Account;DE00\n\nBalance on 5 March:;1,00\nWe thank you, at all times, for what you sum up\n"


@pytest.mark.parametrize(
    ("before", "header", "expected"),
    [
        ("", "id,at,who,what,sum", Told(id="e1")),
        (LETTER, "id,at,who,what,sum", Told(id="e1")),
        ("id,at\n", "id,at,who,what,sum", Told(id="e1")),  # a line that names some of them
        ("x\n" * 49, "id,at,who,what,sum", Told(id="e1")),
        ("x\n" * 50, "id,at,who,what,sum", Fault(Code.UNKNOWN_FIELD, "x")),
        (LETTER, "id,at,who,what,colour", Fault(Code.UNKNOWN_FIELD, "colour")),  # told of the line that is meant
        (LETTER, "id,at,who,what,gender", Fault(Code.DEMOGRAPHIC, "gender")),
    ],
)
def test_other_lines_may_stand_before_the_header(before: str, header: str, expected: Any) -> None:
    partner = partner_of(HEADED.replace("header = true", "header = true\npreamble = true"))
    [found] = read(partner, f"{before}{header}\n{ROW}\n".encode())
    check(found, expected)


def test_a_message_has_as_many_rows_below_a_preamble_as_below_a_header() -> None:
    partner = partner_of(HEADED.replace("header = true", "header = true\npreamble = true"))
    rows = "".join(f"{ROW}\n" for _ in range(1_000))
    assert len(read(partner, f"{LETTER}id,at,who,what,sum\n{rows}".encode())) == 1_000
    [found] = read(partner, f"{LETTER}id,at,who,what,sum\n{rows}{ROW}\n".encode())
    check(found, Fault(Code.OUT_OF_BOUNDS, ""))


def test_a_row_that_does_not_fit_the_header_is_refused_alone() -> None:
    found = read(partner_of(HEADED), f"id,at,who,what,sum\ne1,short\n{ROW}\n".encode())
    check(found[0], Fault(Code.CSV_LINE, "", "2 columns"))
    check(found[1], Told(id="e1"))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (f"{ROW},,", Told(amount=1_250)),
        (f"{ROW},x,", Told(amount=1_250)),
        (ROW, Fault(Code.CSV_LINE, "", "5 columns")),
        (ROW.removesuffix("50"), Fault(Code.CSV_LINE, "", "5 columns")),
        (ROW.removesuffix(",12.50"), Fault(Code.CSV_LINE, "", "4 columns")),
    ],
)
def test_columns_without_a_name_are_ignored_and_a_row_that_breaks_off_is_not(row: str, expected: Any) -> None:
    partner = partner_of(HEADED + 'ignore = [""]\n')
    check(read(partner, f"id,at,who,what,sum,,\n{row}\n".encode())[0], expected)
    check(read(partner, f"id,at,who,what,sum\n{ROW}\n".encode())[0], Told(amount=1_250))
    [found] = read(partner_of(HEADED), f"id,at,who,what,sum,\n{row}\n".encode())
    check(found, Fault(Code.UNKNOWN_FIELD, "?"))


def test_blank_cells_before_a_header_are_none_of_its_columns() -> None:
    partner = partner_of(HEADED.replace("header = true", "header = true\npreamble = true") + 'ignore = [""]\n')
    [found] = read(partner, f"Account,,,,,,\nid,at,who,what,sum,\n{ROW},\n".encode())
    check(found, Told(amount=1_250))


def test_a_column_without_a_name_is_ignored_only_where_a_header_can_have_one() -> None:
    for text in (CSV + 'ignore = [""]' + CSV_BLOCK, HEAD + 'ignore = [""]' + BLOCK):
        with pytest.raises(ConfigError, match="ignore"):
            partner_of(text)


NOTED = HEADED + 'ignore = ["note", "more"]\n'


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        ([f'{ROW},"Ferry 12,1', f"{ROW},b,2", f'{ROW},c",3'], [Fault(Code.CSV_LINE, "", "line 3")]),
        ([f'{ROW},"Ferry 12,1', f'{ROW},c",3'], [Fault(Code.CSV_LINE, "", "line 2")]),
        ([f'{ROW},x,"Ferry 12', "", f'{ROW},y,c"'], [Fault(Code.CSV_LINE, "", "line 3")]),
        ([f'{ROW},"Ferry 12,1\r', f'{ROW},c",3\r'], [Fault(Code.CSV_LINE, "", "line 2")]),
        ([f'{ROW},"Rent\nof May, June",1', f"{ROW},b,2"], [None, None]),
        ([f'{ROW},"Rent, ""Demo""\nof May\n, June",1'], [None]),
        ([f'"a\nb{ROW},x,1"'], [Fault(Code.CSV_LINE, "", "1 columns")]),
    ],
)
def test_a_stray_quote_swallows_no_rows(rows: list[str], faults: list[Fault | None]) -> None:
    found = read(partner_of(NOTED), "\n".join(["id,at,who,what,sum,note,more", *rows, ""]).encode())
    assert len(found) == len(faults)
    for each, fault in zip(found, faults, strict=True):
        check(each, fault or Told(amount=1_250))


def test_the_second_column_of_a_name_has_a_number() -> None:
    mapping = HEADED.replace('path = "sum"', 'path = "sum#2"') + 'ignore = ["sum"]\n'
    found = read(partner_of(mapping), f"id,at,who,what,sum,sum\n{ROW},7\n".encode())
    check(found[0], Told(amount=700))


def test_a_column_may_have_a_point_and_a_blank_in_its_name() -> None:
    mapping = (CSV + CSV_BLOCK).replace('"sum"', '"Running Bal."')
    check(read(partner_of(mapping), ROW.encode())[0], Told(amount=1_250))


TABLES = [
    ('delimiter = "|"', ROW.replace(",", "|"), Told(amount=1_250)),
    ('delimiter = "~"', ROW.replace(",", "~"), Told(amount=1_250)),
    ('quote = "\'"', ROW.replace("12.50", "'12.50'"), Told(amount=1_250)),
    ('quote = "\'"', ROW.replace("12.50", '"12.50"'), wrong_type()),
    ('quote = ""', ROW.replace("e1", '"e1'), Told(id='"e1')),
    ("", ROW.replace("e1", '"e1'), Fault(Code.CSV_LINE, "")),
    ("trim = true", ROW.replace("paid", " paid\t"), Told()),
    ("", ROW.replace("paid", " paid\t"), Fault(Code.UNKNOWN_KIND, "what")),
    ('absent = ["NULL", "/"]', ROW.replace("12.50", "NULL"), Told()),
    ("", ROW.replace("12.50", "NULL"), wrong_type()),
    ("ragged = true", ROW + ",,", Told(amount=1_250)),
    ("ragged = true", ROW.removesuffix(",12.50"), Told()),
    ("ragged = true", ROW + ",x", Fault(Code.CSV_LINE, "")),
    ("", ROW + ",", Fault(Code.CSV_LINE, "")),
]


@pytest.mark.parametrize(("more", "row", "expected"), TABLES)
def test_forms_of_csv(more: str, row: str, expected: Told | Fault) -> None:
    """(rules E13)"""
    check(read(partner_of(CSV + more + CSV_BLOCK), row.encode())[0], expected)


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252", "iso-8859-1", "iso-8859-15", "gb18030", "utf-16"])
def test_a_declared_encoding_is_read_and_another_refused(encoding: str) -> None:
    word = "已付" if encoding == "gb18030" else "bezahlt für"
    mapping = CSV + f'encoding = "{encoding}"' + CSV_BLOCK.replace("paid", f'"{word}"')
    row = ROW.replace("paid", word)
    check(read(partner_of(mapping), row.encode(encoding))[0], Told(id="e1"))
    if encoding == "utf-8":
        for other in ("windows-1252", "utf-16"):
            check(read(partner_of(mapping), row.encode(other))[0], Fault(Code.CSV_LINE, "", "UTF-8"))


FIXED = """\
format = "fixed"
length = 60
id = "id"
time = { path = "day", pattern = "MMddyyyy", at = "noon" }
zone = "America/New_York"
subject = "who"
kind = "what"
absent = ["00000000"]
[columns]
id = [1, 6]
day = [7, 14]
who = [15, 28]
what = [29, 30]
sum = [31, 39]
[[events]]
kinds = { 11 = "cash_loan.repayment" }
days_late = { fixed = 0 }
amount = { path = "sum", unit = "major", currency = "CNY" }
"""
LINE = f"000001{'03052024'}{PERSON}11000000640".ljust(60)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (LINE, Told(id="000001", amount=64_000, time="2024-03-05T17:00:00Z")),
        (LINE + "J1 and more", Told(amount=64_000)),
        (LINE + "\r\n", Told(amount=64_000)),
        (LINE[:59], Fault(Code.FIXED_WIDTH_LINE, "", "59 characters; send 60")),
        (LINE.replace("03052024", "00000000"), Fault(Code.MISSING_FIELD, "day")),
        (LINE.replace(PERSON, " " * 14), Fault(Code.MISSING_FIELD, "who")),
        (LINE + "\n" + LINE, Fault(Code.FIXED_WIDTH_LINE, "", "one line")),
        (LINE.replace("000000640", "      64X"), wrong_type()),
    ],
)
def test_lines_of_fixed_width(line: str, expected: Told | Fault) -> None:
    check(read(partner_of(FIXED), line.encode())[0], expected)


# What is wrong with a file.

RECORD = """
[[events]]
kinds = { owes = "ride.unpaid" }
report_id = "no"
status = { fixed = "reported" }
began_on = { path = "since", pattern = "dd.MM.yyyy", at = "noon" }
"""
WRONG = [
    (time('pattern = "DD.MM.YYYY"'), "time.pattern", "day of the month is `dd`"),
    (time('pattern = "yyyy-MM"'), "time.pattern", "no day"),
    (time('pattern = "dd.MM.yyyy"'), "time.pattern", "which one is meant"),
    (time('pattern = "dd.MM.yyyy HH:mm", at = "noon"'), "time.at", "Leave it out"),
    (time('pattern = "dd.MM.yyyy HH:mm", as = "local"'), "time", "one of `as` and `pattern`"),
    (time('pattern = "dd.MM.yyyy HH:mm", type = "text"'), "time", "belongs to an epoch"),
    (time('pattern = "dd.MM.yyyy HH:mm"').replace('zone = "Europe/Berlin"\n', ""), "time.pattern", "state its `zone`"),
    (time('as = "date", at = "noon"').replace('zone = "Europe/Berlin"\n', ""), "time.at", "state its `zone`"),
    (HEAD + 'rights = { records = ["life"] }' + RECORD, "events[0].began_on.at", "no instant of it"),
    (amount(', number = { decimal = ".", thousands = "." }'), "events[0].amount.number", "same mark"),
    (amount(', number = { symbol = "5" }'), "events[0].amount.number", "sign or a code"),
    (amount(', number = {}, point = "decimal"'), "events[0].amount", "keep one"),
    (HEAD + 'skip = ["paid"]' + BLOCK, "skip[0]", "is mapped below"),
    (SIGNED.replace("paid/zero", "zero"), "skip[0]", "2 words"),
    (HEAD + 'codes = { case = "ignore" }' + BLOCK.replace("paid =", 'PAID = "gas.bill", paid ='),
     "events[0].kinds.paid", "already mapped"),
    (HEAD.replace('"none"', '"cloudevents"').replace('id = "id"\ntime = "at"', 'list = "."') + BLOCK, "list",
     "one event"),
    (HEAD.replace('kind = "what"', 'kind = { path = "what", fixed = "x" }') + BLOCK, "kind", "one of"),
    (CSV.replace('id = "id"', 'id = { path = "id", type = "number" }') + CSV_BLOCK, "id.type", "Only JSON"),
    (CSV + "header = true" + CSV_BLOCK, "", "Say `columns`, or `header"),
    (CSV + 'delimiter = "a"' + CSV_BLOCK, "", "delimiter"),
    (CSV + "preamble = true" + CSV_BLOCK, "", "before a `header`"),
    (TWO_COLUMNS.replace('["out", "in"]', '["out"]'), "kind[1]", "two places or more. Where one cell says it"),
    (TWO_COLUMNS.replace('filled = ["out", "in"]', 'filled = ["out", "in"], path = "x"'), "kind[1]", "one of"),
    (TWO_COLUMNS.replace('"paid/in"', '"paid/inn"'), "skip[0]", "one of: out, in"),
    (TWO_COLUMNS.replace('"paid/out" =', '"paid/Out" ='), 'events[0].kinds."paid/Out"', "one of: out, in"),
    (TWO_COLUMNS.replace('["out", "in"]', '["out", "@type"]'), "kind[1].filled[1]", "no attribute"),
    (FIXED.replace("[31, 39]", "[39, 31]"), "columns.sum", "counted from 1"),
    (FIXED.replace("[31, 39]", "[31, 61]"), "columns.sum", "behind the line"),
    (FIXED.replace("[31, 39]", "[31, 39]\nmore = [40, 41]"), "columns.more", "neither read nor ignored"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key", "sentence"), WRONG)
def test_a_file_that_contradicts_itself_is_told_so(text: str, key: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        partner_of(text)
    assert (caught.value.key, sentence in str(caught.value)) == (key, True), str(caught.value)


def test_all_faults_of_a_file_come_at_once_in_the_order_of_its_lines() -> None:
    text = HEAD.replace('time = "at"', 'time = { path = "at", pattern = "DD" }').replace('"who"', '"who..x"')
    text += 'ignore = ["age"]' + BLOCK.replace('"water.bill"', '"wine.bill"') + RECORD
    with pytest.raises(ConfigError) as caught:
        partner_of(text)
    found = [caught.value, *caught.value.others]
    assert [each.key for each in found] == [
        "time.pattern",
        "subject",
        "ignore[0]",
        "events[0].kinds.paid",
        "events[1].began_on.at",
    ]
    assert [each.line for each in found] == sorted(each.line for each in found)


def test_all_else_that_is_wrong_is_told_with_a_key_that_nobody_knows() -> None:
    text = HEAD.replace('id = "id"', 'id = { pathh = "id", map = { a = "b" } }').replace('time = "at"', 'tme = "at"')
    text = text.replace('subject = "who"', 'subject = "who..x"') + "skip_rows = 4\n"
    text += BLOCK.replace('"water.bill"', '"water.bil"').replace("fixed = 0", "fixed = 900")
    with pytest.raises(ConfigError) as caught:
        partner_of(text)
    assert [(each.key, each.line) for each in caught.value.all] == [
        ("id.pathh", 3),
        ("tme", 4),
        ("skip_rows", 8),
    ], "a place that has lost its path cannot be understood"
    with pytest.raises(ConfigError) as caught:
        partner_of(text.replace("pathh", "path").replace("tme =", 'time = "at"\ntmes ='))
    assert [each.key for each in caught.value.all] == ["tmes", "subject", "skip_rows", "events[0].kinds.paid"]
    assert [each.line for each in caught.value.all] == sorted(each.line for each in caught.value.all)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "ignored = []" + BLOCK, "The nearest is `ignore`."),
        (HEAD + "xyz = 1" + BLOCK, "unknown field `xyz`."),
        (HEAD.replace('kind = "what"', 'kind = { pth = "what" }') + BLOCK, "The nearest is `path`."),
        (HEAD.replace('kind = "what"', 'kind = [{ sign_off = "what" }]') + BLOCK, "The nearest is `sign_of`."),
        (CSV + "skip_rows = 4" + CSV_BLOCK, "`preamble = true`"),
        (CSV + "footer = 1" + CSV_BLOCK, "`ragged = true`"),
        (CSV + 'timezone = "UTC"' + CSV_BLOCK, "`zone`"),
        (CSV + 'decimal = ","' + CSV_BLOCK, "`number = {"),
        (CSV + 'nulls = ["NA"]' + CSV_BLOCK, "`absent ="),
        (HEAD + BLOCK + 'debit = "x"', "`kind = { filled"),
        (HEAD + BLOCK + 'when = "x > 1"', "do it before Kafka"),
        (time('pattern = "d MMM yy", at = "noon", locale = "de"'), "do it before Kafka"),
        (HEAD.replace('"json"', '"xlsx"') + BLOCK, "Say one of: json, csv, fixed, native"),
    ],
)  # fmt: skip
def test_a_key_that_nobody_knows_is_told_with_the_nearest_or_with_what_says_the_same(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        partner_of(text)
    assert words in str(caught.value)


def test_a_body_is_of_the_two_that_there_are() -> None:
    [found] = read(partner_of(HEAD + BLOCK), json.dumps(GOOD).encode())
    assert isinstance(found, Normalized)
    assert isinstance(found.body, BehaviorEvent | RecordReport)


TWO_WORDS = """format = "json"
envelope = "none"
id = "id"
time = "at"
subject = "who"
kind = ["paidOn", { sign_of = "sum" }]
skip = [%s]

[[events]]
kinds = { %s }
"""


@pytest.mark.parametrize(
    ("skip", "kinds"),
    [
        ('"/*"', '"*/plus" = "donation.made"'),
        ('"*/minus", "/*"', '"*/plus" = "donation.made"'),
        ('"/*"', '"*/plus" = "donation.made", "*/*" = "recycling.handed_in"'),
        ('"/plus"', '"*/plus" = "donation.made", "*/*" = "recycling.handed_in"'),
    ],
)
def test_of_two_codes_that_fit_the_one_that_says_the_earlier_word_is_taken(skip: str, kinds: str) -> None:
    """A row without a day of payment is passed over, whatever `*` would take of it."""
    partner = partner_of(TWO_WORDS % (skip, kinds))
    row = {"id": "e-1", "at": "2024-03-05T01:30:00Z", "who": PERSON, "sum": 5}
    assert read(partner, json.dumps(row).encode()) == [SKIPPED]
    [paid] = read(partner, json.dumps({**row, "paidOn": "2024-03-01"}).encode())
    assert isinstance(paid, Normalized)
    assert paid.body.kind == "donation.made"
