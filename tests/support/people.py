"""Events, states and policies of the scorer's tests, each in one line."""

from __future__ import annotations

from datetime import UTC, datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from services.scorer.core.folding import Accepted, Folded, fold, fold_record
from services.scorer.core.messages import Event, RecordNews, event_of
from services.scorer.core.policy import Policy
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import Rule
from services.scorer.core.state import State
from shared.contracts.messages import BehaviorEvent, Consent, RecordChange, encode
from shared.contracts.months import day_of_month, month_of
from shared.policy_file import SCORECARD, load_policy
from shared.settings import ROOT

ZONE = ZoneInfo("Asia/Shanghai")
ME, FRIEND = "ab" * 32, "cd" * 32
JAN = 2026 * 12
"""January 2026."""
CARD_FILE: Path = Path(__file__).with_name("policies") / "plain.toml"
CARD = load_policy(CARD_FILE, Scorecard)
SHIPPED = load_policy(ROOT / "policies" / SCORECARD, Scorecard)
BILL, FARE, PURCHASE, INCOME = "water.bill", "transit.fare", "shop.purchase", "income.reported"


def day(month: int, of_month: int = 15, hour: int = 12) -> datetime:
    """An instant in the zone of the tests."""
    return datetime.combine(day_of_month(month, of_month), time_of_day(hour), ZONE)


def event(
    kind: str, time: datetime, id: str = "", partner: str = "bank", arrival_month: int | None = None, **fields: Any
) -> Event:
    """An event; its id follows from kind and time if it has none, and it arrives in the month of its time. Obligations
    are on time, figures under consent c1."""
    if kind == INCOME and "consent" not in fields:
        fields["consent"] = consent("c1")
    if kind in (BILL, FARE):
        fields.setdefault("days_late", 0)
    body = BehaviorEvent(kind=kind, **fields)
    name = id or f"{kind}-{time.isoformat()}-{fields.get('contact', '')[:4]}"
    month = month_of(time, ZONE) if arrival_month is None else arrival_month
    return event_of(ME, partner, name, "behavior.raw.bank/0/7", time, month, encode(body), body, ZONE)


def consent(id: str) -> Consent:
    return Consent(id=id, purpose="scoring", given_at=datetime(2020, 1, 1, tzinfo=UTC))


def record(kind: str = "court.listing", id: str = "r1", version: int = 1, **fields: Any) -> RecordChange:
    record_class = {"court.listing": "legal", "card.overdue": "financial", "ride.unpaid": "life"}[kind]
    stated = {"status": "open", "counts": True, "began_on": day(JAN).date(), **fields}
    return RecordChange(record_id=id, version=version, kind=kind, record_class=record_class, **stated)  # type: ignore[arg-type]  # fields as a case names them


def news(change: RecordChange, month: int = JAN) -> RecordNews:
    return RecordNews(ME, month, change)


def state_of(*messages: Event | RecordNews, open_from: int = 0) -> State:
    """The state of these messages, all of which must count."""
    state = State()
    for message in messages:
        if isinstance(message, Event):
            assert isinstance(take(state, message, open_from), Accepted)
        else:
            assert fold_record(state, message.body, message.arrival_month)
    return state


def take(state: State, event: Event, open_from: int = 0) -> Folded:
    """Fold an event that arrives while `open_from` is the first month that accepts any."""
    return fold(state, event, event.arrival_month - open_from)


def outcomes(state: State, *events: Event, open_from: int = 0) -> list[str]:
    """What became of each event, by name."""
    return [_name(take(state, one, open_from)) for one in events]


def _name(folded: Folded) -> str:
    return type(folded).__name__


def card(**changes: Any) -> Scorecard:
    """The plain scorecard with something else in it."""
    return msgspec.structs.replace(CARD, **changes)


def policy_of(*cards: Scorecard, late_months: int = 3) -> Policy:
    """What the rules are given, with the plain scorecard where none is named."""
    return Policy(scorecards=cards or (CARD,), zone=ZONE, accepts_late_months=late_months)


def capping(**changes: Any) -> Scorecard:
    """The same without what records cost, so that ceilings bite in short histories as well."""
    return card(records=None, **changes)


def rule(plain: str, **changes: Any) -> Rule:
    """A rule of the plain scorecard, by its code, with something else in it."""
    return next(msgspec.structs.replace(rule, **changes) for rule in CARD.rules if rule.code == plain)
