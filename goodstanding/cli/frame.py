"""What all commands share: one way to answer, one way to fail, and exit codes that say which.

0: done. 1: refused or failed, with a sentence on standard error that says what to do. 2: used wrongly (typer's own).
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer
from aiokafka.errors import KafkaConnectionError
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from goodstanding.errors import UserError
from goodstanding.platform.servers import StackError
from goodstanding.simulation.real_data.source import DataError
from shared.toml_file import ConfigError

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


class _Group(TyperGroup):
    """Turns the failures that a user can do something about into a sentence; any other is ours, with its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (UserError, StackError, ConfigError, DataError) as error:
            fail(str(error))
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except BrokenPipeError:  # `goodstanding tail scores | head`
            sys.stderr.close()
            raise typer.Exit(0) from None
        except (KafkaConnectionError, ConnectionError, TimeoutError) as error:
            fail(f"A server does not answer ({error}). Have everything run: goodstanding local up")


def commands(help: str) -> typer.Typer:
    """An empty group of commands."""
    return typer.Typer(
        cls=_Group,
        help=help,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def fail(sentence: str) -> NoReturn:
    """Say what is wrong and end with 1."""
    errors.print("[red]goodstanding:[/]", end=" ")
    errors.print(sentence, markup=False, soft_wrap=True)
    raise typer.Exit(1)


def prose(sentence: str) -> None:
    """Sentences with markup: broken at words in a terminal, left whole for whoever reads them elsewhere."""
    console.print(sentence, soft_wrap=not console.is_terminal)


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


def say(sentence: str) -> None:
    """A step of a longer work, on standard error, so that an answer on standard output stays whole."""
    errors.print(sentence, markup=False, soft_wrap=True)


def answer_json(value: Any) -> None:
    """One JSON document on standard output; a stream of answers is one a line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> Table:
    """A plain table: the columns named in `right` hold numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*("" if cell is None else str(cell) for cell in row))
    return made
