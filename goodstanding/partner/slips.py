"""Single events of a sample that are unlike the others, and what they have made of a first mapping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from goodstanding.partner.answers import (
    ALL,
    SKIP,
    Answers,
    amounts_of,
    by_kind,
    events_of,
    is_mostly_negative,
    is_negative,
    notation_of,
    without_amount,
)
from goodstanding.partner.proposals import currencies_of, currencies_unread, symbol_of, without_currency
from goodstanding.partner.sample_file import Sample, quoted
from services.ingest.core.notation import notation
from shared.contracts.checks import fields_of
from shared.contracts.kinds import KIND_OF, Shape


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
                f"{_at(one, lines)}: there is no {field}. The mapping refuses it. If such events do not count: "
                f"{_skipping(said, field)}"
            )
    yield from _of_currency(sample, said)
    for kind, codes in by_kind(said):
        if said.amount and "amount" in (found := fields_of(KIND_OF[kind]))[0] + found[1]:
            yield from _of_amount(sample, said, codes, optional="amount" not in found[0])


def _skipping(said: Answers, field: str) -> str:
    """How events without this field are passed over, to be written into the mapping."""
    if not said.kind:
        return f'`kind = {quoted(field)}`, `skip = [""]`, and `"*"` in place of `"event"`.'
    if "+" in said.kind:
        first = f"{{ filled = [{', '.join(map(quoted, said.kind.split('+')))}] }}"
    else:
        first = quoted(said.kind)
    skipped = ", ".join(quoted(f"{code}/") for code in said.counted)
    return f"`kind = [{first}, {quoted(field)}]`, `skip = [{skipped}]`, and `/*` behind each other code."


def _of_currency(sample: Sample, said: Answers) -> Iterator[str]:
    """Where the currency of an amount is not said, or would be said by a field that the mapping ignores."""
    if not said.amount:
        return
    counts = {line for line, row in zip(sample.lines, sample.rows, strict=True) if said.kind_of(row) != SKIP}
    lacking = without_currency(sample, said.currency, said.amount.split("+")) if said.currency in sample.fields else []
    if without := [line for line in lacking if line in counts]:
        yield (
            f"{_at(sample.one, without)}: there is an amount and no {said.currency}. The mapping refuses it. If that "
            f"means one currency, have `kind` name {said.currency} too, with an `[[events]]` block for each currency: "
            f"{quoted(f'{said.counted[0]}/')} is the code of an event without one."
        )
    for field in currencies_unread(sample):
        if field != said.currency and field not in currencies_of(sample):
            yield (
                f"{field} has no code of ISO 4217 in the sample, and the mapping ignores it. If it says in which "
                f"currency an amount is, have `currency_path` name it: other amounts count as {said.currency} now."
            )


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
    one, field, amounts = sample.one, said.amount_of(codes[0]), amounts_of(sample, said, codes)
    without = without_amount(sample, said, codes)
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
    written = notation(notation_of(sample, said))
    texts = {line: value for line, value in events_of(sample, said, codes) if isinstance(value, str)}
    unread = [line for line, text in texts.items() if written.read(text) is None]
    if unread:
        yield f"{_at(one, unread)}: {field} is no number that is written as {said.number}. The mapping refuses it."
    mostly = is_mostly_negative(amounts)
    read = {line: text for line, text in amounts.items() if line not in unread}
    if others := [line for line, text in read.items() if is_negative(text) is not mostly and _is_not_zero(text)]:
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
