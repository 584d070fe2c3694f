"""A record in each state that it can be in, and everything that can happen to it, for the tables of transitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.retention.core.decide import Person, Policy, decide
from services.retention.core.effects import (
    AskedProvider,
    Changed,
    Effect,
    Expired,
    Refused,
    Removed,
    Repeated,
    Replied,
    Waits,
    Warned,
)
from services.retention.core.fingerprint import dispute_id, record_id
from services.retention.core.messages import DisputeRequest, Due, Message, Report, StatementRequest
from services.retention.core.record import counts, status_of
from services.retention.core.timers import due_at
from shared.contracts.messages import RecordReport
from shared.contracts.retention_profile import Profile, Years

USER = "5" * 64
KEY = b"k" * 32
NOON = datetime(2026, 1, 15, 4, tzinfo=UTC)
CN = Profile(
    name="cn",
    zone="Asia/Shanghai",
    answer_days=20,
    behavior_days_late_max=90,
    years=Years(legal=5, financial=5, life=2),
)
CARD, NO_SHOW = "card.overdue", "hotel.no_show"
BEGAN, ENDED = date(2025, 3, 1), date(2025, 9, 15)
ID = record_id(KEY, USER, "bank", "r-1")


def dispute_of(request_id: str, id: str = ID) -> str:
    """The number of the dispute that this request opens."""
    return dispute_id(KEY, id, request_id)


class Life:
    """One person, to whose records things happen; each takes place a minute after the one before."""

    def __init__(self, profile: Profile = CN, now: datetime = NOON, kind: str = CARD) -> None:
        self.person, self.now, self.kind = Person(), now, kind
        self.policy = Policy(profile=profile, fingerprint_key=KEY)
        self.effects: list[Effect] = []
        self._events = 0

    def report(self, status: str = "reported", **fields: Any) -> list[str]:
        """`at` is the minute of the event's time after the present, `arrived` the instant of its arrival; `event` is an
        id that came before; `began`, `ended` are days."""
        self._events += 1
        at, arrived = fields.pop("at", 0), fields.pop("arrived", None)
        event = fields.pop("event", f"e-{self._events}")
        partner = fields.pop("partner", "bank")
        body = RecordReport(
            kind=fields.pop("kind", self.kind),
            report_id=fields.pop("report_id", "r-1"),
            status=status,  # type: ignore[arg-type]  # a status that is drawn
            began_on=fields.pop("began", BEGAN if status == "reported" else None),
            ended_on=fields.pop("ended", ENDED if status == "settled" else None),
            **fields,
        )
        origin = f"behavior.raw.{partner}/0/{self._events}"
        time = self.now + timedelta(minutes=at)
        return self._do(Report(USER, partner, event, origin, body, time, "", arrived))

    def resolve(self, outcome: str, **fields: Any) -> list[str]:
        return self.report("resolved", outcome=outcome, **fields)

    def dispute(
        self,
        request: str = "q-1",
        reason: str = "paid",
        text: str | None = None,
        id: str = ID,
        arrived: datetime | None = None,
    ) -> list[str]:
        return self._do(DisputeRequest(USER, request, id, reason, text, self.now, arrived))

    def state(self, text: str = "It was stolen.", request: str = "s-1", id: str = ID, at: int = 0) -> list[str]:
        return self._do(StatementRequest(USER, request, id, text, self.now + timedelta(minutes=at)))

    def until(self, now: datetime) -> list[str]:
        """The clock comes to this instant, page by page as the runner asks for it."""
        said: list[str] = []
        while instants := [at for r in self.person.records.values() if (at := due_at(r)) and at <= now]:
            self.now = now
            said += self._do(Due(USER, min(instants)))
        self.now = now
        return said

    def later(self, **span: float) -> list[str]:
        return self.until(self.now + timedelta(**span))

    def _do(self, message: Message) -> list[str]:
        decided = decide(self.person, [message], self.now, self.policy)
        self.person = decided.person
        self.effects += [effect for _, effect in decided.effects]
        self.now += timedelta(minutes=1)
        return [self.said(effect) for _, effect in decided.effects]

    @property
    def record(self) -> Any:
        (record,) = self.person.records.values()
        return record

    def said(self, effect: Effect) -> str:
        match effect:
            case Changed(record, news):
                dark = "" if counts(record) else " dark"
                day = record.deadline.ended_on if record.deadline else None
                return f"{news}: {status_of(record)} v{record.version}{f' {day}' if day else ''}{dark}"
            case Expired(_, version):
                return f"expired v{version}"
            case Removed(_, version, outcome):
                return f"deleted v{version} {outcome}"
            case AskedProvider(_, dispute, question):
                return f"asked {question.reason} by {dispute.answer_by}"
            case Warned(_, what, day):
                return f"{what} {day}"
            case Replied(reply=reply):
                return f"person: {reply}"
            case Refused(fault=fault):
                return f"refused {fault.code} {fault.field.removeprefix('data.')}"
            case Waits():
                return "waits"
            case Repeated():
                return "repeated"


def lived(state: str, profile: Profile = CN, kind: str = CARD) -> Life:
    """A life that has come to this state."""
    life = Life(profile, kind=kind)
    for act, fields in STATES[state]:
        match act:
            case "report" | "settled":
                life.report("reported" if act == "report" else act, **fields)
            case "dispute":
                life.dispute(**fields)
            case "silence":
                life.until(NOON + timedelta(days=40))
            case "lapse":
                life.until(NOON + timedelta(days=365 * 7))
            case outcome:
                life.resolve(outcome, **fields)
    return life


_REPORT: tuple[str, Mapping[str, Any]] = ("report", {})
_SETTLED: tuple[str, Mapping[str, Any]] = ("settled", {})
_DISPUTE: tuple[str, Mapping[str, Any]] = ("dispute", {})
_D1 = dispute_of("q-1")
STATES: Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]] = {
    "nothing": (),
    "unreported": (_SETTLED,),
    "open": (_REPORT,),
    "settled": (_REPORT, _SETTLED),
    "disputed": (_REPORT, _DISPUTE),
    "settled, disputed": (_REPORT, _SETTLED, _DISPUTE),
    "confirmed": (_REPORT, _DISPUTE, ("confirmed", {"dispute": _D1})),
    "corrected": (_REPORT, _DISPUTE, ("corrected", {"dispute": _D1, "ended": ENDED})),
    "unverifiable": (_REPORT, _DISPUTE, ("silence", {})),
    "lapsed": (_REPORT, _SETTLED, ("lapse", {})),
    "deleted": (_REPORT, ("deleted", {})),
}
