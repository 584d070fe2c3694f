"""What must have come out, computed anew from the bytes that were sent and from the scorecard's file.

Written apart from the services on purpose: it shares no code with ingest or scorer, keeps every event instead of sums,
and is as plain as can be. It knows the bank's format, the mistakes of `mistakes`, and those measures of a scorecard
that a bank's events can move. A difference between this and the topics means that one of the two is wrong.
"""

from __future__ import annotations

import hmac
import json
import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

_KINDS = {
    "card.statement.cleared": "credit_card.repayment",
    "card.statement.issued": "credit_card.statement",
    "card.payment.booked": "service.payment",
}
_EDUCATION = "customer.education.verified"
_RECORD = "card.overdue.reported"
_FIELDS = {"customer", "amount", "days_past_due", "degree", "report_no", "overdue_since", "paid_on", "state"}
_AHEAD_MAX = timedelta(minutes=5)
_ACCOUNT = re.compile("GS[0-9]{12}")
# A bank's customers have no income, contacts or verified identity here: these measures have nothing to go by.
_UNMOVED = {"latest_figure", "contacts_standing"}


@dataclass(slots=True)
class _Person:
    facts: dict[str, str] = field(default_factory=dict)
    done: list[tuple[int, str, int]] = field(default_factory=list)
    """(month, kind, days late) of each event that counts."""
    scores: list[int] = field(default_factory=list)


class Recount:
    """Tell it of every record sent, in order, and of every publication; then ask."""

    def __init__(self, scorecard: Path, key: bytes, zone: ZoneInfo) -> None:
        self._card = tomllib.loads(scorecard.read_text())
        self._key, self._zone = key, zone
        self._people: dict[str, _Person] = {}
        self._ids: set[str] = set()
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self.repeated = 0

    def sent(self, value: bytes, now: datetime) -> None:
        """One record that the bank sent while the clock stood at `now`."""
        event = json.loads(value)
        time, data = datetime.fromisoformat(event["time"]), event["data"]
        if fault := _fault(time, data, now):
            self.refused[fault] += 1
            return
        self.accepted += 1
        if event["type"] == _RECORD:
            return  # retention's matter, and nobody plays retention yet
        if event["id"] in self._ids:
            self.repeated += 1
            return
        self._ids.add(event["id"])
        person = self._people.setdefault(data["customer"]["account"], _Person())
        if event["type"] == _EDUCATION:
            person.facts["education.verified"] = data["degree"]
        else:
            local = time.astimezone(self._zone)
            kind, days_late = _KINDS[event["type"]], data.get("days_past_due", 0)
            person.done.append((local.year * 12 + local.month - 1, kind, days_late))

    def published(self, number: int) -> None:
        """The publication of a month: it counts the complete months before it, for everybody who is known by then."""
        for person in self._people.values():
            person.scores.append(_score(self._card, person, number - 1))

    @property
    def scores(self) -> dict[str, list[int]]:
        """By account: the score of each version, from version 1 on."""
        return {account: person.scores for account, person in self._people.items()}

    def user_id(self, account: str) -> str:
        """The pseudonym under which the platform knows the account."""
        return hmac.new(self._key, b"account:" + account.encode(), "sha256").hexdigest()


def _fault(time: datetime, data: dict[str, Any], now: datetime) -> str | None:
    if time > now + _AHEAD_MAX:
        return "in-future"
    if data.keys() - _FIELDS:
        return "unknown-field"
    return None if _ACCOUNT.fullmatch(data["customer"]["account"]) else "subject-unknown-scheme"


def _score(card: dict[str, Any], person: _Person, through: int) -> int:
    return min(max(350 + sum(_points(rule, person, through) for rule in card["rules"]), 350), 950)


def _points(rule: dict[str, Any], person: _Person, through: int) -> int:
    unknown: int = rule["unknown"]
    measure = rule["measure"]
    if measure == "fact":
        points: int = rule["values"].get(person.facts.get(rule["kind"], ""), unknown)
        return points
    if measure in _UNMOVED:
        return unknown
    past = [(month, kind, late) for month, kind, late in person.done if month <= through]
    counted = [
        (month, late) for month, kind, late in past if month > through - rule["window_months"] and kind in rule["kinds"]
    ]
    if measure == "share_on_time":
        on_time = sum(1 for _, late in counted if not late)
        return _band(rule, on_time * 1000 // len(counted)) if counted else unknown
    if measure == "active_months":
        if not past:
            return unknown
        seen = through - min(month for month, _, _ in past) + 1
        points = _band(rule, len({month for month, _ in counted}))
        # Before a person's first month nobody knows, so a short history costs no more than none.
        return points if seen >= rule["window_months"] else max(points, unknown)
    raise ValueError(f"The recount does not know the measure {measure}: teach it, or demo another scorecard.")


def _band(rule: dict[str, Any], measured: int) -> int:
    points: int = max((band for band in rule["bands"] if measured >= band["at_least"]), key=lambda b: b["at_least"])[
        "points"
    ]
    return points
