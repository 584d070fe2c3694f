"""`partner add`: topics, a user and rights for a partner, and what to send to it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from goodstanding.cli.arguments import Partner, ReplicationFactor
from goodstanding.cli.frame import AsJson, answer_json, fail, tell
from goodstanding.errors import UserError
from goodstanding.platform import partner_access
from goodstanding.platform.deployment import partners
from goodstanding.platform.partner_access import Access
from goodstanding.platform.stack import Stack

_STANDARD_OUTPUT = Path("-")


def add(
    partner: Partner,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="DIRECTORY",
            help="Where the files for it are written, if not in NAME-access; - writes a tar to standard output.",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Where the partner reaches Kafka, host:port, if not where this command does."
        ),
    ] = None,
    replication_factor: ReplicationFactor = None,
    renew: Annotated[bool, typer.Option("--renew", help="Give the partner another password.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a partner's topics, its user and its rights on Kafka, and say what to send to it. What exists stays.

    Run it as an administrator of Kafka. The partner needs a mapping first: goodstanding partner new.

    Example: goodstanding partner add bank
    """
    if partner not in partners():
        raise UserError(
            f"There is no mapping partners/{partner}.toml.", "Write one: goodstanding partner new --help says how."
        )
    deployment = Stack.default().deployment
    access = asyncio.run(partner_access.give_access(deployment, partner, replication_factor, renew=renew))
    access = replace(access, bootstrap=address or access.bootstrap)
    contents = partner_access.files(access, deployment.addresses.login)
    directory = to or Path(f"{partner}-access")
    if to == _STANDARD_OUTPUT:
        partner_access.write_tar(sys.stdout.buffer, f"{partner}-access", contents)
        return
    try:
        partner_access.write(directory, contents)
    except OSError as error:
        fail(f"{directory} cannot be written: {error.strerror}.", "Name another directory: --to DIRECTORY")
    if as_json:
        answer_json(
            {
                "partner": partner,
                "created": list(access.created),
                "bootstrap": access.bootstrap,
                "user": access.user,
                "writes": access.writes,
                "reads": list(access.reads),
                "groups": access.groups,
                "files": [str(directory / name) for name in contents],
            }
        )
        return
    _tell(partner, access, directory, list(contents))


def _tell(partner: str, access: Access, directory: Path, names: list[str]) -> None:
    tell(f"Made the topics {', '.join(access.created)}." if access.created else "Its topics were there before.")
    tell(f"\nTell {partner}:")
    tell(f"  Kafka             {access.bootstrap}")
    if access.user:
        tell(f"  user              {access.user}")
    tell(f"  events go to      {access.writes}")
    tell(f"  refusals are on   {access.reads[0]}")
    tell(f"  questions are on  {access.reads[1]}")
    if access.groups:
        tell(f"  consumer groups   have names that begin with {access.groups}")
    if names:
        tell(f"\nAnd send it, in a way that nobody else can read: {', '.join(str(directory / name) for name in names)}")
    elif access.user is None:
        tell("\nThis Kafka asks nobody who they are, so anybody who reaches it can send as this partner.")
    else:
        tell("\nIts user and secret are made where this Kafka's users are made.")
