"""What somebody has said of a sample of a partner's events, and what that makes of each event in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goodstanding.partner.proposals import NUMBERS, as_written
from goodstanding.partner.sample_file import Sample
from services.ingest.core.mapping import Number

SKIP = "skip"
"""The answer for a code that is passed over."""
ALL = "*"
"""Every code that is not said by itself; the only one where all events are of one kind."""


@dataclass(frozen=True, slots=True)
class Day:
    """A field that has a day, and the form in which it is written."""

    field: str
    form: str


@dataclass(frozen=True, slots=True)
class DaysLate:
    """How it is told how late an obligation was met: by the `field` of the days late; or, where that is empty, from the
    day it was `due` to the day it was `cleared`; and where there is none of these, nothing is ever late."""

    field: str = ""
    due: Day | None = None
    cleared: Day | None = None

    @property
    def fields(self) -> set[str]:
        return {self.field, *(day.field for day in (self.due, self.cleared) if day)}


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody has said. `kinds` are ours by the partner's codes, or SKIP."""

    id: Sequence[str]
    """One field; of events without an id those that tell one from another."""
    is_digest: bool
    time: str
    form: str
    at: str
    zone: str
    person: str
    kind: str
    """The field that says what an event is, or several with `+` between them of which one is filled; empty where all
    are of one kind."""
    kinds: Mapping[str, str]
    amount: str
    """The field, or the same several as of the kind."""
    currency: str
    """A code, or the field that has one."""
    unit: str
    number: str
    late: DaysLate
    crosswalk: bool = False
    """Whether people are named by the partner's own customer numbers."""

    @property
    def counted(self) -> list[str]:
        """The codes that are not passed over."""
        return [code for code, kind in self.kinds.items() if kind != SKIP]

    def amount_of(self, code: str) -> str:
        """The field of the amount of events of a code."""
        return code if self.amount == self.kind and "+" in self.kind else self.amount

    def code_in(self, row: Mapping[str, Any]) -> str:
        """The code of an event of the sample; the empty word where it has none."""
        if "+" in self.kind:
            return next((field for field in self.kind.split("+") if row.get(field) not in (None, "")), "")
        value = row.get(self.kind) if self.kind else ALL
        return "" if value is None else str(value)

    def kind_of(self, row: Mapping[str, Any]) -> str:
        """Our kind of an event of the sample, or SKIP, where its code is not mapped too."""
        return self.kinds.get(self.code_in(row), self.kinds.get(ALL, SKIP))


def by_kind(said: Answers) -> list[tuple[str, list[str]]]:
    """The codes of each block: those of one kind whose amount stands at one field."""
    found: dict[tuple[str, str], list[str]] = {}
    for code, kind in said.kinds.items():
        if kind != SKIP:
            found.setdefault((kind, said.amount_of(code)), []).append(code)
    return [(kind, codes) for (kind, _), codes in found.items()]


def notation_of(sample: Sample, said: Answers) -> Number:
    """How the amounts are written, with what the sample shows besides what somebody has said."""
    values = [value for field in said.amount.split("+") if field for value in sample.values(field)]
    return as_written(NUMBERS[said.number], [value for value in values if isinstance(value, str)])


def events_of(sample: Sample, said: Answers, codes: Sequence[str]) -> Iterator[tuple[int, Any]]:
    """The amounts of the events of these codes, None where there is none, each with its line."""
    field = said.amount_of(codes[0])
    for line, row in zip(sample.lines, sample.rows, strict=True):
        value = row.get(field)
        code = said.code_in(row)
        is_of_them = not said.kind or code in codes or (ALL in codes and code not in said.kinds)
        if (value not in (None, "")) if field in codes else is_of_them:
            yield line, None if value == "" else value


def amounts_of(sample: Sample, said: Answers, codes: Sequence[str]) -> dict[int, str]:
    return {line: str(value) for line, value in events_of(sample, said, codes) if value is not None}


def without_amount(sample: Sample, said: Answers, codes: Sequence[str]) -> list[int]:
    return [line for line, value in events_of(sample, said, codes) if value is None]


def is_negative(amount: str) -> bool:
    return amount.lstrip().startswith(("-", "\u2212", "("))


def is_mostly_negative(amounts: Mapping[int, str]) -> bool:
    return sum(map(is_negative, amounts.values())) * 2 > len(amounts)
