"""A first mapping of a partner as a file, from a sample of its events and the answers to about ten questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from goodstanding.partner.answers import (
    Answers,
    Day,
    DaysLate,
    amounts_of,
    by_kind,
    is_mostly_negative,
    notation_of,
    without_amount,
)
from goodstanding.partner.proposals import gives_day
from goodstanding.partner.sample_file import Sample, quoted
from services.ingest.core.mapping import Number, TimeFormat
from shared.contracts.checks import fields_of
from shared.contracts.kinds import KIND_OF, Shape

_RECORD = [
    '# report_id = "..."  # still to be said: the field with the number of the record; then take it out of `ignore`',
    '# status = { fixed = "reported" }  # still to be said: or "settled", for the code of what is paid or done',
    '# began_on = "..."  # still to be said: the day on which it began',
    '# ended_on = "..."  # still to be said where it is settled: the day on which it ended',
]


def mapping_text(name: str, sample: Sample, said: Answers) -> str:
    """The mapping as a file, with a comment where something is still to be said."""
    digest = f'{{ function = "digest", paths = [{", ".join(map(quoted, said.id))}] }}'
    lines = [
        "#:schema ../docs/schemas/partner.json",
        f"# {name}: a first mapping, made from a sample by `goodstanding partner new`. docs/mapping.md has every key.",
        "",
        *sample.head,
        f"id = {digest if said.is_digest else _text(sample, said.id[0])}",
        f"time = {_moment(sample, said)}",
        *([f"zone = {quoted(said.zone)}"] if said.zone else []),
        f"subject = {_text(sample, said.person)}",
        *(["crosswalk = true"] if said.crosswalk else []),
        f"kind = {_kind(sample, said)}",
        *_number(sample, said),
        *_skipped(said),
        *_ignored(sample, said),
        *_rights(said),
    ]
    for kind, codes in by_kind(said):
        lines += ["", "[[events]]", *_block(sample, said, kind, codes)]
    return "\n".join(lines) + "\n"


def _text(sample: Sample, field: str) -> str:
    """A field that is read as a text, and is a number in the sample or not."""
    values = sample.values(field)
    is_number = sample.typed and bool(values) and all(type(value) is int for value in values)
    return f'{{ path = {quoted(field)}, type = "number" }}' if is_number else quoted(field)


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


def _number(sample: Sample, said: Answers) -> list[str]:
    number = notation_of(sample, said)
    if number == Number():
        return []
    parts = [f"decimal = {quoted(number.decimal)}"]
    parts += [f"thousands = {quoted(number.thousands)}"] if number.thousands else []
    if number.symbol:
        parts += [f"symbol = {quoted(number.symbol)}", f'symbol_at = "{number.symbol_at}"']
    parts += ["plus = true"] if number.plus else []
    return [f"number = {{ {', '.join(parts)} }}"]


def _skipped(said: Answers) -> list[str]:
    codes = [code for code in said.kinds if code not in said.counted]
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
    classes = {KIND_OF[said.kinds[code]].record_class for code in said.counted}
    names = sorted(each.value for each in classes if each is not None)
    return ["", "[rights]", f"records = [{', '.join(map(quoted, names))}]"] if names else []


def _block(sample: Sample, said: Answers, kind_name: str, codes: Sequence[str]) -> list[str]:
    kind = KIND_OF[kind_name]
    needs, may_have = fields_of(kind)
    pairs = ", ".join(f"{quoted(code if said.kind else 'event')} = {quoted(kind_name)}" for code in codes)
    lines = [f"kinds = {{ {pairs} }}"]
    if kind.shape is Shape.OBLIGATION:
        lines.append(f"days_late = {_days_late(sample, said.late)}")
    if said.amount and "amount" in (*needs, *may_have):
        lines.append(f"amount = {_amount(sample, said, codes, optional='amount' not in needs)}")
    if kind.shape is Shape.RECORD:
        return lines + _RECORD
    still = [name for name in needs if name not in ("days_late", "amount")]
    lines += [f'# {name} = "..."  # still to be said: {kind_name} needs it' for name in still]
    return lines


def _amount(sample: Sample, said: Answers, codes: Sequence[str], *, optional: bool) -> str:
    field = said.amount_of(codes[0])
    # Of codes that the sample has no event of, the amounts are taken to have the sign of the others.
    amounts = amounts_of(sample, said, codes) or amounts_of(sample, said, said.counted)
    sign = ', sign = "negative"' if is_mostly_negative(amounts) else ""
    absent = ", optional = true" if optional and without_amount(sample, said, codes) else ""
    currency = "currency_path" if said.currency in sample.fields else "currency"
    parts = f"path = {quoted(field)}, unit = {quoted(said.unit)}, {currency} = {quoted(said.currency)}"
    return f"{{ {parts}{sign}{absent} }}"
