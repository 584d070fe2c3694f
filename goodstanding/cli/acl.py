"""`acl`: who may do what on Kafka, as the table of topics has it; compared, put right, and written for others."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import typer
from aiokafka.errors import ClusterAuthorizationFailedError, KafkaError

from goodstanding.cli.frame import AsJson, answer_json, console, fail, tell
from goodstanding.cli.group import commands
from goodstanding.errors import UserError
from goodstanding.platform import acl_plan, acl_text
from goodstanding.platform.acl_plan import Plan
from goodstanding.platform.deployment import partners
from goodstanding.platform.stack import Stack
from shared.contracts.rights import SUBSCRIBER, Right, rights
from shared.kafka.connection import Kafka

app = commands("Who may do what on Kafka, derived from the table of topics; everything else is refused.")

Subscribers = Annotated[
    list[str] | None,
    typer.Option(
        "--subscriber",
        metavar="NAME",
        help=f"Who follows scores and tiers, if not {SUBSCRIBER} alone; may be repeated.",
    ),
]


@app.command()
def plan(subscriber: Subscribers = None, as_json: AsJson = False) -> None:
    """What `acl apply` would grant (+) and withdraw (-). Nothing is changed.

    Example: goodstanding acl plan
    """
    _show(_asked(_names(subscriber)), as_json)


@app.command()
def apply(
    subscriber: Subscribers = None,
    users: Annotated[
        bool,
        typer.Option(
            "--users", help="First have a user for each principal, with the password that is kept for it on this side."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Grant what is missing and withdraw what is too much, of the platform's own principals only.

    Example: goodstanding acl apply
    """
    names = _names(subscriber)
    if users:
        asyncio.run(Stack.default().deployment.ensure_passwords(names))
    found = _asked(names)
    asyncio.run(acl_plan.apply(_administrator(), found))
    _show(found, as_json, did=True)


@app.command()
def check(subscriber: Subscribers = None, as_json: AsJson = False) -> None:
    """Whether Kafka's rights are those of the table. Ends with 1 when one is missing or too much.

    Example: goodstanding acl check --json
    """
    found = _asked(_names(subscriber))
    _show(found, as_json)
    if not found.is_done:
        fail("Kafka's rights are not those of the table of topics.", "Put them right: goodstanding acl apply")


@app.command()
def export(
    form: Annotated[
        Literal["kafka-acls", "strimzi"],
        typer.Option(
            "--format", metavar="FORM", help="Commands of Kafka's own tool, or KafkaUser resources for Kubernetes."
        ),
    ] = "kafka-acls",
    cluster: Annotated[str, typer.Option(metavar="NAME", help="Strimzi's Kafka resource.")] = "kafka",
    subscriber: Subscribers = None,
    as_json: AsJson = False,
) -> None:
    """All rights in the words of another tool; no server is asked.

    Example: goodstanding acl export --format strimzi > kafka-users.yaml
    """
    wanted = rights(partners(), _names(subscriber))
    if as_json:
        for each in wanted:
            answer_json(_fields(each))
    elif form == "strimzi":
        console.print(acl_text.strimzi(wanted, cluster), end="", soft_wrap=True, markup=False)
    else:
        for command in acl_text.kafka_acls(wanted):
            console.print(command, soft_wrap=True, markup=False)


def _names(subscriber: list[str] | None) -> list[str]:
    return subscriber or [SUBSCRIBER]


def _administrator() -> Kafka:
    return Stack.default().deployment.addresses.login


def _asked(subscribers: list[str]) -> Plan:
    try:
        return asyncio.run(acl_plan.plan(_administrator(), partners(), subscribers))
    except ClusterAuthorizationFailedError:
        raise UserError(
            "Whoever runs this command may not see Kafka's rights.",
            "Name an administrator of Kafka in GOODSTANDING_KAFKA_USER and GOODSTANDING_KAFKA_PASSWORD_FILE.",
        ) from None
    except KafkaError as error:
        raise UserError(
            f"Kafka does not tell its rights: {type(error).__name__}.",
            "A broker without an authorizer has none. For a local one with rights: goodstanding local up --secure",
        ) from None


def _show(found: Plan, as_json: bool, *, did: bool = False) -> None:
    signs = [("+", "missing", found.missing), ("-", "surplus", found.surplus)]
    if as_json:
        for _, state, its in signs:
            for each in its:
                answer_json({**_fields(each), "state": state, "done": did})
        for sentence in found.others:
            answer_json({"state": "other", "sentence": sentence})
        answer_json({"state": "right", "count": len(found.right)})
        return
    for sign, _, its in signs:
        for each in its:
            star = "*" if each.is_prefix else ""
            line = f"{sign} {each.principal}: {each.operation} {each.resource} {each.name}{star}"
            console.print(line, soft_wrap=True, markup=False)
    for sentence in found.others:
        tell(f"Left alone: {sentence}.")
    granted, withdrawn = ("granted", "withdrawn") if did else ("to be granted", "to be withdrawn")
    tell(f"{len(found.missing)} {granted}, {len(found.surplus)} {withdrawn}, {len(found.right)} as they should be.")


def _fields(right: Right) -> dict[str, str]:
    return {
        "principal": right.principal,
        "operation": right.operation,
        "resource": right.resource,
        "name": right.name,
        "pattern": "prefixed" if right.is_prefix else "literal",
    }
