"""`clock`: the operator's word for a clock that is more than a month from the last time that a service knows."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from goodstanding.cli.frame import AsJson, answer_json, console
from goodstanding.cli.group import commands
from goodstanding.cli.offsets import fields, give, show, waiting_of
from goodstanding.platform.stack import Stack
from shared.contracts.topics import SERVICES

app = commands("Whether the services know what time it is, and your word where they cannot know it.")

_SERVICES = f"One of: {', '.join(SERVICES)}."


@app.command()
def check(
    service: Annotated[str, typer.Argument(metavar="[SERVICE]", help=f"{_SERVICES} All of them if left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """Which services wait because the clock has jumped by more than a month. Ends with 1 when one does.

    Example: goodstanding clock check
    """
    waiting = [each for each in asyncio.run(waiting_of(Stack.default().deployment, service)) if not each.shards]
    if as_json:
        answer_json({"waiting": [fields(each) for each in waiting]})
    elif waiting:
        show(waiting)
    else:
        console.print("No service waits for your word about the time.")
    if waiting:
        raise typer.Exit(1)


@app.command()
def accept(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help=_SERVICES)],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, only what would be done is said.")] = False,
    as_json: AsJson = False,
) -> None:
    """Vouch for the time that the service's clock shows: after an outage of more than a month it is right. Months will
    close, and what is due will expire. Your word is written down with its time.

    Example: goodstanding clock accept retention --yes
    """
    deployment = Stack.default().deployment
    waiting = [each for each in asyncio.run(waiting_of(deployment, service)) if not each.shards]
    give(
        deployment,
        waiting,
        yes=yes,
        as_json=as_json,
        nothing=f"{service} does not wait for your word about the time.",
        check=f"goodstanding clock check {service}",
        accept=f"If the clock is right: goodstanding clock accept {service} --yes",
    )
