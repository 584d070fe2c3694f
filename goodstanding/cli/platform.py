"""`local`, `run`, `migrate`, `topics`, `secrets`: the platform's own processes, schemas and topics."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from aiokafka.errors import KafkaError

from goodstanding import policies
from goodstanding.cli.frame import AsJson, answer_json, commands, console, fail, local, say, table, tell
from goodstanding.cli.words import ServiceName
from goodstanding.errors import UserError
from goodstanding.platform.deployment import SERVICES
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.secret_files import write_secret_files
from goodstanding.platform.servers import ServersError
from goodstanding.platform.stack import Part, Stack
from shared.contracts import zones
from shared.contracts.times import rfc3339

local_app = commands("The platform on this machine, in the background: Kafka, Postgres and the services.")

_PARTS = ("kafka", "postgres", *SERVICES)


@local_app.command()
def up(
    continuous: Annotated[
        bool | None,
        typer.Option(
            "--continuous/--by-policy",
            help="Publish each score as soon as it changes, or when policies/scorecard.toml says. It stays so until "
            "the other is said.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start what does not run: Kafka, Postgres, schemas, topics, services. Data of the last time are kept.

    Example: goodstanding local up --continuous
    """
    stack = Stack.default()
    ran = all(part.trouble is None for part in stack.status())
    cadence: Literal["policy", "continuous"] | None = None
    if continuous is not None:
        cadence = "continuous" if continuous else "policy"
    settings = stack.settings or FixedSettings.new()
    if not ran:
        policies.check_all(settings)
    deployment = stack.up(say, settings, cadence=cadence)
    _show(stack, as_json)
    if as_json:
        return
    tell("\nAll of it was running before." if ran else "\nAll of it is running.")
    if deployment.settings.clock == "system":
        tell("To send it something:")
        tell("  goodstanding partner sample bank --count 100 > events.jsonl")
        tell("  goodstanding partner send bank events.jsonl")


@local_app.command()
def down(
    delete: Annotated[bool, typer.Option("--delete", help="Delete data, secrets and logs as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stop services and servers. Their data stay for the next `local up`, unless --delete says otherwise.

    Example: goodstanding local down --delete
    """
    stack = Stack.default()
    ran = any(part.pid for part in stack.status())
    kept = not stack.is_new
    stack.down(delete=delete)
    if as_json:
        answer_json({"stopped": ran, "deleted": delete and kept, "home": str(stack.home)})
        return
    stopped = "Stopped" if ran else "Nothing was running"
    if not kept:
        tell(f"{stopped}, and there are no data in {stack.home}.")
    elif delete:
        tell(f"{stopped}, and deleted all data." if ran else f"{stopped}; deleted all data.")
    else:
        tell(f"{stopped}. The data are in {stack.home}.")


@local_app.command()
def status(as_json: AsJson = False) -> None:
    """What runs, where, whether it is ready, and where data and logs are. Ends with 1 when something is not ready.

    Example: goodstanding local status --json
    """
    if _show(Stack.default(), as_json):
        raise typer.Exit(1)


@local_app.command()
def logs(
    part: Annotated[
        str,
        typer.Argument(
            metavar="[PART]",
            help=f"One of: {', '.join(_PARTS)}. All of them if left out.",
            autocompletion=lambda incomplete: [name for name in _PARTS if name.startswith(incomplete)],
        ),
    ] = "",
    last: Annotated[
        int, typer.Option("--last", "-n", metavar="COUNT", min=1, help="How many lines of each to show.")
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """The last lines of the logs, and where they lie.

    Example: goodstanding local logs scorer --last 50
    """
    if part and part not in _PARTS:
        raise typer.BadParameter(f"There is no part {part}; say one of: {', '.join(_PARTS)}.")
    for each in Stack.default().status():
        if part in ("", each.name):
            _log(each, last, as_json)


def run(service: ServiceName) -> NoReturn:
    """Run one service in the foreground, against the local stack or the servers that the environment names.

    Where GOODSTANDING_KAFKA is set, the environment is taken as it is; docs/settings.md has all settings.

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
    for service, names in applied.items():
        if as_json:
            answer_json({"service": service, "applied": names})
        else:
            tell(f"{service}: {', '.join(names) or 'up to date'}")


def secrets(
    directory: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Where the directories of the readers are.")],
    postgres: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where Postgres will be, host:port.")
    ] = "postgres:5432",
    as_json: AsJson = False,
) -> None:
    """Make passwords and the key as files, one directory for each who may read them; what is there is kept.

    Example: goodstanding secrets /secrets --postgres postgres:5432
    """
    try:
        made = write_secret_files(directory, postgres)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no directory can have this name"
        fail(f"The secrets cannot be written to {directory}: {reason}.", "Name a directory that you may write to.")
    if as_json:
        answer_json({"directory": str(directory), "made": made})
    else:
        tell(f"Made the secrets in {directory}." if made else f"The secrets in {directory} are kept.")


def topics(as_json: AsJson = False) -> None:
    """Create the topics that are missing, and compare the others with the table. Ends with 1 when one differs.

    Example: goodstanding topics
    """
    report = asyncio.run(Stack.default().deployment.ensure_topics())
    told = [("created", name) for name in report.created] + [("right", name) for name in report.right]
    for state, name in told:
        if as_json:
            answer_json({"topic": name, "state": state})
        else:
            console.print(f"{state:<8} {name}", soft_wrap=True)
    if as_json:
        for each in report.differences:
            answer_json({**asdict(each), "state": "differs"})
    if report.differences:
        lines = (
            f"{each.topic}: {each.setting} should be {each.expected}, is {each.found}. {each.remedy}."
            for each in report.differences
        )
        fail("\n".join(lines))


def _show(stack: Stack, as_json: bool) -> bool:
    """Tell what is so; whether something is not ready."""
    parts = stack.status()
    ready = all(part.trouble is None for part in parts)
    notes = _notes(stack)
    if as_json:
        for part in parts:
            answer_json(
                {**asdict(part), "log": str(part.log), "ready": part.trouble is None, "state": part.trouble or "ready"}
            )
        answer_json({"name": "platform", "ready": ready, "home": str(stack.home), **notes.as_json()})
    else:
        rows = [(part.name, part.trouble or "ready", part.address, part.pid) for part in parts]
        console.print(table(["part", "state", "address", "pid"], rows))
        console.print()
        for line in (*notes.sentences(), f"Data: {stack.home}", "Logs: goodstanding local logs"):
            tell(line)
    return not ready


@dataclass(frozen=True, slots=True)
class _Notes:
    """What is worth knowing of a platform besides whether it is ready."""

    settings: FixedSettings | None = None
    stands_at: datetime | None = None
    """What a stepped clock shows, where Kafka answers."""
    edited: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "clock": self.settings.clock if self.settings else None,
            "clock_stands_at": rfc3339(self.stands_at) if self.stands_at else None,
            "cadence": self.settings.cadence if self.settings else None,
            "edited": list(self.edited),
        }

    def sentences(self) -> Iterator[str]:
        if self.settings and self.settings.clock == "stepped":
            at = f" at {local(self.stands_at, zones.zone(self.settings.zone))}" if self.stands_at else ""
            yield (
                f"The clock of this platform stands still{at}: it is a demo's, and nothing becomes due by itself. "
                "For one with the system's clock: goodstanding local down --delete, then goodstanding local up."
            )
        if self.settings and self.settings.cadence == "continuous":
            yield "Scores are published as soon as they change (--continuous)."
        yield from self.edited


def _notes(stack: Stack) -> _Notes:
    settings = stack.settings
    if settings is None:
        return _Notes()
    try:
        deployment = stack.deployment
        edited = deployment.edited()
        stands_at = asyncio.run(deployment.now()) if settings.clock == "stepped" else None
    except (UserError, ServersError, OSError, KafkaError):
        # What does not answer is in the list of parts already.
        return _Notes(settings)
    return _Notes(settings, stands_at, edited)


def _log(part: Part, last: int, as_json: bool) -> None:
    try:
        with part.log.open(encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip("\n") for line in deque(file, last)]
    except FileNotFoundError:
        lines = []
    if as_json:
        for line in lines:
            answer_json({"name": part.name, "log": str(part.log), "line": line})
        return
    console.print(f"{part.name}: {part.log}{'' if lines else ' (nothing yet)'}", soft_wrap=True, markup=False)
    for line in lines:
        console.print(f"  {line}", soft_wrap=True, markup=False)
