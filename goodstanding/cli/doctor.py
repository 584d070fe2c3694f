"""`doctor`: what is wrong with a deployment, and what to do next."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import typer

from goodstanding.cli.frame import AsJson, answer_json, console, progress, tell
from goodstanding.cli.program import pasted
from goodstanding.doctor.examine import examine
from goodstanding.doctor.findings import Finding, Verdict
from goodstanding.platform.stack import Stack

_STYLES = {Verdict.OK: "green", Verdict.LOOK: "yellow", Verdict.WRONG: "red"}


def doctor(as_json: AsJson = False) -> None:
    """Ask Kafka, Postgres, processes, files, clocks and disk whether all is well, and say what to do about what is not.
    Nothing is changed. Ends with 1 when something is wrong.

    Example: goodstanding doctor
    """
    progress("Asking everybody; a server that does not answer takes some seconds.")
    counts: Counter[Verdict] = Counter()
    for each in examine(Stack.default()):
        counts[each.verdict] += 1
        if as_json:
            answer_json(asdict(each))
        else:
            _show(each)
    if not as_json:
        console.print()
        tell(_summary(counts))
    if counts[Verdict.WRONG]:
        raise typer.Exit(1)


def _show(finding: Finding) -> None:
    style = _STYLES[finding.verdict]
    console.print(f"[{style}]{finding.verdict:<6}[/]", end="")
    console.print(pasted(f"{finding.about}: {finding.sentence}"), markup=False, soft_wrap=True)
    if finding.remedy:
        console.print(pasted(f"      {finding.remedy}"), markup=False, soft_wrap=True)


def _summary(counts: Counter[Verdict]) -> str:
    wrong, look = counts[Verdict.WRONG], counts[Verdict.LOOK]
    if not wrong and not look:
        return f"All {counts.total()} examinations found nothing wrong."
    return f"{wrong} wrong, {look} to look at, {counts[Verdict.OK]} in order."
