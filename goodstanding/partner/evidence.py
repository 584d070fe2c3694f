"""What the topics say of the events that were sent, and the verdict that follows for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from aiokafka import ConsumerRecord, TopicPartition

from goodstanding.partner.verdicts import Line, Result, Verdict
from shared.contracts.exchange import INDEX
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
    """By raw position, with `#<index>` for one of a message's many events; of an event that ingest has forwarded twice,
    the later position."""
    hidden: set[str] = field(default_factory=set)
    """Topics of which a part cannot be read, so that they may say more."""

    @property
    def may_have_more_answers(self) -> bool:
        return not self.hidden <= READ_BY.keys()

    def take(self, record: ConsumerRecord) -> None:
        at = TopicPartition(record.topic, record.partition)
        if record.topic in READ_BY:
            headers = dict(record.headers)
            origin, index = ((headers.get(f"ce_{name}") or b"").decode(errors="replace") for name in ("origin", INDEX))
            self.forwarded[_event(origin, index)] = (at, record.offset)
        elif not isinstance(answer := read_refusal(record.headers), Fault):
            aside = record.topic.endswith(dead_letter_topic(""))
            result = Result.SET_ASIDE if aside else Result.REFUSED
            names = (_event(origin, answer.index) for origin in origins(answer))
            self.answers.update(dict.fromkeys(names, (result, answer)))


Expected: TypeAlias = Mapping[int, Result]
"""What is expected to become of events, by their numbers, of those where it can be known."""


def verdicts_on(
    placed: Placed, evidence: Evidence, foreseen: Expected, behind: bool, open_: set[str]
) -> Iterator[Verdict]:
    """What became of the events of a message, but for those of which what could be read does not tell. `foreseen` is
    what was expected of them; `behind` says whether the services behind ingest were waited for, and `open_` has the
    origins of the events that they have not come to."""
    whole = evidence.answers.get(placed.origin)
    if whole is not None and whole[0] is not Result.REFUSED:  # set aside, and each of its events with it
        yield from (Verdict.of(number, *whole) for number in placed.line.numbers or (placed.line.number,))
        return
    if not placed.line.numbers or whole is not None:
        events = [(placed.line.number, placed.origin)]
    else:
        events = [(number, _event(placed.origin, str(index))) for index, number in enumerate(placed.line.numbers)]
    for number, origin in events:
        if (told := _verdict(number, origin, evidence, foreseen, behind, open_)) is not None:
            yield told


def _verdict(
    line: int, origin: str, evidence: Evidence, foreseen: Expected, behind: bool, open_: set[str]
) -> Verdict | None:
    forwarded = evidence.forwarded.get(origin)
    # A service behind ingest sets the forwarded record aside, and so names that one's position.
    names = [origin, *([_position(*forwarded)] if forwarded else [])]
    for name in names:
        if name in evidence.answers:
            result, answer = evidence.answers[name]
            return Verdict.of(line, result, answer)
    if forwarded is None and foreseen.get(line) is Result.SKIPPED:
        return Verdict(line, Result.SKIPPED)
    if forwarded is None and evidence.may_have_more_answers:
        return None
    if not behind or origin in open_ or evidence.hidden:
        return Verdict(line, Result.TAKEN_BY_INGEST)
    if forwarded is None:
        return Verdict(line, Result.UNANSWERED, "unanswered", "", _UNANSWERED)
    match foreseen.get(line):
        case None:
            return Verdict(line, Result.TAKEN_BY_INGEST)
        case Result.REPEATED:
            return Verdict(line, Result.REPEATED)
        case _:
            return Verdict(line, Result.ACCEPTED)


def _event(origin: str, index: str | None) -> str:
    return f"{origin}#{index}" if index else origin


def _position(at: TopicPartition, offset: int) -> str:
    return f"{at.topic}/{at.partition}/{offset}"
