"""The command line as a test calls it: in this process, with what it wrote and its exit code."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import typer.testing
from typer.main import get_command
from typer.testing import CliRunner, Result

from goodstanding.cli import app

# Typer builds all commands from their functions for each call. Half of the time of a test would go into that.
typer.testing._get_command = cache(get_command)  # type: ignore[attr-defined]  # a function of the library's own


def ask(*arguments: str, input: str | bytes = "") -> Result:
    return CliRunner().invoke(app, arguments, input=input)


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command with the words that call it."""

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        members = getattr(command, "commands", None)
        if members is None:
            yield words, command
        for name, member in (members or {}).items():
            yield from walk(member, (*words, name))

    return walk(get_command(app), ())
