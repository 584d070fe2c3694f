"""A first mapping of a partner as a file, from a sample of its events and the answers to about ten questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from goodstanding.partner.sample_file import NUMBERS, Sample, as_written, gives_day, quoted
from services.ingest.core.mapping import Number, TimeFormat
from shared.contracts.checks import fields_of
from shared.contracts.kinds import KIND_OF, Shape

SKIP = "skip"
"""The answer for a code that is passed over."""
ALL = "*"
"""The code where all events are of one kind."""


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
    late: str
    """The field of the days late, empty for 0."""

    def amount_of(self, code: str) -> str:
        """The field of the amount of events of a code."""
        return code if self.amount == self.kind and "+" in self.kind else self.amount


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
    how = f"as = {quoted(said.form)}" if said.form in get_args(TimeFormat) else f"pattern = {quoted(said.form)}"
    if said.form.startswith("epoch") and sample.typed and isinstance(sample.values(said.time)[0], str):
        how += ', type = "text"'
    at = f', at = "{said.at}"' if gives_day(said.form) else ""
    return f"{{ path = {quoted(said.time)}, {how}{at} }}"


def _kind(sample: Sample, said: Answers) -> str:
    if not said.kind:
        return '{ fixed = "event" }'
    if "+" in said.kind:
        return f"{{ filled = [{', '.join(map(quoted, said.kind.split('+')))}] }}"
    if sample.typed and any(isinstance(value, int) for value in sample.values(said.kind)):
        return f'{{ path = {quoted(said.kind)}, type = "number" }}'
    return quoted(said.kind)


def _number(sample: Sample, said: Answers) -> list[str]:
    values = [value for field in said.amount.split("+") if field for value in sample.values(field)]
    texts = [value for value in values if isinstance(value, str)]
    number = as_written(NUMBERS[said.number], texts)
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
    read = {*said.id, said.time, said.person, *said.kind.split("+"), *said.amount.split("+"), said.currency, said.late}
    paths = []
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
        lines.append(f"days_late = {quoted(said.late) if said.late else '{ fixed = 0 }'}")
    if said.amount and "amount" in (*needs, *may_have):
        lines.append(f"amount = {_amount(sample, said, codes, optional='amount' not in needs)}")
    still = [name for name in needs if name not in ("days_late", "amount")]
    still += ["began_on", "ended_on"] if kind.shape is Shape.RECORD else []
    lines += [f'# {name} = "..."  # still to be said: {kind_name} needs it' for name in dict.fromkeys(still)]
    return lines


def _amount(sample: Sample, said: Answers, codes: Sequence[str], *, optional: bool) -> str:
    field = said.amount_of(codes[0])
    if field in codes:
        rows = [row for row in sample.rows if row.get(field) not in (None, "")]
    else:
        rows = [row for row in sample.rows if not said.kind or str(row.get(said.kind)) in codes]
    values = [row.get(field) for row in rows]
    present = [str(value) for value in values if value not in (None, "")]
    negative = [value.lstrip().startswith(("-", "\u2212", "(")) for value in present]
    sign = "" if not any(negative) else ', sign = "negative"' if all(negative) else ', sign = "either"'
    absent = ", optional = true" if optional and len(present) < len(values) else ""
    currency = "currency_path" if said.currency in sample.fields else "currency"
    parts = f"path = {quoted(field)}, unit = {quoted(said.unit)}, {currency} = {quoted(said.currency)}"
    return f"{{ {parts}{sign}{absent} }}"
