"""`dead-letters`: what services have set aside, one record of it, and having it handled once more."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Annotated, Any

import typer

from goodstanding.cli.frame import AsJson, answer_json, commands, console, table
from goodstanding.dead_letters.redrive import Choice, read_letters, read_record
from goodstanding.dead_letters.redrive import redrive as redriven
from goodstanding.dead_letters.rules import Letter, State, chosen, content, described
from goodstanding.errors import UserError
from goodstanding.platform.stack import Stack
from shared.contracts.times import rfc3339
from shared.contracts.topics import SERVICES

app = commands("Records that no rule could answer for: list them, look at one, have them handled once more.")

_SERVICES = f"One of: {', '.join(SERVICES)}."


@app.command("ls")
def ls(
    service: Annotated[str, typer.Argument(help=f"{_SERVICES} All of them if left out.")] = "", as_json: AsJson = False
) -> None:
    """What was set aside in the last 30 days, why, and what can still be done about it; the oldest first.

    there: the record can be read and redriven. redriven: it was. gone: Kafka has deleted it. next-score: the person's
    next score makes up for it. no-record: the clock led to it, not a record.

    Example: goodstanding dead-letters ls ingest --json
    """
    _check(service)
    letters, _ = asyncio.run(read_letters(_kafka()))
    letters = [letter for letter in letters if service in ("", letter.service)]
    totals = Counter((letter.service, letter.code, str(letter.state)) for letter in letters)
    columns = ("service", "code", "state", "letters")
    rows = [(*about, count) for about, count in totals.items()]
    if as_json:
        totals_told = [dict(zip(columns, row, strict=True)) for row in rows]
        answer_json({"letters": [_fields(letter) for letter in letters], "totals": totals_told})
    elif letters:
        for letter in letters:
            line = (letter.service, rfc3339(letter.at), letter.code, letter.place, letter.state, letter.sentence)
            console.print("  ".join(line), markup=False, soft_wrap=True)
        console.print()
        console.print(table(columns, rows, right=("letters",)))
    else:
        console.print("There are no dead letters.")


@app.command()
def show(
    place: Annotated[str, typer.Argument(metavar="POSITION", help="As `ls` has it: <topic>/<partition>/<offset>.")],
    value: Annotated[bool, typer.Option("--value", help="Key, headers and value too; they may name a person.")] = False,
    as_json: AsJson = False,
) -> None:
    """One dead letter, its record as far as that names nobody, and what to do next.

    Example: goodstanding dead-letters show behavior.raw.bank/0/17
    """
    letter, record = asyncio.run(read_record(_kafka(), place))
    if isinstance(record, str):
        about, advice = {}, record if letter.state is State.THERE else letter.advice
    else:
        about, advice = described(record) | (content(record) if value else {}), letter.advice
    if as_json:
        answer_json({**_fields(letter), "record": about or None, "advice": advice})
        return
    for name, told in {**_fields(letter), **about, **about.get("attributes", {})}.items():
        if told not in ([], {}) and name != "attributes":
            text = ", ".join(map(str, told)) if isinstance(told, list) else told
            console.print(f"{name.replace('_', ' '):14}{text}", markup=False, soft_wrap=True)
    console.print(f"\n{advice}", markup=False, soft_wrap=True)


@app.command()
def redrive(
    places: Annotated[list[str] | None, typer.Argument(metavar="POSITION", help="As `ls` has them.")] = None,
    code: Annotated[str, typer.Option(help="All with this code that can be redriven.")] = "",
    service: Annotated[str, typer.Option(help=f"Only those of this service. {_SERVICES}")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All that can be redriven.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Those too that were redriven before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Append the records again where they lie, so that the service meets them once more: when what was wrong is mended.

    Nothing counts twice. Ends with 1 when one was not redriven.

    Example: goodstanding dead-letters redrive --code unknown-partner
    """
    if bool(places) + bool(code) + everything != 1:
        raise typer.BadParameter("Say positions, or --code, or --all.")
    _check(service)
    choice = partial(chosen, places=places or (), code=code, service=service, again=again)
    asyncio.run(_redrive(choice, again, as_json))


async def _redrive(choice: Choice, again: bool, as_json: bool) -> None:
    # Of a transaction that fails the client library leaves futures behind; what failed has been raised to us as well.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    counts = Counter[str]()
    async for answer in redriven(_kafka(), choice, again=again):
        result = "refused" if answer.refused else "redriven"
        counts[result] += 1
        if as_json:
            answer_json({"position": answer.letter.place, "result": result, "sentence": answer.refused})
        else:
            line = f"{result}  {answer.letter.place}  {answer.refused}".rstrip()
            console.print(line, markup=False, soft_wrap=True)
    if not as_json:
        console.print(f"{counts['redriven']} redriven, {counts['refused']} refused.")
        console.print("What is open, or is set aside again: goodstanding dead-letters ls", soft_wrap=True)
    if counts["refused"]:
        raise typer.Exit(1)


def _kafka() -> str:
    return Stack.default().deployment.addresses.kafka


def _check(service: str) -> None:
    if service and service not in SERVICES:
        raise UserError(f"There is no service {service}.", f"Say one of: {', '.join(SERVICES)}.")


def _fields(letter: Letter) -> dict[str, Any]:
    return {
        "position": letter.place,
        "state": letter.state,
        "service": letter.service,
        "set_aside_at": rfc3339(letter.at),
        "code": letter.code,
        "sentence": letter.sentence,
        "redriven_at": [rfc3339(at) for at in letter.redriven_at],
    }
