"""What all commands share: one way to answer, one way to fail, and exit codes that say which.

0: done. 1: refused or failed, with a sentence on standard error that says what to do. 2: used wrongly (typer's own).
With --json both streams hold JSON objects only, one a line (decision 0019).
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import signal
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, tzinfo
from typing import Annotated, Any, NoReturn

import asyncpg
import typer
from aiokafka.errors import KafkaConnectionError, KafkaError
from rich.console import Console
from rich.table import Table
from typer.core import TyperCommand, TyperGroup

from goodstanding.cli.program import pasted
from goodstanding.errors import UserError
from goodstanding.platform.servers import ServersError
from goodstanding.simulation.real_data.source import DataError
from shared.toml_file import ConfigError

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs: one object a line.")]

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

_in_json: ContextVar[bool] = ContextVar("in_json", default=False)
"""Whether the command that runs was given --json, so that its failures are JSON as well."""
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""Its module is private to typer; the class is what every wrong use of a command has in common."""


class _Group(TyperGroup):
    """Turns the failures that a user can do something about into a sentence; any other is ours, with its traceback."""

    def main(self, args: Sequence[str] | None = None, *arguments: Any, **named: Any) -> Any:
        given = sys.argv[1:] if args is None else list(args)
        token = _in_json.set("--json" in given)
        # A library that logs has something to say to an operator's log, not to the person at the keyboard, who gets
        # one sentence. Without any handler Python prints what is logged as a warning.
        logging.getLogger().addHandler(logging.NullHandler())
        try:
            if not _in_json.get():
                return super().main(args, *arguments, **named)
            return self._main_in_json(given, *arguments, **named)
        finally:
            _in_json.reset(token)

    def _main_in_json(self, args: Sequence[str], *arguments: Any, **named: Any) -> NoReturn:
        named["standalone_mode"] = False
        try:
            ended = super().main(args, *arguments, **named)
        except _UsageError as error:
            message: str = error.format_message()  # type: ignore[attr-defined]  # every usage error has it
            _error_json(message, "Its --help shows an example.")
            sys.exit(2)
        sys.exit(ended if isinstance(ended, int) else 0)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """All of each command's first sentence; typer cuts what is longer than the line."""
        rows = [(name, _first_sentence(self.get_command(ctx, name))) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            fail(error.sentence, error.advice)
        except ConfigError as error:
            sentence = error.sentence if _in_json.get() else str(error)
            fail(sentence, file=str(error.file), line=error.line, key=error.key)
        except (ServersError, DataError) as error:
            fail(str(error))
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except BrokenPipeError:  # `goodstanding tail scores | head`
            sys.stderr.close()
            raise typer.Exit(0) from None
        except (KafkaConnectionError, ConnectionError, TimeoutError) as error:
            fail(f"A server does not answer{_place_in(error)}.", "Have everything run: goodstanding local up")
        except (KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncio.CancelledError) as error:
            # The last resort. A client library lets a cancellation out, now and then, when its broker goes away.
            server = "Postgres" if isinstance(error, (asyncpg.PostgresError, asyncpg.InterfaceError)) else "Kafka"
            fail(
                f"{server} could not do what was asked ({type(error).__name__}).",
                "See what runs, and have everything run: goodstanding local status, then goodstanding local up",
            )


_SEVERAL = re.compile(r"\[(\[[A-Z]+\]\.\.\.)\]\.\.\.|\{([A-Z]+\.\.\.)\}\.\.\.")
"""How typer writes what may be said several times, and in it how we write it."""


class _Command(TyperCommand):
    """Help without the types of Python, and with one form for what may be said several times."""

    def get_help(self, ctx: Any) -> str:
        text = re.sub(r" <list\[[A-Za-z]+\]>", "", super().get_help(ctx))
        return _SEVERAL.sub(lambda found: found[1] or found[2], text)


class _Commands(typer.Typer):
    def command(self, name: str | None = None, **named: Any) -> Any:
        return super().command(name, **{"cls": _Command, **named})


def _place_in(error: BaseException) -> str:
    """Where the server should be, out of a library's words for it, which are not for people."""
    found = re.search(r"\(['\"]([^'\"]+)['\"], (\d+)", str(error))
    return f" at {found[1]}:{found[2]}" if found else ""


def _first_sentence(command: Any) -> str:
    text = " ".join((command.short_help or command.help or "").split("\n\n")[0].split())
    return re.split(r"(?<=\.) ", text)[0]


def commands(help: str) -> typer.Typer:
    """An empty group of commands."""
    return _Commands(
        cls=_Group,
        help=help,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def fail(sentence: str, advice: str = "", **about: Any) -> NoReturn:
    """Say what is wrong and what to do, and end with 1. `about` is for programs only."""
    if _in_json.get():
        _error_json(sentence, advice, **about)
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
    if _in_json.get():
        _write_error({"warning": sentence})
    else:
        say(sentence)


def _error_json(sentence: str, advice: str, **about: Any) -> None:
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
    if not _in_json.get():
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
    """End the block on Ctrl-C, SIGTERM and SIGHUP, and then say the sentence and end with 130.

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
        say(sentence)
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
