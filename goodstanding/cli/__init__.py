"""The command line: `goodstanding --help` lists it, and each command shows an example of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.main import get_group

from goodstanding.cli.group import Group, commands
from goodstanding.cli.program import NAME
from goodstanding.cli.table import TABLE


class _Commands(Mapping[str, Any]):
    """The commands of the table, as typer has them; a module is imported when its command is asked for."""

    def __getitem__(self, name: str) -> Any:
        place = TABLE[name]
        found, alone = getattr(import_module(f"goodstanding.cli.{place.module}"), place.name), commands("")
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=name, short_help=place.help)
        else:
            alone.command(name, short_help=place.help)(found)
        return get_group(alone).commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(TABLE)

    def __len__(self) -> int:
        return len(TABLE)


class _Main(Group):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": _Commands()})

    def lines_of_help(self, ctx: Any) -> list[tuple[str, str]]:
        return [(name, place.help) for name, place in TABLE.items()]


app = commands("Goodstanding, an open credit-standing platform: behavior events in, explained scores out.", _Main)


def _version(wanted: bool) -> None:
    if wanted:
        from goodstanding.cli.versions import lines

        typer.echo("\n".join(lines(NAME)))
        raise typer.Exit


@app.callback()
def main(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_version,
            is_eager=True,
            help="Say which release and schemas these are, and end.",
        ),
    ] = False,
) -> None:
    """Goodstanding, an open credit-standing platform: behavior events in, explained scores out."""
    from shared.policy_file import load_kinds
    from shared.settings import policies_here

    load_kinds(policies_here())
