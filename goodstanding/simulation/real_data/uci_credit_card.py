"""The UCI data set "default of credit card clients" (data/README.md) as the events that the customers' bank would send.

What a row says of a month becomes, on a day of that month that follows from the customer's number:

- a **payment**, if something was paid;
- a **statement** with what was billed, and with the customer's limit (X1), which the file has once for all months. A
  balance in the customer's favor is billed as 0. A month without consumption (status -2) in which nothing is owed has
  no statement and nothing to keep;
- the **outcome** of that statement: cleared on time (status -2, -1, 0), or late by n months, which is 30 n days;
- beyond 90 days it is a negative record instead, never both: the bank reports a record when the customer first is more
  than three months late, and settles it with the first statement on which that is over;
- once, in April, the **education** that the bank has verified (X3).

Sex, marital status and age (X2, X4, X5) are not even read. Nothing is invented: no rate, no income, no identity check.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec

from goodstanding.partner.event import PartnerEvent
from goodstanding.simulation.real_data.source import DataError, Person, Source
from shared.contracts import zones
from shared.contracts.cloudevents import STRUCTURED
from shared.contracts.identity import sample_account
from shared.contracts.months import day_of_month
from shared.toml_file import content_name

PARTNER = "bank"
CURRENCY = "TWD"
ZONE = zones.zone("Asia/Taipei")
MONTHS = tuple(range(2005 * 12 + 3, 2005 * 12 + 9))
"""April to September 2005, the oldest first; the columns of the file run the other way."""

_COLUMNS = ("ID", *(f"X{number}" for number in range(1, 24)), "Y")
_STATUS = tuple(f"X{number}" for number in range(11, 5, -1))
_BILLED = tuple(f"X{number}" for number in range(17, 11, -1))
_PAID = tuple(f"X{number}" for number in range(23, 17, -1))
_NO_CONSUMPTION = -2
_MONTHS_LATE_MAX = 3
_DAYS_PER_MONTH = 30
_MINOR_UNITS = 100
_DIGITS_MAX = 20
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_HEADERS = (("content-type", STRUCTURED.encode()),)
_EDUCATION = {1: "master", 2: "bachelor", 3: "secondary"}


@dataclass(frozen=True, slots=True)
class Month:
    """One month of a customer: the status as in the file, amounts in New Taiwan dollars."""

    status: int
    billed: int
    paid: int

    @property
    def has_statement(self) -> bool:
        return self.status > _NO_CONSUMPTION or self.billed > 0

    @property
    def is_record(self) -> bool:
        return self.status > _MONTHS_LATE_MAX


@dataclass(frozen=True, slots=True)
class Customer:
    """One row. `limit` is in New Taiwan dollars; `education` is the taxonomy's word, None where the file says other or
    nothing."""

    number: int
    limit: int
    education: str | None
    months: tuple[Month, ...]
    defaulted: bool


def read(file: Path) -> Source:
    """The file as a bank's events. Raises DataError with line and column, or OSError."""
    customers = tuple(customers_of(file))
    return Source(
        partner=PARTNER,
        currency=CURRENCY,
        zone=ZONE,
        months=MONTHS,
        people=tuple(Person(sample_account(each.number), each.defaulted) for each in customers),
        events=lambda month: events_of(customers, month),
        content=content_name(file) if file.is_file() else "",
    )


def customers_of(file: Path) -> Iterator[Customer]:
    """The rows of the file. Raises DataError, or OSError."""
    seen: set[int] = set()
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as text:
        rows = csv.reader(text)
        header = tuple(next(rows, ()))
        if header != _COLUMNS:
            missing = [name for name in _COLUMNS if name not in header]
            sentence = f"the header must be {','.join(_COLUMNS)}"
            raise DataError(file, 1, missing[0] if missing else "", sentence)
        for cells in rows:
            customer = _customer(file, rows.line_num, cells)
            if customer.number in seen:
                raise DataError(file, rows.line_num, "ID", "another row has the same number")
            seen.add(customer.number)
            yield customer


def _customer(file: Path, line: int, cells: list[str]) -> Customer:
    if len(cells) != len(_COLUMNS):
        raise DataError(file, line, "", f"the row has {len(cells)} values, not {len(_COLUMNS)}")
    row = dict(zip(_COLUMNS, cells, strict=True))

    def number(column: str, least: int, most: int) -> int:
        value = _whole(row[column])
        if value is None or not least <= value <= most:
            raise DataError(file, line, column, f"a whole number from {least} to {most} is needed here")
        return value

    columns = zip(_STATUS, _BILLED, _PAID, strict=True)
    return Customer(
        number=number("ID", 0, 10**10 - 1),
        limit=number("X1", 0, 10**9),
        education=_EDUCATION.get(number("X3", 0, 6)),
        months=tuple(
            Month(number(status, -2, 9), number(billed, -(10**9), 10**9), number(paid, 0, 10**9))
            for status, billed, paid in columns
        ),
        defaulted=number("Y", 0, 1) == 1,
    )


def _whole(text: str) -> int | None:
    """The number, which may be written 1.00E+05 as some of the file are; None if it is none or no whole one."""
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    whole = value.is_finite() and abs(value.adjusted()) < _DIGITS_MAX and value == value.to_integral_value()
    return int(value) if whole else None


def events_of(customers: Sequence[Customer], month: int) -> Iterator[PartnerEvent]:
    """All events of a month (year * 12 + month - 1), day by day."""
    for each in sorted(customers, key=_day_of_month):
        yield from _events(each, MONTHS.index(month))


def _events(customer: Customer, index: int) -> Iterator[PartnerEvent]:
    month = customer.months[index]
    day = _midnight(customer, index)
    if index == 0 and customer.education:
        yield _event(customer, "customer.education.verified", day.replace(hour=9), degree=customer.education)
    if month.paid:
        yield _event(customer, "card.payment.booked", day.replace(hour=10), amount=_money(month.paid))
    if month.has_statement:
        billed, limit = _money(month.billed), _money(customer.limit)
        yield _event(customer, "card.statement.issued", day.replace(hour=12), amount=billed, credit_limit=limit)
    yield from _outcome(customer, index, day.replace(hour=18))


def _outcome(customer: Customer, index: int, time: datetime) -> Iterator[PartnerEvent]:
    """How the month's statement was kept: as behavior up to the limit, as a record beyond it."""
    month, began = customer.months[index], _record_began(customer.months, index)
    if month.is_record:
        if began == index:
            yield _record(customer, began, time, state="open", amount=_money(month.billed))
        return
    if began is not None:
        yield _record(customer, began, time, state="paid", paid_on=f"{time:%Y-%m-%d}")
    if month.has_statement:
        days = max(month.status, 0) * _DAYS_PER_MONTH
        yield _event(customer, "card.statement.cleared", time, days_past_due=days, amount=_money(month.billed))


def _record_began(months: Sequence[Month], index: int) -> int | None:
    """The month in which the record began that is open in this month or was until the one before; None without one."""
    began = index if months[index].is_record else index - 1
    if began < 0 or not months[began].is_record:
        return None
    while began and months[began - 1].is_record:
        began -= 1
    return began


def _record(customer: Customer, began: int, time: datetime, **data: object) -> PartnerEvent:
    """A report on the record of the month `began`; it was overdue since as many months before as its status says."""
    first = _midnight(customer, began)
    since = first - timedelta(days=customer.months[began].status * _DAYS_PER_MONTH)
    number = f"overdue-{customer.number}-{began + 1}"
    return _event(customer, "card.overdue.reported", time, report_no=number, overdue_since=f"{since:%Y-%m-%d}", **data)


def _event(customer: Customer, type: str, time: datetime, **data: object) -> PartnerEvent:
    account = sample_account(customer.number)
    event = {
        "specversion": "1.0",
        # The bank's own number of the customer may be in an id; the account, which is a person's name, may not.
        "id": f"{type}/{customer.number}/{time:%Y-%m}",
        "source": "/bank/cards",
        "type": type,
        "time": time.isoformat(),
        "data": {"customer": {"account": account}, **data},
    }
    return PartnerEvent(time, account.encode(), msgspec.json.encode(event), _HEADERS)


def _money(dollars: int) -> dict[str, object]:
    # A balance in the customer's favor is nothing to pay, and amounts are never negative.
    return {"minor": max(dollars, 0) * _MINOR_UNITS, "currency": CURRENCY}


def _midnight(customer: Customer, index: int) -> datetime:
    """The beginning of the customer's day in one of the months."""
    return datetime.combine(day_of_month(MONTHS[index], _day_of_month(customer)), time(), ZONE)


def _day_of_month(customer: Customer) -> int:
    """Customers are billed on different days, and every month has these. Numbers of the file may all be odd."""
    return 1 + customer.number // 2 % 28
