"""A first mapping of a partner as a file, from a sample of its events and the answers to about ten questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from goodstanding.partner.proposals import NUMBERS, as_written, gives_day, symbol_of
from goodstanding.partner.sample_file import Sample, quoted
from services.ingest.core.mapping import Number, TimeFormat
from services.ingest.core.notation import notation
from shared.contracts.checks import fields_of
from shared.contracts.kinds import KIND_OF, Shape

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


def mapping_text(name: str, sample: Sample, said: Answers) -> str:
    """The mapping as a file, with a comment where something is still to be said."""
    is_number = sample.typed and all(isinstance(value, int) for value in sample.values(said.id[0]))
    typed_id = f'{{ path = {quoted(said.id[0])}, type = "number" }}' if is_number else quoted(said.id[0])
    digest = f'{{ function = "digest", paths = [{", ".join(map(quoted, said.id))}] }}'
    lines = [
        "#:schema ../docs/schemas/partner.json",
        f"# {name}: a first mapping, made from a sample by `goodstanding partner new`. docs/mapping.md has every key.",
        "",
        *sample.head,
        f"id = {digest if said.is_digest else typed_id}",
        f"time = {_moment(sample, said)}",
        *([f"zone = {quoted(said.zone)}"] if said.zone else []),
        f"subject = {quoted(said.person)}",
        *(["crosswalk = true"] if said.crosswalk else []),
        f"kind = {_kind(sample, said)}",
        *_number(sample, said),
        *_skipped(said),
        *_ignored(sample, said),
        *_rights(said),
    ]
    for kind, codes in _by_kind(said):
        lines += ["", "[[events]]", *_block(sample, said, kind, codes)]
    return "\n".join(lines) + "\n"


def _moment(sample: Sample, said: Answers) -> str:
    if said.form == "rfc3339":
        return quoted(said.time)
    how = _form(sample, Day(said.time, said.form))
    at = f', at = "{said.at}"' if gives_day(said.form) else ""
    return f"{{ path = {quoted(said.time)}, {how}{at} }}"


def _days_late(sample: Sample, late: DaysLate) -> str:
    if late.due and late.cleared:
        return f"{{ due = {_day(sample, late.due)}, cleared = {_day(sample, late.cleared)} }}"
    if not late.field:
        return "{ fixed = 0 }"
    is_text = sample.typed and any(isinstance(value, str) for value in sample.values(late.field))
    return f'{{ path = {quoted(late.field)}, type = "text" }}' if is_text else quoted(late.field)


def _day(sample: Sample, day: Day) -> str:
    return quoted(day.field) if day.form == "date" else f"{{ path = {quoted(day.field)}, {_form(sample, day)} }}"


def _form(sample: Sample, moment: Day) -> str:
    how = "as" if moment.form in get_args(TimeFormat) else "pattern"
    is_text = moment.form.startswith("epoch") and sample.typed and isinstance(sample.values(moment.field)[0], str)
    return f"{how} = {quoted(moment.form)}" + (', type = "text"' if is_text else "")


def _kind(sample: Sample, said: Answers) -> str:
    if not said.kind:
        return '{ fixed = "event" }'
    if "+" in said.kind:
        return f"{{ filled = [{', '.join(map(quoted, said.kind.split('+')))}] }}"
    if sample.typed and any(isinstance(value, int) for value in sample.values(said.kind)):
        return f'{{ path = {quoted(said.kind)}, type = "number" }}'
    return quoted(said.kind)


def _notation(sample: Sample, said: Answers) -> Number:
    values = [value for field in said.amount.split("+") if field for value in sample.values(field)]
    return as_written(NUMBERS[said.number], [value for value in values if isinstance(value, str)])


def _number(sample: Sample, said: Answers) -> list[str]:
    number = _notation(sample, said)
    if number == Number():
        return []
    parts = [f"decimal = {quoted(number.decimal)}"]
    parts += [f"thousands = {quoted(number.thousands)}"] if number.thousands else []
    if number.symbol:
        parts += [f"symbol = {quoted(number.symbol)}", f'symbol_at = "{number.symbol_at}"']
    parts += ["plus = true"] if number.plus else []
    return [f"number = {{ {', '.join(parts)} }}"]


def _skipped(said: Answers) -> list[str]:
    codes = [code for code, kind in said.kinds.items() if kind == SKIP]
    return [f"skip = [{', '.join(map(quoted, codes))}]"] if codes else []


def _ignored(sample: Sample, said: Answers) -> list[str]:
    read = {*said.id, said.time, said.person, *said.kind.split("+"), *said.amount.split("+"), said.currency}
    read |= said.late.fields
    paths = [""] if sample.has_unnamed else []
    for field in sample.fields:
        if field not in read and field:
            is_list = any(isinstance(value, list) for value in sample.values(field))
            paths.append(f"{field}.*" if is_list else field)
    return [f"ignore = [{', '.join(map(quoted, paths))}]"] if paths else []


def _rights(said: Answers) -> list[str]:
    classes = {KIND_OF[kind].record_class for kind in said.kinds.values() if kind != SKIP}
    names = sorted(each.value for each in classes if each is not None)
    return ["", "[rights]", f"records = [{', '.join(map(quoted, names))}]"] if names else []


def _by_kind(said: Answers) -> list[tuple[str, list[str]]]:
    """The codes of each block: those of one kind whose amount stands at one field."""
    found: dict[tuple[str, str], list[str]] = {}
    for code, kind in said.kinds.items():
        if kind != SKIP:
            found.setdefault((kind, said.amount_of(code)), []).append(code)
    return [(kind, codes) for (kind, _), codes in found.items()]


def _block(sample: Sample, said: Answers, kind_name: str, codes: Sequence[str]) -> list[str]:
    kind = KIND_OF[kind_name]
    needs, may_have = fields_of(kind)
    pairs = ", ".join(f"{quoted(code if said.kind else 'event')} = {quoted(kind_name)}" for code in codes)
    lines = [f"kinds = {{ {pairs} }}"]
    if kind.shape is Shape.OBLIGATION:
        lines.append(f"days_late = {_days_late(sample, said.late)}")
    if said.amount and "amount" in (*needs, *may_have):
        lines.append(f"amount = {_amount(sample, said, codes, optional='amount' not in needs)}")
    still = [name for name in needs if name not in ("days_late", "amount")]
    still += ["began_on", "ended_on"] if kind.shape is Shape.RECORD else []
    lines += [f'# {name} = "..."  # still to be said: {kind_name} needs it' for name in dict.fromkeys(still)]
    return lines


def _amount(sample: Sample, said: Answers, codes: Sequence[str], *, optional: bool) -> str:
    field = said.amount_of(codes[0])
    # Of codes that the sample has no event of, the amounts are taken to have the sign of the others.
    amounts = _amounts(sample, said, codes) or _amounts(sample, said, [c for c, k in said.kinds.items() if k != SKIP])
    sign = ', sign = "negative"' if _is_mostly_negative(amounts) else ""
    absent = ", optional = true" if optional and _without_amount(sample, said, codes) else ""
    currency = "currency_path" if said.currency in sample.fields else "currency"
    parts = f"path = {quoted(field)}, unit = {quoted(said.unit)}, {currency} = {quoted(said.currency)}"
    return f"{{ {parts}{sign}{absent} }}"


def _events_of(sample: Sample, said: Answers, codes: Sequence[str]) -> Iterator[tuple[int, Any]]:
    """The amounts of the events of these codes, None where there is none, each with its line."""
    field = said.amount_of(codes[0])
    for line, row in zip(sample.lines, sample.rows, strict=True):
        value = row.get(field)
        code = str(row.get(said.kind))
        is_of_them = not said.kind or code in codes or (ALL in codes and code not in said.kinds)
        if (value not in (None, "")) if field in codes else is_of_them:
            yield line, None if value == "" else value


def _amounts(sample: Sample, said: Answers, codes: Sequence[str]) -> dict[int, str]:
    return {line: str(value) for line, value in _events_of(sample, said, codes) if value is not None}


def _without_amount(sample: Sample, said: Answers, codes: Sequence[str]) -> list[int]:
    return [line for line, value in _events_of(sample, said, codes) if value is None]


def _is_negative(amount: str) -> bool:
    return amount.lstrip().startswith(("-", "\u2212", "("))


def _is_mostly_negative(amounts: Mapping[int, str]) -> bool:
    return sum(map(_is_negative, amounts.values())) * 2 > len(amounts)


# What the sample's exceptions have made of the mapping.


def exceptions(sample: Sample, said: Answers) -> Iterator[str]:
    """Which single events have made the mapping wider than the others need it, and which ones it does not take, each as
    a sentence with what to do."""
    one = sample.one
    if sample.uneven:
        yield (
            f"{_at(one, sample.uneven)}: there are not as many cells as columns. The mapping takes that, by "
            "`ragged = true`; if it is a slip, take that out."
        )
    if absent := _not_in_sample(sample, said):
        yield f"No event of the sample has the code {' or '.join(absent)}. The mapping has what --map says of it."
    for field in dict.fromkeys((said.time, *sorted(said.late.fields))):
        if field and (lines := _without(sample, said, field)):
            yield (
                f"{_at(one, lines)}: there is no {field}. The mapping refuses it. If such events do not count, have "
                f"`kind` name {field} too, and list the code with the empty word under `skip`."
            )
    for kind, codes in _by_kind(said):
        if said.amount and "amount" in (found := fields_of(KIND_OF[kind]))[0] + found[1]:
            yield from _of_amount(sample, said, codes, optional="amount" not in found[0])


def _not_in_sample(sample: Sample, said: Answers) -> list[str]:
    found = {said.code_in(row) for row in sample.rows}
    return [code or '""' for code in said.kinds if code not in found and code != ALL]


def _without(sample: Sample, said: Answers, field: str) -> list[int]:
    """The lines of the events that lack a time or a day which the block of their kind reads."""
    rows = zip(sample.lines, sample.rows, strict=True)
    missing = ((line, said.kind_of(row)) for line, row in rows if row.get(field) in (None, ""))
    kinds = ((line, KIND_OF[kind]) for line, kind in missing if kind != SKIP)
    return [line for line, kind in kinds if field == said.time or kind.shape is Shape.OBLIGATION]


def _of_amount(sample: Sample, said: Answers, codes: Sequence[str], *, optional: bool) -> Iterator[str]:
    one, field, amounts = sample.one, said.amount_of(codes[0]), _amounts(sample, said, codes)
    without = _without_amount(sample, said, codes)
    if optional and without:
        yield (
            f"{_at(one, without)}: there is no {field}. The mapping takes that, by `optional = true`; if it is a slip, "
            "take that out."
        )
    marked = [line for line, text in amounts.items() if symbol_of(text)]
    if 0 < len(marked) * 2 < len(amounts):
        yield (
            f"{_at(one, marked)}: {field} has a sign of a currency, unlike most. The mapping takes that, by `symbol`; "
            "if it is a slip, take that out."
        )
    written = notation(_notation(sample, said))
    texts = {line: value for line, value in _events_of(sample, said, codes) if isinstance(value, str)}
    unread = [line for line, text in texts.items() if written.read(text) is None]
    if unread:
        yield f"{_at(one, unread)}: {field} is no number that is written as {said.number}. The mapping refuses it."
    mostly = _is_mostly_negative(amounts)
    read = {line: text for line, text in amounts.items() if line not in unread}
    if others := [line for line, text in read.items() if _is_negative(text) is not mostly and _is_not_zero(text)]:
        sign = "positive" if mostly else "negative"
        yield (
            f"{_at(one, others)}: {field} is {sign}, unlike in other events. The mapping refuses it. If it means "
            'the same, say `sign = "either"`; if not, as a chargeback, tell it apart in `kind` by `sign_of`.'
        )


def _is_not_zero(amount: str) -> bool:
    return any(character in "123456789" for character in amount)


def _at(one: str, lines: Sequence[int]) -> str:
    more = f" and {len(lines) - 1:,} more" if len(lines) > 1 else ""
    return f"{one} {lines[0]}{more}"
