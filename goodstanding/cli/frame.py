"""What all commands share: the ways in which they answer, warn and fail.

    tell, tell_entry, prose, answer_json    the answer                        standard output
    say, progress, warn                     what is said beside the answer    standard error
    fail, error_json                        why there is no answer            standard error

With --json both streams hold JSON objects only, one a line (decision 0019): `say` and `progress` are silent then.
`group` turns errors into failures.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, tzinfo
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from goodstanding.cli.program import pasted

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs: one object a line.")]

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

wants_json: ContextVar[bool] = ContextVar("wants_json", default=False)
"""Whether the command that runs was given --json, so that its failures are JSON as well."""


def fail(sentence: str, advice: str = "", **about: Any) -> NoReturn:
    """Say what is wrong and what to do, and end with 1. `about` is for programs only."""
    if wants_json.get():
        error_json(sentence, advice, **about)
    else:
        errors.print("[red]goodstanding:[/]", end=" ")
        _print(errors, f"{sentence} {advice}".rstrip())
    raise typer.Exit(1)


def progress(sentence: str) -> None:
    """How far a longer work is, for somebody who waits at a terminal."""
    if errors.is_terminal:
        say(sentence)


def warn(sentence: str) -> None:
    """What the user should know beside the answer, on standard error."""
    if wants_json.get():
        _write_error({"warning": sentence})
    else:
        say(sentence)


def error_json(sentence: str, advice: str, **about: Any) -> None:
    _write_error({"error": sentence, "advice": advice or None, **about})


def _write_error(told: dict[str, Any]) -> None:
    sys.stderr.write(_sayable(json.dumps(told, ensure_ascii=False)) + "\n")
    sys.stderr.flush()


def tell(text: str) -> None:
    """Sentences of an answer."""
    _print(console, text)


def tell_entry(text: str) -> None:
    """One entry of a list: what does not fit into the line goes on below, set in."""
    if not console.is_terminal:
        tell(text)
        return
    # Two spaces stand between the parts of an entry, and are lost only where it is broken.
    for line in textwrap.wrap(
        _sayable(text), console.width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    ):
        console.print(line, markup=False, soft_wrap=True)


def say(sentence: str) -> None:
    """A step of a longer work, on standard error, so that an answer on standard output stays whole. A program that
    reads JSON is told of the end only."""
    if not wants_json.get():
        _print(errors, sentence)


def _print(to: Console, text: str) -> None:
    """Broken at words in a terminal, whole for whoever reads it elsewhere; commands in it as they can be pasted."""
    to.print(_sayable(pasted(text)), markup=False, soft_wrap=not to.is_terminal)


def _sayable(text: str) -> str:
    """What was typed or read may hold bytes that are no text, which could not be printed."""
    return text.encode(errors="backslashreplace").decode()


def prose(sentence: str) -> None:
    """Sentences with markup, else as `tell`."""
    console.print(pasted(sentence), soft_wrap=not console.is_terminal)


@contextmanager
def stops_politely(sentence: str) -> Iterator[None]:
    """End the block on Ctrl-C, SIGTERM and SIGHUP, and then say the sentence, to programs as well, and end with 130.

    A second one does not cut the ending short: what it would leave running is worse than the few seconds.
    """

    def interrupt(*_: object) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise KeyboardInterrupt from None
        # Raised here it would hit whichever task runs, a library's among them, and end that one with a traceback.
        # Out of a callback of its own it ends the loop, which cancels all tasks.
        loop.call_soon_threadsafe(_interrupt)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        warn(sentence)
        raise typer.Exit(130) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt() -> NoReturn:
    raise KeyboardInterrupt


def answer_json(value: dict[str, Any]) -> None:
    """One JSON object on standard output, on a line of its own."""
    sys.stdout.write(_sayable(json.dumps(value, ensure_ascii=False)) + "\n")
    sys.stdout.flush()


def local(instant: datetime, zone: tzinfo) -> str:
    """An instant as a person reads it: day and minute where the platform counts its days."""
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> Table:
    """A plain table: the columns named in `right` hold numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*("" if cell is None else str(cell) for cell in row))
    return made
