"""What became of each event of a file, or would become of it, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import typer

from goodstanding.cli.frame import answer_json, tell
from goodstanding.partner.verdicts import GOOD, Verdict
from shared.contracts.faults import Code

_ALIKE_SHOWN = 20
"""How many lines with one and the same fault are told one by one; of the others there is a count."""


def tell_verdicts(verdicts: Sequence[Verdict], as_json: bool, done: str, demo_day: str, one: str) -> None:
    """Every verdict in JSON; for people those with a reason, and how many of each there were. Ends the command with 1
    where one is not good."""
    alike = Counter(map(_reason, verdicts))
    told_of = Counter[tuple[str, ...]]()
    for verdict in verdicts:
        told_of[_reason(verdict)] += 1
        if as_json:
            about = {name: value for name, value in asdict(verdict).items() if value}
            answer_json({**about, "judged_on": demo_day} if demo_day else about)
        elif verdict.code and told_of[_reason(verdict)] > _ALIKE_SHOWN:
            if told_of[_reason(verdict)] == alike[_reason(verdict)]:
                more = alike[_reason(verdict)] - _ALIKE_SHOWN
                tell(f"{more:,} more {one}{'s' * (more != 1)} with {verdict.code}, up to {one} {verdict.line}.")
        elif verdict.code:
            where = f"{verdict.code} at {verdict.field}" if verdict.field else verdict.code
            told = "" if verdict.result == "refused" else f"{verdict.result}, "
            tell(f"{one} {verdict.line}: {told}{where}: {verdict.sentence}")
    if not as_json:
        counts = Counter(verdict.result for verdict in verdicts)
        words = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
        total = len(verdicts)
        if demo_day:
            tell(f"Judged by the demo's clock, {demo_day}.")
        tell(f"{total} event{'s' * (total != 1)} {done}: {words}.")
        if done == "checked" and any(verdict.code == Code.TOO_LATE for verdict in verdicts):
            tell("Months of the past are loaded by `goodstanding import`, before go-live: docs/loading.md")
    if any(verdict.result not in GOOD for verdict in verdicts):
        raise typer.Exit(1)


def _reason(verdict: Verdict) -> tuple[str, ...]:
    return verdict.result, verdict.code, verdict.field, verdict.sentence
