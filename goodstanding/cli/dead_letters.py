"""`dead-letters`: what services have set aside, one record of it, and having it handled once more."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import Annotated, Any

import typer

from goodstanding.cli.arguments import AnyService
from goodstanding.cli.frame import AsJson, answer_json, console, local, table, tell, tell_entry
from goodstanding.cli.group import commands
from goodstanding.dead_letters.letters import Letter, State
from goodstanding.dead_letters.redrive import Choice, dismiss, look, read_record
from goodstanding.dead_letters.redrive import redrive as redriven
from goodstanding.dead_letters.rules import chosen, open_letters
from goodstanding.dead_letters.shown import content, described
from goodstanding.errors import UserError
from goodstanding.platform.stack import Stack
from shared.contracts import zones
from shared.contracts.times import rfc3339
from shared.contracts.topics import PROCESSES
from shared.kafka.connection import Kafka

app = commands("Records that no rule could answer for: list them, look at one, have them handled, or dismiss them.")

Positions = Annotated[list[str] | None, typer.Argument(metavar="[POSITION]...", help="As `ls` has them.")]
Code = Annotated[str, typer.Option(metavar="CODE", help="All with this code that something can be done about.")]
OfService = Annotated[str, typer.Option(metavar="SERVICE", help="Only those of this service.")]


@app.command("ls")
def ls(service: AnyService = "", as_json: AsJson = False) -> None:
    """What was set aside in the last 30 days, why, and what can still be done about it; the oldest first.

    there: the record can be read and redriven. redriven: it was. gone: Kafka has deleted it. next-score: the person's
    next score makes up for it. no-record: the clock led to it, not a record. dismissed: you have said that nothing is
    to be done.

    Example: goodstanding dead-letters ls ingest --json
    """
    _check(service)
    deployment = Stack.default().deployment
    zone = zones.zone(deployment.settings.zone)
    looked = asyncio.run(look(deployment.kafka))
    letters = [letter for letter in looked.letters if service in ("", letter.service)]
    if as_json:
        for letter in letters:
            answer_json(_fields(letter))
    elif letters:
        _tell(letters, zone)
    elif looked.standstill is None:
        tell("There are no dead letters.")
    if looked.standstill is not None:
        raise looked.standstill


def _tell(letters: Sequence[Letter], zone: tzinfo) -> None:
    for letter in letters:
        line = (letter.service, local(letter.at, zone), letter.code, letter.position, letter.state, letter.sentence)
        tell_entry("  ".join(line))
    totals = Counter((letter.service, letter.code, str(letter.state)) for letter in letters)
    rows = [(*about, count) for about, count in totals.items()]
    console.print()
    console.print(table(("service", "code", "state", "letters"), rows, right=("letters",)))


@app.command()
def show(
    position: Annotated[str, typer.Argument(metavar="POSITION", help="As `ls` has it: <topic>/<partition>/<offset>.")],
    value: Annotated[bool, typer.Option("--value", help="Key, headers and value too; they may name a person.")] = False,
    as_json: AsJson = False,
) -> None:
    """One dead letter, its record as far as that names nobody, and what to do next.

    Example: goodstanding dead-letters show behavior.raw.bank/0/17
    """
    deployment = Stack.default().deployment
    letter, record = asyncio.run(read_record(deployment.kafka, position))
    if isinstance(record, str):
        about, advice = {}, record if letter.state is State.THERE else letter.advice
    else:
        about, advice = described(record) | (content(record) if value else {}), letter.advice
    if as_json:
        answer_json({**_fields(letter), "record": about or None, "advice": advice})
        return
    zone = zones.zone(deployment.settings.zone)
    for name, told in {**_fields(letter), **about, **about.get("attributes", {})}.items():
        if told not in (None, "", [], {}) and name != "attributes":
            text = ", ".join(map(_readable(name, zone), told if isinstance(told, list) else [told]))
            console.print(f"{name.replace('_', ' '):14}{text}", markup=False, soft_wrap=True)
    console.print()
    tell(advice)


def _readable(name: str, zone: tzinfo) -> Callable[[Any], str]:
    """How a person reads the values of a field."""
    if name == "time" or name.endswith("_at"):
        return lambda told: local(datetime.fromisoformat(told), zone)
    return str


@app.command()
def redrive(
    positions: Positions = None,
    code: Code = "",
    service: OfService = "",
    everything: Annotated[bool, typer.Option("--all", help="All that can be redriven.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Those too that were redriven before; of positions, dismissed ones as well.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Append the records again where they lie, so that the service meets them once more: when what was wrong is mended.

    Nothing counts twice. Ends with 1 when one was not redriven.

    Example: goodstanding dead-letters redrive --code unknown-partner
    """
    _check_choice(positions, code, everything, service)
    choice = partial(chosen, positions=positions or (), code=code, service=service, again=again)
    asyncio.run(_redrive(choice, again, as_json))


@app.command("dismiss")
def dismiss_(
    positions: Positions = None,
    code: Code = "",
    service: OfService = "",
    everything: Annotated[bool, typer.Option("--all", help="All that were neither redriven nor dismissed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Note that nothing more is to be done about some: `redrive --all` leaves them out from now on.

    The records stay where they are, for as long as their topic keeps them.

    Example: goodstanding dead-letters dismiss --code unknown-partner
    """
    _check_choice(positions, code, everything, service)
    choice = partial(open_letters, positions=positions or (), code=code, service=service)
    dismissed = asyncio.run(dismiss(_kafka(), choice))
    for letter in dismissed:
        if as_json:
            answer_json({"position": letter.position, "result": "dismissed"})
        else:
            console.print(f"dismissed  {letter.position}", markup=False, soft_wrap=True)
    if not as_json:
        tell(f"{len(dismissed)} dismissed.")


def _check_choice(positions: list[str] | None, code: str, everything: bool, service: str) -> None:
    if bool(positions) + bool(code) + everything != 1:
        raise typer.BadParameter("Say positions, or --code, or --all.")
    _check(service)


async def _redrive(choice: Choice, again: bool, as_json: bool) -> None:
    # Of a transaction that fails the client library leaves futures behind; what failed has been raised to us as well.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    counts = Counter[str]()
    deployment = Stack.default().deployment
    key = bytes.fromhex(deployment.settings.key)
    async for answer in redriven(deployment.kafka, choice, again=again, key=key):
        result = "refused" if answer.refused else "redriven"
        counts[result] += 1
        if as_json:
            answer_json({"position": answer.letter.position, "result": result, "sentence": answer.refused})
        else:
            line = f"{result}  {answer.letter.position}  {answer.refused}".rstrip()
            console.print(line, markup=False, soft_wrap=True)
    if not as_json:
        tell(f"{counts['redriven']} redriven, {counts['refused']} refused.")
        tell("What is open, or is set aside again: goodstanding dead-letters ls")
    if counts["refused"]:
        raise typer.Exit(1)


def _kafka() -> Kafka:
    return Stack.default().deployment.kafka


def _check(service: str) -> None:
    if service and service not in PROCESSES:
        raise UserError(f"There is no service {service}.", f"Say one of: {', '.join(PROCESSES)}.")


def _fields(letter: Letter) -> dict[str, Any]:
    return {
        "position": letter.position,
        "state": letter.state,
        "service": letter.service,
        "set_aside_at": rfc3339(letter.at),
        "code": letter.code,
        "sentence": letter.sentence,
        "redriven_at": [rfc3339(at) for at in letter.redriven_at],
    }
