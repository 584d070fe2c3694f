"""`partner`: example events, a check without any server, and sending with an answer for each event."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer

from goodstanding.cli.frame import AsJson, answer_json, commands, progress, say, stops_politely, tell, warn
from goodstanding.cli.words import EventFile, Partner
from goodstanding.partner.mapping_files import sound_mapping_of
from goodstanding.partner.rehearsal import validate
from goodstanding.partner.samples import Setting, samples
from goodstanding.partner.sending import send
from goodstanding.partner.stream import stream
from goodstanding.partner.verdicts import GOOD, Verdict, lines_of
from goodstanding.platform.deployment import Deployment, Settings
from goodstanding.platform.stack import Stack
from shared.contracts import zones

app = commands("For partners: example events, a check without sending, and sending with an answer for each event.")

Count = Annotated[int, typer.Option(metavar="COUNT", min=1, max=10_000_000, help="How many events.")]
_EVENTS_OF_ONE = 20


@app.command()
def sample(
    partner: Partner,
    count: Count = 10,
    people: Annotated[
        int | None,
        typer.Option(
            metavar="COUNT", min=1, max=1_000_000, help="Of how many people; of one for each 20 events, if left out."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Another seed makes other events.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Print example events of a partner, every kind in turn, ready for `validate` and `send`.

    With --json each line is an object that has the event as a text, beside the person whom it is about.

    Example: goodstanding partner sample bank --count 100 > events.jsonl
    """
    stack = Stack.default()
    settings = stack.settings or Settings.new()
    until = asyncio.run(stack.deployment.now()) if settings.clock == "stepped" else datetime.now(UTC)
    some = people or max(count // _EVENTS_OF_ONE, 1)
    setting = Setting(settings.currency, zones.zone(settings.zone), until, people=some)
    for event in islice(samples(partner, sound_mapping_of(partner, settings), setting, seed=seed), count):
        if as_json:
            answer_json({"partner": partner, "person": event.key.decode(), "event": event.value.decode()})
        else:
            sys.stdout.write(event.value.decode() + "\n")


@app.command("validate")
def validate_(partner: Partner, file: EventFile, as_json: AsJson = False) -> None:
    """Check a file of events as every service would judge it, without any server. Ends with 1 when one is not good.

    Not known without the platform is what it has heard before: an event that it has already is "repeated" there, and
    one that contradicts what it has is refused.

    Example: goodstanding partner validate bank events.jsonl
    """
    stack = Stack.default()
    settings = stack.settings or Settings.new()
    now = asyncio.run(stack.deployment.now()) if settings.clock == "stepped" else datetime.now(UTC)
    _answer(validate(partner, lines_of(file), settings, now), as_json, "checked")


@app.command("send")
def send_(
    partner: Partner,
    file: EventFile,
    timeout_s: Annotated[float, typer.Option("--timeout", metavar="SECONDS", min=0, help="How long to wait.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Send a file of events, wait for all services that may refuse one, and say what became of each.

    accepted: it counts. repeated: it was known, and counts once. refused: it does not count. set aside: the operator
    has something to do first. taken by ingest: what the services behind ingest say was not waited for, since only the
    operator can see how far they are. Ends with 1 when one is refused, set aside or unanswered.

    Example: goodstanding partner send bank events.jsonl
    """
    lines = lines_of(file)
    kafka, operator = _platform()
    now = asyncio.run(operator.now()) if operator else datetime.now(UTC)
    for edited in operator.edited() if operator else ():
        warn(edited)
    sent = asyncio.run(send(kafka, partner, lines, timeout_s, operator=operator, now=now, watch=progress))
    if sent.not_waited_for:
        warn(sent.not_waited_for)
    _answer(sent.verdicts, as_json, "sent")


def _platform() -> tuple[str, Deployment | None]:
    """Kafka's address and the deployment; a partner who is somewhere else has the address only."""
    kafka = os.environ.get("GOODSTANDING_KAFKA")
    if kafka and not os.environ.get("GOODSTANDING_POSTGRES"):
        return kafka, None
    deployment = Stack.default().deployment
    return deployment.addresses.kafka, deployment


@app.command("stream")
def stream_(
    per_second: Annotated[
        float,
        typer.Option(metavar="NUMBER", min=0.01, max=100_000, help="Events a second, of all partners together."),
    ] = 5,
    as_json: AsJson = False,
) -> None:
    """Send example events of all partners in turn, without end, on the system's clock: for a look at a living platform.

    Says every ten seconds how many were sent.

    Example: goodstanding partner stream --per-second 20
    """
    stack = Stack.default()

    def told(sent: int) -> None:
        if as_json:
            answer_json({"sent": sent})
        else:
            say(f"{sent:,} events sent")

    with stops_politely("Stopped sending."):
        asyncio.run(stream(stack.deployment, per_second, told))


def _answer(verdicts: Sequence[Verdict], as_json: bool, done: str) -> None:
    """Every verdict in JSON; for people those with a reason, and how many of each there were."""
    for verdict in verdicts:
        if as_json:
            answer_json({name: value for name, value in asdict(verdict).items() if value})
        elif verdict.code:
            place = f"{verdict.code} at {verdict.field}" if verdict.field else verdict.code
            told = "" if verdict.result == "refused" else f"{verdict.result}, "
            tell(f"line {verdict.line}: {told}{place}: {verdict.sentence}")
    if not as_json:
        counts = Counter(verdict.result for verdict in verdicts)
        words = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
        total = len(verdicts)
        tell(f"{total} event{'s' * (total != 1)} {done}: {words}.")
    if any(verdict.result not in GOOD for verdict in verdicts):
        raise typer.Exit(1)
