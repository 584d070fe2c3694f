"""`run`, `migrate`, `topics`, `secrets`: one service, and what services need before they start."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, NoReturn, TypeAlias, get_args

import typer

from goodstanding.cli.arguments import ReplicationFactor, ServiceName, one_of
from goodstanding.cli.frame import AsJson, answer_json, console, fail, tell, warn
from goodstanding.errors import UserError
from goodstanding.loading.services import check_clock
from goodstanding.platform import kept_kinds, topic_text
from goodstanding.platform.deployment import Deployment, partners
from goodstanding.platform.fixed_settings import STATEFUL
from goodstanding.platform.secret_files import write_secret_files
from goodstanding.platform.service_process import module_of
from goodstanding.platform.stack import Stack
from shared.contracts.topics import PORTAL, PROCESSES, WITNESS
from shared.contracts.topics import topics as table
from shared.kafka.topic_admin import TopicReport
from shared.settings import policies_here

TopicForm: TypeAlias = Literal["strimzi"]
AuthorityStep: TypeAlias = Literal["announce", "use", "forget"]


def run(service: ServiceName) -> NoReturn:
    """Run one service in the foreground, against the local stack or the servers that the environment names.

    Where GOODSTANDING_KAFKA is set, the environment is taken as it is; docs/settings.md has all settings.

    Example: goodstanding run scorer
    """
    if service not in PROCESSES:
        raise typer.BadParameter(f"There is no service {service}; say one of: {', '.join(PROCESSES)}.")
    environment = dict(os.environ)
    if "GOODSTANDING_KAFKA" not in environment:
        deployment = Stack.default().deployment
        if service not in deployment.settings.services:
            raise UserError(f"This deployment has no {service}.", "Give it one: goodstanding local up --portal")
        environment = {**deployment.environment(service), **environment}
    os.execve(sys.executable, [sys.executable, "-m", module_of(service)], environment)


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
    kafka: Annotated[str, typer.Option(metavar="ADDRESS", help="Where Kafka will be, host:port.")] = "kafka:9092",
    portal: Annotated[bool, typer.Option("--portal", help="Those of a portal too.")] = False,
    postgres_of: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Where that of one service will be, such as scorer=scores.example:5432."),
    ] = None,
    authority: Annotated[
        AuthorityStep | None,
        typer.Option(
            metavar="STEP", help=f"A step to another certificate authority. {one_of(get_args(AuthorityStep))}"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make passwords, keys and certificates as files, one directory for each reader; existing ones are kept.

    Fails where a kind that the deployment has had is no longer among its own kinds.

    Example: goodstanding secrets /secrets --postgres postgres:5432
    """
    apart = dict(map(_service_and_address, postgres_of or []))
    try:
        made = write_secret_files(
            directory, postgres, kafka, partners(), portal=portal, postgres_apart=apart, authority=authority
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no directory can have this name"
        fail(f"The secrets cannot be written to {directory}: {reason}.", "Name a directory that you may write to.")
    # Whoever makes the secrets is the one job that may write where a deployment's memory is.
    kept_kinds.keep(directory / "operator" / "services", policies_here())
    if as_json:
        answer_json({"directory": str(directory), "made": made})
    else:
        tell(f"Made the secrets in {directory}." if made else f"The secrets in {directory} are kept.")


def _service_and_address(said: str) -> tuple[str, str]:
    service, _, address = said.partition("=")
    known = [*STATEFUL, PORTAL]
    if service not in known or not re.fullmatch(r"[^:\s]+:[0-9]+", address):
        raise typer.BadParameter(
            f"{said}: say a service and host:port, such as scorer=scores.example:5432 ({', '.join(known)})."
        )
    return service, address


def topics(
    replication_factor: ReplicationFactor = None,
    form: Annotated[
        TopicForm | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="Ask no server, but write all topics as strimzi, resources for Kubernetes' operator.",
        ),
    ] = None,
    cluster: Annotated[
        str, typer.Option(metavar="NAME", help="What the Kafka resource is called, for strimzi.")
    ] = "kafka",
    as_json: AsJson = False,
) -> None:
    """Create the topics that are missing, and compare the others with the table. Ends with 1 when one differs.

    Where a past is loaded, its clock is set as well: before that no service can begin.

    Example: goodstanding topics --replication-factor 3
    """
    if form is not None:
        console.print(
            topic_text.strimzi([*table(partners()), WITNESS], cluster, replication_factor or 1),
            end="",
            soft_wrap=True,
            markup=False,
        )
        return
    report = asyncio.run(_made(Stack.default().deployment, replication_factor))
    told = [("created", name) for name in report.created] + [("right", name) for name in report.right]
    for state, name in told:
        if as_json:
            answer_json({"topic": name, "state": state})
        else:
            console.print(f"{state:<8} {name}", soft_wrap=True)
    if as_json:
        for each in report.differences:
            answer_json({**asdict(each), "state": "differs" if each.must_hold else "decided by the platform"})
    for each in report.differences:
        if not (each.must_hold or as_json):
            warn(
                f"{each.topic}: {each.setting} is {each.found}, not {each.expected}. Kafka's platform may decide that."
            )
    if report.faults:
        lines = (
            f"{each.topic}: {each.setting} should be {each.expected}, is {each.found}. {each.remedy}"
            for each in report.faults
        )
        fail("\n".join(lines))


async def _made(deployment: Deployment, replication_factor: int | None) -> TopicReport:
    check_clock(deployment.settings)
    report = await deployment.ensure_topics(replication_factor)
    if deployment.settings.clock == "loading":
        # No service can begin before the clock shows something.
        await deployment.resume_loading()
    return report
