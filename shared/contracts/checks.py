"""What a kind asks of its event, beyond the types of the fields: used by ingest and by the partners' tools."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from shared.contracts.body_faults import fault_of
from shared.contracts.faults import Code, Fault
from shared.contracts.kinds import KIND_OF, Kind, Shape
from shared.contracts.messages import BehaviorEvent, RecordChange, RecordReport
from shared.contracts.own_text import check_text
from shared.contracts.subject import Ask, SubjectRequest

# Per shape (rules E8): the fields that must be there, and those that may; only an activity `reverses` (rules E11).
# `kind` is always there, whatever else is not.
_REQUIRED: dict[Shape, tuple[str, ...]] = {
    Shape.OBLIGATION: ("days_late",),
    Shape.ACTIVITY: (),
    Shape.FIGURE: ("amount", "consent"),
    Shape.FACT: ("value",),
    Shape.CONTACT: ("contact", "value"),
}
_OPTIONAL: dict[Shape, tuple[str, ...]] = {
    Shape.OBLIGATION: ("amount",),
    Shape.ACTIVITY: ("count", "amount", "reverses"),
    Shape.FIGURE: (),
    Shape.FACT: (),
    Shape.CONTACT: (),
}
_DEFAULTS: dict[str, object] = {
    "count": 1,
    "amount": None,
    "limit": None,
    "days_late": None,
    "reverses": False,
    "value": None,
    "contact": None,
    "consent": None,
}
# Per shape, and whether the kind has a limit: all other fields.
_FORBIDDEN: dict[tuple[Shape, bool], tuple[str, ...]] = {
    (shape, has_limit): tuple(
        name
        for name in _DEFAULTS
        if name not in (*_REQUIRED[shape], *_OPTIONAL[shape]) and not (name == "limit" and has_limit)
    )
    for shape in _REQUIRED
    for has_limit in (False, True)
}


def fields_of(kind: Kind) -> tuple[list[str], list[str]]:
    """The fields that an event of this kind must have, and those that it may have."""
    if kind.shape is Shape.RECORD:
        optional = ["amount", "began_on", "ended_on", "outcome", "dispute", "certificate"]
        return ["report_id", "status", "began_on or ended_on"], optional
    needed, forbidden = _REQUIRED[kind.shape], _FORBIDDEN[kind.shape, kind.has_limit]
    return list(needed), [name for name in _DEFAULTS if name not in needed and name not in forbidden]


def check_event(event: BehaviorEvent | RecordReport, parent: str = "data") -> Fault | None:
    """The first field that breaks the shape of the event's kind (rules E8), as a path under `parent`; None if there is
    none."""
    kind = KIND_OF.get(event.kind)
    if isinstance(event, RecordReport):
        if kind is None or kind.shape is not Shape.RECORD:
            return Fault(Code.UNKNOWN_KIND, f"{parent}.kind", "The taxonomy has no record of this kind.")
        return check_record(event, parent)
    if kind is None:
        return Fault(Code.UNKNOWN_KIND, f"{parent}.kind", "The taxonomy has no such kind.")
    if kind.shape is Shape.RECORD:
        return Fault(Code.UNKNOWN_KIND, f"{parent}.kind", "This kind is a record; report it as a record.")
    return _check_behavior(event, kind, parent)


def _check_behavior(event: BehaviorEvent, kind: Kind, parent: str) -> Fault | None:
    for name in _REQUIRED[kind.shape]:
        if getattr(event, name) is None:
            return _missing(kind, name, parent)
    for name in _FORBIDDEN[kind.shape, kind.has_limit]:
        if getattr(event, name) != _DEFAULTS[name]:
            return Fault(Code.FIELD_FORBIDDEN_BY_KIND, f"{parent}.{name}", f"{kind.name} does not have `{name}`.")
    if kind.values and event.value not in kind.values:
        return Fault(Code.UNKNOWN_VALUE, f"{parent}.value", f"{kind.name} is one of: {', '.join(kind.values)}.")
    return None


def _missing(kind: Kind, name: str, parent: str) -> Fault:
    if name == "consent":
        sentence = f"{kind.name} is taken only under a recorded consent: id, purpose and given_at."
        return Fault(Code.CONSENT_MISSING, f"{parent}.consent", sentence)
    return Fault(Code.FIELD_REQUIRED_BY_KIND, f"{parent}.{name}", f"{kind.name} needs `{name}`.")


def check_record(report: RecordReport, parent: str) -> Fault | None:
    """The first field that a report lacks or must not have, or a day that contradicts another; its kind is known to be
    a record's."""
    # Without the day that it began nobody could later say which behavior a record is about, nor its deadline.
    needed = {"reported": "began_on", "settled": "ended_on", "resolved": "outcome"}[report.status]
    if getattr(report, needed) is None:
        sentence = f"A record that is {report.status} needs `{needed}`."
        return Fault(Code.FIELD_REQUIRED_BY_KIND, f"{parent}.{needed}", sentence)
    if fault := _resolution_fault(report, parent):
        return fault
    if report.began_on and report.ended_on and report.ended_on < report.began_on:
        return Fault(Code.DATES_CONTRADICT, f"{parent}.ended_on", "A record cannot end before it began.")
    return None


_CORRECTED = ("began_on", "ended_on", "amount")


def _resolution_fault(report: RecordReport, parent: str) -> Fault | None:
    """A field of an answer to a dispute that is missing, or that stands where it does not belong."""

    def forbidden(name: str, sentence: str) -> Fault:
        return Fault(Code.FIELD_FORBIDDEN_BY_KIND, f"{parent}.{name}", sentence)

    for name in ("outcome", "dispute"):
        if report.status != "resolved" and getattr(report, name) is not None:
            return forbidden(name, "Only what is resolved has this field.")
    if report.certificate is not None and report.status != "reported":
        return forbidden("certificate", "Only a record that is reported again has a certificate.")
    match report.outcome:
        case "confirmed" | "unverifiable" if report.dispute is None:
            sentence = "Name the dispute that this answers: its number is on your topic of disputes."
            return Fault(Code.FIELD_REQUIRED_BY_KIND, f"{parent}.dispute", sentence)
        case "corrected" if all(getattr(report, name) is None for name in _CORRECTED):
            sentence = "Say what is right instead: `began_on`, `ended_on` or `amount`."
            return Fault(Code.FIELD_REQUIRED_BY_KIND, f"{parent}.began_on", sentence)
        case _:
            return None


def check_change(change: RecordChange) -> Fault | None:
    """The first field that a change of a record must have and has not; of what is erased nothing is said."""
    if change.status in ("expired", "deleted"):
        return None
    for name in ("kind", "record_class", "began_on"):
        if getattr(change, name) is None:
            return Fault(Code.FIELD_REQUIRED_BY_KIND, f"data.{name}", "A record that is not erased needs this field.")
    return None


_ASKED: dict[Ask, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "dispute": (("record_id", "reason"), ("text",)),
    "statement": (("record_id", "text"), ()),
    "withdraw-consent": (("partner", "consent_id"), ()),
    "erase": ((), ()),
    "re-evaluate": ((), ()),
    "export": ((), ()),
}
"""Per request: the fields that must be there, and those that may."""


def request_of(**fields: str | None) -> SubjectRequest | Fault:
    """A person's request, of what somebody has typed, or the first reason why it is none. The fault quotes nothing."""
    # What somebody has typed may have any form; what has another one is a fault here.
    typed: dict[str, Any] = {**fields}
    try:
        asked = SubjectRequest(**typed)
    except ValidationError as error:
        return fault_of(error)
    return check_request(asked) or asked


def check_request(asked: SubjectRequest) -> Fault | None:
    """The first field that a person's request must have and has not, or has and must not have."""
    needed, allowed = _ASKED[asked.request]
    for name in ("record_id", "reason", "text", "partner", "consent_id"):
        is_there = getattr(asked, name) is not None
        if name in needed and not is_there:
            return Fault(Code.FIELD_REQUIRED_BY_KIND, f"data.{name}", f"A request `{asked.request}` needs `{name}`.")
        if is_there and name not in (*needed, *allowed):
            return Fault(
                Code.FIELD_FORBIDDEN_BY_KIND, f"data.{name}", f"A request `{asked.request}` does not have `{name}`."
            )
    if asked.reason == "other" and asked.text is None:
        return Fault(Code.FIELD_REQUIRED_BY_KIND, "data.text", "Another reason than those of the list needs a text.")
    return check_text(asked.text, "data.text") if asked.text is not None else None
