"""`partner validate --show`: what was understood of each event, and what is strange about all of them together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

from goodstanding import policies
from goodstanding.cli.frame import answer_json, console, local, table, tell, tell_entry
from goodstanding.partner import mapping_remarks
from goodstanding.partner.file_remarks import file_remarks
from goodstanding.partner.rehearsal import Forwarded, Judged
from goodstanding.partner.understood import understood, warnings
from goodstanding.partner.verdicts import GOOD, Result, Verdict
from goodstanding.platform.fixed_settings import FixedSettings
from services.ingest.core.mapping import CsvMapping, FixedMapping, PartnerMapping
from services.ingest.core.partner import Partner
from services.retention.core.bounds import WAITS_MAX
from shared.contracts import zones

_UNDERSTOOD_SHOWN = 20
_WAITING_SHOWN = 20
_PERSON_DIGITS = 8


def show_understood(judged: Sequence[Judged], settings: FixedSettings, one: str, as_json: bool) -> None:
    """Each of these events as ingest understands it; then what is strange about all of them together. A column in which
    no event has anything is left out."""
    zone = zones.zone(settings.zone)
    card = policies.in_force_on(datetime.now(zone).date())
    events = understood([each for each in judged if isinstance(each, Forwarded)], card, zone)
    found = list(warnings(events, zone))
    if as_json:
        for event in events:
            answer_json({"understood": event.as_json(), "currency": settings.currency})
        for sentence in found:
            answer_json({"warning": sentence})
        return
    if not events:
        return
    rows: list[Sequence[object]] = [
        (
            each.line,
            each.kind if each.status is None else f"{each.kind}, {each.status}",
            each.person[:_PERSON_DIGITS],
            local(each.time, zone),
            each.days_late,
            each.amount,
            each.count,
        )
        for each in events[:_UNDERSTOOD_SHOWN]
    ]
    amounts = f"minor {settings.currency}"
    columns = [one, "kind", "person", f"in {settings.zone}", "late", amounts, "count"]
    filled = [place for place in range(len(columns)) if any(row[place] is not None for row in rows)]
    columns, rows = [columns[place] for place in filled], [[row[place] for place in filled] for row in rows]
    console.print(table(columns, rows, right=(one, "late", amounts, "count")))
    if len(events) > _UNDERSTOOD_SHOWN:
        tell(f"{len(events) - _UNDERSTOOD_SHOWN:,} more; all of them: --json")
    tell("")
    for kind, of_kind in groupby(sorted(events, key=lambda each: each.kind), lambda each: each.kind):
        some = list(of_kind)
        months = sorted({each.month for each in some})
        span = months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"
        tell_entry(f"{kind}  {len(some)} in {span}, for: {', '.join(some[0].rules) or 'no rule of the scorecard'}")
    for sentence in found:
        tell(f"Look at this: {sentence}")
    tell("")


def tell_remarks(
    verdicts: Sequence[Verdict], content: bytes, mapping: PartnerMapping, partner: Partner, as_json: bool
) -> None:
    """What is strange about the file as a whole, whether or not its events are shown."""
    for sentence in _remarks(verdicts, content, mapping, partner):
        if as_json:
            answer_json({"warning": sentence})
        else:
            tell(f"Look at this: {sentence}")


def tell_waiting(lines: Sequence[int], as_json: bool, one: str) -> None:
    """That these settlements and corrections are taken, and change nothing yet."""
    if not lines:
        return
    shown = ", ".join(map(str, lines[:_WAITING_SHOWN]))
    more = f" and {len(lines) - _WAITING_SHOWN:,} more" if len(lines) > _WAITING_SHOWN else ""
    sentence = (
        f"{one}{'s' if len(lines) > 1 else ''} {shown}{more}: no record is known that was reported under the number. "
        f"What settles or corrects one waits {WAITS_MAX.days} days for its report, and is then refused as unreported. "
        "If it was reported, look at the number."
    )
    if as_json:
        answer_json({"warning": sentence})
    else:
        tell(f"Look at this: {sentence}")


def _remarks(verdicts: Sequence[Verdict], content: bytes, mapping: PartnerMapping, partner: Partner) -> Iterator[str]:
    yield from mapping_remarks.remarks(mapping)
    if isinstance(mapping, CsvMapping | FixedMapping):
        refused = any(verdict.result not in GOOD for verdict in verdicts)
        yield from file_remarks(content, mapping, partner, refused=refused)
    if all(verdict.result is Result.SKIPPED for verdict in verdicts):
        yield "Nothing of the file counts: all of its events have codes under `skip`."
