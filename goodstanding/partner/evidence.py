"""What the topics say of the events that were sent, and the verdict that follows for each."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiokafka import ConsumerRecord, TopicPartition

from goodstanding.partner.verdicts import Line, Result, Verdict
from shared.contracts.faults import Fault
from shared.contracts.messages import Refusal
from shared.contracts.refusals import origins, read_refusal
from shared.contracts.topics import NORMALIZED, RECORDS_REPORTED, dead_letter_topic

READ_BY = {NORMALIZED: "scorer", RECORDS_REPORTED: "retention"}
"""Which service reads what ingest forwards."""
_UNANSWERED = "Ingest has passed this event and has neither refused nor forwarded it. Report it to the operator."


@dataclass(frozen=True, slots=True)
class Placed:
    """A line, and the position that its record got."""

    line: Line
    at: TopicPartition
    offset: int

    @property
    def origin(self) -> str:
        return _position(self.at, self.offset)


@dataclass(slots=True)
class Evidence:
    """What was read about the events: answers by the position that they name, and where each was forwarded to."""

    answers: dict[str, tuple[Result, Refusal]] = field(default_factory=dict)
    forwarded: dict[str, tuple[TopicPartition, int]] = field(default_factory=dict)
    """By raw position; of an event that ingest has forwarded twice, the later position."""

    def take(self, record: ConsumerRecord) -> None:
        at = TopicPartition(record.topic, record.partition)
        if record.topic in READ_BY:
            origin = (dict(record.headers).get("ce_origin") or b"").decode(errors="replace")
            self.forwarded[origin] = (at, record.offset)
        elif not isinstance(answer := read_refusal(record.headers), Fault):
            aside = record.topic.endswith(dead_letter_topic(""))
            result = Result.SET_ASIDE if aside else Result.REFUSED
            self.answers.update(dict.fromkeys(origins(answer), (result, answer)))


def verdict_on(placed: Placed, evidence: Evidence, foreseen: Result | None, behind: bool, open_: set[str]) -> Verdict:
    """What became of the event. `foreseen` is what was expected of it; `behind` says whether the services behind ingest
    were waited for, and `open_` has the origins of the events that they have not come to."""
    line, origin = placed.line.number, placed.origin
    forwarded = evidence.forwarded.get(origin)
    # A service behind ingest sets the forwarded record aside, and so names that one's position.
    names = [origin, *([_position(*forwarded)] if forwarded else [])]
    for name in names:
        if name in evidence.answers:
            result, answer = evidence.answers[name]
            return Verdict.of(line, result, answer)
    if not behind or origin in open_:
        return Verdict(line, Result.TAKEN_BY_INGEST)
    if forwarded is None:
        return Verdict(line, Result.UNANSWERED, "unanswered", "", _UNANSWERED)
    match foreseen:
        case None:
            return Verdict(line, Result.TAKEN_BY_INGEST)
        case Result.REPEATED:
            return Verdict(line, Result.REPEATED)
        case _:
            return Verdict(line, Result.ACCEPTED)


def _position(at: TopicPartition, offset: int) -> str:
    return f"{at.topic}/{at.partition}/{offset}"
