"""`partner`: example events, a check without any server, and sending with an answer for each event."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, time
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from goodstanding.cli.add_partner import add
from goodstanding.cli.arguments import EventFile, Partner
from goodstanding.cli.frame import (
    AsJson,
    answer_json,
    fail,
    progress,
    say,
    stops_politely,
    tell,
    warn,
)
from goodstanding.cli.group import commands
from goodstanding.cli.new_partner import new
from goodstanding.cli.settings_here import settings_here
from goodstanding.cli.understood import show_understood, tell_remarks, tell_waiting
from goodstanding.cli.verdicts_told import tell_verdicts
from goodstanding.errors import UserError
from goodstanding.partner.content import content_of
from goodstanding.partner.crosswalks import rows_of, tell_crosswalk
from goodstanding.partner.event_file import lines_in
from goodstanding.partner.mapping_files import compiled, mapping_of, sound_mapping_of
from goodstanding.partner.rehearsal import Rehearsal
from goodstanding.partner.samples import Setting, identifiers, samples
from goodstanding.partner.sending import hidden, send
from goodstanding.partner.stream import stream
from goodstanding.partner.verdicts import GOOD
from goodstanding.partner.writing import table as table_of
from goodstanding.platform import files_in_force
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.stack import Stack, reached
from services.ingest.core.mapping import CsvMapping, JsonMapping, PartnerMapping
from shared.contracts import zones
from shared.contracts.checks import fields_of
from shared.contracts.kinds import KIND_OF
from shared.toml_file import ConfigError

app = commands("For partners: example events, a check without sending, and sending with an answer for each event.")

app.command("new")(new)
app.command("add")(add)

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
    """Print example events of a partner, every kind in turn, ready for `validate` and `send`. Printed again on the same
    day, they are the same events.

    With --json each line is an object that has the event as a text, beside the person whom it is about.

    Example: goodstanding partner sample bank --count 100 > events.jsonl
    """
    stack = Stack.default()
    settings = settings_here(stack)
    zone = zones.zone(settings.zone)
    # The beginning of the day, so that the samples of one day are the same events: sent again, they are repetitions.
    until = datetime.combine(_now(settings, lambda: stack.deployment).astimezone(zone), time(), zone)
    some = people or max(count // _EVENTS_OF_ONE, 1)
    setting = Setting(settings.currency, zone, until, people=some, identifier=identifiers(settings.identity_scheme))
    mapping = sound_mapping_of(partner, settings)
    events = islice(samples(partner, mapping, setting, seed=seed), count)
    if isinstance(mapping, CsvMapping) and mapping.header and not as_json:
        sys.stdout.write(table_of(mapping, (event.value for event in events)))
        return
    for event in events:
        if as_json:
            answer_json({"partner": partner, "person": event.key.decode(), "event": event.value.decode()})
        else:
            sys.stdout.write(event.value.decode() + "\n")


@app.command("validate")
def validate_(
    partner: Partner,
    file: EventFile,
    show: Annotated[
        bool, typer.Option("--show", help="What was understood of each event, and what all have in common.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a file of events as every service would judge it, without any server. Ends with 1 when one is not good.

    Not known without the platform is what it has heard before: an event that it has already is "repeated" there, and
    one that contradicts what it has is refused.

    Example: goodstanding partner validate bank events.jsonl
    """
    stack = Stack.default()
    settings = settings_here(stack)
    now = _now(settings, lambda: stack.deployment)
    rehearsal = Rehearsal(partner, settings, now)
    mapping, content = mapping_of(partner), content_of(file)
    # Events that are told apart by what they say are judged together, wherever they stand in the file.
    judged = sorted(rehearsal.read(lines_in(content, file, mapping)), key=lambda each: each.line)
    verdicts = rehearsal.answer(judged)
    if show:
        good = {verdict.line for verdict in verdicts if verdict.result in GOOD}
        show_understood([each for each in judged if each.line in good], settings, _one(mapping), as_json)
    tell_remarks(verdicts, content, mapping, compiled(partner, settings), as_json)
    tell_verdicts(verdicts, as_json, "checked", _judged_by(settings, now), _one(mapping))


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
    operator can see how far they are, or because Postgres or one of these services is down; they judge the event when
    they run again. Ends with 1 when one is refused, set aside or unanswered, else with 0: also when some are only taken
    by ingest.

    Example: goodstanding partner send bank events.jsonl
    """
    mapping, content = mapping_of(partner), content_of(file)
    lines = lines_in(content, file, mapping)
    kafka, operator = reached()
    settings = operator.settings if operator else None
    now = _now(settings, lambda: operator)
    if operator:
        files_in_force.wait_for(operator, partner)
        for edited in files_in_force.edited(operator, partner):
            warn(edited)
    with stops_politely(_SENT_IN_PART):
        sent = asyncio.run(send(kafka, partner, lines, timeout_s, operator=operator, now=now, watch=progress))
    if sent.not_waited_for:
        warn(sent.not_waited_for)
    # Whatever keeps the remarks back, such as a file that is not in force, what became of the events is told.
    with suppress(ConfigError, UserError):
        here = compiled(partner, settings or settings_here(Stack.default()))
        tell_remarks(sent.verdicts, content, mapping, here, as_json)
    tell_waiting(sent.waiting, as_json, _one(mapping))
    try:
        tell_verdicts(sent.verdicts, as_json, "sent", _judged_by(settings, now), _one(mapping))
    finally:
        if sent.standstill is not None:
            fail(*hidden(partner, sent.standstill))


_SENT_IN_PART = (
    "Interrupted. Some of the events may be in Kafka, and are judged there. Send the file again to see what became of "
    "each: none counts twice."
)


def _one(mapping: PartnerMapping) -> str:
    """What an event of a file is counted as: a line of it, or an event of its lists."""
    return "event" if isinstance(mapping, JsonMapping) and mapping.list is not None else "line"


@app.command("crosswalk")
def crosswalk_(
    partner: Partner,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A CSV file of customer numbers and identifiers; - is standard input."),
    ],
    as_json: AsJson = False,
) -> None:
    """Tell whose a partner's own customer numbers are, from a CSV file of numbers and identifiers.

    Each line is `number,identifier`, and a first line that says so may be there. The numbers of a partner whose
    mapping says `crosswalk = true` are then taken for these people. Kafka gets keyed hashes only, so this takes the
    deployment's key, and the operator runs it. What is told is never changed: telling it again does no harm, and a
    number that belongs to somebody else already is refused. Ends with 1 when a line is.

    Example: goodstanding partner crosswalk bank customers.csv
    """
    mapping = mapping_of(partner)
    deployment = Stack.default().deployment
    with stops_politely("Interrupted. Some entries may have been told: repeat the command, which does no harm."):
        told = asyncio.run(tell_crosswalk(deployment, partner, rows_of(file), progress))
    for line, sentence in told.refused.items():
        if as_json:
            answer_json({"line": line, "error": sentence})
        else:
            tell(f"line {line}: {sentence}")
    if not mapping.crosswalk:
        warn(f"partners/{partner}.toml does not say `crosswalk = true`, so the numbers are not looked up.")
    if as_json:
        answer_json({"partner": partner, "told": told.new, "known": told.known, "refused": len(told.refused)})
    else:
        refused = f", {len(told.refused)} refused" if told.refused else ""
        tell(f"{told.new} customer number{'s' * (told.new != 1)} told, {told.known} known already{refused}.")
    if told.refused:
        raise typer.Exit(1)


def _now(settings: FixedSettings | None, deployment: Callable[[], Deployment | None]) -> datetime:
    """What the clock shows that judges the events. A demo's can only be asked while its Kafka runs; that of a platform
    that is loading is led to the months of the events."""
    if settings is None or settings.clock != "stepped" or (found := deployment()) is None:
        return datetime.now(UTC)
    try:
        return asyncio.run(found.now())
    except (KafkaError, OSError, asyncio.CancelledError):
        raise UserError(
            "The demo's clock, by which events are judged here, cannot be read: Kafka does not answer.",
            "Have everything run: goodstanding local up",
        ) from None


def _judged_by(settings: FixedSettings | None, now: datetime) -> str:
    """The day of a clock that stands still, as text; empty where the system's clock judges."""
    if settings is None or settings.clock != "stepped":
        return ""
    return f"{now.astimezone(zones.zone(settings.zone)):%Y-%m-%d}"


@app.command("kinds")
def kinds_(as_json: AsJson = False) -> None:
    """Every kind of event and record that there is, with its shape and its fields: what a mapping file can say.

    A record needs began_on when it is reported, and ended_on when it is settled.

    Example: goodstanding partner kinds --json
    """
    for kind in KIND_OF.values():
        needs, may_have = fields_of(kind)
        if as_json:
            about = {"kind": kind.name, "shape": kind.shape, "title": kind.title, "needs": needs, "may_have": may_have}
            answer_json({**about, "values": list(kind.values), "record_class": kind.record_class})
            continue
        tell(f"{kind.name}: {kind.title}")
        words = f" (value: {', '.join(kind.values)})" if kind.values else ""
        needed = f"needs {', '.join(needs)}" if needs else "needs nothing more"
        optional = f"; may have {', '.join(may_have)}" if may_have else ""
        shape = f"{kind.record_class} {kind.shape}" if kind.record_class else kind.shape
        tell(f"  {shape}; {needed}{words}{optional}")


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
