"""What the bank's bytes mean, or why they must be refused: the real-data demo's own reading, apart from ingest's."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from goodstanding.simulation.events_and_news import Event

_KINDS = {
    "card.statement.cleared": "credit_card.repayment",
    "card.statement.issued": "credit_card.statement",
    "card.payment.booked": "credit_card.payment",
    "customer.education.verified": "education.verified",
    "card.overdue.reported": "card.overdue",
}
_FIELDS = {
    "customer",
    "amount",
    "credit_limit",
    "days_past_due",
    "degree",
    "report_no",
    "overdue_since",
    "paid_on",
    "state",
}
_AHEAD_MAX = timedelta(minutes=5)
_ACCOUNT = re.compile("GS[0-9]{12}")


def read(value: bytes, now: datetime) -> Event | str:
    """The event in a record that was sent while the clock stood at `now`, or the code of its refusal."""
    event = msgspec.json.decode(value)
    time, data = datetime.fromisoformat(event["time"]), event["data"]
    if time > now + _AHEAD_MAX:
        return "in-future"
    if data.keys() - _FIELDS:
        return "unknown-field"
    account = data["customer"]["account"]
    if not _ACCOUNT.fullmatch(account):
        return "subject-unknown-scheme"
    return Event(
        partner="bank",
        person=account,
        id=event["id"],
        time=time,
        kind=_KINDS[event["type"]],
        amount=data.get("amount", {}).get("minor", 0),
        limit=data.get("credit_limit", {}).get("minor"),
        days_late=data.get("days_past_due", 0),
        value=data.get("degree", ""),
        report=data.get("report_no", ""),
        began_on=_day(data, "overdue_since"),
        ended_on=_day(data, "paid_on"),
    )


def _day(data: dict[str, Any], name: str) -> date | None:
    return date.fromisoformat(data[name]) if name in data else None
