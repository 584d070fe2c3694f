"""`local`, `run`, `migrate`, `topics`: the platform's own processes, schemas and topics."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from goodstanding.cli.frame import AsJson, answer_json, commands, console, fail, say, table
from goodstanding.platform.deployment import SERVICES, Settings
from goodstanding.platform.secret_files import write_secret_files
from goodstanding.platform.stack import Part, Stack

local = commands("The platform on this machine, in the background: Kafka, Postgres and the services.")


@local.command()
def up(as_json: AsJson = False) -> None:
    """Start what does not run: Kafka, Postgres, schemas, topics, services. Data of the last time are kept.

    Example: goodstanding local up
    """
    stack = Stack.default()
    stack.up(say, Settings.new())
    _show(stack.status(), as_json)
    if not as_json:
        say("\nSend it something: goodstanding partner sample bank > events.jsonl")
        say("                   goodstanding partner send bank events.jsonl")


@local.command()
def down(
    delete: Annotated[bool, typer.Option("--delete", help="Delete data, secrets and logs as well.")] = False,
) -> None:
    """Stop services and servers. Their data stay for the next `local up`, unless --delete says otherwise.

    Example: goodstanding local down --delete
    """
    stack = Stack.default()
    stack.down(delete=delete)
    say("Stopped, and deleted all data." if delete else f"Stopped. The data are in {stack.home}.")


@local.command()
def status(as_json: AsJson = False) -> None:
    """What runs, where, and whether it is ready. Ends with 1 when something is not.

    Example: goodstanding local status --json
    """
    parts = Stack.default().status()
    _show(parts, as_json)
    if any(part.trouble for part in parts):
        raise typer.Exit(1)


def run(service: Annotated[str, typer.Argument(help=f"One of: {', '.join(SERVICES)}.")]) -> NoReturn:
    """Run one service in the foreground, against the local stack or the servers that the environment names.

    Where GOODSTANDING_KAFKA is set, the environment is taken as it is; services/<service>/settings.py has all of it.

    Example: goodstanding run scorer
    """
    if service not in SERVICES:
        raise typer.BadParameter(f"There is no service {service}; say one of: {', '.join(SERVICES)}.")
    environment = dict(os.environ)
    if "GOODSTANDING_KAFKA" not in environment:
        environment = {**Stack.default().deployment.environment(service), **environment}
    os.execve(sys.executable, [sys.executable, "-m", f"services.{service}.app"], environment)


def migrate(as_json: AsJson = False) -> None:
    """Create or refresh each service's role and schema, and apply the migrations that are missing.

    Example: goodstanding migrate
    """
    applied = asyncio.run(Stack.default().deployment.migrate())
    if as_json:
        answer_json(applied)
        return
    for service, names in applied.items():
        console.print(f"{service}: {', '.join(names) or 'up to date'}", soft_wrap=True)


def secrets(
    directory: Annotated[Path, typer.Argument(help="Where the directories of the readers are.")],
    postgres: Annotated[str, typer.Option(help="Where Postgres will be, host:port.")] = "postgres:5432",
) -> None:
    """Make passwords and the key as files, one directory for each who may read them; what is there is kept.

    Example: goodstanding secrets /secrets --postgres postgres:5432
    """
    made = write_secret_files(directory, postgres)
    say(f"Made the secrets in {directory}." if made else f"The secrets in {directory} are kept.")


def topics(as_json: AsJson = False) -> None:
    """Create the topics that are missing, and compare the others with the table. Ends with 1 when one differs.

    Example: goodstanding topics
    """
    report = asyncio.run(Stack.default().deployment.ensure_topics())
    if as_json:
        answer_json(asdict(report))
    else:
        for name in report.created:
            console.print(f"created  {name}")
        for name in report.right:
            console.print(f"right    {name}")
    if report.differences:
        lines = (
            f"{each.topic}: {each.setting} should be {each.expected}, is {each.found}. {each.remedy}."
            for each in report.differences
        )
        fail("\n".join(lines))


def _show(parts: list[Part], as_json: bool) -> None:
    if as_json:
        answer_json([asdict(part) for part in parts])
        return
    rows = [(part.name, part.trouble or "ready", part.address, part.pid) for part in parts]
    console.print(table(["part", "state", "address", "pid"], rows))
