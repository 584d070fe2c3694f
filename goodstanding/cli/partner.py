"""`partner`: example events, a check without any server, and sending with an answer for each event."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from goodstanding.cli.frame import AsJson, answer_json, commands, console, stops_politely
from goodstanding.partner.stream import stream
from goodstanding.partner.verdicts import Verdict, lines_of, send, validate
from goodstanding.platform.deployment import Settings, partners
from goodstanding.platform.stack import Stack

app = commands("For partners: example events, a check without sending, and sending with an answer for each event.")

Name = Annotated[str, typer.Argument(metavar="PARTNER", help=f"One of: {', '.join(partners())}.")]
File = Annotated[
    Path, typer.Argument(help="Events in the partner's format, envelope included, one a line; - is standard input.")
]


@app.command()
def sample(
    partner: Name,
    count: Annotated[int, typer.Option(min=1, help="How many events.")] = 10,
    seed: Annotated[int, typer.Option(help="Another seed makes other events.")] = 0,
) -> None:
    """Print example events of a partner, every kind in turn, ready for `validate` and `send`.

    Example: goodstanding partner sample bank --count 100 > events.jsonl
    """
    from goodstanding.partner.mapping_files import mapping_of
    from goodstanding.partner.samples import Setting, samples

    stack = Stack.default()
    settings = stack.settings or Settings.new()
    until = asyncio.run(stack.deployment.now()) if settings.clock == "stepped" else datetime.now(UTC)
    setting = Setting(settings.currency, ZoneInfo(settings.zone), until)
    for event in islice(samples(partner, mapping_of(partner), setting, seed=seed), count):
        sys.stdout.write(event.value.decode() + "\n")


@app.command("validate")
def validate_(partner: Name, file: File, as_json: AsJson = False) -> None:
    """Check a file of events against the partner's mapping, without any server. Ends with 1 when one does not fit.

    Example: goodstanding partner validate bank events.jsonl
    """
    settings = Stack.default().settings or Settings.new()
    _answer(validate(partner, lines_of(file), settings, datetime.now(UTC)), as_json)


@app.command("send")
def send_(
    partner: Name,
    file: File,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to wait for ingest's verdicts.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Send a file of events and say what became of each. Ends with 1 when one is not accepted.

    Example: goodstanding partner send bank events.jsonl
    """
    deployment = Stack.default().deployment
    _answer(asyncio.run(send(deployment.addresses.kafka, partner, lines_of(file), timeout_s)), as_json)


@app.command("stream")
def stream_(
    per_second: Annotated[float, typer.Option(min=0.01, help="Events a second, of all partners together.")] = 5,
) -> None:
    """Send example events of all partners in turn, without end, on the system's clock: for a look at a living platform.

    Example: goodstanding partner stream --per-second 20
    """
    stack = Stack.default()
    with stops_politely("Stopped sending."):
        asyncio.run(stream(stack.deployment, per_second))


def _answer(verdicts: Iterable[Verdict], as_json: bool) -> None:
    """Every verdict in JSON; for people those with a reason, and how many of each there were."""
    counts: dict[str, int] = {}
    for verdict in verdicts:
        counts[verdict.result] = counts.get(verdict.result, 0) + 1
        if as_json:
            answer_json({name: value for name, value in asdict(verdict).items() if value})
        elif verdict.code:
            place = f"{verdict.code} at {verdict.field}" if verdict.field else verdict.code
            console.print(f"line {verdict.line}: {place}: {verdict.sentence}", markup=False, soft_wrap=True)
    if not as_json:
        total = sum(counts.values())
        words = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
        console.print(f"{total} event{'s' * (total != 1)}: {words}.")
    if counts.keys() & {"refused", "set aside"}:
        raise typer.Exit(1)
