"""The command line: `goodstanding --help` lists it, and each command shows an example of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from goodstanding.cli.group import Group, commands
from goodstanding.cli.program import NAME
from goodstanding.cli.table import TABLE
from shared.imports import importing


class _Commands(Mapping[str, Any]):
    """The commands of the table, as typer has them; a module is imported when its command is asked for."""

    def __getitem__(self, name: str) -> Any:
        return _command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(TABLE)

    def __len__(self) -> int:
        return len(TABLE)


@cache  # typer makes a command of its function's signature, which takes longer than most commands themselves
def _command(name: str) -> Any:
    place = TABLE[name]
    with importing():
        found = getattr(import_module(f"goodstanding.cli.{place.module}"), place.name)
    alone = commands("")
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name, short_help=place.help)
    else:
        alone.command(name, short_help=place.help)(found)
    return get_group(alone).commands[name]


class _Main(Group):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": _Commands()})

    def lines_of_help(self, ctx: Any) -> list[tuple[str, str]]:
        return [(name, place.help) for name, place in TABLE.items()]

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """A shell waits for this with every TAB, so no command is imported for its name and its line of the help."""
        from typer._click.shell_completion import CompletionItem

        commands = [CompletionItem(name, help=line) for name, line in self.lines_of_help(ctx)]
        options = super(TyperGroup, self).shell_complete(ctx, incomplete)
        return [each for each in commands if each.value.startswith(incomplete)] + options


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
