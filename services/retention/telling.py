"""Who is told of an effect, and what: the scorer on `records.changed`, the provider on its topics of refusals and
disputes, and the person on `subject.answers` (rules R16, R17, R23 and R24)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import accumulate
from typing import Literal, TypeAlias

import msgspec

from services.retention.core import words
from services.retention.core.deadline import day_of
from services.retention.core.decide import Policy
from services.retention.core.effects import (
    AskedProvider,
    Changed,
    Effect,
    Expired,
    News,
    Refused,
    Removed,
    Repeated,
    Replied,
    Waits,
    Warned,
    change_of,
    last_change,
)
from services.retention.core.erasure import record_receipt
from services.retention.core.fingerprint import settlement_id
from services.retention.core.record import (
    Asked,
    Case,
    Kept,
    Known,
    Open,
    Question,
    Settled,
    Unreported,
    Unverifiable,
    counts,
    is_withheld,
    status_of,
)
from shared.contracts.erasure import Erased, naming
from shared.contracts.exchange import announced, answered, asked, refused, settled
from shared.contracts.explained import HeldRecord, RecordsHeld, SaidAgainst
from shared.contracts.messages import DisputeQuestion, RecordChange, RecordSettled, unchecked
from shared.contracts.retention_profile import Profile
from shared.contracts.subject import SubjectAnswer, SubjectNotice
from shared.contracts.topics import MESSAGE_BYTES_MAX, RECORDS_CHANGED, RECORDS_HELD, SUBJECT_ANSWERS
from shared.runner.service import Announcement, Outcome, Outgoing, Result

NAME: Literal["retention"] = "retention"
Message: TypeAlias = Outgoing | Announcement
Notice: TypeAlias = Literal[
    "record-reported", "record-changed", "record-disputed", "record-answered", "record-returned", "record-lapsed"
]

_NOTICES: dict[News, Notice] = {
    "reported": "record-reported",
    "changed": "record-changed",
    "counts": "record-changed",
    "disputed": "record-disputed",
    "confirmed": "record-answered",
    "corrected": "record-answered",
    "unverifiable": "record-answered",
    "returned": "record-returned",
}


def messages_of(user_id: str, id: str, effect: Effect, now: datetime, base: int, policy: Policy) -> Iterator[Message]:
    """All that is sent because of an effect. `base` is what a restore has added to the versions of records."""
    key = policy.fingerprint_key
    match effect:
        case Changed(record, news):
            yield changed(user_id, change_of(id, record, base), now)
            yield _notice(user_id, _of_record(id, record, news, base, policy.profile), id, now)
            if news == "changed" and isinstance(record, Settled):
                # Nothing else is news of a settled record: its amount does not change any more.
                yield _settlement(id, record, now, base, key)
        case Expired(lapsed_at=lapsed_at):
            # Late or not, it happened at the deadline.
            yield changed(user_id, last_change(id, effect, base), lapsed_at)
            yield _notice(user_id, _of_gone(id, effect, base), id, lapsed_at)
            yield _receipt(user_id, id, effect, now, base, policy)
        case Removed():
            yield changed(user_id, last_change(id, effect, base), now)
            yield _notice(user_id, _of_gone(id, effect, base), id, now)
            yield _receipt(user_id, id, effect, now, base, policy)
        case AskedProvider():
            yield _question(effect, now)
        case Warned():
            yield _notice(user_id, _warning(id, effect, base), f"{id}.{effect.what}", now)
        case Replied():
            yield answered(user_id, _reply(effect), effect.time)
        case Refused(partner, event_id, origin, fault, fieldnames):
            # Position and id, and no bytes, since what came here is not what the partner sent.
            yield refused(NAME, partner, origin, fault, event_id, fieldnames=fieldnames)
        case Waits() | Repeated():
            return


def outcome_of(effect: Effect) -> Outcome:
    """How an effect is counted."""
    match effect:
        case Changed(record, news):
            return Outcome(_counted(record, news), record.facts.partner)
        case Expired(partner):
            return Outcome("expired", partner)
        case Removed(partner):
            return Outcome("deleted", partner)
        case AskedProvider(record, is_late=is_late):
            return Outcome("asked", record.facts.partner, "late" if is_late else "")
        case Warned(record):
            return Outcome("warned", record.facts.partner)
        case Replied(reply=reply):
            return Outcome("refused" if reply in words.REFUSED else "answered", "", reply)
        case Refused(partner, fault=fault):
            return Outcome("refused", partner, fault.code)
        case Waits(partner):
            return Outcome("waiting", partner)
        case Repeated(partner):
            return Outcome("duplicate", partner)


def _counted(record: Known, news: News) -> Result:
    match news:
        case "disputed" | "confirmed" | "corrected" | "unverifiable" | "returned":
            return news
        case "reported" | "changed" | "counts":
            return "open" if isinstance(record, Open) else "settled"


def changed(user_id: str, change: RecordChange, time: datetime, erased: Erased | None = None) -> Announcement:
    # The record's id stands for the person too. Versions are per record: a person's own count would have to outlive the
    # last record, and say that there was one.
    id, version = change.record_id, change.version
    more = naming(erased)
    return announced(NAME, RECORDS_CHANGED, user_id, change, subject=id, version=version, time=time, more=more)


def held(user_id: str, records: Mapping[str, Kept], now: datetime, profile: Profile) -> Announcement:
    """All that is held of the person, for the portal. The instant tells two of these apart, and nobody counts them."""
    told = [_held(id, kept, profile) for id, kept in sorted(records.items()) if not isinstance(kept, Unreported)]
    body, version = _fitting(told), int(now.timestamp() * 1_000_000)
    return announced(NAME, RECORDS_HELD, user_id, body, subject=user_id, version=version, time=now)


def _fitting(records: Sequence[HeldRecord]) -> RecordsHeld:
    """Never more than a message may have: the portal would go on showing what was held before, also what has lapsed."""
    if len(records) <= _FITTING_ANYWAY:
        return RecordsHeld(records=tuple(records))
    without_disputes = [replace(each, said_against=()) for each in records]
    bare = [replace(each, statement=None) for each in without_disputes]
    told = next((each for each in (records, without_disputes) if sum(_sizes(each)) <= _HELD_BYTES_MAX), bare)
    count = sum(size <= _HELD_BYTES_MAX for size in accumulate(_sizes(told)))
    fitting = tuple(told[:count])
    return RecordsHeld(records=fitting, is_shortened=fitting != tuple(records))


def _sizes(records: Sequence[HeldRecord]) -> Iterator[int]:
    """In bytes, each with the comma behind it."""
    return (len(msgspec.json.encode(each)) + 1 for each in records)


_HELD_BYTES_MAX = MESSAGE_BYTES_MAX - 16 * 1024
"""Beside the envelope and the head of the batch."""
_FITTING_ANYWAY = 20
"""Each has fewer than 48 kB, however long its texts are."""


def _held(id: str, record: Known, profile: Profile) -> HeldRecord:
    facts, deadline, case = record.facts, record.deadline, record.case
    return HeldRecord(
        record_id=id,
        partner=facts.partner,
        report_id=facts.report_id,
        kind=facts.kind,
        status=status_of(record),
        counts=counts(record),
        began_on=facts.began_on,
        ended_on=deadline.ended_on if deadline else None,
        amount=facts.amount,
        lapses_at=deadline.lapses_at if deadline else None,
        early_at=case.early_at,
        counts_from=case.counts_from,
        answer_by=case.dispute.answer_by if isinstance(case.dispute, Asked) else None,
        statement=case.statement.text if case.statement else None,
        withheld=is_withheld(record, profile),
        said_against=tuple(SaidAgainst(reason=each.reason, text=each.text) for each in _questions(case)),
    )


def _questions(case: Case) -> Sequence[Question]:
    return case.dispute.questions if case.dispute else ()


def _question(effect: AskedProvider, now: datetime) -> Outgoing:
    record, dispute, question = effect.record, effect.dispute, effect.question
    facts, deadline = record.facts, record.deadline
    body = DisputeQuestion(
        dispute=dispute.id,
        report_id=facts.report_id,
        kind=facts.kind,
        reason=question.reason,
        text=question.text,
        began_on=facts.began_on,
        ended_on=deadline.ended_on if deadline else None,
        amount=facts.amount,
        asked_on=dispute.since,
        answer_by=dispute.answer_by,
    )
    return asked(NAME, facts.partner, body, len(dispute.questions), now)


def _settlement(id: str, record: Settled, now: datetime, base: int, key: bytes) -> Outgoing:
    facts, deadline = record.facts, record.deadline
    assert deadline.ended_on is not None, "it is settled"
    body = RecordSettled(
        report_id=facts.report_id, kind=facts.kind, ended_on=deadline.ended_on, lapses_at=deadline.lapses_at
    )
    return settled(NAME, facts.partner, body, settlement_id(key, id, base + record.version), now)


# -- the person --------------------------------------------------------------------------------------------------------


def _notice(user_id: str, notice: SubjectNotice, subject: str, time: datetime) -> Announcement:
    return announced(NAME, SUBJECT_ANSWERS, user_id, notice, subject=subject, version=notice.version, time=time)


def _of_record(id: str, record: Known, news: News, base: int, profile: Profile) -> SubjectNotice:
    facts, deadline = record.facts, record.deadline
    day = _counts_on(record, profile)
    english, chinese = words.news_of(news, day, is_settled=isinstance(record, Settled))
    return SubjectNotice(
        notice=_NOTICES[news],
        version=base + record.version,
        en=english,
        zh=chinese,
        record_id=id,
        kind=facts.kind,
        record_class=facts.record_class.value,
        partner=facts.partner,
        amount=facts.amount,
        began_on=facts.began_on,
        ended_on=deadline.ended_on if deadline else None,
        lapses_at=deadline.lapses_at if deadline else None,
        outcome=news if news in ("confirmed", "corrected", "unverifiable") else None,
        day=day,
    )


def _counts_on(record: Known, profile: Profile) -> date | None:
    """The day from which a record counts that does not yet; None if it does, or if a dispute keeps it from counting."""
    counts_from = record.case.counts_from
    if counts_from is None or isinstance(record.case.dispute, Asked | Unverifiable):
        return None
    return day_of(counts_from, profile)


def _of_gone(id: str, effect: Expired | Removed, base: int) -> SubjectNotice:
    """Of what is erased nothing is repeated (rules R16)."""
    version = base + effect.version
    if isinstance(effect, Expired):
        english, chinese = words.LAPSED
        return _lapsed(notice="record-lapsed", version=version, en=english, zh=chinese, record_id=id)
    english, chinese = words.DELETED if effect.outcome == "deleted" else words.NOT_VERIFIED
    return SubjectNotice(
        notice="record-answered", version=version, en=english, zh=chinese, record_id=id, outcome=effect.outcome
    )


_lapsed = unchecked(SubjectNotice)
"""Many records lapse at one instant."""


def _receipt(
    user_id: str, id: str, effect: Expired | Removed, time: datetime, base: int, policy: Policy
) -> Announcement:
    key, has_portal = policy.fingerprint_key, policy.has_portal
    body = record_receipt(user_id, id, effect.record_class, time, key, has_portal=has_portal)
    subject, version = f"{id}.erased", base + effect.version
    return announced(NAME, SUBJECT_ANSWERS, user_id, body, subject=subject, version=version, time=time)


def _warning(id: str, effect: Warned, base: int) -> SubjectNotice:
    facts = effect.record.facts
    english, chinese = words.said(words.NEAR[effect.what], effect.day)
    return SubjectNotice(
        notice=effect.what,
        version=base + effect.record.version,
        en=english,
        zh=chinese,
        record_id=id,
        kind=facts.kind,
        record_class=facts.record_class.value,
        partner=facts.partner,
        day=effect.day,
    )


def _reply(effect: Replied) -> SubjectAnswer:
    english, chinese = words.said(words.REPLIES[effect.reply], effect.day)
    status: Literal["done", "begun", "refused"] = "done" if effect.request == "statement" else "begun"
    return SubjectAnswer(
        request_id=effect.request_id,
        request=effect.request,
        service=NAME,
        status="refused" if effect.reply in words.REFUSED else status,
        code=effect.reply,
        en=english,
        zh=chinese,
        record_id=effect.record_id,
        day=effect.day,
    )
