"""What commands take: each kind of argument once, with its form, its help and what the shell may complete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from goodstanding.platform.deployment import partners
from shared.contracts import times
from shared.contracts.kinds import RecordClass
from shared.contracts.topics import PROCESSES
from shared.toml_file import ConfigError


def day(text: str) -> date:
    """A day of the calendar, in the years that the platform knows. Raises typer.BadParameter."""
    try:
        return times.day(text)
    except times.TimeError as error:
        raise typer.BadParameter(error.sentence) from None


def record_class(text: str) -> RecordClass:
    """A class of negative records. Raises typer.BadParameter."""
    try:
        return RecordClass(text)
    except ValueError:
        raise typer.BadParameter(f"There is no class {text}; say one of: {', '.join(RecordClass)}.") from None


def _beginning_with(words: list[str], begun: str) -> list[str]:
    return [word for word in words if word.startswith(begun)]


def partner_names(incomplete: str) -> list[str]:
    """The partners whose names begin so, for a shell that completes them."""
    try:
        return _beginning_with(partners(), incomplete)
    except ConfigError:  # a file with an impossible name; the command itself says so
        return []


def _services(incomplete: str) -> list[str]:
    return _beginning_with(list(PROCESSES), incomplete)


def one_of(names: Sequence[str]) -> str:
    return f"One of: {', '.join(names)}."


Partner = Annotated[
    str,
    typer.Argument(
        metavar="PARTNER", help="A partner: the name of its file in partners/.", autocompletion=partner_names
    ),
]
AnyPartner = Annotated[
    str,
    typer.Argument(metavar="[PARTNER]", help="One partner; all of them if left out.", autocompletion=partner_names),
]
ServiceName = Annotated[str, typer.Argument(metavar="SERVICE", help=one_of(list(PROCESSES)), autocompletion=_services)]
AnyService = Annotated[
    str,
    typer.Argument(
        metavar="[SERVICE]", help=f"{one_of(list(PROCESSES))} All of them if left out.", autocompletion=_services
    ),
]
EventFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Events in the partner's format, envelope included, one a line; packed if you like; - is standard input.",
    ),
]
Who = Annotated[
    str,
    typer.Argument(
        metavar="WHO",
        help="A user_id or the beginning of one, or the identifier itself; - reads it from standard input.",
    ),
]

ReplicationFactor = Annotated[
    int | None,
    typer.Option(
        metavar="COUNT",
        min=1,
        envvar="GOODSTANDING_REPLICATION_FACTOR",
        show_envvar=False,
        help="How many brokers keep a copy of each record, if not as many as the platform was set up with. From 3 on, "
        "one of them may be lost.",
    ),
]
